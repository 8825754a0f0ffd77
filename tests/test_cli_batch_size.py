"""Where the batch size of a decoder comes from when nobody gives it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketwise.cli import main

LOAD = "time,running\n" + "".join(f"{at},{37 if at % 9 else 20}\n" for at in range(99))


def analyzed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[dict[str, object], str]:
    """Plan for a load of 37 at once; return the plan and what was printed."""
    monkeypatch.chdir(folder)
    Path("t.csv").write_text("width,height\n640,480\n1280,720\n")
    Path("load.csv").write_text(LOAD)
    Path("base.json").write_text(
        '{"visual": {}, "max_seq_len": 32768, "batch_size": 4}'
    )
    done = CliRunner().invoke(
        main,
        ["analyze", "t.csv", "--activity", "load.csv", "--model", "qwen3-vl-2b",
         "--format", "none", "--out", "o", "--target", "0.12.0", *options],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return json.loads(Path("o/plan.json").read_text()), done.output


def rows_of(plan: dict[str, object]) -> list[dict[str, str]]:
    assumptions = plan["assumptions"]
    assert isinstance(assumptions, list)
    return [row for row in assumptions if row["name"] == "batch_size"]


def test_the_load_suggests_the_batch_size_and_every_output_marks_it_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, told = analyzed(tmp_path, monkeypatch)
    decoder = plan["decoder"]
    assert isinstance(decoder, dict)
    assert decoder["batch_size"] == decoder["suggested_batch_size"] == 64
    [row] = rows_of(plan)
    assert (row["value"], row["status"]) == ("64", "assumed")
    assert "suggested by the activity" in row["source"]
    assert "batch_size 64 (assumed, suggested by the activity)" in told
    assert told.index("only 99 records") < told.index("Compile [")
    [script], [config] = (
        [*Path("o").rglob(name)] for name in ("compile.py", "rbln_config.json")
    )
    _, _, assumed = script.read_text().partition("ASSUMED")
    assert "batch_size = 64" in assumed.partition("=====")[0]
    assert json.loads(config.read_text())["batch_size"] == 64


@pytest.mark.parametrize(
    ("options", "batch_size", "source"),
    [
        (("--base", "base.json"), 4, "base.json"),
        (("--current", "today.json"), 4, "today.json"),
        (("--batch-size", "2"), 2, "given with --batch-size"),
    ],
)
def test_what_is_given_is_kept_and_is_no_assumption(
    options: tuple[str, ...],
    batch_size: int,
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {
        "visual": {"max_seq_lens": [16_384]},
        "max_seq_len": 32_768,
        "batch_size": 4,
    }
    (tmp_path / "today.json").write_text(json.dumps(config))
    plan, told = analyzed(tmp_path, monkeypatch, *options)
    decoder = plan["decoder"]
    assert isinstance(decoder, dict)
    assert decoder["batch_size"] == batch_size
    assert [(row["status"], row["source"]) for row in rows_of(plan)] == [
        ("measured", source)
    ]
    assert "(assumed, suggested" not in told
