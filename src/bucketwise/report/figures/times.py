"""Time in words and on an axis: dates in UTC, or time passed on a clock of none."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.core.plan_record import LAST_S, moment_of
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.words.numbers import number, plural

HOUR_S, DAY_S = 3_600, 86_400

TIME_UNITS = ((DAY_S, "day"), (HOUR_S, "hour"), (60, "minute"), (1, "second"))

EPOCH_YEAR = 1970
"""Nobody served images then: such times count from an origin of their own."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock: whether its seconds count from 1970, and its first and last one shown."""

    tells_dates: bool
    start_s: int
    end_s: int

    @property
    def label(self) -> str:
        """What an axis of it shows."""
        if self.tells_dates:
            # The last slot ends after the last arrival: its end would tell another day.
            return f"time (UTC), from {moment_of(self.start_s):%Y-%m-%d}"
        unit = time_unit(self.end_s - self.start_s)[1]
        return f"{unit}s from the first, on a clock that tells no date"

    def places(self, at_s: IntArray) -> FloatArray:
        """Return seconds as an axis counts them: days from 1970, or units from the first."""
        if self.tells_dates:
            return at_s.clip(max=LAST_S) / DAY_S
        return (at_s - self.start_s) / time_unit(self.end_s - self.start_s)[0]

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
