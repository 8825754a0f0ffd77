"""The real vllm-rbln of the release under test, with what it takes from vLLM stood in for.

Real: its options and their meaning (config.py), the choice of the model's path, the
platform's checks, the converters in both directions, the specification of the compile.
Not real: vLLM's own parser, objects and defaults, which are plain values here.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_origin

from tests.conformance.checkpoints import model_config
from tests.conformance.families import FAMILIES
from tests.conformance.sdk import RELEASE, rebel, torch
from tests.conformance.serve_lines import OPTIONS_SINCE

UPSTREAM_MEMORY = 0.92
"""vLLM's gpu_memory_utilization (vllm 0.30.0, vllm/config/cache.py)."""

CONTEXTS = {"qwen2_vl": 32_768, "qwen2_5_vl": 128_000}
"""`max_position_embeddings` of the published checkpoints, where not 262,144."""

pydantic: Any = import_module("pydantic.dataclasses")

HAS_FIELDS = RELEASE.parsed >= OPTIONS_SINCE
"""Whether vllm-rbln keeps its configuration in a class of its own."""

_DEVICES = "VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK"

OTHERS = {"llava": "LlavaForConditionalGeneration", "llama": "LlamaForCausalLM"}
"""Models that bucketwise has no table of, by family."""

_PACKAGES = (
    "vllm_rbln.model_executor",
    "vllm_rbln.model_executor.models",
    "vllm_rbln.model_executor.models.optimum",
)
"""Packages whose own modules import all of vLLM; only what lies below them is needed."""


class _Logger(logging.Logger):
    """A logger with vLLM's way to say a thing once."""

    def warning_once(self, text: str, *values: object) -> None:
        self.warning(text, *values)


class _Parser(argparse.ArgumentParser):
    """A parser that ends with its message."""

    def error(self, message: str) -> NoReturn:
        raise SystemExit(message)


class EngineArgs:
    """The arguments of an engine, and the configuration that follows from them."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, told: argparse.Namespace, hf_config: Any, context: int) -> None:
        vars(self).update(vars(told))
        self.hf_config, self.context = hf_config, context
        self.hf_config_path = self.hf_overrides = None
        self.trust_remote_code = False
        self.revision = self.code_revision = self.hf_token = None
        self.config_format = "auto"

    @classmethod
    def get_batch_defaults(
        cls, world_size: int
    ) -> tuple[dict[Any, int], dict[Any, int]]:
        """Return vLLM's own defaults, which vllm-rbln replaces."""
        del world_size
        return {}, {}

    def _set_default_max_num_seqs_and_batched_tokens_args(self) -> None:
        """Where vLLM puts its defaults in; vllm-rbln up to 0.11 looks before."""

    def create_engine_config(self) -> Any:
        """Return what vLLM's configuration holds of these arguments."""
        self._set_default_max_num_seqs_and_batched_tokens_args()
        _, sequences = self.get_batch_defaults(1)
        most = self.max_num_seqs
        memory = self.gpu_memory_utilization
        hybrid = self.hf_config.model_type == "qwen3_5"
        return SimpleNamespace(
            additional_config=self.additional_config or {},
            model_config=SimpleNamespace(
                model=self.model,
                hf_config=self.hf_config,
                architectures=self.hf_config.architectures,
                max_model_len=self.max_model_len or self.context,
                dtype=torch.float32,
                multimodal_config=None,
                runner_type="generate",
                is_hybrid=hybrid,
            ),
            parallel_config=SimpleNamespace(
                tensor_parallel_size=self.tensor_parallel_size,
                pipeline_parallel_size=self.pipeline_parallel_size,
                worker_cls="auto",
                distributed_executor_backend=None,
            ),
            scheduler_config=SimpleNamespace(
                max_num_seqs=sequences[None] if most is None else most,
                max_num_batched_tokens=self.max_num_batched_tokens or 2_048,
                async_scheduling=False,
                scheduler_cls=None,
            ),
            cache_config=SimpleNamespace(
                block_size=self.block_size or 16,
                user_specified_block_size=self.block_size is not None,
                gpu_memory_utilization=memory,
                enable_prefix_caching=self.enable_prefix_caching,
                num_gpu_blocks_override=self.num_gpu_blocks_override,
                num_gpu_blocks=None,
                user_specified_mamba_block_size=False,
                mamba_block_size=None,
                mamba_cache_mode="none",
            ),
            speculative_config=self.speculative_config,
            use_v2_model_runner=False,
        )


class CacheConfig:
    """Where vllm-rbln looks for vLLM's own default."""

    gpu_memory_utilization = UPSTREAM_MEMORY


def _kwargs_of(kind: Any) -> dict[str, dict[str, Any]]:
    """Return how argparse takes each field of a class, as vLLM's get_kwargs tells."""
    return {each.name: _argument(each.type) for each in fields(kind)}


def _argument(kind: Any) -> dict[str, Any]:
    options = [each for each in get_args(kind) if each is not type(None)]
    if kind is bool or bool in options:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(kind) is dict:
        return {"type": json.loads}
    if get_origin(kind) is list:
        return {"type": get_args(kind)[0], "nargs": "+"}
    if options and all(isinstance(each, str) for each in options):
        return {"choices": options}
    return {"type": int} if int in (kind, *options) else {"type": str}


def _module(name: str, **names: Any) -> None:
    found = ModuleType(name)
    vars(found).update(names)
    found.__path__ = []
    sys.modules[name] = found
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, found)


def _stand_in_for_vllm() -> None:
    def make_logger(name: str) -> logging.Logger:
        return _Logger(name)

    def config(kind: type) -> Any:
        return pydantic.dataclass(kind, config={"extra": "forbid"})

    _module("vllm")
    _module(
        "vllm.envs",
        environment_variables={},
        VLLM_CACHE_ROOT="no-cache",
        VLLM_USE_V2_MODEL_RUNNER=False,
    )
    _module("vllm.logger", init_logger=make_logger)
    _module("vllm.platforms", Platform=object, PlatformEnum=SimpleNamespace(OOT="oot"))
    _module("vllm.config", CacheConfig=CacheConfig, VllmConfig=object)
    _module("vllm.config.utils", config=config)
    _module("vllm.engine")
    _module("vllm.engine.arg_utils", EngineArgs=EngineArgs, get_kwargs=_kwargs_of)
    _module("vllm.usage")
    _module("vllm.usage.usage_lib", UsageContext=())
    _module("vllm.transformers_utils")
    _module("vllm.transformers_utils.config")
    _module("vllm.transformers_utils.utils", maybe_model_redirect=lambda model: model)
    for name in ("v1", "v1.attention", "v1.attention.backends"):
        _module(f"vllm.{name}")
    _module("vllm.v1.attention.backends.registry", AttentionBackendEnum=object)
    _module("vllm_rbln.logger", init_logger=make_logger)


def _import() -> tuple[Any, Any, Any]:
    spec = find_spec("vllm_rbln")
    if spec is None or not spec.submodule_search_locations:
        message = "vllm-rbln is not there"
        raise ImportError(message)
    [root] = spec.submodule_search_locations
    import_module("vllm_rbln")
    _stand_in_for_vllm()
    for name in _PACKAGES:
        _module(name)
        sys.modules[name].__path__ = [str(Path(root, *name.split(".")[1:]))]
    rebel.NPUS[:] = ["RBLN-CA25"]
    if HAS_FIELDS:
        import_module("vllm_rbln.config")
    platform = import_module("vllm_rbln.platform")
    compilation = import_module("vllm_rbln.model_executor.models.optimum.compilation")
    if HAS_FIELDS:
        platform.RblnPlatform._capture_model_impl()  # noqa: SLF001 - what the plugin calls
    return import_module("vllm_rbln.envs"), platform, compilation


envs, platform, compilation = _import()


def start(argv: list[str], family: str) -> Any:
    """Return vLLM's configuration as it is when the model is compiled or loaded."""
    parser = _parser()
    # A folder's number of devices stays where releases before 0.12.0 put it.
    vars(envs).pop(_DEVICES, None)
    platform.RblnPlatform.pre_register_and_update(parser)
    told = parser.parse_args(argv)
    hf_config = _hf_config(family)
    reader = vars(sys.modules["vllm.transformers_utils.config"])
    reader["get_config"] = lambda *_, **__: hf_config
    arguments = EngineArgs(told, hf_config, CONTEXTS.get(family, 262_144))
    made = arguments.create_engine_config()
    if HAS_FIELDS:
        platform.RblnPlatform.apply_config_platform_defaults(made)
    platform.RblnPlatform.check_and_update_config(made)
    return made


def _hf_config(family: str) -> Any:
    """Return the model's configuration, as far as vllm-rbln looks at it."""
    if family in OTHERS:
        return SimpleNamespace(model_type=family, architectures=[OTHERS[family]])
    found = model_config(family)
    named = FAMILIES[family]
    found.architectures = [f"{named.stem}{named.task}"]
    return found


def spec_of(made: Any) -> dict[str, Any]:
    """Return the configuration that is handed to optimum-rbln.

    The call is that of model_executor/models/optimum/model_base.py, init_model.
    """
    block_size = import_module("vllm_rbln.utils.optimum.block_size")
    own = made.additional_config
    devices = own.num_devices_per_local_rank if HAS_FIELDS else getattr(envs, _DEVICES)
    overrides = own.optimum_overrides if HAS_FIELDS else own.get("rbln_config", {})
    found: dict[str, Any] = compilation.RBLNCompileSpec.for_architecture(
        made.model_config.hf_config,
        batch_size=made.scheduler_config.max_num_seqs,
        block_size=block_size.get_attn_block_size(made),
        max_model_len=made.model_config.max_model_len,
        num_devices=devices,
        prefill_chunk_size=made.scheduler_config.max_num_batched_tokens,
        memory_budget=made.cache_config.gpu_memory_utilization,
        rbln_overrides=overrides,
    ).rbln_config
    return found


@contextmanager
def host_of(npu: str) -> Iterator[None]:
    """Have the host hold sixteen of an NPU."""
    rebel.NPUS[:] = [npu] * 16
    yield
    rebel.NPUS.clear()


def _parser() -> argparse.ArgumentParser:
    """Return vLLM's options, as far as the table has them."""
    parser = _Parser(allow_abbrev=False)
    parser.add_argument("model")
    for name in ("block-size", "max-num-seqs", "max-num-batched-tokens"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("max-model-len", "num-gpu-blocks-override"):
        parser.add_argument(f"--{name}", type=int)
    for name, short in (
        ("tensor-parallel-size", "-tp"),
        ("pipeline-parallel-size", "-pp"),
    ):
        parser.add_argument(f"--{name}", short, type=int, default=1)
    for name in ("additional-config", "mm-processor-kwargs", "speculative-config"):
        parser.add_argument(f"--{name}", type=json.loads)
    parser.add_argument("--limit-mm-per-prompt", type=json.loads)
    parser.add_argument("--gpu-memory-utilization", type=float, default=UPSTREAM_MEMORY)
    parser.add_argument("--model-impl", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--served-model-name")
    parser.add_argument(
        "--enable-prefix-caching", action=argparse.BooleanOptionalAction, default=True
    )
    return parser
