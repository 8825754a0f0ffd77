"""Samples of an engine's gauges, as Prometheus answers them, to readings."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.traffic import FloatArray, IntArray, Place, Rejection
from bucketwise.read.evidence.records import MAX_RUNNING
from bucketwise.read.evidence.stamps import likely_s
from bucketwise.words.reasons import ABSURD, FRACTION, NO_TIME, NOT_A_NUMBER

Role = Literal["running", "waiting", "swapped"]


class Samples(NamedTuple):
    """Times in milliseconds, -1 for none, and values, NaN for none."""

    time_ms: IntArray
    value: FloatArray


Scrapes = Mapping[Role, Sequence[Samples]]
"""What is told of one engine, document by document."""


class Joined(NamedTuple):
    """Samples of running requests in the order of time, with those that wait beside.

    Attributes
    ----------
    replica, time_ms : ndarray of int64, shape (n,)
        Of which engine, and when.
    running, waiting : ndarray of float64, shape (n,)
        As told; 0 waiting where that is not told.
    tells_waiting : ndarray of bool, shape (n,)
        Whether it is told.
    """

    replica: IntArray
    time_ms: IntArray
    running: FloatArray
    waiting: FloatArray
    tells_waiting: NDArray[np.bool_]


def samples_of(values: Iterable[Any]) -> Samples:
    """Return the samples of a series.

    Parameters
    ----------
    values : iterable
        Pairs of a time in seconds and a number in a text; or anything else.
    """
    times, numbers = array("q"), array("d")
    for each in values:
        pair = isinstance(each, list) and len(each) == 2  # noqa: PLR2004 - time, value
        times.append(_time_ms(each[0]) if pair else -1)
        numbers.append(_number(each[1]) if pair else math.nan)
    return Samples(np.array(times, dtype=np.int64), np.array(numbers, dtype=np.float64))


def differ(first: Samples, second: Samples) -> bool:
    """Return whether two series say different things of one moment."""
    _, mine, others = np.intersect1d(first.time_ms, second.time_ms, return_indices=True)
    return not np.array_equal(first.value[mine], second.value[others], equal_nan=True)


def join_scrapes(engines: Sequence[Scrapes]) -> Joined:
    """Put what is told of running and of waiting requests together, by time.

    Parameters
    ----------
    engines : sequence of mapping
        One at least, each with running requests.
    """
    parts = [_joined(code, scrapes) for code, scrapes in enumerate(engines)]
    return Joined(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def refuse(
    joined: Joined, name: str
) -> tuple[tuple[Rejection, ...], NDArray[np.bool_]]:
    """Return the samples that count no requests, by reason, and which ones do.

    Parameters
    ----------
    joined : Joined
        What was told.
    name : str
        Base name of the file.
    """
    counts = np.stack([joined.running, joined.waiting])
    used = np.ones(joined.time_ms.size, dtype=bool)
    found = []
    for reason, bad in (
        (NO_TIME, joined.time_ms < 0),
        (NOT_A_NUMBER, np.isnan(counts).any(axis=0)),
        (ABSURD, ((counts < 0) | (counts > MAX_RUNNING)).any(axis=0)),
        (FRACTION, (np.floor(counts) != counts).any(axis=0)),
    ):
        count = int((bad & used).sum())
        used &= ~bad
        if count:
            place = Place(source=name, line=0)
            found.append(Rejection(reason=reason, count=count, places=(place,)))
    return tuple(sorted(found, key=lambda each: each.reason)), used


def _joined(code: int, scrapes: Scrapes) -> Joined:
    time_ms, running = _by_time(scrapes["running"])
    waiting = np.zeros(time_ms.size)
    told = np.zeros(time_ms.size, dtype=bool)
    roles: tuple[Role, ...] = ("waiting", "swapped")
    for role in roles:
        at_ms, value = _by_time(scrapes.get(role, ()))
        if not at_ms.size:
            continue
        at = np.minimum(np.searchsorted(at_ms, time_ms), at_ms.size - 1)
        same = at_ms[at] == time_ms
        waiting[same] += value[at][same]
        told |= same
    return Joined(np.full(time_ms.size, code), time_ms, running, waiting, told)


def _by_time(parts: Sequence[Samples]) -> Samples:
    """Return samples in the order of time: documents may stand in any order."""
    time_ms = np.concatenate([np.empty(0, np.int64), *(each.time_ms for each in parts)])
    value = np.concatenate([np.empty(0), *(each.value for each in parts)])
    order = np.argsort(time_ms, kind="stable")
    return Samples(time_ms[order], value[order])


def _time_ms(told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return -1
    time_s = likely_s(told)
    return -1 if time_s is None else round(time_s * 1_000)


def _number(told: object) -> float:
    if isinstance(told, bool) or not isinstance(told, (str, int, float)):
        return math.nan
    try:
        return float(told)
    except (ValueError, OverflowError):
        return math.nan
