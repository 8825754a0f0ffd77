"""What `analyze --activity` says of a log whose names leave open what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bucketwise.cli import main


def analyze(folder: Path, *options: str) -> Result:
    (folder / "sizes.csv").write_text("width,height\n640,480\n")
    arguments = [
        "analyze", str(folder / "sizes.csv"), "--activity", str(folder / "load.csv"),
        "--model", "qwen3-vl-2b", "--batch-size", "8", "--out", str(folder / "o"),
        "--format", "none",
    ]  # fmt: skip
    return CliRunner().invoke(main, [*arguments, *options])


def write_log(folder: Path, took: float, more: str = "") -> None:
    rows = [f"{at},{took + at % 7}{more.format(at % 2)}\n" for at in range(60)]
    header = "start,latency,pod" if more else "start,latency"
    (folder / "load.csv").write_text(f"{header}\n{''.join(rows)}")


def mean_active(folder: Path) -> float:
    plan = json.loads((folder / "o" / "plan.json").read_text())
    return float(plan["decoder"]["mean_active"])


def test_the_unit_that_alone_is_plausible_is_taken_and_said(tmp_path: Path) -> None:
    write_log(tmp_path, 3_000)
    result = analyze(tmp_path)
    assert result.exit_code == 0, result.output
    assert "'latency' names no unit and is read as milliseconds (3.0 s" in result.output
    assert (
        "3,000 s a request in seconds (--columns duration_s=latency)" in result.output
    )
    assert mean_active(tmp_path) == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(
    ("spelling", "active"), [("duration_s", 30), ("duration_ms", 1)]
)
def test_of_several_units_each_is_read_as_the_refusal_spells_it(
    tmp_path: Path, spelling: str, active: float
) -> None:
    write_log(tmp_path, 60)
    result = analyze(tmp_path)
    assert result.exit_code == 1
    assert f"--columns {spelling}=latency" in str(result.exception)
    result = analyze(tmp_path, "--columns", f"{spelling}=latency")
    assert result.exit_code == 0, result.output
    assert mean_active(tmp_path) == pytest.approx(min(active, 8), rel=0.5)


def test_a_column_can_be_left_unread(tmp_path: Path) -> None:
    write_log(tmp_path, 3_000, ",engine-{}")
    assert analyze(tmp_path).exit_code == 0
    apart = mean_active(tmp_path)
    assert analyze(tmp_path, "--columns", "replica=").exit_code == 0
    assert mean_active(tmp_path) == pytest.approx(2 * apart, rel=0.1)
    assert analyze(tmp_path, "--columns", "replica").exit_code == 2
