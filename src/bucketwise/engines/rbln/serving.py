"""What vllm-rbln accepts, refuses, derives and drops, by release: the facts.

Files are those of the vllm-rbln wheel, below vllm_rbln/; `serve_line` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bucketwise.engines.rbln.releases import OLDEST, Version

COMPILATION = "model_executor/models/optimum/compilation"
CONVERTER = "utils/optimum/converter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A setting that vllm-rbln puts into the configuration it compiles."""

    name: str
    option: str
    """The option of vLLM it is taken from; "" where vllm-rbln fixes it."""
    since: Version = (0, 10, 4)
    """The first release that derives it."""
    until: Version | None = None
    """The first release that no longer does."""
    copied: bool = False
    """Whether an override is first written over vLLM's own value, so that it wins."""
    source: str
    """File and function, in the newest release."""


_SPEC = f"{COMPILATION}/multimodal/qwen.py, get_param_qwen2_vl"
_COPIED = f"{CONVERTER}/from_vllm.py, sync_from_vllm"

DERIVED: tuple[Derived, ...] = (
    Derived(name="batch_size", option="--max-num-seqs", copied=True, source=_COPIED),
    Derived(name="max_seq_len", option="--max-model-len", copied=True, source=_COPIED),
    Derived(
        name="num_devices",
        option="--rbln-num-devices-per-local-rank",
        since=(0, 11, 0),
        source=_SPEC,
    ),
    Derived(
        name="tensor_parallel_size",
        option="VLLM_RBLN_TP_SIZE",
        until=(0, 11, 0),
        source=_SPEC,
    ),
    Derived(
        name="memory_budget",
        option="--gpu-memory-utilization",
        since=(0, 11, 1),
        source=_SPEC,
    ),
    Derived(
        name="kvcache_partition_len",
        option="--block-size",
        copied=True,
        source=f"{CONVERTER}/params.py, _resolve_kvcache_block_size",
    ),
    Derived(name="attn_impl", option="--block-size", source=_SPEC),
    Derived(
        name="prefill_chunk_size",
        option="--max-num-batched-tokens",
        since=(0, 11, 0),
        copied=True,
        source=f"{CONVERTER}/common.py, apply_user_prefill_chunk_size",
    ),
    Derived(name="use_inputs_embeds", option="", since=(0, 11, 0), source=_SPEC),
)
"""What it derives; `kvcache_block_size` of an override becomes vLLM's block as well."""

DROPPED_ON_A_FOLDER_SINCE: Version = (0, 10, 4)
"""From here on all but `device` is dropped of the overrides when a compiled folder is
served (utils/optimum/converter/from_optimum.py, _keep_only_device_keys); before, any
other key raises (0.10.3.post1, utils/optimum/configuration.py, sync_with_rbln_config)."""

KEPT_ON_A_FOLDER = frozenset({"device"})

OVERRIDES_SINCE: Version = (0, 10, 4)
"""Before it a configuration beside a checkpoint raises (0.10.3.post1, utils/optimum/
configuration.py, sync_with_rbln_config)."""

CONFLICTS_SINCE: Version = (0, 11, 1)
"""From here on another value for a derived setting raises; before it overwrites
(model_executor/models/optimum/compilation/__init__.py, _find_conflicts)."""

CHUNK_FROM_TOKENS_SINCE: Version = (0, 11, 1)
"""From here on --max-num-batched-tokens is the chunk of the prefill, and must be that of
a compiled folder (utils/optimum/converter/common.py, apply_user_prefill_chunk_size)."""

DEVICES_OF_SUBMODULES_SINCE: Version = (0, 11, 0)
"""From here on a submodule is for as many devices as its `device` lists
(model_executor/models/optimum/compilation/__init__.py, _sync_submodule_tp_with_device)."""

TWO_BLOCKS_SINCE: Version = (0, 11, 2)
"""From here on Qwen3.5 with less than two blocks a context raises
(model_executor/models/optimum/compilation/multimodal/qwen.py, get_param_qwen3_5)."""

BLOCK_SIZE_SINCE: Version = (0, 10, 4)
"""From here on a block size must be given for models that generate."""

DEFAULT_BLOCK_SIZE = 4_096
"""Before it (0.10.3.post1, utils/optimum/configuration.py, prepare_vllm_for_compile)."""

NO_DTYPE_SINCE: Version = (0, 12, 0)
"""From here on `dtype` among the overrides raises (utils/optimum/converter/
from_vllm.py, sync_from_vllm)."""

FIXED_LENGTH = 6_400
FIXED_UNTIL: Version = (0, 11, 2)
"""Before 0.11.2 vllm-rbln gives the ViT this one length when it compiles itself
(model_executor/models/optimum/compilation/multimodal/qwen.py; up to 0.10.3.post1
utils/optimum/multimodal/qwen.py). An override of it counts from 0.10.4 on."""

REFUSED_BY_ITSELF: Version = (0, 11, 0)
"""This release gives it under the name that optimum-rbln 0.11.0 refuses, but to
EXAONE-4.5 (multimodal/exaone4_5.py)."""

NEW_NAME_FROM_THE_FIRST = frozenset({"exaone4_5"})
"""Families to which every vllm-rbln has given it under the newer name."""

DEFAULT_MAX_NUM_SEQS = 1
"""Where nobody gives it (platform/__init__.py, RBLN_DEFAULT_MAX_NUM_SEQS; from 0.10.4)."""

CONTEXTS: Mapping[str, int] = {
    "qwen2_vl": 32_768,
    "qwen2_5_vl": 128_000,
    "qwen3_vl": 262_144,
    "qwen3_vl_moe": 262_144,
    "qwen3_5": 262_144,
    "exaone4_5": 262_144,
    "gemma4": 131_072,
}
"""The context where nobody gives it: `max_position_embeddings` of the published
checkpoints (config.json)."""

DEFAULT_MEMORY: Mapping[Version, float] = {(0, 11, 1): 0.92, (0, 12, 0): 0.93}
"""Share of the memory where nobody gives one, by the first release that takes it (vLLM's
own, vllm/config/cache.py; platform/__init__.py, RBLN_DEFAULT_GPU_MEMORY_UTILIZATION)."""

UPSTREAM_MEMORY = 0.92
"""From 0.12.0 on this share counts as one that nobody gave (platform/__init__.py,
apply_config_platform_defaults)."""

DEVICE_VARIABLES: tuple[tuple[str, Version], ...] = (
    ("VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK", (0, 11, 0)),
    ("VLLM_RBLN_TP_SIZE", OLDEST),
)
"""Environment variables with the number of devices, the first that is set counts, and
since when (envs.py; rbln_envs.py up to 0.11.0)."""

CHUNKS: Mapping[str, int] = {"RBLN-CA": 128, "RBLN-CR": 512}
"""Tokens of a prefill chunk where nobody gives them, by the start of the NPU's name; from
0.11.1 on, 128 before (utils/optimum/converter/params.py,
_resolve_default_prefill_chunk_size)."""

LANGUAGE_MODELS = ("language_model", "text_model")
"""Submodules that hold the language model of families without a row in MODEL_CLASSES
(model_executor/models/optimum/compilation/multimodal/*.py)."""

NO_PREFIX_CACHE_FAMILIES = frozenset({"qwen3_5", "qwen3_5_moe", "exaone4_5"})
"""Hybrid models and such with sliding layers, for which prefix caching is turned off
(platform/optimum_impl.py, disable_unsupported_prefix_caching)."""

NO_CLASS = "Model architectures"
"""How the ValueError begins about a model that optimum-rbln has no class for, or that
vllm-rbln does not serve with it (utils/optimum/registry.py, get_rbln_model_info)."""


def fixed_in(version: Version) -> str:
    """Return the file of a release that gives the ViT its one length."""
    folder = COMPILATION if version >= OVERRIDES_SINCE else "utils/optimum"
    return f"{folder}/multimodal/qwen.py"


def option_of(name: str) -> str:
    """Return the option that sets a derived setting; "" for none."""
    return next((each.option for each in DERIVED if each.name == name), "")


def derived_by(version: Version) -> tuple[Derived, ...]:
    """Return what a release derives."""
    return tuple(
        each
        for each in DERIVED
        if each.since <= version and (each.until is None or version < each.until)
    )
