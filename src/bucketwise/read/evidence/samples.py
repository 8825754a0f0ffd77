"""Samples of an engine's gauges, of Prometheus' answers or of its text, to readings."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import FloatArray, IntArray, Place, Rejection
from bucketwise.read.evidence.records import MAX_RUNNING
from bucketwise.read.evidence.timestamps import epoch_s, iso_s, likely_s
from bucketwise.words.reject_reasons import ABSURD, FRACTION, NO_TIME, NOT_A_NUMBER

Role = Literal["running", "waiting", "swapped"]

Labels = Mapping[str, str]
_GAUGE = r"num_requests_(?:running|waiting|swapped)"
_SERIES = re.compile(r"([\w:]{1,200})?(?:\{(.{0,4000})\})?")
_SAMPLE = re.compile(
    rf"({_SERIES.pattern})\s{{1,9}}([^\s{{}}]{{1,40}})(?:\s{{1,9}}([\d.]{{1,30}}))?\s*"
)
"""Prometheus' exposition formats, and what `promtool tsdb dump` writes."""
_LABEL = re.compile(r'(\w{1,100})="((?:[^"\\]|\\.)*)"')
_EXPOSED = re.compile(
    rf'^(?:[\w:]{{0,40}}{_GAUGE}[{{ ]|\{{__name__="[\w:]{{0,40}}{_GAUGE}")',
    re.MULTILINE,
)
_TIMES = ("time", "timestamp", "_time", "date", "datetime", "__timestamp__")
_NAMES = ("__name__", "metric", "name", "_field")
_VALUES = ("value", "_value", "__value__")
_SHOWN = 20_000
"""Characters of a header: a series of a thousand engines would not fit, and need not."""


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
    """Return the samples of a series."""
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
    """Put what is told of running and of waiting requests together, by time."""
    parts = [_joined(code, scrapes) for code, scrapes in enumerate(engines)]
    return Joined(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def refuse(
    joined: Joined, name: str
) -> tuple[tuple[Rejection, ...], NDArray[np.bool_]]:
    """Return the samples that count no requests, by reason, and which ones do."""
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


def looks_like_samples(start: str) -> bool:
    """Return whether a text has such samples."""
    header = _cells(start[:_SHOWN].splitlines()[:1])
    return _EXPOSED.search(start) is not None or (
        re.search(_GAUGE, start) is not None and _places(header) is not None
    )


def read_samples(lines: Sequence[str], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield results as those of a range query."""
    series: dict[tuple[tuple[str, str], ...], list[list[object]]] = {}
    whole = "".join(lines).removeprefix("\ufeff").splitlines()
    places = _places(_cells(whole[:1]))
    rows = (_cells([line]) for line in whole[1:])
    exposed = (_SAMPLE.fullmatch(line) for line in whole if "num_requests_" in line)
    samples: Iterable[tuple[Labels, str, str]] = (
        (_labels(found[1]), found[5] or "", found[4]) for found in exposed if found
    )
    if places is not None:
        samples = _of_rows(rows, *places)
    for labels, told, value in samples:
        time_s = epoch_s(told)
        time_s = iso_s(told) if time_s is None else time_s
        series.setdefault(tuple(labels.items()), []).append([time_s, value])
    if not any(time_s is not None for told in series.values() for time_s, _ in told):
        raise InputError(
            f"{name}: no sample has a time, as those of a server's /metrics: they tell "
            "one moment; expected the answer of a range query, `promtool tsdb dump` or "
            "a table with times"
        )
    for key, values in series.items():
        yield {"metric": dict(key), "values": values}


def _cells(lines: Sequence[str]) -> list[str]:
    """Return the cells of one line or none; a line that is no CSV has none."""
    with suppress(csv.Error):
        return next(csv.reader(lines), [])
    return []


def _places(
    header: Sequence[str],
) -> tuple[int, int | None, int | None, list[Labels]] | None:
    """Return where a table has times, names and values, and what its columns are of."""
    plain = [cell.strip().casefold() for cell in header]
    time, named, value = (
        next((plain.index(each) for each in known if each in plain), None)
        for known in (_TIMES, _NAMES, _VALUES)
    )
    of: list[Labels] = [
        _labels(cell) if re.search(_GAUGE, cell) else {} for cell in header
    ]
    if time is None or not (any(of) or (named is not None and value is not None)):
        return None
    if any(of):
        named = value = None
    else:
        of = [
            {} if at in (time, named, value) else {"": cell}
            for at, cell in enumerate(header)
        ]
    return time, named, value, of


def _of_rows(
    rows: Iterable[Sequence[str]],
    time: int,
    named: int | None,
    value: int | None,
    of: Sequence[Labels],
) -> Iterator[tuple[Labels, str, str]]:
    """Yield the samples of a table with a column a series, or a row a sample."""
    for row in rows:
        if len(row) != len(of):
            continue
        if named is not None and value is not None:
            labels = {each[""]: row[at] for at, each in enumerate(of) if each}
            yield {"__name__": row[named], **labels}, row[time], row[value]
            continue
        for at, each in enumerate(of):
            if each and row[at].strip():
                yield each, row[time], row[at]


def _labels(series: str) -> Labels:
    """Return the labels of a series, its name among them."""
    found = _SERIES.search(series)
    name, within = found.groups() if found else (None, None)
    labels: dict[str, str] = dict(_LABEL.findall(within or ""))
    return {"__name__": name, **labels} if name else labels
