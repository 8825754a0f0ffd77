"""The attention limits the SDK enforces when it compiles a language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIN_PARTITIONS = 2
"""Flash attention needs at least two."""

FLASH = "flash_attn"
EAGER = "eager"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionLimits:
    """Bounds for one NPU family, the widest of every release.

    Attributes
    ----------
    max_eager_seq_len : int
        The longest `max_seq_len` without flash attention.
    min_partition_len, max_partition_len : int
        Range of `kvcache_partition_len` with it.
    """

    max_eager_seq_len: int
    min_partition_len: int
    max_partition_len: int


# optimum-rbln 0.12.0, transformers/modeling_attention_utils.py, get_attention_limits:
# other names raise "Unknown npu name"; without a name the wider limits apply.
NPU_FAMILIES: dict[str, AttentionLimits] = {
    "RBLN-CA": AttentionLimits(
        max_eager_seq_len=32_768, min_partition_len=1_024, max_partition_len=32_768
    ),
    "RBLN-CR": AttentionLimits(
        max_eager_seq_len=16_384, min_partition_len=1_024, max_partition_len=16_384
    ),
}


def attention_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what the SDK refuses about attention, whichever the release.

    The rules are those of validate_attention_method (optimum-rbln 0.12.0,
    transformers/modeling_attention_utils.py).

    Parameters
    ----------
    config : mapping
        A top-level configuration whose lengths are whole numbers.

    Returns
    -------
    list of str
        One sentence a fault.
    """
    npu = config.get("npu")
    limits = _limits(npu)
    if limits is None:
        return [f"npu: {npu!r} found; a name such as RBLN-CA25 or RBLN-CR13 is right"]
    attention = config.get("attn_impl")
    if attention not in (None, EAGER, FLASH):
        return [f"attn_impl: {attention!r} found; {EAGER} or {FLASH} is right"]
    partition = config.get("kvcache_partition_len")
    length = config.get("max_seq_len")
    if partition is not None:
        return _flash_problems(partition, length, limits) + _block(config, partition)
    if attention == FLASH or length is None:
        return []
    problems = []
    if length > limits.max_eager_seq_len:
        problems.append(
            f"max_seq_len: {length} found without kvcache_partition_len; at most "
            f"{limits.max_eager_seq_len}, or a kvcache_partition_len that divides it, "
            "is right"
        )
    return problems + _block(config, length)


def _limits(npu: object) -> AttentionLimits | None:
    if npu is None:
        return NPU_FAMILIES["RBLN-CA"]
    for prefix, limits in NPU_FAMILIES.items():
        if isinstance(npu, str) and npu.startswith(prefix):
            return limits
    return None


def _flash_problems(
    partition: int, length: int | None, limits: AttentionLimits
) -> list[str]:
    problems = []
    if not limits.min_partition_len <= partition <= limits.max_partition_len:
        problems.append(
            f"kvcache_partition_len: {partition} found; {limits.min_partition_len} to "
            f"{limits.max_partition_len} is right"
        )
    if length is not None and (
        length % partition or length // partition < MIN_PARTITIONS
    ):
        problems.append(
            f"max_seq_len: {length} found with kvcache_partition_len {partition}; a "
            "multiple of it, at least twice it, is right"
        )
    return problems


def _block(config: Mapping[str, Any], right: int) -> list[str]:
    block = config.get("kvcache_block_size")
    if block is None or block == right:
        return []
    return [f"kvcache_block_size: {block!r} found; {right} is right here"]
