"""Samples of Prometheus as text: its exposition format with times, and CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bucketwise.errors import InputError
from bucketwise.read.evidence.stamps import epoch_s, iso_s

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


def looks_like_samples(start: str) -> bool:
    """Return whether a text has such samples.

    Parameters
    ----------
    start : str
        Its first characters.
    """
    header = _cells(start[:_SHOWN].splitlines()[:1])
    return _EXPOSED.search(start) is not None or (
        re.search(_GAUGE, start) is not None and _places(header) is not None
    )


def read_samples(lines: Sequence[str], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield results as those of a range query.

    Parameters
    ----------
    lines : sequence of str
        All of a text.
    name : str
        Base name of the file.

    Raises
    ------
    InputError
        When no sample has a time.
    """
    series: dict[tuple[tuple[str, str], ...], list[list[object]]] = {}
    whole = "".join(lines).removeprefix("\ufeff").splitlines()
    places = _places(_cells(whole[:1]))
    rows = (_cells([line]) for line in whole[1:])
    samples = _exposed(whole) if places is None else _of_rows(rows, *places)
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


def _exposed(lines: Iterable[str]) -> Iterator[tuple[Labels, str, str]]:
    for line in lines:
        if "num_requests_" in line and (found := _SAMPLE.fullmatch(line)):
            series, _, _, value, time = found.groups()
            yield _labels(series), time or "", value


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
