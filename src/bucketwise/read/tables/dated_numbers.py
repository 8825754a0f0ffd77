"""Numbers that are dates: 20261001130500, and the days that spreadsheets count."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bucketwise.read.tables.names import unit_s

NUMBER = r"\s*\d+([.,]\d*)?\s*"

_COMPACT = (
    r"\s*(?:(?P<second>\d{14})(?P<finer>\d{3}|\d{6})?(?:[.,](?P<fraction>\d*))?"
    r"|(?P<minute>\d{12})(?:[.,]0*)?|(?P<hour>\d{8}|\d{10})(?:[.,]0*)?)\s*"
    r"(?P<zone>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*"
)
"""Year, month, day, and as much of the clock. Python and DuckDB (RE2) read it alike."""

_SERIAL = r"\s*\d{5}([.,]\d*)?\s*"

_FROM = datetime(1990, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
"""Logs are of these years; numbers that would be of others are no dates."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_0 = datetime(1899, 12, 30, tzinfo=UTC)
"""Of the 1900 date system, after its 29 February 1900 that never was (ECMA-376 part 1,
18.17.4.1)."""

_DAYS_TO_EPOCH = (_EPOCH - _DAY_0).days
_TO_THE_MINUTE = len("202610011305")
_FEW_DECIMALS = 5
"""A clock time with more is rounded to less than a second."""


@dataclass(frozen=True, slots=True)
class DatedNumber:
    """A form of numbers that are dates."""

    name: str
    """What a note calls it."""
    sql: Callable[[str], str]
    """Name of a column of text -> SQL for microseconds since 1970, NULL where it has
    another form."""
    moment: Callable[[str], datetime | None]
    """The same for one text, None where it has another form."""


def dated_numbers(samples: Sequence[str], name: str = "") -> DatedNumber | None:
    """Return the form of a column of times whose numbers are dates, else None.

    Every number among the samples has to be a date of a plausible year; where most tell
    the minute, too, others are damaged dates. Days of a spreadsheet might be seconds as
    well: they need a clock time that a day can have, a date among them, or a column
    that is called so.
    """
    numbers = _numbers(samples)
    if not numbers or unit_s(name) is not None:
        return None
    dates = list(filter(COMPACT.moment, numbers))
    long = [each for each in dates if len(each) >= _TO_THE_MINUTE]
    if len(dates) == len(numbers) or len(long) * 2 > len(numbers):
        return COMPACT
    if not all(map(SERIAL.moment, numbers)):
        return None
    others = (each for each in samples if not re.fullmatch(NUMBER, each))
    dates_too = any(re.search(r"\d[-/.:]\d", each) for each in others)
    called_so = re.search("date|day", name.casefold()) is not None
    clocks = [each for each in numbers if re.search(r"[.,]0*[1-9]", each)]
    told = bool(clocks) and all(map(_is_clock, clocks))
    return SERIAL if dates_too or called_so or told else None


def said_of_numbers(samples: Sequence[str], name: str = "") -> list[str]:
    """Say what numbers were taken for where they could be something else."""
    numbers = _numbers(samples)
    found = dated_numbers(samples, name)
    if found is not None:
        first = next(filter(found.moment, numbers))
        date = f"{found.moment(first):%Y-%m-%d %H:%M:%S}"
        said = f"were read as {found.name} ({date}), not as seconds"
        return [f"times such as {first} {said}"]
    if not numbers or unit_s(name) is not None:
        return []
    if all(map(SERIAL.moment, numbers)):
        date = f"{SERIAL.moment(numbers[0]):%Y-%m-%dT%H:%M:%SZ}"
        said = "were read as seconds; if they are days of a spreadsheet, write them as"
        return [f"times such as {numbers[0]} {said} dates ({date})"]
    long = [each for each in numbers if len(each) >= _TO_THE_MINUTE]
    date = next(filter(COMPACT.moment, long), "")
    if date:
        other = next(each for each in numbers if not COMPACT.moment(each))
        return [f"times such as {date} were read as a count: {other} is no such date"]
    return []


def _numbers(samples: Sequence[str]) -> list[str]:
    """Return the numbers among samples; beside others 0 stands for no time."""
    found = [each.strip() for each in samples if re.fullmatch(f"[-+]?{NUMBER}", each)]
    return [each for each in found if each.strip("0.,")] or found


def compact(text: str, groups: Sequence[str] = ("second", "minute", "hour")) -> str:
    """Return SQL for microseconds since 1970 where digits are a date, else NULL."""
    names = ("second", "finer", "fraction", "minute", "hour", "zone")
    digits = " || ".join(f"w.{group}" for group in groups)
    time_us = (
        f"epoch_us(try_strptime(rpad({digits}, 14, '0'), '%Y%m%d%H%M%S')) + "
        f"CAST(rpad((w.finer || w.fraction)[:6], 6, '0') AS BIGINT) - {zone_us('w.zone')}"
    )
    listed = ", ".join(f"'{each}'" for each in names)
    written = f"regexp_extract({text}, '^(?:{_COMPACT})$', [{listed}])"
    # A lambda: what is written out twice might be computed twice.
    found = f"list_transform([{written}], lambda w: {time_us})[1]"
    return _plausible(found)


def zone_us(zone: str) -> str:
    """Return SQL for what a zone such as +09:00 is ahead of UTC, in microseconds."""
    return (
        f"CASE WHEN {zone}[1] IN ('+', '-') THEN 60000000 * "
        f"CAST({zone}[1] || '1' AS BIGINT) * (CAST({zone}[2:3] AS BIGINT) * 60 + "
        f"coalesce(TRY_CAST(right({zone}[4:], 2) AS BIGINT), 0)) ELSE 0 END"
    )


def _serial(text: str) -> str:
    days = f"TRY_CAST(replace({text}, ',', '.') AS DOUBLE)"
    # To the millisecond: a double has no more of such a day.
    time_us = f"CAST(round(({days} - {_DAYS_TO_EPOCH}) * 86400000) AS BIGINT) * 1000"
    return f"CASE WHEN regexp_full_match({text}, '{_SERIAL}') THEN {_plausible(time_us)} END"


def _plausible(time_us: str) -> str:
    us = timedelta(microseconds=1)
    first, end = ((each - _EPOCH) // us for each in (_FROM, _UNTIL))
    return f"list_filter([{time_us}], lambda u: u >= {first} AND u < {end})[1]"


def _compact_moment(text: str) -> datetime | None:
    match = re.fullmatch(_COMPACT, text, re.ASCII)
    if match is None:
        return None
    digits = match["second"] or match["minute"] or match["hour"]
    with suppress(ValueError):
        moment = datetime.strptime(digits.ljust(14, "0") + "Z", "%Y%m%d%H%M%S%z")
        return moment if _FROM <= moment < _UNTIL else None
    return None


def _serial_moment(text: str) -> datetime | None:
    if re.fullmatch(_SERIAL, text, re.ASCII) is None:
        return None
    moment = _DAY_0 + timedelta(days=float(text.replace(",", ".")))
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    return moment if _FROM <= moment < _UNTIL else None


def _is_clock(text: str) -> bool:
    """Say whether a fraction of a day is a whole second, or hour where it is short.

    Seconds since some moment have three digits or six at random behind the point; a
    whole second of a day is seldom so, but as rounded to as many digits as there are.
    """
    # Zeros at the end count: they tell to how many digits it was rounded.
    digits = re.split("[.,]", text.strip())[1]
    share = Decimal(f"0.{digits}")
    if len(digits) <= _FEW_DECIMALS:
        return bool(share * 24 % 1 == 0)
    seconds = share * 86_400
    rounding_s = Decimal(86_400) / 2 / 10 ** len(digits)
    # Arithmetic with doubles leaves the last of their 16 digits open.
    return bool(abs(seconds - round(seconds)) <= max(rounding_s, Decimal("1e-5")))


COMPACT = DatedNumber("dates", compact, _compact_moment)
SERIAL = DatedNumber("days of a spreadsheet", _serial, _serial_moment)
