"""Laws of numbers as text: a thousandfold error is impossible without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.read import read_traffic
from bucketwise.read.database import Connection, open_workspace
from bucketwise.read.tables.number_forms import NumberForm, number_forms


@pytest.fixture(scope="module", name="connection")
def _connection() -> Iterator[Connection]:
    with open_workspace() as workspace:
        yield workspace.connection


def read(
    connection: Connection, form: NumberForm, cells: Sequence[str]
) -> list[float | None]:
    sql = f"SELECT TRY_CAST({form.plain('t')} AS DOUBLE) FROM (SELECT unnest(?) AS t)"
    return [value for (value,) in connection.execute(sql, [list(cells)]).fetchall()]


def swapped(text: str) -> str:
    return text.translate(str.maketrans(",.", ".,"))


WRITERS: dict[str, Callable[[Decimal], str]] = {
    "plain": "{:f}".format,
    "three decimals": "{:.3f}".format,
    "decimal comma": lambda number: swapped(f"{number:f}"),
    "commas between thousands": "{:,f}".format,
    "points between thousands": lambda number: swapped(f"{number:,f}"),
    "spaces between thousands": lambda number: f"{number:,f}".replace(",", " "),
    "thin spaces, decimal comma": lambda number: swapped(f"{number:,f}").replace(
        ".", "\u202f"
    ),
}
WEIGHTS = st.integers(0, 9_999_999) | st.decimals(0, 99_999, places=3)


@settings(max_examples=120, deadline=None)
@given(
    role=st.sampled_from(["count", "width", "tokens"]),
    numbers=st.lists(WEIGHTS.map(Decimal), min_size=1, max_size=6),
    later=st.lists(WEIGHTS.map(Decimal), max_size=2),
    form=st.sampled_from([*WRITERS]),
)
def test_a_number_is_read_right_or_not_at_all_or_something_is_said(
    connection: Connection,
    role: str,
    numbers: list[Decimal],
    later: list[Decimal],
    form: str,
) -> None:
    if role != "count":
        numbers, later = (
            [each.to_integral_value() + 1 for each in some] for some in (numbers, later)
        )
    cells = [WRITERS[form](each.normalize() + 0) for each in numbers]
    more = [WRITERS[form](each.normalize() + 0) for each in later]
    found = number_forms({role: cells})[role]
    for number, value in zip(
        [*numbers, *later], read(connection, found, [*cells, *more]), strict=True
    ):
        assert value in {float(number), None} or found.said


@pytest.mark.parametrize(
    ("role", "cells", "values", "said"),
    [
        ("count", ["1.000", "2.000"], [1, 2], "1.000 was read with a decimal point"),
        ("count", ["1.000", "2"], [1000, 2], "1.000 was read as 1000"),
        ("count", ["1.000", "12.345.678"], [1000, 12_345_678], "1.000 was read as"),
        ("count", ["1.000", "1.000,5"], [1000, 1000.5], "1.000 was read as 1000"),
        ("count", ["1.000", "2,5"], [1000, 2.5], "1.000 was read as 1000"),
        ("count", ["1.000", "0.5"], [1, 0.5], ""),
        ("count", ["1,640", "2,000"], [None, None], "not read: write 1.640 or 1640"),
        ("count", ["1,640,000", "2,000"], [1_640_000, 2000], "was read as 1640000"),
        ("width", ["1.640", "640"], [1640, 640], "1.640 was read as 1640"),
        ("width", ["1,640", "640"], [1640, 640], "1,640 was read as 1640"),
        ("width", ["1.000", "2.000"], [1000, 2000], "1.000 was read as 1000"),
        ("width", ["640.000", "1280.000"], [640, 1280], ""),
        ("width", ["640.000", "480.000"], [640, 480], "640.000 was read as 640"),
        ("width", ["1\u00a0640", "1'080"], [1640, 1080], ""),
        ("width", ["1.5", "1,5", "640"], [1.5, None, 640], ""),
        ("width", ["1.2.3", "1,2.3.4", "0.5"], [None, None, 0.5], ""),
        ("width", ["640", "n/a", "1e3", "-1"], [640, None, 1000, -1], ""),
    ],
)
def test_what_a_column_tells_decides(
    connection: Connection,
    role: str,
    cells: list[str],
    values: list[float | None],
    said: str,
) -> None:
    form = number_forms({role: cells})[role]
    assert read(connection, form, cells) == values
    assert said in form.said if said else not form.said


def test_other_columns_tell_what_one_cannot(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("size;weight;fps;frames\n1.640x1.080;1.000;29,970;64\n")
    traffic = read_traffic([path])
    assert (traffic.width_px[0], traffic.height_px[0]) == (1640, 1080)
    assert (traffic.count[0], traffic.fps[0]) == (1000, 29.97)
    assert "count such as 1.000 was read as 1000" in traffic.inputs[0].notes
    path.write_text('{"w": 640, "h": 480, "weight": 1.125}\n')
    traffic = read_traffic([path])
    assert traffic.count[0] == 1.125
    assert not any("such as" in note for note in traffic.inputs[0].notes)
