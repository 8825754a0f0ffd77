"""What an engine says of itself, reading by reading, to an activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.decoder.timeline import activity_of, cells_of, slot_width_s
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity, Gauges
from bucketwise.nouns.traffic import MAX_PLACES, FloatArray, IntArray, Place, Rejection
from bucketwise.words.reject_reasons import (
    CLOCK_GOES_BACK,
    CONTRADICTION,
    DUPLICATE,
    GAP,
    RESTART,
)

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
