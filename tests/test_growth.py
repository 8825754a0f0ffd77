"""One histogram for months: added to, never twice, and weighed by age when it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.app.appending import MOST_INPUTS, append
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.traffic import DAY_S, InputRecord, Traffic, merge_traffic
from bucketwise.read import read_traffic
from tests.commands import bucketwise
from tests.strategies import traffic_of

HALF_LIFE_S = 14 * DAY_S


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
    before = path.read_bytes()
    again = bucketwise("histogram", logs[1], "--append", path, cwd=tmp_path)
    assert again.returncode == 1
    assert "holds 1.csv already; leave it out" in again.stderr
    assert path.read_bytes() == before


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
