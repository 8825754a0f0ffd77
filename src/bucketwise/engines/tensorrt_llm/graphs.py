"""The graphs that TensorRT-LLM captures: its own sizes, and what it refuses of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OWN_MOST = 128
"""The largest own size where nobody says (llm_args.py, CudaGraphConfig)."""

FINE, STEP, COARSE = (1, 2, 4), 8, 64
"""Own sizes with padding: these, multiples of 8 to 128, then steps of 64."""

EXACT = 32
"""Without padding every size up to it, then powers of two from 64."""

KEYS = frozenset({"batch_sizes", "max_batch_size", "enable_padding", "mode"})
"""What cuda_graph_config takes."""

Pair = tuple[int, int]
"""Tokens and images of one graph of the vision encoder."""


def own_sizes(most: int = OWN_MOST, *, padded: bool = True) -> tuple[int, ...]:
    """Return the decode graphs where no list is given, by the largest.

    Parameters
    ----------
    most : int
        `max_batch_size`.
    padded : bool
        Whether a batch may run on a larger graph; without, sizes between run without.
    """
    if padded:
        sizes = {*FINE, *range(STEP, OWN_MOST + 1, STEP)}
        sizes |= {*range(OWN_MOST + COARSE, most, COARSE)}
    else:
        sizes = {*range(1, EXACT + 1)}
        sizes |= {1 << power for power in range(6, most.bit_length())}
    return tuple(sorted({each for each in sizes if each < most} | {most}))


def captured(config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes that a cuda_graph_config stands for, ascending as it sorts them."""
    given = config.get("batch_sizes")
    if given:
        return tuple(sorted(given))
    most = config.get("max_batch_size") or OWN_MOST
    return own_sizes(most, padded=bool(config.get("enable_padding")))


def faults_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what is refused of a cuda_graph_config, by key."""
    found = dict.fromkeys({*config} - KEYS, "extra inputs are not permitted")
    most, sizes = config.get("max_batch_size"), config.get("batch_sizes")
    if type(most) is int and most < 0:
        found["max_batch_size"] = "expected 0 or more"
    if most and sizes and most != max(sizes):
        found["max_batch_size"] = f"must equal the largest of batch_sizes, {max(sizes)}"
    return found


def bucket_faults(buckets: Any) -> tuple[str, ...]:
    """Return what is refused of the pairs of tokens and images of the vision encoder."""
    if not isinstance(buckets, Sequence) or not buckets:
        return ("expected one pair of tokens and images at least",)
    wrong = []
    for each in buckets:
        if not isinstance(each, Sequence) or [*map(type, each)] != [int, int]:
            wrong.append(f"{each!r}: expected a pair of tokens and images")
        elif not 0 < each[1] <= each[0]:
            wrong.append(f"{each!r}: expected as many tokens as images, and no 0")
    return tuple(wrong)


def in_order(buckets: Sequence[Sequence[int]]) -> tuple[Pair, ...]:
    """Return the pairs as they are tried: ascending, each once."""
    return tuple(sorted({(tokens, images) for tokens, images in buckets}))


def selected(
    buckets: Sequence[Pair], images: int, tokens: int, *, padded: bool
) -> Pair | None:
    """Return the graph that a call runs on; None where it runs without.

    The number of images must be that of the graph (multimodal_encoder_graph.py).
    """
    for room, count in buckets:
        if count == images and (tokens == room or (padded and tokens < room)):
            return room, count
    return None
