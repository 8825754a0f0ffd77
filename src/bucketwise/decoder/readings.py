"""What an engine says of itself, reading by reading, to an activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.activity import Activity, Gauges
from bucketwise.decoder.timeline import gathered, slot_width_s
from bucketwise.errors import InputError
from bucketwise.reasons import CLOCK_GOES_BACK, CONTRADICTION, DUPLICATE, GAP
from bucketwise.traffic import MAX_PLACES, FloatArray, IntArray, Place, Rejection

GAP_INTERVALS = 2.5
"""A reading speaks for the time to the next one; past so many usual intervals two or
more readings are missing, and it speaks for one usual interval only."""

LONE_READING_S = 1.0
"""What a reading speaks for where there is no second one to tell the interval."""


@dataclass(frozen=True, slots=True)
class Held:
    """An activity made of readings, and what was noticed in them."""

    activity: Activity
    faults: tuple[Rejection, ...]


def hold(gauges: Gauges) -> Held:
    """Let every reading speak until the next one of the same replica.

    Parameters
    ----------
    gauges : Gauges
        The readings, in the order written.

    Returns
    -------
    Held
        The activity, and gaps, repeated and contradicting readings, and clocks that go
        back: nothing is held across any of them.

    Raises
    ------
    InputError
        When there is no reading.
    """
    if not gauges.time_s.size:
        raise InputError("activity: no reading of an engine; one at least is right")
    seconds = np.zeros(gauges.time_s.size)
    found: dict[str, list[int]] = {}
    replicas = np.unique(gauges.replica)
    for replica in replicas:
        at = np.flatnonzero(gauges.replica == replica)
        seconds[at] = _spoken_for(gauges, at, found)
    first_s = float(gauges.time_s.min())
    last_s = float((gauges.time_s + seconds).max())
    width_s = slot_width_s(first_s, last_s)
    activity = gathered(
        gauges.time_s,
        gauges.running,
        gauges.waiting,
        seconds,
        width_s=width_s,
        span_s=last_s - first_s,
        replicas=replicas.size,
    )
    faults = tuple(
        Rejection(
            reason=reason,
            count=len(places),
            places=tuple(
                Place(source=gauges.source, line=int(gauges.line[each]))
                for each in sorted(places)[:MAX_PLACES]
            ),
        )
        for reason, places in sorted(found.items())
    )
    return Held(activity, faults)


def _spoken_for(
    gauges: Gauges, at: IntArray, found: dict[str, list[int]]
) -> FloatArray:
    """Return the seconds each reading of one replica stands for."""
    time_s = gauges.time_s[at]
    until_next = np.append(np.diff(time_s), np.nan)
    forward = until_next[until_next > 0]
    usual_s = float(np.median(forward)) if forward.size else LONE_READING_S
    seconds = np.where(until_next > 0, until_next, 0.0)
    seconds[-1] = usual_s
    goes_back = until_next < 0
    seconds[goes_back] = usual_s
    running, waiting = gauges.running[at], gauges.waiting[at]
    idle = (running == 0) & (waiting == 0)
    missing = until_next > GAP_INTERVALS * usual_s
    if gauges.silent_when_idle:
        missing &= ~idle
    seconds[missing] = usual_s
    same = np.zeros(at.size, dtype=bool)
    same[:-1] = (np.diff(running) == 0) & (np.diff(waiting) == 0)
    together = until_next == 0
    for reason, where in (
        (GAP, missing),
        (CLOCK_GOES_BACK, goes_back),
        (DUPLICATE, together & same),
        (CONTRADICTION, together & ~same),
    ):
        # The later reading of the two is the one to look at.
        noticed = at[np.flatnonzero(where) + 1]
        if noticed.size:
            found.setdefault(reason, []).extend(noticed.tolist())
    return seconds
