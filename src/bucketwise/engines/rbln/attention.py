"""The attention limits the SDK enforces when it compiles a language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.releases import NEWEST, OLDEST, Version

MIN_PARTITIONS = 2
"""Flash attention needs at least two."""

EAGER_MULTIPLE = 512
"""Without partitions, the largest prefill chunk that is a default (optimum-rbln 0.12.0,
transformers/models/decoderonly/configuration_decoderonly.py)."""

FLASH = "flash_attn"
EAGER = "eager"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionLimits:
    """Bounds of one NPU family from one release on."""

    npu: str
    """Start of the NPU's name."""
    since: Version
    """The first release with these bounds."""
    max_eager_seq_len: int = 32_768
    """The longest `max_seq_len` without flash attention."""
    min_partition_len: int = 1_024
    max_partition_len: int = 32_768
    """Range of `kvcache_partition_len` with it."""


# transformers/modeling_attention_utils.py of each wheel. Up to 0.11.2 no release asks
# for the NPU; 0.12.0 raises "Unknown npu name" on a name that starts otherwise, and
# takes the bounds of ATOM without a name.
LIMITS: tuple[AttentionLimits, ...] = (
    AttentionLimits(npu="RBLN-CA", since=OLDEST, min_partition_len=4_096),
    AttentionLimits(npu="RBLN-CA", since=(0, 11, 1)),
    AttentionLimits(npu="RBLN-CR", since=OLDEST, min_partition_len=4_096),
    AttentionLimits(npu="RBLN-CR", since=(0, 11, 1)),
    AttentionLimits(
        npu="RBLN-CR",
        since=(0, 12, 0),
        max_eager_seq_len=16_384,
        max_partition_len=16_384,
    ),
)
"""Bounds, older ones first."""

NAMES_CHECKED_SINCE: Version = (0, 12, 0)
"""Before it any NPU name is taken."""


MAX_GDN_CHUNK = 128
"""Longer chunks of linear attention are refused (optimum-rbln 0.11.1 on,
transformers/models/qwen3_5/configuration_qwen3_5.py)."""

GDN_CHUNK_DIVIDES_SINCE: Version = (0, 12, 0)
"""From here on it must divide the chunk of the prefill."""


def limits_of(npu: str | None, version: Version) -> AttentionLimits:
    """Return the bounds in force; those of ATOM for a name that nobody knows."""
    start = next(
        (each.npu for each in LIMITS if (npu or "").startswith(each.npu)), None
    )
    known = [
        each
        for each in LIMITS
        if each.npu == (start or "RBLN-CA") and each.since <= version
    ]
    return known[-1]


def is_known_npu(npu: str) -> bool:
    """Return whether the SDK knows the family of an NPU's name."""
    return any(npu.startswith(each.npu) for each in LIMITS)


def npu_faults(npu: object) -> list[str]:
    """Return what is wrong with the name of an NPU."""
    if isinstance(npu, str) and is_known_npu(npu):
        return []
    return [f"npu: expected a name such as RBLN-CA25 or RBLN-CR13, got {npu!r}"]


def attention_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what the SDK refuses about attention, whichever the release.

    The rules are those of validate_attention_method (optimum-rbln 0.12.0,
    transformers/modeling_attention_utils.py).
    """
    npu = config.get("npu")
    if npu is not None and (faults := npu_faults(npu)):
        return faults
    limits = limits_of(npu, NEWEST)
    attention = config.get("attn_impl")
    if attention not in (None, EAGER, FLASH):
        return [f"attn_impl: expected {EAGER} or {FLASH}, got {attention!r}"]
    partition = config.get("kvcache_partition_len")
    length = config.get("max_seq_len")
    if partition is not None:
        return _flash_problems(partition, length, limits) + _block(config, partition)
    if attention == FLASH or length is None:
        return []
    problems = []
    if length > limits.max_eager_seq_len:
        problems.append(
            f"max_seq_len: expected at most {limits.max_eager_seq_len}, or a "
            f"kvcache_partition_len that divides it, got {length} without one"
        )
    return problems + _block(config, length)


def _flash_problems(
    partition: int, length: int | None, limits: AttentionLimits
) -> list[str]:
    problems = []
    if not limits.min_partition_len <= partition <= limits.max_partition_len:
        problems.append(
            f"kvcache_partition_len: expected {limits.min_partition_len} to "
            f"{limits.max_partition_len}, got {partition}"
        )
    if length is not None and (
        length % partition or length // partition < MIN_PARTITIONS
    ):
        problems.append(
            f"max_seq_len: expected a multiple of kvcache_partition_len ({partition}), "
            f"at least twice it, got {length}"
        )
    return problems


def _block(config: Mapping[str, Any], expected: int) -> list[str]:
    block = config.get("kvcache_block_size")
    if block is None or block == expected:
        return []
    return [f"kvcache_block_size: expected {expected} here, got {block!r}"]


def context_step(partition: int | None) -> tuple[int, int]:
    """Return the multiple that a context is of, and the least number of them."""
    return (partition, MIN_PARTITIONS) if partition else (EAGER_MULTIPLE, 1)
