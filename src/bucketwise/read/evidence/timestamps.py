"""Times as servers write them, in seconds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bucketwise.nouns.traffic import FloatArray, IntArray

LATEST_S = 4_102_444_800.0
"""The start of 2100 (UTC): later times, and those before 1970, are none of a log."""

DAY_S = 86_400

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def iso_s(text: str) -> float | None:
    """Return the seconds since 1970 of an ISO 8601 time, None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return likely_s(moment.timestamp())
    except (ValueError, OverflowError):
        return None


def epoch_s(told: object) -> float | None:
    """Return the seconds since 1970 that a number tells, None where it is no such time."""
    if isinstance(told, bool) or not isinstance(told, (str, int, float)):
        return None
    try:
        number = float(told)
    except (ValueError, OverflowError):
        return None
    scales = (1.0, 1e3, 1e6, 1e9)
    return next(
        (number / each for each in scales if 0 <= number / each < LATEST_S), None
    )


def likely_s(seconds: float) -> float | None:
    """Return the time if a log can be of it, else None."""
    return seconds if 0 <= seconds < LATEST_S else None


def moment_of_year(month: int, day: int, clock: str) -> int | None:
    """Return where in its year a stamp without a year stands, None where nowhere."""
    since_s = _second_of_day(clock)
    if not (1 <= month <= len(_DAYS) and 1 <= day <= _DAYS[month - 1]):
        return None
    if since_s is None:
        return None
    return (sum(_DAYS[: month - 1]) + day - 1) * DAY_S + since_s


def without_year_s(moments: IntArray) -> FloatArray:
    """Return seconds of stamps without a year: each stands nearest to the one before.

    The moments are those of `moment_of_year`, in the order written; the seconds have an
    origin of their own, and February has 29 days where one stamp says so.
    """
    leap_day = sum(_DAYS[:2]) - 1
    day = moments // DAY_S
    leap = bool((day == leap_day).any())
    in_year_s = moments - (0 if leap else DAY_S) * (day > leap_day)
    year_s = (sum(_DAYS) - (not leap)) * DAY_S
    step_s = np.diff(in_year_s)
    turned = (step_s < -year_s / 2).astype(np.int64) - (step_s > year_s / 2)
    years = np.concatenate([[0], np.cumsum(turned)])
    return np.asarray(in_year_s + years * year_s, dtype=np.float64)


def _second_of_day(clock: str) -> int | None:
    hour, minute, second = int(clock[:2]), int(clock[3:5]), int(clock[6:8])
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a clock; leap seconds
        return None
    return (hour * 60 + minute) * 60 + second
