"""Where axes begin and end, which ticks they carry, and how labels keep apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.plots import Axis, Edge, Tick
from bucketwise.words.numbers import number

LOG_FROM = 8.0
"""Ranges over this factor are drawn on a logarithmic axis."""

NARROW = 1.001
"""Ranges under this factor are drawn as one value with room on both sides."""

MOST_TICKS = 8
LEAST_TICKS = 3

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

CHARACTER_WIDTH = 0.0135
"""Share of a figure's width one character of a label takes, with some air."""


def span_axis(
    label: str, values: Iterable[float], *, form: Callable[[float], str] = number
) -> Axis:
    """Return an axis over positive values, logarithmic where they span far.

    Parameters
    ----------
    label : str
        With the unit.
    values : iterable of float
        All that is drawn across it, curves and lines alike; positive.
    form : callable
        Value to tick label.
    """
    drawn = [*values]
    low, high = min(drawn), max(drawn)
    log = high / low > LOG_FROM
    if log:
        margin = (high / low) ** 0.03
        ends = low / margin, high * margin
    else:
        margin = 0.04 * (high - low) if high > NARROW * low else 0.5 * low
        ends = max(low - margin, 0.0), high + margin
    places = _log_places(*ends) if log else _linear_places(*ends)
    return Axis(
        label=label, low=ends[0], high=ends[1], log=log, ticks=_ticks(places, form)
    )


def zero_axis(
    label: str,
    high: float,
    *,
    room: float = 1.06,
    form: Callable[[float], str] = number,
) -> Axis:
    """Return a linear axis from 0 to a little over the largest value."""
    top = (high or 1.0) * room
    ticks = _ticks(_linear_places(0.0, top), form)
    return Axis(label=label, low=0.0, high=top, log=False, ticks=ticks)


def bins(axis: Axis, n_bins: int) -> FloatArray:
    """Return bin bounds that cut an axis into equal widths on paper."""
    if axis.log:
        return np.geomspace(axis.low, axis.high, n_bins + 1)
    return np.linspace(axis.low, axis.high, n_bins + 1)


def spread(edges: Iterable[Edge], axis: Axis) -> tuple[Edge, ...]:
    """Give each label the lowest row in which it touches no other and no line.

    Labels stand right of their lines like flags. Placed from the right, a label may
    take a row that ends before every line reaching that row or a higher one.

    Parameters
    ----------
    edges : iterable of Edge
        Any rows.
    axis : Axis
        What they lie across.

    Returns
    -------
    tuple of Edge
        From left to right.
    """
    leftmost: list[float] = []
    placed: list[Edge] = []
    for edge in sorted(edges, key=lambda item: (item.at, item.label), reverse=True):
        start = axis.fraction(edge.at)
        end = start + len(edge.label) * CHARACTER_WIDTH
        row = next(
            (row for row in range(len(leftmost)) if end <= min(leftmost[row:])),
            len(leftmost),
        )
        leftmost[row : row + 1] = [start]
        placed.append(replace(edge, row=row))
    return tuple(reversed(placed))


def _ticks(places: Sequence[float], form: Callable[[float], str]) -> tuple[Tick, ...]:
    """Return ticks, each with a label of its own, however close or small they are."""
    labels = [form(at) for at in places]
    if len(set(labels)) < len(labels):
        labels = [f"{at:,.6g}" for at in places]
    return tuple(
        Tick(at=at, label=label) for at, label in zip(places, labels, strict=True)
    )


def _linear_places(low: float, high: float) -> Sequence[float]:
    rough = (high - low) / (MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in STEPS if size * power >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    # Rounded to a millionth of a step: 3 * 0.1 is to read 0.3, and 1e-13 not 0.
    digits = 6 - math.floor(math.log10(step))
    return [round(index * step, digits) for index in range(first, last + 1)]


def _log_places(low: float, high: float) -> Sequence[float]:
    """Return 1-2-5 places, thinned to 1-3 and to whole decades when they crowd."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [
            digit * 10.0**power
            for power in range(first, last + 1)
            for digit in digits
            if low <= digit * 10.0**power <= high
        ]
        if len(found) <= MOST_TICKS:
            break
    return found if len(found) >= LEAST_TICKS else _linear_places(low, high)
