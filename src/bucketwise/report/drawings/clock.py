"""Time on an axis: dates in UTC, or time passed on a clock that tells none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime

from bucketwise.core.summary import FIRST_S, LAST_S, moment_of
from bucketwise.report.drawings.scales import zero_axis
from bucketwise.report.plots import Axis, Tick
from bucketwise.words.numbers import number, plural

HOUR_S, DAY_S = 3_600, 86_400

TIME_UNITS = ((DAY_S, "day"), (HOUR_S, "hour"), (60, "minute"), (1, "second"))

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

HOUR_STEPS = (1, 2, 3, 6, 12)
DAY_STEPS = (1, 2, 7, 14)
MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000)
MONTHS_A_YEAR = 12

MOST_TICKS = 8

EPOCH_YEAR = 1970
"""Nobody served images then: such times count from an origin of their own."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock: whether its seconds count from 1970, and its first one shown."""

    tells_dates: bool
    start_s: int

    def axis(self, end_s: int) -> Axis:
        """Return an axis from the start to an end, both in seconds of the clock."""
        if self.tells_dates:
            first, last = (moment_of(at) for at in (self.start_s, end_s - 1))
            label = f"time (UTC), {first:%Y-%m-%d} to {last:%Y-%m-%d}"
            ticks = _dated_ticks(self.start_s, end_s)
        else:
            scale, unit = time_unit(end_s - self.start_s)
            label = f"{unit}s from the first, on a clock that tells no date"
            passed = zero_axis("", (end_s - self.start_s) / scale, room=1.0).ticks
            ticks = tuple(
                Tick(at=self.start_s + tick.at * scale, label=tick.label)
                for tick in passed
            )
        return Axis(
            label=label, low=self.start_s, high=end_s, log=False, ticks=tuple(ticks)
        )

    def says(self, at_s: int) -> str:
        """Return a moment in words: "2026-02-28 14:00", "26 hours from the first"."""
        if self.tells_dates:
            return f"{moment_of(at_s):%Y-%m-%d %H:%M}"
        passed_s = at_s - self.start_s
        scale, unit = (DAY_S, "day") if passed_s % DAY_S == 0 else (HOUR_S, "hour")
        return f"{number(passed_s / scale)} {unit}s from the first"


def time_unit(seconds: float) -> tuple[int, str]:
    """Return the largest unit of which a span holds two, and its name."""
    return next(
        ((scale, unit) for scale, unit in TIME_UNITS if seconds >= 2 * scale),
        TIME_UNITS[-1],
    )


def slot_words(width_s: int) -> str:
    """Return the width of a slot: "minute", "10 minutes"."""
    scale, unit = next(
        (scale, unit) for scale, unit in TIME_UNITS if width_s % scale == 0
    )
    n_units = width_s // scale
    return unit if n_units == 1 else plural(n_units, unit)


def _dated_ticks(start_s: int, end_s: int) -> tuple[Tick, ...]:
    """Return the finest even steps of the calendar that leave labels their room."""
    found: tuple[Tick, ...] = ()
    for ticks in _candidates(start_s, end_s):
        found = tuple(ticks)
        if len(found) <= MOST_TICKS:
            break
    return found


def _candidates(start_s: int, end_s: int) -> Iterator[Iterator[Tick]]:
    span_s = end_s - start_s
    steps = (
        *(step * HOUR_S for step in HOUR_STEPS),
        *(step * DAY_S for step in DAY_STEPS),
    )
    for step_s in steps:
        if span_s <= MOST_TICKS * step_s:
            yield _even_ticks(start_s, end_s, step_s)
    for n_months in MONTH_STEPS:
        yield _month_ticks(start_s, end_s, n_months)


def _even_ticks(start_s: int, end_s: int, step_s: int) -> Iterator[Tick]:
    # Hours stand at whole steps of a day, days at midnight from the first one on.
    unit_s = min(step_s, DAY_S)
    first_s = math.ceil(start_s / unit_s) * unit_s
    for at_s in range(first_s, end_s + 1, step_s):
        moment = moment_of(at_s)
        label = f"{moment.day} {MONTHS[moment.month - 1]}"
        if at_s % DAY_S:
            label = f"{moment:%H:%M}"
        yield Tick(at=at_s, label=label)


def _month_ticks(start_s: int, end_s: int, n_months: int) -> Iterator[Tick]:
    first = moment_of(start_s)
    count = first.year * MONTHS_A_YEAR + first.month - 1
    count -= count % n_months
    while (at_s := _month_s(count)) <= min(end_s, LAST_S):
        if at_s >= start_s:
            year, month = divmod(count, MONTHS_A_YEAR)
            label = str(year)
            if n_months < MONTHS_A_YEAR:
                label = f"{MONTHS[month]} {year}"
            yield Tick(at=at_s, label=label)
        count += n_months


def _month_s(count: int) -> int:
    year, month = divmod(count, MONTHS_A_YEAR)
    if year < MINYEAR:
        return FIRST_S - 1
    if year > MAXYEAR:
        return LAST_S + 1
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp())
