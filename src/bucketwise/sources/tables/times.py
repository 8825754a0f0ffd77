"""SQL that reads a time, however it was written, as microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

FORMATS = (
    "%d/%b/%Y:%H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%d-%b-%Y %H:%M:%S",
    "%b %d, %Y %H:%M:%S",
    "%Y:%m:%d %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%Y-%m-%d %I:%M:%S %p",
    "%d %b %Y",
    "%Y%m%dT%H%M%S",
)
"""Vendor forms after the zone is taken off; with slashes and the year last, the month
comes first."""

_YEAR_2000_US = 946_684_800_000_000
_ISO = r"\d{4}[-/]\d\d?[-/]\d\d?([T ]\d\d:\d\d.*)?"
_NUMBER = r"\s*\d+(\.\d*)?\s*"

_ZONE = r"(:\d\d(?:[.,]\d+)?)\s*(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)\]?\s*$"
_START = r"^(\d|[A-Z][a-z][a-z]\b)"
"""A digit, a day or a month; DuckDB also takes `epoch` and `infinity` for times."""

_ZONE_BEFORE_YEAR = r"\s(?:UTC|GMT)(\s\d{4})$"


def microseconds(text: str, samples: Iterable[str]) -> str:
    """Return SQL for a time in microseconds since 1970, NULL where there is none.

    ISO 8601 (without a zone it is UTC), numbers (seconds below 1e11, then milli-,
    micro- and nanoseconds) and `FORMATS`. Numbers may count from any origin, but not
    among dates: there they are times from 2000 on alone.

    Parameters
    ----------
    text : str
        Name of the column that holds the text.
    samples : iterable of str
        Some of its values; the form of most of them is tried first, because the
        complete expression costs ten times as much.
    """
    written = list(samples)
    # The word `epoch` passes for the first instant of 1970.
    iso, number, other = f"nullif({_iso(text)}, 0)", _number(text), _with_zone(text)
    if _mostly(_ISO, written):
        recent = f"CASE WHEN {number} >= {_YEAR_2000_US} THEN {number} END"
        return _first_of(iso, recent, other)
    if _mostly(_NUMBER, written):
        return _first_of(number, iso, other)
    return f"coalesce({number}, {iso}, {other})"


def _mostly(form: str, written: Sequence[str]) -> bool:
    return sum(bool(re.fullmatch(form, each)) for each in written) * 2 > len(written)


def _first_of(first: str, second: str, third: str) -> str:
    """Return SQL for the first that is not NULL; what follows is not computed.

    Of a COALESCE, DuckDB computes ahead, for every row, whatever stands in it twice.
    """
    return (
        f"CASE WHEN {first} IS NOT NULL THEN {first} "
        f"WHEN {second} IS NOT NULL THEN {second} ELSE {third} END"
    )


def _iso(text: str) -> str:
    """Read the zone, too: a TIMESTAMP cast passes over it without a word."""
    return f"epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))"


def _number(text: str) -> str:
    number = f"TRY_CAST({text} AS DOUBLE)"
    return (
        f"CASE WHEN abs({number}) < 1e11 THEN CAST(round({number} * 1e6) AS BIGINT) "
        f"WHEN abs({number}) < 1e14 THEN CAST(round({number} * 1e3) AS BIGINT) "
        f"WHEN abs({number}) < 1e17 THEN CAST(round({number}) AS BIGINT) "
        f"WHEN abs({number}) < 1e20 THEN CAST(round({number} / 1e3) AS BIGINT) END"
    )


def _with_zone(text: str) -> str:
    """Read date and clock apart from the zone: there may be a space between them."""
    bare = f"regexp_replace(trim({text}), '{_ZONE}', '\\1')"
    bare = f"regexp_replace({bare}, '{_ZONE_BEFORE_YEAR}', '\\1')"
    bare = f"ltrim(replace({bare}, ',', '.'), '[')"
    zone = f"regexp_extract({text}, '{_ZONE}', 2)"
    formats = ", ".join(f"'{form.replace(',', '.')}'" for form in FORMATS)
    minutes = (
        f"CASE WHEN regexp_matches({zone}, '^[+-]') THEN "
        f"CAST({zone}[1] || '1' AS BIGINT) * (CAST({zone}[2:3] AS BIGINT) * 60 + "
        f"coalesce(TRY_CAST(right({zone}[4:], 2) AS BIGINT), 0)) ELSE 0 END"
    )
    return (
        f"CASE WHEN regexp_matches({bare}, '{_START}') THEN epoch_us(coalesce("
        f"CAST(TRY_CAST({bare} AS TIMESTAMPTZ) AS TIMESTAMP), "
        f"try_strptime({bare}, [{formats}]))) "
        f"- 60000000 * {minutes} END"
    )
