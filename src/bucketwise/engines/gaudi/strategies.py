"""Ranges of batch sizes and block counts, as vllm-gaudi spreads them by itself.

vllm_gaudi/extension/bucketing/{exponential,linear,padding_aware}.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from bucketwise.errors import ConfigError

BLOCK_TOKENS = 128
"""Tokens of a block of the cache where nobody sets --block-size (platform.py)."""

CACHE_MULTIPLE = 3
"""The range of block counts ends at so many times the blocks of the cache: with a prefix
cache a block counts once for every sequence (exponential.py, get_decode_cfgs)."""

MOST_PAD_PERCENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What decides how many blocks a step may read."""

    max_num_seqs: int
    max_model_len: int
    max_num_batched_tokens: int
    block_tokens: int = BLOCK_TOKENS

    @property
    def sequence_blocks(self) -> int:
        """Blocks of a sequence that fills its context."""
        return -(-self.max_model_len // self.block_tokens)

    @property
    def most_blocks(self) -> int:
        """Blocks of a full batch of such sequences."""
        return self.max_num_seqs * self.sequence_blocks


def exponential(
    least: int, step: int, most: int, limit: int, *, contiguous: bool = False
) -> tuple[int, ...]:
    """Return at most `limit` multiples of the step that grow by the same factor."""
    if limit <= 1:
        return (most,)
    start = step if least in (0, 1) else least
    found = {least} if least in (0, 1) else set()
    for place in range(limit):
        value = start * math.pow(most / start, 1.0 / (limit - 1) * place)
        is_last = contiguous and place == limit - 1
        found.add(most if is_last else math.ceil(value / step) * step)
    sizes = sorted(found)
    return (*sizes[:-1], min(sizes[-1], most))


def linear(least: int, step: int, most: int) -> tuple[int, ...]:
    """Return doublings below the step, then its multiples; 0 stands last.

    Raises
    ------
    ConfigError
        Where the least exceeds the most, where vllm-gaudi fails an assertion.
    """
    _check_ends(least, most)
    if least == most == 0:
        return (0,)
    start = least or step
    doublings = takewhile(
        lambda size: size < step and size <= most,
        (start * 2**power for power in range(most.bit_length() + 1)),
    )
    sizes = (*doublings, *(size for size in range(step, most + 1, step)))
    zero = () if least else (0,)
    return (*(size for size in sizes if size >= start), *zero)


def padding_aware(
    least: int, step: int, most: int, pad_most: int, pad_percent: int
) -> tuple[int, ...]:
    """Return doublings up to the step, then multiples of it that bound the padding.

    Raises
    ------
    ConfigError
        Where vllm-gaudi fails an assertion.
    """
    _check_ends(least, most)
    if step < 1 or not 0 <= pad_percent <= MOST_PAD_PERCENT:
        message = (
            f"padding: expected a step above 0 and 0 to {MOST_PAD_PERCENT} percent, got "
            f"{step} and {pad_percent}"
        )
        raise ConfigError(message)
    pad_most = pad_most or most
    sizes, current = [least], least
    while current <= most:
        last = sizes[-1]
        if current <= step:
            following = last * 2 or 1
            if following <= most:
                sizes.append(following)
        else:
            following = current + step
            padding = following - last - 1
            if current != last and (
                padding / following > pad_percent / 100
                or padding > pad_most
                or current % pad_most == 0
            ):
                sizes.append(current)
        current = following
    return tuple(sizes) if sizes[-1] == most else (*sizes, most)


def _check_ends(least: int, most: int) -> None:
    if least > most:
        message = f"buckets: expected a least of at most {most}, got {least}"
        raise ConfigError(message)


Axes = tuple[tuple[int, ...], tuple[int, ...]]
"""Batch sizes, and block counts."""

Settings = Mapping[str, int]
"""Variables such as VLLM_DECODE_BS_BUCKET_STEP, as numbers."""


def decode_variable(axis: str, part: str) -> str:
    """Return the variable for a part of a range, such as its step."""
    return f"VLLM_DECODE_{axis}_BUCKET_{part}"


def own_axes(
    server: Server, cache_blocks: int = 0, given: Settings | None = None
) -> Axes:
    """Return the ranges of the default, "exp", which takes no variable of them."""
    del given
    most = server.most_blocks
    if cache_blocks:
        most = min(most, CACHE_MULTIPLE * cache_blocks)
    blocks = exponential(1, server.max_num_seqs, most, _steps(most))
    return own_batches(server.max_num_seqs), blocks


def own_batches(max_num_seqs: int) -> tuple[int, ...]:
    """Return the batch sizes of the default."""
    return exponential(1, 2, max_num_seqs, _steps(max_num_seqs))


def _steps(most: int) -> int:
    return math.ceil(math.log2(most)) + 1


def linear_axes(
    server: Server, cache_blocks: int = 0, given: Settings | None = None
) -> Axes:
    """Return the ranges of "lin"."""
    del cache_blocks
    tokens = server.max_model_len * server.max_num_seqs
    blocks = max(tokens // server.block_tokens, server.block_tokens)
    step = server.block_tokens
    return (
        linear(*_set(given, "BS", MIN=1, STEP=32, MAX=server.max_num_seqs)),
        linear(*_set(given, "BLOCK", MIN=1, STEP=step, MAX=blocks)),
    )


def padding_axes(
    server: Server, cache_blocks: int = 0, given: Settings | None = None
) -> Axes:
    """Return the ranges of "pad"; block counts start below those of the cache."""
    step = server.block_tokens
    tokens = server.max_model_len * server.max_num_seqs
    most = max(-(-tokens // step), step)
    least, by, *ends = _padded(given, "BLOCK", (step, step, most))
    if cache_blocks and least > cache_blocks:
        least = max(1, cache_blocks - by)
    batches = _padded(given, "BS", (1, 2, server.max_num_seqs))
    return padding_aware(*batches), padding_aware(least, by, *ends)


def _padded(
    given: Settings | None, axis: str, own: tuple[int, int, int]
) -> tuple[int, ...]:
    """Return the parts of a range of "pad"."""
    least, step, most = own
    quarter = -(-most // 4)
    parts = {"MIN": least, "STEP": step, "MAX": most}
    return _set(given, axis, **parts, PAD_MAX=quarter, PAD_PERCENT=25)


def _set(given: Settings | None, axis: str, **own: int) -> tuple[int, ...]:
    """Return the parts of a range, those that are set in the place of its own."""
    named = given or {}
    return tuple(
        named.get(decode_variable(axis, part), value) for part, value in own.items()
    )


STRATEGIES: dict[str, Callable[[Server, int, Settings | None], Axes]] = {
    "exp": own_axes,
    "lin": linear_axes,
    "pad": padding_axes,
}
"""By the value of VLLM_BUCKETING_STRATEGY."""
