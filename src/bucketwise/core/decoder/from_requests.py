"""A request log to an activity: a line swept over starts and ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bucketwise.core.decoder.timeline import (
    Cells,
    activity_of,
    borders_s,
    cells_of,
    in_flight,
    slot_width_s,
)
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity, Requests
from bucketwise.nouns.traffic import FloatArray

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
