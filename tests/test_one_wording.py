"""One fact, one wording: what contradicted itself on a page or between outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bucketwise.app.planning import analyze, deployment_of
from bucketwise.core.limits import IN_FORCE
from bucketwise.core.memory import CLOSE, LACKS, fit_in_words
from bucketwise.core.verdict import memory_reasons
from bucketwise.engines.rbln.base_config import Overrides, zoo_base
from bucketwise.engines.rbln.emit.comments import NPU_NOTE
from bucketwise.nouns.traffic import Rejection
from bucketwise.report.figures.arrivals import Timed
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.sentences import limits_to_set
from bucketwise.report.summary.content import summary_of
from bucketwise.words.reject_reasons import NOT_A_NUMBER, UNSIZED, left_out
from tests.strategies import traffic_of
from tests.test_numbers_agree import Everything

MANY = traffic_of((480, 640, 900), (1_080, 1_920, 300), (1_500, 2_700, 50))
TIGHT = zoo_base("qwen3_vl", Overrides(max_seq_len=262_144, batch_size=512))


def said_of(**options: Any) -> Everything:
    return Everything(analyze(MANY, **{"model": "qwen3-vl-2b", **options}))


def test_memory_that_does_not_fit_is_said_of_today_as_of_the_plan() -> None:
    said = said_of(current=[16_384], base=TIGHT, batch_size=512)
    for side in ("Today", "Proposed"):
        [cell] = said.cells("Memory of a device", side)
        assert cell.endswith(("does not fit", LACKS))


def test_whether_it_fits_is_one_of_four_answers() -> None:
    for base in (None, TIGHT):
        memory = deployment_of(said_of(base=base).analysis).memory
        assert memory is not None
        words = fit_in_words(memory)
        assert words in ("fits", CLOSE, LACKS, "does not fit")
        reasons = [each.words for each in memory_reasons(memory)]
        assert all(f"configuration {words}:" in each for each in reasons)
        assert bool(reasons) == (words != "fits")


def test_blocks_that_would_fit_are_told_apart_from_a_change_that_surely_does() -> None:
    said = said_of(base=TIGHT, batch_size=512)
    assert "would fit by estimate, with nothing to spare" in said.page.text


def test_the_row_in_force_is_the_plan_and_other_limits_hold_what_they_let_through() -> (
    None
):
    analysis = said_of().analysis
    visual = analysis.plan.visual
    [row] = [cap for cap in visual.caps if cap.name == IN_FORCE]
    assert row.max_pixels == visual.processor.max_pixels
    assert row.vit_max_seq_lens == visual.vit_max_seq_lens
    assert row.padded_compute == pytest.approx(visual.padded_compute)
    [checkpoint] = [cap for cap in visual.caps if cap.name == "checkpoint"]
    assert checkpoint.top == 65_536


def test_a_default_is_named_as_the_option_it_is_of() -> None:
    reason = said_of().analysis.plan.visual.decision.reason
    few = analyze(traffic_of((480, 640, 999), (500, 640, 999)), model="qwen3-vl-2b")
    for words in (reason, few.plan.visual.decision.reason):
        assert "were asked for" not in words
    assert "--buckets asks for 2 or more" in few.plan.visual.decision.reason


def test_a_host_without_an_npu_is_spoken_of_in_one_way() -> None:
    assert NPU_NOTE in said_of().files["compile"]


def test_the_limits_to_set_are_one_sentence_and_no_other_limit_is_called_theirs() -> (
    None
):
    said = said_of()
    plan = said.analysis.plan
    assert plan.visual.processor.max_pixels < plan.model.max_pixels
    sentence = limits_to_set(plan)
    assert sentence in said.terminal
    assert sentence in said.page.text
    assert f"In force: min_pixels {plan.model.min_pixels:,}" not in said.page.text
    assert (
        f"lowered to {plan.visual.processor.max_pixels:,} by the plan"
        in (said.assumptions["image limits"])
    )


def test_images_only_referred_to_are_left_out_and_not_rejected() -> None:
    rejections = (
        Rejection(reason=UNSIZED, count=5),
        Rejection(reason=NOT_A_NUMBER, count=2),
    )
    assert left_out(rejections) == ("2 rejected", "5 left out (unsized)")
    traffic = replace(MANY, rows_read=8, rows_used=3, rejections=rejections[:1])
    said = Everything(analyze(traffic, model="qwen3-vl-2b"))
    assert "Read 8 rows for 1,250 images, 5 left out (unsized)" in said.terminal
    assert "3 of 8 rows were used; 5 left out (unsized)" in said.page.text
    limit = said.plan["visual"]["processor"]["max_pixels"]
    assert f"Larger ones are shrunk to max_pixels {limit:,}." in said.terminal


def test_every_doubt_stands_in_the_plan_in_the_words_of_the_page() -> None:
    said = Everything(analyze(MANY, current=[4_096]))
    found = {each["id"]: each["words"] for each in said.plan["warnings"]}
    assert {"model-assumed", "limit-assumed"} <= found.keys()
    for words in (found["model-assumed"], found["limit-assumed"]):
        assert words in said.page.text
        assert words in said.terminal
        assert any(words in each for each in summary_of(said.analysis, {}).warnings)


def test_what_was_given_is_not_called_measured() -> None:
    assert MARKS["measured"] == "● given or read"
    said = said_of()
    assert said.cells("model", "Mark")[0] == MARKS["measured"]
    assert "● measured" not in said.page.text


def test_the_axis_of_time_ends_with_what_was_read() -> None:
    hour = 3_600
    starts = np.array([0, 30, 500]) * hour + 1_780_000_000 // hour * hour
    traffic = replace(MANY, slot_start_s=starts.astype(np.int64), slot_width_s=hour)
    timed = Timed.of(analyze(traffic, model="qwen3-vl-2b"))
    bounds, runs = timed.slots(120)
    assert bounds[-1] == starts[-1] + hour
    assert runs.sum() == timed.mix.runs.sum()
