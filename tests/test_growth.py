"""One histogram for months: added to, never twice, and weighed by age when it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.appending import MOST_INPUTS, append
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.traffic import DAY_S, InputRecord, Traffic, merge_traffic
from bucketwise.read import read_traffic, write_histogram
from tests.commands import bucketwise
from tests.strategies import traffic_of

HALF_LIFE_S = 14 * DAY_S
Row = tuple[str, str, str, str, str]


def day(n: int, *rows: tuple[int, int, float]) -> Traffic:
    """Return images of the n-th day, an hour apart."""
    part = traffic_of(*rows)
    start_s = n * DAY_S + 3_600 * np.arange(part.count.size)
    last_s = float(start_s[-1])
    return replace(part, slot_start_s=start_s, first_s=float(start_s[0]), last_s=last_s)


def test_a_file_that_is_added_to_is_the_sum_and_takes_nothing_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "all.parquet"
    logs = []
    for n in range(3):
        logs.append(tmp_path / f"{n}.csv")
        logs[-1].write_text(f"time,width,height\n2024-01-0{n + 1},6{n}0,480\n")
        ended = bucketwise("histogram", logs[-1], "--append", path, cwd=tmp_path)
        assert ended.returncode == 0
    assert read_traffic([path]).sha256() == read_traffic(logs).sha256()
    for untimed in ("4.csv", "5.csv"):  # equal sizes of two days, say
        (tmp_path / untimed).write_text("width,height\n640,480\n")
        ended = bucketwise("histogram", untimed, "--append", path, cwd=tmp_path)
        assert ended.returncode == 0
    twice = bucketwise("histogram", "4.csv", "--append", path, cwd=tmp_path)
    assert "holds 4.csv already; leave it out" in twice.stderr
    before = path.read_bytes()
    again = bucketwise("histogram", logs[1], "--append", path, cwd=tmp_path)
    assert again.returncode == 1
    assert "holds 1.csv already; leave it out" in again.stderr
    assert path.read_bytes() == before


ROWS = st.tuples(
    st.sampled_from(["", "2024-01-01T00:30:00", "2024-01-01T05:00:01", "1704067200"]),
    st.sampled_from(["640", "480", "640.0", "6e2", "0", "n/a", "1e9", "640d"]),
    st.sampled_from(["480", "1,080", "", "-1", "7"]),
    st.sampled_from(["1", "2.5", "0", "1000000", "-1"]),
    st.sampled_from(["", "a", "b ", "\N{SNOWMAN}"]),
)


@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(ROWS, max_size=8), min_size=2, max_size=3), st.randoms())
def test_parts_in_any_order_and_cut_are_what_all_at_once_is(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[Row]], random: Random
) -> None:
    top = tmp_path_factory.mktemp("parts")

    def write(name: str, rows: Iterable[Row]) -> Path:
        head = ("time", "width", "height", "count", "label")
        with (top / name).open("w", newline="") as file:
            csv.writer(file).writerows([head, *rows])
        return top / name

    def read(paths: list[Path]) -> Traffic:
        return read_traffic(paths, max_bad_rows=1.0)

    # Each begins with a good row of an hour of its own, so that columns look alike.
    tables = [
        [(f"2024-01-02T0{n}:00:00", "640", "480", "1", "a"), *rows]
        for n, rows in enumerate(tables)
    ]
    logs = [write(f"{n}.csv", rows) for n, rows in enumerate(tables)]
    whole = read([write("whole.csv", chain.from_iterable(tables))])
    together = read(logs)
    parts = [log.with_suffix(".parquet") for log in logs]
    for log, part in zip(logs, parts, strict=True):
        write_histogram(read([log]), part)
        append(read([log]), top / "added.parquet")
    write_histogram(together, top / "together.parquet")
    bytes_of_both = {
        (top / f"{name}.parquet").read_bytes() for name in ("together", "added")
    }
    assert len(bytes_of_both) == 1
    random.shuffle(parts)
    for each in (whole, read(parts)):
        assert said_of(each) == said_of(together)


def said_of(traffic: Traffic) -> tuple[object, ...]:
    return (
        traffic.sha256(),
        {each.reason: each.count for each in traffic.rejections},
        (traffic.rows_read, traffic.rows_used, traffic.weighted, traffic.labels),
        (traffic.first_s, traffic.last_s, traffic.slot_width_s),
    )


def test_slots_are_hours_for_a_month_and_days_after(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    rows = ((480, 640, 1.0), (600, 800, 2.0))
    assert append(day(0, *rows), path).slot_width_s == 3_600
    assert append(day(20, *rows[:1]), path).slot_width_s == 3_600
    later = append(day(40, *rows), path)
    assert later.slot_width_s == DAY_S
    assert later.images == 7
    assert set(later.slot_start_s.tolist()) == {0, 20 * DAY_S, 40 * DAY_S}


def test_of_very_many_inputs_the_oldest_are_one(tmp_path: Path) -> None:
    records = tuple(
        InputRecord(kind="csv", name=f"{n}.csv", rows=2, sha256=f"{n}")
        for n in range(MOST_INPUTS + 10)
    )
    held = append(
        replace(day(0, (480, 640, 1.0)), inputs=records), tmp_path / "a.parquet"
    )
    assert len(held.inputs) == MOST_INPUTS
    assert sum(each.rows for each in held.inputs) == 2 * len(records)
    assert held.inputs[-1] == records[-1]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True))
def test_an_image_is_worth_half_a_half_life_later(days: list[int]) -> None:
    traffic = merge_traffic([day(n, (480, 640, 3.0)) for n in days])
    worth = [3 * 0.5 ** ((max(days) - n) / 14) for n in sorted(days)]
    decayed = traffic.decayed(HALF_LIFE_S)
    assert decayed.count == pytest.approx(worth)
    assert decayed.weighted
    assert decayed.rows_used == traffic.rows_used


def test_what_has_no_time_has_no_age() -> None:
    with pytest.raises(UsageError, match="--half-life: expected images with times"):
        traffic_of((480, 640, 1.0)).decayed(HALF_LIFE_S)


def test_the_command_line_takes_a_half_life(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "time,width,height,count\n2024-01-01,640,480,8\n2024-01-15,800,600,1\n"
    )
    words = ("analyze", "a.csv", "--format", "none", "--half-life")
    ended = bucketwise(*words, "14d", cwd=tmp_path)
    assert ended.returncode == 0
    assert '"images": 5,' in (tmp_path / "bucketwise-a" / "plan.json").read_text()
    assert (
        '"half_life_s": 1209600'
        in (tmp_path / "bucketwise-a" / "plan.json").read_text()
    )
    wrong = bucketwise(*words, "14", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "expected a time such as 36h, 14d or 2w" in wrong.stderr


def test_a_file_that_is_no_histogram_is_not_added_to(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("width,height\n1,2\n")
    (tmp_path / "b.csv").write_text("width,height\n640,480\n")
    append_words = ("histogram", "b.csv", "--append", "a.parquet")
    assert bucketwise(*append_words, cwd=tmp_path).returncode == 1
    neither = bucketwise("histogram", "b.csv", cwd=tmp_path)
    assert neither.returncode == 2
    assert "expected -o FILE or --append FILE, got neither" in neither.stderr
    with pytest.raises(InputError, match="no histogram"):
        append(day(0, (480, 640, 1.0)), tmp_path / "a.parquet")
