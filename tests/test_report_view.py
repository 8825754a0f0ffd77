"""What the report says and draws: findings, tables and figures against the plan."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bucketwise.core.plan import InputUsed
from bucketwise.core.verdict import CALLS
from bucketwise.report import render
from bucketwise.report.blocks import Drawing, Opening, Report, Table, each_block
from bucketwise.report.figures.histogram import Histogram
from bucketwise.report.figures.knee import Knee
from bucketwise.report.figures.lengths import Padded
from bucketwise.report.figures.sizes import Cells
from bucketwise.report.view import view_of
from bucketwise.words.numbers import change, joined, literal, number
from tests.report_laws import every_block, named, page_in_words
from tests.strategies import traffic_of
from tests.test_report import (
    CASES,
    HOSTILE,
    QWEN25,
    SNIPPETS,
    analysis_of,
    hostile_analysis,
    text_of,
    whole_page,
)


def finding(report: Report, name: str) -> str:
    return named(report, name).finding


def drawings(report: Report) -> dict[str, Drawing]:
    blocks = every_block(report)
    return {block.id: block for block in blocks if isinstance(block, Drawing)}


def table(report: Report, name: str, caption: str = "") -> Table:
    return next(
        block
        for block in each_block(named(report, name).blocks)
        if isinstance(block, Table) and caption in block.caption
    )


def opening(report: Report) -> Opening:
    (found,) = (block for block in every_block(report) if isinstance(block, Opening))
    return found


def test_failures_of_today_come_first() -> None:
    analysis = analysis_of()
    current = analysis.plan.visual.current
    assert current is not None
    assert current.overflow_images == 64
    report = view_of(analysis, {})
    first = table(report, "decision", "Today").rows[0]
    assert first.cells[:3] == ("Images that fail", "64 (27.4%)", "0")
    assert first.marked
    assert first.failing == (1,), "today's, and nothing that is planned"


def test_an_assumed_model_is_said_before_everything() -> None:
    report = view_of(CASES["model_assumed"](), {})
    opening = "Assuming the model is Qwen/Qwen3-VL-2B-Instruct"
    assert finding(report, "decision").startswith(opening)
    assert report.subtitle.endswith("Model assumed.")


def test_what_to_set_stands_on_the_first_screen_with_its_key_and_release() -> None:
    analysis = analysis_of()
    lengths = literal(analysis.plan.visual.max_seq_lens)
    (found,) = opening(view_of(analysis, {})).beside
    assert isinstance(found, Table)
    settings = {row.cells[0]: row.cells[1:] for row in found.rows}
    assert settings["visual.max_seq_len"] == (lengths, "optimum-rbln from 0.10.4")
    assert settings["max_pixels"][1] == "the processor"


@pytest.mark.parametrize("name", CASES)
def test_the_first_screen_says_what_to_compile_what_it_saves_and_how_sure(
    name: str,
) -> None:
    analysis = CASES[name]()
    report = view_of(analysis, {})
    visual = analysis.plan.visual
    assert joined(visual.vit_max_seq_lens) in finding(report, "decision")
    found = opening(report)
    assert found.verdict.mark == f"Verdict: {CALLS[analysis.plan.verdict.call]}."
    assert found.sure.mark == "How sure:"
    saved, fails, fits, graphs = found.facts.items
    current = visual.current
    if current is not None and current.padded_compute_served:
        before, after = (
            current.padded_compute_served,
            current.proposed_compute_on_served,
        )
        assert saved.value == change(before, after)
        assert number(current.overflow_images) in fails.value
        if current.overflow_images:
            assert fails.level == "danger"
    assert fails.value.endswith(number(visual.overflow_images))
    assert fits.filled is None, "no device is known here"
    assert graphs.value.startswith(f"{len(visual.vit_max_seq_lens)} ViT")


def test_the_headline_shows_what_is_padding_and_what_fails_today() -> None:
    analysis = analysis_of()
    visual, current = analysis.plan.visual, analysis.plan.visual.current
    assert current is not None
    plot = opening(view_of(analysis, {})).drawing.plot
    assert isinstance(plot, Padded)
    assert plot.padded.sum() == pytest.approx(visual.padded_compute)
    assert plot.useful.sum() == pytest.approx(visual.useful_compute)
    assert {edge.at for edge in plot.edges} == {
        *visual.vit_max_seq_lens,
        *current.max_seq_lens,
    }
    longer = plot.bounds[:-1] >= current.max_seq_lens[-1]
    assert plot.runs[longer].sum() == pytest.approx(current.overflow_runs)
    assert not plot.other[longer].any(), "no length of today holds them"
    assert (plot.bounds[:, None] == [edge.at for edge in plot.edges]).any(0).all()


def test_lists_that_differ_by_release_are_each_shown() -> None:
    analysis = analysis_of(profile=QWEN25)
    assert analysis.plan.visual_by_target
    said = text_of(page_in_words(analysis, {}))
    for visual in analysis.plan.visual_by_target.values():
        assert str(list(visual.max_seq_lens)) in said


def test_merged_lengths_are_warned_of_loudly() -> None:
    page = page_in_words(CASES["merged_unit"](), {})
    assert page.count("Not the unit the runtime compares.") == 1
    report = view_of(CASES["merged_unit"](), {})
    assert opening(report).verdict.level == "danger"
    assert opening(report).facts.items[1].level == "danger"
    assert "no released runtime compares" in finding(report, "risks")


def test_the_units_are_told_with_both_numbers() -> None:
    said = text_of(whole_page())
    assert "1,024 x 1,024 px is 4,096 ViT patches and 1,024 merged patches" in said


def test_the_curve_is_the_frontier_with_the_choice_ringed() -> None:
    visual = analysis_of().plan.visual
    plot = drawings(view_of(analysis_of(), {}))["figure-how-many"].plot
    assert isinstance(plot, Knee)
    assert plot.waste == tuple(point.waste for point in visual.frontier)
    assert plot.at[plot.chosen] == visual.decision.k


def test_histograms_hold_every_run_and_every_image() -> None:
    analysis = analysis_of()
    found = drawings(view_of(analysis, {}))
    lengths, pixels = (found[f"figure-{name}"].plot for name in ("lengths", "pixels"))
    assert isinstance(lengths, Padded)
    assert lengths.runs.sum() == pytest.approx(analysis.plan.traffic.runs)
    assert isinstance(pixels, Histogram)
    assert sum(pixels.weights) == pytest.approx(analysis.plan.traffic.images)


def test_a_traffic_of_many_sizes_stays_small() -> None:
    random = np.random.default_rng(0)
    sides = random.integers(50, 4_000, (16_000, 2))
    analysis = analysis_of(traffic_of(*map(tuple, np.unique(sides, axis=0).tolist())))
    page = render(analysis, SNIPPETS)
    plot = drawings(view_of(analysis, {}))["figure-sizes"].plot
    assert isinstance(plot, Cells)
    assert len(page.encode()) < 3_000_000
    assert re.search(r"The 50 most frequent of 1\d,\d\d\d sizes", page)


def test_every_figure_has_a_title_a_description_a_caption_and_a_table() -> None:
    page = whole_page()
    figures = re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == 6
    for figure in figures:
        for needed in ('role="img"', "<title", "<desc", "<figcaption>", "<table>"):
            assert needed in figure


def test_rejected_rows_are_listed_with_their_places() -> None:
    report = view_of(hostile_analysis(), {})
    found = table(report, "traffic", "8 of 9 rows were used; 1 rejected")
    assert found.rows[0].cells[-1] == f"{HOSTILE} line 3"


def test_refused_sizes_are_told_apart_from_rejected_rows() -> None:
    report = view_of(CASES["refused_sizes"](), {})
    found = table(report, "traffic", "Refused by the processor")
    assert found.rows[0].cells[1:] == ("2", "4,000 x 10")


def test_places_that_may_not_be_told_are_not() -> None:
    analysis = hostile_analysis()
    used = InputUsed(kind="csv", rows=9, sha256="", notes=())
    hidden = replace(
        analysis,
        plan=replace(
            analysis.plan,
            provenance=replace(analysis.plan.provenance, inputs=(used,)),
        ),
    )
    report = view_of(hidden, {})
    assert report.subtitle == "From 234 images: 1 input."


def test_the_arithmetic_behind_each_saving_gives_that_saving() -> None:
    for row in table(view_of(analysis_of(), {}), "how-many").rows[1:]:
        *_, saving, arithmetic = row.cells
        found = re.match(r"\(([\d.,]+) . ([\d.,]+)\) / ([\d.,]+)", arithmetic)
        assert found
        first, second, third = (float(term.replace(",", "")) for term in found.groups())
        if saving.startswith("<"):
            assert (first - second) / third < 0.001
        else:
            share = float(saving.rstrip("%")) / 100
            assert (first - second) / third == pytest.approx(share, abs=6e-4)


def test_every_assumption_carries_its_status_in_words() -> None:
    page = text_of(whole_page())
    for mark in ("● given or read", "◐ derived", "○ assumed"):
        assert mark in page
