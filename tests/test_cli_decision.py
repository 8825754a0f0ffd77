"""The decision on the terminal: what it says of the decoder, and how long it is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.cli import main
from bucketwise.cli.decision_lines import MOST_LINES, decision_lines
from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.decoder_plan import load_warnings
from bucketwise.core.plan import Assumption, PlanWarning, Severity
from bucketwise.core.verdict import CALLS, Grounds, verdict_of
from bucketwise.core.warnings import LIMIT_ASSUMED, limit_in_doubt, model_warnings
from tests.strategies import notes_of
from tests.test_report import CASES as WITHOUT
from tests.test_report_decoder import CASES, FULL, LIGHT, decoded, evidence_of


def line(analysis: Analysis, start: str) -> str:
    return next(text for text in decision_lines(analysis) if text.startswith(start))


def test_decoder_graphs_are_named_with_what_they_save() -> None:
    told = line(CASES["light"](), "Compile decoder_batch_sizes")
    assert told.startswith("Compile decoder_batch_sizes [2, 8] for batch_size 8: ")
    assert " (roofline, assumed) to " in told
    assert told.endswith(" (if slots dominate) cheaper.")
    measured = line(CASES["measured"](), "Compile decoder_batch_sizes")
    assert measured.endswith("cheaper (measured).")
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
    told = line(decoded(evidence), "Read ")
    assert told.endswith(
        "; decoder load: 321 records, 0 rejected; read start from 'a'."
    )
    assert told.count("read start") == 1


def test_without_a_decoder_nothing_is_said_of_it() -> None:
    for text in decision_lines(WITHOUT["without_today"]()):
        assert "decoder" not in text


def test_the_decision_stays_short_however_much_there_is_to_say() -> None:
    analysis = decoded(evidence_of(*FULL))
    model = replace(analysis.plan.model, assumed=True)
    plan = replace(analysis.plan, warnings=notes_of(*"abcdefghij"), model=model)
    crowded = replace(analysis, plan=plan)
    told = decision_lines(crowded)
    assert len(told) <= MOST_LINES
    assert sum("more notes: see plan.json" in text for text in told) == 1


CROWDED = replace(
    WITHOUT["one_size_only"](),
    plan=replace(
        WITHOUT["one_size_only"]().plan,
        decoder=decoded(replace(evidence_of(*LIGHT), samples=12)).plan.decoder,
    ),
)


@settings(max_examples=40, deadline=None)
@given(
    notes=st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True),
    doubts=st.lists(st.sampled_from("STUV"), max_size=4, unique=True),
    severity=st.sampled_from(["error", "warning"]),
    assumed=st.booleans(),
    fails=st.sampled_from([0.0, 7.0]),
    limit_known=st.booleans(),
    batch_known=st.booleans(),
)
def test_the_verdict_and_what_may_fail_are_told_first_and_whole_within_ten_lines(
    notes: list[str],
    doubts: list[str],
    severity: Severity,
    assumed: bool,
    fails: float,
    limit_known: bool,
    batch_known: bool,
) -> None:
    plan = CROWDED.plan
    assert plan.visual.current is not None
    current = replace(
        plan.visual.current, overflow_images=fails, max_pixels_assumed=not limit_known
    )
    warnings = (
        *notes_of(*notes),
        *(
            PlanWarning(
                id=f"doubt-{word}", severity=severity, words=f"{word} may fail."
            )
            for word in doubts
        ),
        *load_warnings(plan.decoder),
        *(
            PlanWarning(id=LIMIT_ASSUMED, severity="note", words=words)
            for words in filter(None, [limit_in_doubt(current, "raises")])
        ),
        *model_warnings(replace(plan.model, assumed=assumed)),
    )
    row = Assumption(name="batch_size", value="8", status="assumed", source="the load")
    crowded = replace(
        plan,
        visual=replace(plan.visual, current=current, warnings=warnings),
        warnings=warnings,
        model=replace(plan.model, assumed=assumed),
        assumptions=() if batch_known else (row,),
    )
    verdict = verdict_of(crowded, Grounds(min_saving=0.05))
    told = decision_lines(replace(CROWDED, plan=replace(crowded, verdict=verdict)))
    assert len(told) <= MOST_LINES
    assert told[0].startswith(f"Verdict: {CALLS[verdict.call]}. ")
    before, _, _ = " ".join(told).partition("ompile")
    first = f"{before} {' '.join(told).partition(' patches (')[0]}"
    for said in (
        *(f"{word} may fail." for word in doubts),
        *(["is assumed."] if assumed else []),
        *(["7 images"] if fails else ["No image fails today"]),
        *([] if limit_known or not fails else ["max_pixels in service"]),
        "The decoder's load: only 12 records",
    ):
        assert said in first
    assert ("assumed" in line_of(told, "decoder_batch_sizes")) or batch_known
    left = sum(
        all(f"Note: {note}" != text.partition(" (")[0] for text in told)
        for note in notes
    ) + (not batch_known and "Assumed: " not in " ".join(told))
    assert (f"{left} more note" in " ".join(told)) == bool(left)
    assert told[-1].startswith("Read ")


def line_of(told: tuple[str, ...], word: str) -> str:
    return next(text for text in told if word in text)


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


@pytest.mark.parametrize("formats", ["docx", "html,", "none,html"])
def test_formats_that_nobody_knows_are_refused(formats: str) -> None:
    done = CliRunner().invoke(main, ["analyze", "a.csv", "--format", formats])
    assert done.exit_code == 2
    assert "expected html, pdf, md or none" in done.output
