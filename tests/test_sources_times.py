"""Laws of times: a moment is the same however it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.read.database import Connection, open_workspace
from bucketwise.read.tables.times import microseconds, said_of_dates, said_of_times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAWS = settings(max_examples=60, deadline=None)
ISO = "2026-10-01T12:00:00Z"


@pytest.fixture(scope="module", name="connection")
def _connection() -> Iterator[Connection]:
    with open_workspace() as workspace:
        yield workspace.connection


def read(connection: Connection, text: str, samples: Sequence[str]) -> int | None:
    sql = f"SELECT {microseconds('t', samples)} FROM (SELECT CAST(? AS VARCHAR) AS t)"
    found = connection.execute(sql, [text]).fetchone()
    assert found is not None
    value: int | None = found[0]
    return value


class Form(NamedTuple):
    """How a date and a clock are put together, in the words of `strftime`."""

    date: str
    between: str
    clock: str


DATES = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y:%m:%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d/%b/%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%a, %d %b %Y",
    "%b %d %Y",
    "%b %d, %Y",
    "%A, %B %d, %Y",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%m-%d-%Y",
]
CLOCKS = [
    "%H:%M:%S",
    "%H:%M",
    "%H:%M:%S.%f",
    "%H:%M:%S,%f",
    "%I:%M:%S %p",
    "%I:%M %p",
    "%I:%M%p",
    "%I:%M:%S.%f %p",
    "%H%M%S",
]
FORMS = st.builds(
    Form,
    st.sampled_from(DATES),
    st.sampled_from([" ", "T", ":", ", ", "_", "  "]),
    st.sampled_from(CLOCKS),
)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=36_000)).map(
    lambda since: EPOCH + since
)
"""Of those that `%y` can tell: two digits are of one hundred years."""

ZONES = st.integers(-15 * 60, 15 * 60).map(lambda at: timezone(timedelta(minutes=at)))


def written(moment: datetime, form: Form) -> str:
    return moment.strftime(form.date + form.between + form.clock)


def as_written(moment: datetime, form: Form) -> datetime:
    """Return the moment without what the form leaves out."""
    if "%f" not in form.clock:
        moment = moment.replace(microsecond=0)
    return moment if "%S" in form.clock else moment.replace(second=0)


@LAWS
@given(
    moment=MOMENTS,
    form=FORMS,
    zone=ZONES,
    named=st.sampled_from(["", "Z", " UTC", "%z", " %z"]),
)
@pytest.mark.parametrize("samples", [[], [ISO], None])
def test_a_moment_is_the_same_in_every_form(
    connection: Connection,
    moment: datetime,
    form: Form,
    zone: timezone,
    named: str,
    samples: list[str] | None,
) -> None:
    moment = moment.replace(tzinfo=zone if named.endswith("%z") else UTC)
    text = written(moment, form) + moment.strftime(named)
    expected = (as_written(moment, form) - EPOCH) // timedelta(microseconds=1)
    assert read(connection, text, [text] if samples is None else samples) == expected


@LAWS
@given(
    moment=MOMENTS,
    form=FORMS,
    at=st.integers(0, 40),
    character=st.sampled_from("0123456789:/-., TAPMZ+[]"),
)
def test_a_damaged_time_is_the_same_or_none_whatever_stands_beside_it(
    connection: Connection, moment: datetime, form: Form, at: int, character: str
) -> None:
    text = written(moment, form)
    text = text[:at] + character + text[at + 1 :]
    whole = written(moment, form)
    found = {read(connection, text, [each]) for each in (whole, ISO)}
    assert len(found - {None}) <= 1


@settings(max_examples=30, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=4), sep=st.sampled_from("/-"))
def test_one_day_above_twelve_tells_that_days_stand_first_in_the_column(
    connection: Connection, moments: list[datetime], sep: str
) -> None:
    texts = [moment.strftime(f"%d{sep}%m{sep}%Y %H:%M") for moment in moments]
    days_first = any(moment.day > 12 for moment in moments)
    for moment, text in zip(moments, texts, strict=True):
        day, month = moment.day, moment.month
        if not days_first:
            day, month = month, day
        right = moment.replace(month=month, day=day, second=0, microsecond=0)
        expected = (right - EPOCH) // timedelta(microseconds=1)
        for samples in (texts, [*texts, *[ISO] * len(texts)]):
            assert read(connection, text, samples) == expected


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (["05/10/2026", "05/11/2026"], ["05/10/2026", "2026-10-05"]),
        (["5-1-2026 10:00"], ["05/01/2026", "2026-01-05"]),
        (["05/10/2026", "05/31/2026"], None),
        (["05/10/2026", "31/10/2026"], None),
        (["05.10.2026", "2026-10-05", "05/Oct/2026:10:00:00 +0000"], None),
        ([], None),
    ],
)
def test_it_is_said_where_nothing_tells_months_from_days(
    samples: list[str], said: list[str] | None
) -> None:
    notes = said_of_dates(samples)
    assert len(notes) == (said is not None)
    assert all(each in notes[0] for each in said or [])


@pytest.mark.parametrize(
    "text",
    [
        "10/1",
        "10-01 00:00:00",
        "2026-13-01",
        "31/31/2026",
        "1/2/3",
        "26-10-01 10:00:00",
        "99/Oct/2026:00:00:00",
        "Oct 1",
        "10/1/2026 25:00",
        "10/1/2026 13:00 PM",
        "2026-10-01 10:00 XYZ",
        "12:30:00",
    ],
)
@pytest.mark.parametrize("samples", [[ISO], ["10/1/2026 1:00 PM"], None])
def test_what_names_no_day_of_a_year_is_no_time(
    connection: Connection, text: str, samples: list[str] | None
) -> None:
    assert (
        read(connection, text, [text, "2026-10-01"] if samples is None else samples)
        is None
    )


IN_LOGS = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001
DIGITS = {"%Y%m%d": 86_400, "%Y%m%d%H": 3600, "%Y%m%d%H%M": 60, "%Y%m%d%H%M%S": 1}
"""Dates without anything between, and the seconds in what they tell."""


@LAWS
@given(
    moments=st.lists(IN_LOGS, min_size=1, max_size=3),
    form=st.sampled_from([*DIGITS]),
    finer=st.sampled_from(["", ".%f", ",%f", "%f"]),
)
def test_digits_are_a_date_where_every_cell_is_one(
    connection: Connection, moments: list[datetime], form: str, finer: str
) -> None:
    finer = finer if form.endswith("%S") else ""
    texts = [moment.strftime(form + finer) for moment in moments]
    for text, moment in zip(texts, moments, strict=True):
        told_s = Decimal((moment.replace(tzinfo=UTC) - EPOCH) // timedelta(seconds=1))
        expected = int(told_s // DIGITS[form] * DIGITS[form]) * 1_000_000
        expected += moment.microsecond if finer else 0
        assert read(connection, text, texts) == expected
    [note] = said_of_times(texts)
    assert f"{texts[0]} were read as dates ({moments[0]:%Y-%m-%d}" in note


@LAWS
@given(since_s=st.integers(0, 110 * 365 * 86_400 - 1), digits=st.integers(8, 11))
def test_a_spreadsheet_counts_days(
    connection: Connection, since_s: int, digits: int
) -> None:
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=since_s)
    days = Decimal(32_874) + Decimal(since_s) / 86_400
    for text in (f"{days:.{digits}f}", f"{days:.{digits}f}".replace(".", ",")):
        beside = [text, "46296.5", "0"]
        found = read(connection, text, beside)
        assert found is not None
        assert abs(found - (moment - EPOCH) // timedelta(microseconds=1)) <= 1_000
        assert f"{text} were read as days of a spreadsheet" in said_of_times(beside)[0]


@pytest.mark.parametrize(
    ("column", "name", "expected_s", "said"),
    [
        (["0.0", "12.5", "3600"], "time", 0, ""),
        (
            ["40000.123456", "40001.987654"],
            "time",
            40_000.123456,
            "read as seconds; if",
        ),
        (["46296", "46297"], "time", 46_296, "read as seconds; if they are days"),
        (["46296", "46297"], "Date", 1_790_812_800, "read as days of a spreadsheet"),
        (["46296", ISO], "time", 1_790_812_800, "read as days of a spreadsheet"),
        (["46296.5", "46297"], "time_s", 46_296.5, ""),
        (["-1.5", "46296.5"], "time", -1.5, ""),
        (["20261001", "20261101", "20261190"], "time", 20_261_001, ""),
        (["20261001", "20261101"], "time_s", 20_261_001, ""),
        (["1790859900123", "1790859900124"], "time", 1_790_859_900.123, ""),
        (["1790859900"], "time", 1_790_859_900, ""),
        (["20261001130500", "n/a", "", "0"], "time", 1_790_859_900, "read as dates"),
        ([ISO, "20261001130500"], "time", 1_790_856_000, "read as dates"),
        (
            ["20261001130500", "20261301130500"],
            "t",
            20_261_001_130.5,
            "a count: 2026130",
        ),
        (
            ["20261001130500", "20261001", "20261301", "202610011305"],
            "t",
            20_261_001_130.5,
            "a count",
        ),
        (
            ["20261001130500", "20261301130500", "202610011305"],
            "t",
            1_790_859_900,
            "dates",
        ),
        (["2026-274", "2026-275"], "time", 1_790_812_800, ""),
        (["2024-366T01:00Z"], "time", 1_735_606_800, ""),
        (["20261001T1305Z"], "time", 1_790_859_900, ""),
        (["20261001130500Z"], "time", 1_790_859_900, ""),
        (["20261001220500.5+0900", "20261001220501"], "time", 1_790_859_900.5, "dates"),
        (["202610010805-05"], "time", 1_790_859_900, ""),
    ],
)
def test_a_column_tells_dates_from_seconds(
    connection: Connection,
    column: list[str],
    name: str,
    expected_s: float,
    said: str,
) -> None:
    sql = microseconds("t", column, name)
    found = connection.execute(
        f"SELECT {sql} FROM (SELECT CAST(? AS VARCHAR) AS t)", column[:1]
    ).fetchone()
    assert found == (round(expected_s * 1e6),)
    notes = said_of_times(column, name)
    assert said in notes[0] if said else not notes


def test_a_day_that_a_year_has_not_is_no_time(connection: Connection) -> None:
    assert read(connection, "2026-366", ["2026-001"]) is None
