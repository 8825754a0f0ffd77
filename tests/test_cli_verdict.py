"""The verdict as programs take it: JSON alone, and an exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketwise.cli import main


def table(folder: Path, images: int = 1_200) -> Path:
    path = folder / "traffic.csv"
    path.write_text(
        f"width,height,count\n640,480,{images - 100}\n1920,1080,60\n2048,2048,40\n"
    )
    return path


def analyzed(folder: Path, *options: str, images: int = 1_200) -> tuple[int, str]:
    words = ["analyze", str(table(folder, images)), "--out", str(folder / "out")]
    done = CliRunner().invoke(main, [*words, "--format", "none", *options])
    return done.exit_code, done.stdout


def test_json_is_the_decision_and_nothing_else(tmp_path: Path) -> None:
    status, said = analyzed(
        tmp_path, "--json", "--model", "qwen3-vl-2b", "--current", "9000"
    )
    told = json.loads(said)
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert status == 0
    assert told["verdict"] == plan["verdict"]
    assert told["vit_max_seq_lens"] == plan["visual"]["vit_max_seq_lens"]
    assert told["lists"][0]["lengths"] == plan["visual"]["max_seq_lens"]
    assert told["today"]["overflow_images"] == 40
    assert set(told["files"]) == {
        each.relative_to(tmp_path / "out").as_posix()
        for each in (tmp_path / "out").rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize(
    ("options", "gate", "status"),
    [
        (("--model", "qwen3-vl-2b"), "go_if", 0),
        ((), "go_if", 3),
        ((), "no", 0),
        (("--model", "qwen3-vl-2b", "--bucket-unit", "merged"), "no", 3),
        (("--model", "qwen3-vl-2b", "--bucket-unit", "merged"), "go_if", 3),
    ],
)
def test_a_gate_ends_with_3_on_the_verdict_it_is_for(
    options: tuple[str, ...], gate: str, status: int, tmp_path: Path
) -> None:
    assert analyzed(tmp_path, "--fail-on", gate, *options)[0] == status
    # The results are there whatever the gate says.
    assert (tmp_path / "out" / "plan.json").exists()


def test_every_form_of_the_decision_begins_with_the_verdict(tmp_path: Path) -> None:
    words = ["analyze", str(table(tmp_path)), "--out", str(tmp_path / "out")]
    words += ["--model", "qwen3-vl-2b", "--current", "9000", "--format", "md"]
    done = CliRunner().invoke(main, words)
    reason = "40 images (3.3%) fail today"
    assert done.stdout.startswith(f"Verdict: go. {reason}")
    summary = (tmp_path / "out" / "summary.md").read_text()
    before, _, after = summary.partition("Verdict: go.")
    assert reason in after.partition("\n\n")[0]
    assert "|" not in before
