"""Laws of durations: as long in every form they are written in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.read.database import Connection, open_workspace
from bucketwise.read.tables.times import seconds


@pytest.fixture(scope="module", name="connection")
def _connection() -> Iterator[Connection]:
    with open_workspace() as workspace:
        yield workspace.connection


def read(connection: Connection, text: str, unit_s: float = 1.0) -> float | None:
    sql = f"SELECT {seconds('t', unit_s)} FROM (SELECT CAST(? AS VARCHAR) AS t)"
    found = connection.execute(sql, [text]).fetchone()
    assert found is not None
    value: float | None = found[0]
    return value


def decimal(number: int, digits: int) -> str:
    whole, part = divmod(number, 10**digits)
    return f"{whole}.{part:0{digits}}"


def parted(duration_us: int) -> tuple[int, int, str]:
    minutes, rest_us = divmod(duration_us, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    return hours, minutes, decimal(rest_us, 6)


def as_go(duration_us: int) -> str:
    """Write as Go's `time.Duration.String` does: no unit larger than is needed."""
    if duration_us < 1_000:
        return f"{duration_us}\u00b5s"
    if duration_us < 1_000_000:
        return f"{decimal(duration_us, 3)}ms"
    hours, minutes, rest_s = parted(duration_us)
    larger = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{larger}{rest_s}s"


def as_iso(duration_us: int) -> str:
    hours, minutes, rest_s = parted(duration_us)
    return f"PT{hours}H{minutes}M{rest_s}S"


def as_clock(duration_us: int) -> str:
    hours, minutes, rest_s = parted(duration_us)
    return f"{hours:02}:{minutes:02}:{rest_s:0>9}"


def as_net(duration_us: int) -> str:
    days, rest_us = divmod(duration_us, 86_400_000_000)
    return f"{days}.{as_clock(rest_us)}"


FORMS: list[Callable[[int], str]] = [
    lambda us: decimal(us, 6),
    lambda us: f"{decimal(us, 6)}s",
    lambda us: f"{decimal(us, 6)} seconds",
    lambda us: f" {decimal(us, 3)} ms ",
    lambda us: f"{us}us",
    lambda us: f"{us * 1000} ns",
    as_go,
    as_iso,
    as_clock,
    as_net,
]


@settings(max_examples=60, deadline=None)
@given(duration_us=st.integers(0, 400_000_000_000))
@pytest.mark.parametrize("form", FORMS)
def test_a_duration_is_as_long_in_every_form(
    connection: Connection, form: Callable[[int], str], duration_us: int
) -> None:
    found = read(connection, form(duration_us))
    assert found == pytest.approx(duration_us / 1e6, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("250", 0.25), ("250ms", 0.25), ("2s", 2.0), ("00:00:02", 2.0), ("1m", 60.0)],
)
def test_the_unit_beside_a_number_comes_before_that_of_its_column(
    connection: Connection, text: str, expected: float
) -> None:
    assert read(connection, text, unit_s=1e-3) == expected


NONE = [
    *("", " ", "s", "PT", "-", "nan", "inf", "5 parsecs", "-5s", "5s3", "3s2h"),
    *("1:2", "1:2:3", "00:00:0x"),
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_duration_is_none(connection: Connection, text: str) -> None:
    assert read(connection, text) is None
