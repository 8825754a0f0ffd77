"""SQL that reads a time, as microseconds since 1970 (UTC), and how long something took, in seconds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bucketwise.read.database import literal
from bucketwise.read.tables.dated_numbers import (
    NUMBER,
    compact,
    dated_numbers,
    said_of_numbers,
    zone_us,
)
from bucketwise.read.tables.names import UNITS
from bucketwise.read.tables.table import TIMES, WHOLE

_DECIMAL = r"\d+(?:\.\d*)?|\.\d+"
_UNITS = ((r"h|hours?", 3_600.0), (r"m|mins?|minutes?", 60.0), *UNITS)

_WITH_UNITS = r"(?i)\s*(?:PT)?\s*" + "".join(
    rf"(?:({_DECIMAL})\s*(?:{pattern}))?\s*" for pattern, _ in _UNITS
)
"""Go (`1m2.5s`), protobuf and Google Cloud Logging (`0.577711s`), ISO 8601 (`PT2.5S`)."""

_CLOCK = rf"\s*(?:(\d+)(?:\.| days? ))?(\d+):(\d\d):({_DECIMAL})\s*"
"""Hours, minutes and seconds after days: .NET (`1.00:00:05.2`) and PostgreSQL."""

_CLOCK_S = (86_400.0, 3_600.0, 60.0, 1.0)

_ORDINAL = "%Y-%j"
_DATES = {
    "%Y-%m-%d": r"\d{4}-\d\d?-\d\d?",
    "%Y/%m/%d": r"\d{4}/\d\d?/\d\d?",
    "%Y.%m.%d": r"\d{4}\.\d\d?\.\d\d?",
    "%Y:%m:%d": r"\d{4}:\d\d?:\d\d?",
    "%Y%m%d": r"\d{8}",
    _ORDINAL: (
        r"\d{4}-(?:0\d[1-9]|0[1-9]0|[12]\d\d|3[0-5]\d|36[0-5])|"
        r"\d\d(?:[02468][048]|[13579][26])-366"
    ),
    "%d/%b/%Y": r"\d\d?/[A-Za-z]{3}/\d{4}",
    "%d-%b-%Y": r"\d\d?-[A-Za-z]{3}-\d{4}",
    "%d %b %Y": r"\d\d? +[A-Za-z]{3} +\d{4}",
    "%b %d %Y": r"[A-Za-z]{3} +\d\d? +\d{4}",
    "%b %d, %Y": r"[A-Za-z]{3} +\d\d?, +\d{4}",
    "%B %d, %Y": r"[A-Za-z]{4,} +\d\d?, +\d{4}",
    "%d.%m.%Y": r"\d\d?\.\d\d?\.\d{4}",
    "%d.%m.%y": r"\d\d?\.\d\d?\.\d\d",
    "%m/%d/%Y": r"\d\d?/\d\d?/\d{4}",
    "%m/%d/%y": r"\d\d?/\d\d?/\d\d",
    "%m-%d-%Y": r"\d\d?-\d\d?-\d{4}",
}
"""Forms of a date, and what tells each from the others. Whether months or days stand
first in the last three is for the column to tell."""
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H%M%S", "%H%M", "%I:%M:%S %p", "%I:%M %p")
_WRITTEN = re.compile(
    r"\s*\[?(?:(?P<weekday>(?i:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[A-Za-z]*),? +)?"
    rf"(?P<date>{'|'.join(_DATES.values())}|[A-Za-z]{{3}} +\d\d?)"
    r"(?:(?: - |[T:,_ -]) *(?P<clock>\d\d?:\d\d?(?::\d\d?)?|\d{4}|\d{6})"
    r"(?:(?P<fraction>[.,]\d{1,6})(?P<finer>\d*))?(?:\s*(?P<half>[AaPp][Mm]))?"
    r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?(?P<year> +\d{4})?)?\]?\s*",
    re.ASCII,
)
"""Python and DuckDB (RE2) read it alike."""
_ISO = (
    r"\d{4}[-/]\d\d?[-/]\d\d?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d(:?\d\d)?)?"
    r"(?! ?[AaPp][Mm]\b)( ?[A-Za-z/_]+)?)?"
)
"""What DuckDB reads as a TIMESTAMPTZ."""
_SURE = "DATE '1000-01-02' AND DATE '9999-12-30'"
"""Days whose text is read as no other time."""
_MOST = "1e20"
"""Numbers beyond are no times."""
_MONTHS = 12
_YEAR_1000_US = -30_610_224_000_000_000
_YEAR_2000_US = 946_684_800_000_000


def seconds(text: str, unit_s: float | None) -> str:
    """Return SQL for a duration in seconds, NULL for anything else."""
    number = f"TRY_CAST({text} AS DOUBLE)"
    known = "isfinite" if unit_s else "0 ="
    with_units = f"regexp_full_match({text}, '{_WITH_UNITS}')"
    return (
        f"CASE WHEN {known}({number}) THEN {number} * {unit_s or 1.0} "
        f"WHEN regexp_matches({text}, '\\d') AND {with_units} "
        f"THEN {_sum(text, _WITH_UNITS, [unit for _, unit in _UNITS])} "
        f"WHEN regexp_full_match({text}, '{_CLOCK}') "
        f"THEN {_sum(text, _CLOCK, _CLOCK_S)} END"
    )


def _sum(text: str, pattern: str, units_s: Sequence[float]) -> str:
    """Return SQL that adds up the groups of a pattern, each in its unit."""
    names = ", ".join(f"'p{at}'" for at in range(len(units_s)))
    parts = " + ".join(
        f"CASE WHEN w.p{at} = '' THEN 0 ELSE TRY_CAST(w.p{at} AS DOUBLE) * {unit} END"
        for at, unit in enumerate(units_s)
    )
    # A lambda: what is written out twice might be computed twice.
    written = f"regexp_extract({text}, '^(?:{pattern})$', [{names}])"
    return f"list_transform([{written}], lambda w: {parts})[1]"


def microseconds(text: str, samples: Iterable[str], name: str = "") -> str:
    """Return SQL for a time in microseconds since 1970, NULL where there is none.

    ISO 8601 (without a zone it is UTC), numbers (seconds below 1e11, then milli-,
    micro- and nanoseconds), and what vendors, loggers and spreadsheets write. Numbers
    may count from any origin, but not among dates: there they are times from 2000 on
    alone. Numbers that are dates are read as such (`dated_numbers`).

    The form of most samples is tried first, because to try all costs ten times as much; and
    where one of them is a date such as 31/12/2026, days stand first in all of the column,
    else months.
    """
    written = list(samples)
    days_first = any(first > _MONTHS for first, _ in _numbered_dates(written))
    iso, number = _iso(text), _number(text)
    other = _in_any_form(text, days_first=days_first)
    form = _form_of_most(written)
    dated = dated_numbers(written, name)
    if dated and form in ("", NUMBER):
        return _first_of(dated.sql(text), iso, other)
    if form == NUMBER:
        return _first_of(number, iso, other)
    # Told to the minute at least: fewer digits may be seconds.
    digits = compact(text, ("second", "minute"))
    if form == "":
        return _first_of(digits, number, iso, other)
    recent = f"CASE WHEN {number} >= {_YEAR_2000_US} THEN {number} END"
    numbers = [dated.sql(text)] if dated else []
    numbers += [digits, recent]
    if form == _ISO:
        return _first_of(iso, *numbers, other)
    strptime = literal(_ordered(form, days_first=days_first))
    as_most = _from_year_1000(f"epoch_us(try_strptime({text}, {strptime}))")
    return _first_of(as_most, iso, *numbers, other)


def microseconds_of(
    cell: str, kind: str, samples: Sequence[str], name: str = ""
) -> str:
    """Return SQL for what `microseconds` finds in the text of a cell of a type.

    What the type tells needs no text: most times, and numbers that are no dates.
    """
    by_text = microseconds(f"CAST({cell} AS VARCHAR)", samples, name)
    if kind in TIMES:
        return (
            f"CASE WHEN {cell} BETWEEN {_SURE} AND epoch_us({cell}) <> 0 "
            f"THEN epoch_us({cell}) ELSE {by_text} END"
        )
    # The text of a FLOAT is another DOUBLE than it is.
    is_number = _form_of_most(samples) == NUMBER and not dated_numbers(samples, name)
    if is_number and kind in {*WHOLE, "double"}:
        number = f"CAST({cell} AS DOUBLE)"
        return (
            f"CASE WHEN abs({number}) < {_MOST} THEN {_in_unit(number)} "
            f"ELSE {by_text} END"
        )
    return by_text


def said_of_times(samples: Iterable[str], name: str = "") -> list[str]:
    """Say what cells of a column of times were taken for, where they may be another."""
    written = list(samples)
    return [*said_of_dates(written), *said_of_numbers(written, name)]


def said_of_dates(samples: Iterable[str]) -> list[str]:
    """Say so where months were taken to stand first, and nothing tells."""
    dates = _numbered_dates(samples)
    if not dates or any(number > _MONTHS for date in dates for number in date):
        return []
    first, second = dates[0]
    told = f"2026-{second:02}-{first:02}"
    date = f"{first:02}/{second:02}/2026"
    return [f"dates such as {date} were read month first; {told} tells a day first"]


def is_date(text: str) -> bool:
    """Return whether a cell is a date in words or with separators, and no number."""
    return _form(text) not in {"", NUMBER}


def _numbered_dates(samples: Iterable[str]) -> list[tuple[int, int]]:
    """Return month and day, in whatever order, of dates that may start with either."""
    dates = [match["date"] for match in map(_WRITTEN.fullmatch, samples) if match]
    either = [date for date in dates if _date_form(date).startswith("%m")]
    starts = [re.split("[/-]", date)[:2] for date in either]
    return [(int(first), int(second)) for first, second in starts]


def _form_of_most(samples: Sequence[str]) -> str:
    """Return `NUMBER`, `_ISO` or a form for strptime; "" where no form is of most."""
    [(form, count), *_] = Counter(map(_form, samples)).most_common(1) or [("", 0)]
    return form if count * 2 > len(samples) else ""


def _form(written: str) -> str:
    for form in (NUMBER, _ISO):
        if re.fullmatch(form, written):
            return form
    match = _WRITTEN.fullmatch(written)
    if match is None or match["finer"] or _date_form(match["date"]) == _ORDINAL:
        # To strptime day 366 of a common year is one of the next.
        return ""
    form, end = "", 0
    for part, text in match.groupdict().items():
        if text:
            form += written[end : match.start(part)] + _strptime_part(match, part)
            end = match.end(part)
    return form + written[end:]


def _strptime_part(match: re.Match[str], part: str) -> str:
    """Return what strptime calls a part of a time."""
    text = match[part]
    hour = "%I" if match["half"] else "%H"
    together = "%H%M%S" if len(text) == len("130500") else "%H%M"
    clocks = {0: together, 1: f"{hour}:%M", 2: f"{hour}:%M:%S"}
    return {
        "weekday": "%a" if len(text) == len("Mon") else "%A",
        "date": _date_form(text),
        "clock": clocks[text.count(":")],
        "fraction": text[0] + "%f",
        "half": "%p",
        "zone": "%z" if text[0] in "+-" else text,
        "year": " %Y",
    }[part]


def _date_form(date: str) -> str:
    fitting = (form for form, each in _DATES.items() if re.fullmatch(each, date))
    return next(fitting, "%b %d")


def _ordered(form: str, *, days_first: bool) -> str:
    return re.sub("%m([/-])%d", r"%d\1%m", form) if days_first else form


def _first_of(*choices: str) -> str:
    """Return SQL for the first that is not NULL; what follows is not computed.

    Of a COALESCE, DuckDB computes ahead, for every row, whatever stands in it twice.
    """
    *before, last = choices
    whens = " ".join(f"WHEN {each} IS NOT NULL THEN {each}" for each in before)
    return f"CASE {whens} ELSE {last} END"


def _iso(text: str) -> str:
    """Read the zone, too: a TIMESTAMP cast passes over it without a word.

    The word `epoch` passes for the first instant of 1970.
    """
    time_us = f"epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))"
    return f"nullif({_from_year_1000(time_us)}, 0)"


def _from_year_1000(time_us: str) -> str:
    """Return SQL that has NULL for earlier times: 10/1/26 is no day of the year 10."""
    return f"nullif(greatest({time_us}, {_YEAR_1000_US}), {_YEAR_1000_US})"


def _number(text: str) -> str:
    # DuckDB passes over the `_` of a number; 20261001_120000 is none.
    return _in_unit(f"TRY_CAST(replace({text}, '_', ' ') AS DOUBLE)")


def _in_unit(number: str) -> str:
    return (
        f"CASE WHEN abs({number}) < 1e11 THEN CAST(round({number} * 1e6) AS BIGINT) "
        f"WHEN abs({number}) < 1e14 THEN CAST(round({number} * 1e3) AS BIGINT) "
        f"WHEN abs({number}) < 1e17 THEN CAST(round({number}) AS BIGINT) "
        f"WHEN abs({number}) < {_MOST} THEN CAST(round({number} / 1e3) AS BIGINT) END"
    )


def _in_any_form(text: str, *, days_first: bool) -> str:
    """Read date, clock and zone apart: there may be anything between them."""
    dates = " ".join(
        f"WHEN regexp_full_match(w.date || w.year, '{pattern}') THEN "
        f"try_strptime(w.date || w.year, '{_ordered(form, days_first=days_first)}')"
        for form, pattern in _DATES.items()
    )
    clocks = ", ".join(f"'%Y-%m-%d {clock}'" for clock in _CLOCKS)
    clock = (
        "CASE WHEN w.clock = '' THEN 0 ELSE epoch_us(try_strptime("
        f"trim('1970-01-01 ' || w.clock || ' ' || w.half), [{clocks}])) END"
    )
    fraction_us = "CAST(rpad(w.fraction[2:], 6, '0') AS BIGINT)"
    names = ", ".join(f"'{name}'" for name in _WRITTEN.groupindex)
    written = f"regexp_extract({text}, '^(?:{_WRITTEN.pattern})$', [{names}])"
    time_us = (
        f"epoch_us(CASE {dates} END) + {clock} + {fraction_us} - {zone_us('w.zone')}"
    )
    # A lambda: what is written out twice might be computed twice.
    return _from_year_1000(f"list_transform([{written}], lambda w: {time_us})[1]")
