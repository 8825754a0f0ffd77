"""Options and fields of vllm-rbln: which release takes which, and which of them counts.

Files are those of the vllm-rbln wheel, below vllm_rbln/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.releases import OLDEST, Version
from bucketwise.nouns.document import Line, ServeLine

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
    """An option that ends the start of a model of optimum-rbln."""

    option: str
    """Without the dashes."""
    allowed: str = ""
    """The one value that is taken; "" for none."""
    raises: str
    right: str
    """What to write instead."""
    since: Version = OLDEST
    """The first release that refuses it."""
    source: str = "platform/optimum_impl.py, check_and_update"
    """File and function."""


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


def told(line: Line) -> dict[str, tuple[str, Any]]:
    """Return vllm-rbln's own fields: the option that set each, "" for a key, and it.

    Of an option and a key the later counts (vllm-rbln 0.12.0, config.py, _StoreRbln
    and _MergeAdditionalConfig).
    """
    keys = {name: ("", value) for name, value in line.additional.items()}
    found = dict(keys)
    for name, value in line.flags.items():
        plain = name.removeprefix("no-")
        if f"--{name}" == ADDITIONAL:
            found |= keys
        elif plain.startswith(OPTION_PREFIX):
            field_name = plain.removeprefix(OPTION_PREFIX).replace("-", "_")
            found[field_name] = (f"--{name}", value)
    return found


def fields_of(line: Line) -> dict[str, Any]:
    """Return the values of vllm-rbln's own fields."""
    return {name: value for name, (_, value) in told(line).items()}


def is_native(line: Line, version: Version) -> bool:
    """Return whether vLLM's own model is asked for instead of optimum-rbln's."""
    asked = line.flags.get("model-impl", "auto")
    if version >= MODEL_IMPL_SINCE and MODEL_IMPL.get(asked) == "vllm":
        return True
    switch = line.environment.get("VLLM_RBLN_USE_VLLM_MODEL", "")
    # envs.py: "1" and "true" turn it on.
    return switch.lower() in {"1", "true"}


def overruled_by(line: ServeLine, version: Version) -> str:
    """Return the way that counts in a release instead of this one; "" for none."""
    winner = winning_channel(line.channels or (line.channel,), version)
    return winner if winner != line.channel else ""


def winning_channel(channels: tuple[str, ...], version: Version) -> str:
    """Return the one of several ways that counts; "" where the release has none."""
    known = [name for name in channels if CHANNELS.get(name, OLDEST) <= version]
    if OLD_CHANNEL in known:
        return OLD_CHANNEL
    return known[-1] if known else ""
