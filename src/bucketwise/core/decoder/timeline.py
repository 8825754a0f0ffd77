"""Intervals and readings to one distribution: how long how many were active."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.nouns.activity import (
    MAX_SLOTS,
    SLOT_WIDTHS_S,
    Activity,
    Gauges,
    Requests,
)
from bucketwise.nouns.traffic import (
    MAX_PLACES,
    FloatArray,
    IntArray,
    Place,
    Rejection,
    group_cells,
)
from bucketwise.words.reject_reasons import (
    CLOCK_GOES_BACK,
    CONTRADICTION,
    DUPLICATE,
    GAP,
    RESTART,
)


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


BLOCK_EVENTS = 1 << 19
"""Starts and ends that are swept together, so that memory follows the log itself."""


def sweep(requests: Requests) -> Activity:
    """Return how long how many requests were in flight, exactly.

    Every replica is looked at from the first start to the last end of the whole log:
    while it has nothing in flight, it idles.
    """
    first_s, last_s = float(requests.start_s.min()), float(requests.end_s.max())
    if not last_s > first_s:
        raise InputError("activity: no request lasts any time; durations are needed")
    width_s = slot_width_s(first_s, last_s)
    borders = np.concatenate([[first_s], borders_s(first_s, last_s, width_s), [last_s]])
    replicas = np.unique(requests.replica)
    parts = [
        cells
        for replica in replicas
        for cells in _cells(
            *_sorted(requests, int(replica), n_replicas=replicas.size), borders, width_s
        )
    ]
    return activity_of(
        parts, width_s=width_s, span_s=last_s - first_s, replicas=replicas.size
    )


def _sorted(
    requests: Requests, replica: int, *, n_replicas: int
) -> tuple[FloatArray, FloatArray]:
    if n_replicas == 1:
        return np.sort(requests.start_s), np.sort(requests.end_s)
    chosen = requests.replica == replica
    return np.sort(requests.start_s[chosen]), np.sort(requests.end_s[chosen])


def _cells(
    start_s: FloatArray, end_s: FloatArray, borders: FloatArray, width_s: int
) -> Iterator[Cells]:
    """Sweep a block of slots at a time; starts and ends are sorted."""
    started = np.searchsorted(start_s, borders)
    ended = np.searchsorted(end_s, borders)
    at = 0
    while at < borders.size - 1:
        events = started + ended - started[at] - ended[at]
        fitting = int(np.searchsorted(events, BLOCK_EVENTS, side="right")) - 1
        until = min(max(fitting, at + 1), borders.size - 1)
        inside = slice(started[at], started[until]), slice(ended[at], ended[until])
        starts, ends = start_s[inside[0]], end_s[inside[1]]
        edges = np.unique(np.concatenate([borders[at : until + 1], starts, ends]))
        before = int(started[at] - ended[at])
        held = before + in_flight(starts, ends, edges[:-1])
        seconds = np.diff(edges)
        yield cells_of(
            edges[:-1] + seconds / 2, held, np.zeros_like(held), seconds, width_s
        )
        at = until


BoolArray = NDArray[np.bool_]

GAP_INTERVALS = 2.5
"""A reading speaks for the time to the next one; past so many usual intervals two or
more readings are missing, and it speaks for one usual interval only."""

LONE_READING_S = 1.0
"""What a reading speaks for where there is no second one to tell the interval."""

MAX_BORDERS = 5_000_000
"""Borders of slots that readings are cut at. Of a clock that goes forward each replica
crosses a border once; one that jumps to and fro could ask for any number."""


@dataclass(frozen=True, slots=True)
class Held:
    """An activity made of readings, and what was noticed in them."""

    activity: Activity
    faults: tuple[Rejection, ...]


def hold(gauges: Gauges) -> Held:
    """Let every reading speak until the next one of the same replica."""
    if not gauges.time_s.size:
        raise InputError("activity: no readings of an engine; at least one is needed")
    seconds = np.zeros(gauges.time_s.size)
    anew = np.zeros(gauges.time_s.size, dtype=bool)
    anew[list(gauges.restarts)] = True
    found: dict[str, list[int]] = {}
    replicas = np.unique(gauges.replica)
    for replica in replicas:
        at = np.flatnonzero(gauges.replica == replica)
        seconds[at] = _spoken_for(gauges, at, anew[at], found)
    first_s = float(gauges.time_s.min())
    last_s = float((gauges.time_s + seconds).max())
    width_s = slot_width_s(first_s, last_s)
    of, middle_s, piece_s = _cut(gauges.time_s, seconds, width_s)
    cells = cells_of(middle_s, gauges.running[of], gauges.waiting[of], piece_s, width_s)
    activity = activity_of(
        [cells], width_s=width_s, span_s=last_s - first_s, replicas=replicas.size
    )
    faults = tuple(
        Rejection(
            reason=reason,
            count=len(places),
            places=tuple(
                Place(source=gauges.source, line=line)
                for line in np.unique(gauges.line[places]).tolist()[:MAX_PLACES]
            ),
        )
        for reason, places in sorted(found.items())
    )
    return Held(activity, faults)


def _spoken_for(
    gauges: Gauges, at: IntArray, anew: BoolArray, found: dict[str, list[int]]
) -> FloatArray:
    """Return the seconds each reading of one replica stands for."""
    time_s = gauges.time_s[at]
    until_next = np.append(np.diff(time_s), np.nan)
    forward = until_next[until_next > 0]
    usual_s = float(np.median(forward)) if forward.size else LONE_READING_S
    running, waiting = gauges.running[at], gauges.waiting[at]
    restarts = np.append(anew[1:], False)
    goes_back = (until_next < 0) & ~restarts
    missing = (until_next > GAP_INTERVALS * usual_s) & ~restarts
    if gauges.silent_when_idle:
        missing &= (running > 0) | (waiting > 0)
    together = (until_next == 0) & ~restarts
    same = np.append((np.diff(running) == 0) & (np.diff(waiting) == 0), False)
    for reason, where in (
        (GAP, missing),
        (RESTART, restarts),
        (CLOCK_GOES_BACK, goes_back),
        (DUPLICATE, together & same),
        (CONTRADICTION, together & ~same),
    ):
        # The later reading of the two is the one to look at.
        noticed = at[np.flatnonzero(where) + 1]
        if noticed.size:
            found.setdefault(reason, []).extend(noticed.tolist())
    seconds = np.where(missing | goes_back, usual_s, until_next)
    at_most = np.where(until_next > 0, np.minimum(until_next, usual_s), usual_s)
    seconds[restarts] = at_most[restarts]
    seconds[-1] = usual_s
    return seconds


def _cut(
    time_s: FloatArray, seconds: FloatArray, width_s: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return pieces within one slot each: of which reading, their middle, how long."""
    end_s = time_s + seconds
    slot = np.floor(time_s / width_s).astype(np.int64)
    crossed = np.floor(end_s / width_s).astype(np.int64) - slot
    if crossed.sum() > MAX_BORDERS:
        crossed[:] = 0
    pieces = crossed + 1
    of = np.repeat(np.arange(time_s.size), pieces)
    nth = np.arange(of.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins_s = np.maximum(time_s[of], (slot[of] + nth) * float(width_s))
    borders_s = (slot[of] + nth + 1) * float(width_s)
    ends_s = np.where(nth == crossed[of], end_s[of], borders_s)
    return of, (begins_s + ends_s) / 2, ends_s - begins_s
