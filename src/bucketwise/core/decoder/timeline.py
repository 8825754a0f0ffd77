"""Intervals and readings to one distribution: how long how many were active."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bucketwise.nouns.activity import MAX_SLOTS, SLOT_WIDTHS_S, Activity
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells


def slot_width_s(first_s: float, last_s: float) -> int:
    """Return the narrowest slot that keeps a span within `MAX_SLOTS`."""
    for width_s in SLOT_WIDTHS_S:
        if last_s - first_s <= (MAX_SLOTS - 1) * width_s:
            return width_s
    return SLOT_WIDTHS_S[-1]


def borders_s(first_s: float, last_s: float, width_s: int) -> FloatArray:
    """Return the moments between two others at which a slot begins."""
    numbers = np.arange(math.floor(first_s / width_s) + 1, math.ceil(last_s / width_s))
    return numbers.astype(np.float64) * width_s


def in_flight(start_s: FloatArray, end_s: FloatArray, at_s: FloatArray) -> IntArray:
    """Return how many intervals hold each moment; an end no longer counts.

    The moments ascend; the intervals may have any order.
    """
    started = np.searchsorted(np.sort(start_s), at_s, side="right")
    ended = np.searchsorted(np.sort(end_s), at_s, side="right")
    return (started - ended).astype(np.int64)


class Cells(NamedTuple):
    """How long how many were in the batch and waited, by slot; arrays of one length."""

    slot: IntArray
    running: IntArray
    waiting: IntArray
    seconds: FloatArray


def cells_of(
    at_s: FloatArray,
    running: IntArray,
    waiting: IntArray,
    seconds: FloatArray,
    width_s: int,
) -> Cells:
    """Gather pieces of time, none of them across a border of slots.

    `at_s` are moments within each piece, not on a border; pieces of no length vanish.
    """
    lasting = seconds > 0
    slot = np.floor(at_s[lasting] / width_s).astype(np.int64)
    return _grouped(Cells(slot, running[lasting], waiting[lasting], seconds[lasting]))


def activity_of(
    parts: Sequence[Cells], *, width_s: int, span_s: float, replicas: int
) -> Activity:
    """Add cells up to an activity."""
    joined = Cells(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    total = _grouped(joined)
    return Activity(
        slot=total.slot,
        running=total.running,
        waiting=total.waiting,
        seconds=total.seconds,
        slot_width_s=width_s,
        span_s=span_s,
        replicas=replicas,
    )


def _grouped(cells: Cells) -> Cells:
    keys, seconds = group_cells(cells[:3], cells.seconds)
    slot, running, waiting = (key.astype(np.int64) for key in keys)
    return Cells(slot, running, waiting, seconds)
