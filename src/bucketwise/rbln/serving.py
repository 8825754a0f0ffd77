"""What vllm-rbln accepts, refuses, derives and drops, by release: the facts.

Files are those of the vllm-rbln wheel, below vllm_rbln/; `serve_line` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bucketwise.rbln.releases import OLDEST, Version

COMPILATION = "model_executor/models/optimum/compilation"
CONVERTER = "utils/optimum/converter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A setting that vllm-rbln puts into the configuration it compiles.

    Attributes
    ----------
    name : str
        The setting of optimum-rbln.
    option : str
        The option of vLLM it is taken from; "" where vllm-rbln fixes it.
    since : tuple of int
        The first release that derives it.
    until : tuple of int or None
        The first release that no longer does.
    copied : bool
        Whether an override is first written over vLLM's own value, so that it wins.
    source : str
        File and function, in the newest release.
    """

    name: str
    option: str
    since: Version = (0, 10, 4)
    until: Version | None = None
    copied: bool = False
    source: str


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
"""This release gives it under the name that optimum-rbln 0.11.0 refuses."""

DEFAULT_MAX_NUM_SEQS = 1
"""Where nobody gives it (platform/__init__.py, RBLN_DEFAULT_MAX_NUM_SEQS; from 0.10.4)."""

CONTEXTS: Mapping[str, int] = {
    "qwen2_vl": 32_768,
    "qwen2_5_vl": 128_000,
    "qwen3_vl": 262_144,
    "qwen3_vl_moe": 262_144,
    "qwen3_5": 262_144,
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

FIELDS_SINCE: Version = (0, 12, 0)
"""From here on --additional-config holds fields of one class alone, and every field has
an option --rbln-* (config.py, _resolve and add_rbln_cli_args)."""

NEW_KEY, OLD_KEY = "optimum_overrides", "rbln_config"
"""Where --additional-config keeps a configuration; of both the old one counts, with a
warning, until 0.14.0 (config.py, _RENAMED_KEYS)."""

OPTION_PREFIX = "rbln-"

ADDITIONAL = "--additional-config"
OLD_CHANNEL = f"{ADDITIONAL} {OLD_KEY}"
NEW_CHANNEL = f"{ADDITIONAL} {NEW_KEY}"
DIRECT_CHANNEL = "--rbln-optimum-overrides"

CHANNELS: Mapping[str, Version] = {
    OLD_CHANNEL: OLDEST,
    NEW_CHANNEL: FIELDS_SINCE,
    DIRECT_CHANNEL: FIELDS_SINCE,
}
"""Ways to hand a configuration over, and since when."""

OPTIMUM_FIELDS: Mapping[str, bool] = {
    "num_devices_per_local_rank": True,
    "use_custom_sampler": True,
    "sub_block_size": True,
    NEW_KEY: True,
    OLD_KEY: False,
    "prefix_block_size": False,
    "user_max_num_batched_tokens": False,
    "num_blocks_override": False,
    "attn_block_size": False,
    "image_prefill_chunk_size": False,
    "cached_model_path": False,
    "num_blocks_synced": False,
}
"""Fields of --additional-config on the path through optimum-rbln, and whether each has an
option (config.py, OptimumRBLNConfig and _RENAMED_KEYS)."""

NATIVE_FIELDS = frozenset(
    {
        "enforce_model_fp32",
        "use_batch_attn_opt",
        "use_custom_kernel",
        "use_dynamic_kv_cache",
        "enable_sub_block_cache",
        "specialize_moe_decode",
        "use_moe_tokens_mask",
        "use_all2all_dispatch",
        "use_all2all_combine",
        "decode_batch_bucket_strategy",
        "decode_batch_bucket_min",
        "decode_batch_bucket_step",
        "decode_batch_bucket_limit",
        "decode_batch_bucket_manual_buckets",
        "use_w8a8",
        "compile_dtype",
    }
)
"""Fields of vLLM's own models, which raise on the path through optimum-rbln (config.py,
RBLNConfig and _resolve)."""

MODEL_IMPL: Mapping[str, str] = {
    "auto": "optimum",
    "transformers": "optimum",
    "optimum": "optimum",
    "vllm": "vllm",
}
"""What --model-impl chooses for a model that optimum-rbln has; anything else raises
(config.py, _MODEL_IMPL_ALIASES and _as_model_impl)."""

MODEL_IMPL_SINCE: Version = (0, 12, 0)
"""Before it VLLM_RBLN_USE_VLLM_MODEL alone chooses; it is still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An option that ends the start of a model of optimum-rbln.

    Attributes
    ----------
    option : str
        Without the dashes.
    allowed : str
        The one value that is taken; "" for none.
    raises : str
        The error.
    right : str
        What to write instead.
    since : tuple of int
        The first release that refuses it.
    source : str
        File and function.
    """

    option: str
    allowed: str = ""
    raises: str
    right: str
    since: Version = OLDEST
    source: str = "platform/optimum_impl.py, check_and_update"


REFUSED: tuple[Refused, ...] = (
    Refused(
        option="tensor-parallel-size",
        allowed="1",
        raises="AssertionError: Cannot set tensor_parallel_size",
        right="--rbln-num-devices-per-local-rank {value}",
    ),
    Refused(
        option="pipeline-parallel-size",
        allowed="1",
        raises="AssertionError: Pipeline parallelism is not supported",
        right="leave it out",
    ),
    Refused(
        option="speculative-config",
        raises="AssertionError: Speculative decoding is not supported",
        right="leave it out",
    ),
    Refused(
        option="gdn-prefill-backend",
        raises="ValueError: additional_config takes only OptimumRBLNConfig fields",
        right="leave it out",
        since=FIELDS_SINCE,
        source="config.py, _resolve",
    ),
)

CHUNKS: Mapping[str, int] = {"RBLN-CA": 128, "RBLN-CR": 512}
"""Tokens of a prefill chunk where nobody gives them, by the start of the NPU's name; from
0.11.1 on, 128 before (utils/optimum/converter/params.py,
_resolve_default_prefill_chunk_size)."""

LANGUAGE_MODELS = ("language_model", "text_model")
"""Submodules that hold the language model of families without a row in MODEL_CLASSES
(model_executor/models/optimum/compilation/multimodal/*.py)."""

NO_PREFIX_CACHE_FAMILIES = frozenset({"qwen3_5", "qwen3_5_moe"})
"""Hybrid models, for which prefix caching is turned off (platform/optimum_impl.py,
disable_unsupported_prefix_caching)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the rest of a serve line says, as vllm-rbln reads it.

    Attributes
    ----------
    flags : mapping of str to str
        Long options in their order, without the dashes; "" for switches.
    additional : mapping
        What --additional-config holds.
    environment : mapping of str to str
        Variables set for the server.
    """

    flags: Mapping[str, str]
    additional: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, tuple[str, Any]]:
        """Return vllm-rbln's own fields: the option that set each, "" for a key, and it.

        Of an option and a key the later counts (vllm-rbln 0.12.0, config.py, _StoreRbln
        and _MergeAdditionalConfig).
        """
        keys = {name: ("", value) for name, value in self.additional.items()}
        found = dict(keys)
        for name, value in self.flags.items():
            plain = name.removeprefix("no-")
            if f"--{name}" == ADDITIONAL:
                found |= keys
            elif plain.startswith(OPTION_PREFIX):
                field_name = plain.removeprefix(OPTION_PREFIX).replace("-", "_")
                found[field_name] = (f"--{name}", value)
        return found

    def fields(self) -> dict[str, Any]:
        """Return the values of vllm-rbln's own fields."""
        return {name: value for name, (_, value) in self.told().items()}

    def is_native(self, version: Version) -> bool:
        """Return whether vLLM's own model is asked for instead of optimum-rbln's."""
        asked = self.flags.get("model-impl", "auto")
        if version >= MODEL_IMPL_SINCE and MODEL_IMPL.get(asked) == "vllm":
            return True
        switch = self.environment.get("VLLM_RBLN_USE_VLLM_MODEL", "")
        # envs.py: "1" and "true" turn it on.
        return switch.lower() in {"1", "true"}


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


def winning_channel(channels: tuple[str, ...], version: Version) -> str:
    """Return the one of several ways that counts; "" where the release has none.

    Parameters
    ----------
    channels : tuple of str
        In the order of the line.
    version : tuple of int
        The release.
    """
    known = [name for name in channels if CHANNELS.get(name, OLDEST) <= version]
    if OLD_CHANNEL in known:
        return OLD_CHANNEL
    return known[-1] if known else ""
