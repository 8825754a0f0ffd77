"""A request log to an activity: a line swept over starts and ends."""

from __future__ import annotations

import numpy as np

from bucketwise.activity import Activity, Requests
from bucketwise.decoder.timeline import borders_s, gathered, in_flight, slot_width_s
from bucketwise.errors import InputError


def sweep(requests: Requests) -> Activity:
    """Return how long how many requests were in flight, exactly.

    Every replica is looked at from the first start to the last end of the whole log:
    while it has nothing in flight, it idles.

    Parameters
    ----------
    requests : Requests
        When each was in flight, and on which replica.

    Returns
    -------
    Activity
        With `running` as in flight, not clipped, and `waiting` 0.

    Raises
    ------
    InputError
        When no request lasts any time.
    """
    first_s, last_s = float(requests.start_s.min()), float(requests.end_s.max())
    if not last_s > first_s:
        raise InputError("activity: no request lasts any time; durations are needed")
    width_s = slot_width_s(first_s, last_s)
    borders = borders_s(first_s, last_s, width_s)
    replicas = np.unique(requests.replica)
    pieces = []
    for replica in replicas:
        chosen = requests.replica == replica
        start_s, end_s = requests.start_s[chosen], requests.end_s[chosen]
        edges = np.unique(np.concatenate([[first_s, last_s], borders, start_s, end_s]))
        held = in_flight(start_s, end_s, edges[:-1])
        seconds = np.diff(edges)
        pieces.append((edges[:-1] + seconds / 2, held, seconds))
    middle_s, running, seconds = (
        np.concatenate([piece[at] for piece in pieces]) for at in range(3)
    )
    return gathered(
        middle_s,
        running,
        np.zeros_like(running),
        seconds,
        width_s=width_s,
        span_s=last_s - first_s,
        replicas=replicas.size,
    )
