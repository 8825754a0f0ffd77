"""What the SDK makes of the cache: how many blocks, and the bytes of one."""

from __future__ import annotations

import math
import re
from bisect import bisect_right

from bucketwise.engines.rbln.releases import Version
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import Attention, LmShape

BYTES_PER_VALUE = 2
"""Keys and values in 16 bits (optimum-rbln 0.9.4, transformers/
modeling_attention_utils.py: "Assuming kv-cache is always not quantized")."""

ALIGN_BYTES = 2**21
"""Every tensor of the cache takes a multiple of it, after the blocks are counted in
(optimum-rbln 0.12.0, transformers/modeling_attention_utils.py,
_kvcache_bytes_per_chiplet; 0.10.2 alike)."""

HEAD_ALIGN = 64
"""A head's dimensions are padded to a multiple of it (optimum-rbln 0.9.4, transformers/
modeling_attention_utils.py, get_dram_per_block)."""

BATCH_FLOOR_SINCE: Version = (0, 11, 1)
"""From here on there is a block for every sequence at the least (transformers/models/
decoderonly/configuration_decoderonly.py, num_min_blocks; up to 0.11.0.post1 a pool
smaller than the batch compiles)."""

BUDGET_SINCE: Version = (0, 11, 1)
"""From here on there is `memory_budget`."""

SHORT_OF_BLOCKS_RENAMED_IN: Version = (0, 11, 1)
"""From here on a pool that is too small says "Insufficient memory for the required KV
cache"; before it "Memory is not enough for full sequence length."."""

_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}


def aligned(n: int, multiple: int = ALIGN_BYTES) -> int:
    """Return the smallest multiple that is no less."""
    return -(-n // multiple) * multiple


def num_full(max_seq_len: int, block: int, batch_size: int) -> int:
    """Return the blocks that hold every sequence at full length.

    More are never used (optimum-rbln 0.12.0, transformers/models/decoderonly/
    configuration_decoderonly.py, num_full_blocks).
    """
    return max_seq_len // block * batch_size


def num_min(
    max_seq_len: int, block: int, batch_size: int, version: Version, *, flash: bool
) -> int:
    """Return the blocks below which the SDK does not compile.

    One sequence at full length and a spare block that empty slots point to; from
    0.11.1 also one for every sequence and the spare; never more than all (num_min_blocks
    in transformers/models/decoderonly/configuration_decoderonly.py of each wheel).
    """
    if not flash:
        return batch_size
    used = max_seq_len // block
    if version >= BATCH_FLOOR_SINCE:
        used = max(used, batch_size)
    return min(used + 1, num_full(max_seq_len, block, batch_size))


def kv_bytes(shape: LmShape, block: int, blocks: int, devices: int) -> int:
    """Return the bytes that so many blocks take on each device.

    Two tensors, keys and values, for each layer that attends over all tokens, each of
    blocks * block * align64(head_dim) * ceil(kv_heads / devices) values. A head is on
    one device as a whole, so that more devices than heads save nothing. Layers of
    Gemma4 that take keys and values of an earlier one have tensors all the same
    (optimum-rbln 0.12.0, transformers/models/gemma4/modeling_gemma4.py,
    _pre_populate_cache_metas).

    The split by heads is that of the estimator in optimum-rbln 0.9.4 (transformers/
    modeling_attention_utils.py, _estimate_num_blocks); newer releases read the sizes off
    the compiled model.
    """
    return sum(
        2 * each.layers * aligned(blocks * tensor_bytes(each, block, devices))
        for each in shape.full
    )


def sliding_bytes(shape: LmShape, batch_size: int, devices: int) -> int:
    """Return the bytes that sliding layers keep on each device, whatever the blocks.

    Keys and values of every sequence's last tokens (optimum-rbln 0.12.0, transformers/
    cache_utils.py, SlidingWindowAttentionKVCacheMeta: one block of the window a sequence,
    never resized).
    """
    return sum(
        2
        * each.layers
        * aligned(batch_size * tensor_bytes(each, each.window_tokens, devices))
        for each in shape.sliding
    )


def largest_num_blocks(
    shape: LmShape, block: int, devices: int, room_bytes: int, most: int
) -> int:
    """Return the most blocks that fit into so many bytes of each device."""
    fitting = bisect_right(
        range(most + 1),
        room_bytes,
        key=lambda blocks: kv_bytes(shape, block, blocks, devices),
    )
    return max(fitting - 1, 0)


def budget_bytes(value: float | str | None, usable_bytes: int) -> int:
    """Return the bytes of a device that a `memory_budget` leaves to the language model.

    A fraction as a float, or as text with %; whole numbers, and text with a binary unit,
    are bytes (optimum-rbln 0.12.0, transformers/modeling_attention_utils.py,
    _resolve_memory_budget, and utils/runtime_utils.py, parse_byte_size).
    """
    if value is None:
        return usable_bytes
    share = _share(value)
    if share is not None and 0 < share <= 1:
        return int(usable_bytes * share)
    given = None if share is not None else _bytes(value)
    if given is None:
        message = (
            "memory_budget: expected a fraction above 0 and up to 1.0, a share such as "
            f'"80%", or bytes such as "10GB", got {value!r}'
        )
        raise ConfigError(message)
    if given > usable_bytes:
        message = (
            f"memory_budget: expected at most the {usable_bytes:,} bytes of a device, "
            f"got {given:,}"
        )
        raise ConfigError(message)
    return given


def tensor_bytes(kind: Attention, block: int, devices: int) -> int:
    """Return the bytes of so many tokens in one tensor, keys or values, of a layer."""
    heads = math.ceil(kind.kv_heads / devices)
    return block * aligned(kind.head_dim, HEAD_ALIGN) * heads * BYTES_PER_VALUE


def _share(value: object) -> float | None:
    if isinstance(value, float):
        return value
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return None
    try:
        return float(value.strip()[:-1]) / 100
    except ValueError:
        return math.nan


def _bytes(value: object) -> int | None:
    n_bytes = value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)\s*([KMGT]?B)?\s*", value, re.IGNORECASE)
        if found is None:
            return None
        n_bytes = int(found[1]) * _UNITS[(found[2] or "B").upper()]
    if isinstance(n_bytes, bool) or not isinstance(n_bytes, int):
        return None
    return n_bytes if n_bytes > 0 else None
