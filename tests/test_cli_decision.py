"""The decision on the terminal: what it says of the decoder, and how long it is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketwise.analysis import Analysis
from bucketwise.cli import main
from bucketwise.cli.decision import MOST_LINES, decision_lines
from tests.strategies import notes_of
from tests.test_report import CASES as WITHOUT
from tests.test_report_decoder import CASES, FULL, LIGHT, decoded, evidence_of


def line(analysis: Analysis, start: str) -> str:
    return next(text for text in decision_lines(analysis) if text.startswith(start))


def test_decoder_graphs_are_named_with_what_they_save() -> None:
    told = line(CASES["light"](), "Compile decoder_batch_sizes")
    assert told.startswith("Compile decoder_batch_sizes [2, 8] for batch_size 8: ")
    assert " less than with one graph (roofline, assumed), at most " in told
    measured = line(CASES["measured"](), "Compile decoder_batch_sizes")
    assert measured.endswith("less than with one graph (measured).")
    slots = line(CASES["slots"](), "Compile decoder_batch_sizes")
    assert slots.endswith("fewer slots a step than with one graph.")


def test_without_a_saving_the_reason_is_told() -> None:
    assert "no evidence" in line(CASES["no_evidence"](), "Compile decoder_batch_sizes")
    full = line(CASES["full"](), "Compile decoder_batch_sizes [8] for batch_size 8")
    assert "a decoder that is full" in full
    whole = line(CASES["whole_batch"](), "Compile decoder_batch_sizes [8]")
    assert whole.endswith("this model never runs a smaller graph.")


def test_a_batch_size_that_queues_is_told_with_one_that_does_not() -> None:
    assert line(CASES["full"](), "With batch_size 8 requests queue in").endswith(
        "with 32 in 0%."
    )
    low = decoded(evidence_of((0, 2, 0, 60.0)))
    assert line(low, "A batch_size of 4 would do")


def test_what_the_load_was_read_from_is_told_behind_the_images() -> None:
    evidence = replace(evidence_of(*LIGHT), notes=("read start from 'a'",))
    told = line(decoded(evidence), "Read: ")
    assert told.endswith(
        "; decoder load: 321 records, 0 rejected; read start from 'a'."
    )
    assert told.count("read start") == 1


def test_without_a_decoder_nothing_is_said_of_it() -> None:
    for text in decision_lines(WITHOUT["without_today"]()):
        assert "decoder" not in text


def test_the_decision_stays_short_however_much_there_is_to_say() -> None:
    analysis = decoded(evidence_of(*FULL))
    visual = replace(analysis.plan.visual, warnings=notes_of(*"abcdefghij"))
    model = replace(analysis.plan.model, assumed=True)
    crowded = replace(analysis, plan=replace(analysis.plan, visual=visual, model=model))
    told = decision_lines(crowded)
    assert len(told) <= MOST_LINES
    assert sum("more notes: see plan.json" in text for text in told) == 1


def test_paper_alone_without_a_chromium_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bucketwise", "analyze", "none.csv", "--format", "pdf"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: summary.pdf was not made: no Chromium")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", ["docx", "html,", "none,html", ""])
def test_formats_that_nobody_knows_are_refused(formats: str) -> None:
    done = CliRunner().invoke(main, ["analyze", "a.csv", "--format", formats])
    assert done.exit_code == 2
    assert "html, pdf, md or none are right" in done.output
