"""What the report says and draws: findings, tables and figures against the plan."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bucketwise.core.plan import InputUsed
from bucketwise.report import render
from bucketwise.report.blocks import Drawing, Report, Table
from bucketwise.report.figures.histogram import Histogram
from bucketwise.report.figures.knee import Knee
from bucketwise.report.figures.rows import Rows
from bucketwise.report.figures.sizes import Cells
from bucketwise.report.view import view_of
from tests.report_laws import figure_of, page_in_words
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


def section(report: Report, name: str) -> str:
    return next(item.finding for item in report.sections if item.id == name)


def drawings(report: Report) -> dict[str, Drawing]:
    return {
        block.id: block
        for item in report.sections
        for block in item.blocks
        if isinstance(block, Drawing)
    }


def table(report: Report, name: str) -> Table:
    return next(
        block
        for item in report.sections
        if item.id == name
        for block in item.blocks
        if isinstance(block, Table)
    )


def test_failures_of_today_come_first() -> None:
    analysis = analysis_of()
    current = analysis.plan.visual.current
    assert current is not None
    assert current.overflow_images == 64
    report = view_of(analysis, {})
    assert section(report, "decision").startswith("64 images (27.4%, about 1 in 4)")
    first = table(report, "decision").rows[0]
    assert first.cells[:3] == ("Images that fail", "64 (27.4%)", "0")
    assert first.marked


def test_an_assumed_model_is_said_before_everything() -> None:
    report = view_of(CASES["model_assumed"](), {})
    opening = "Assuming the model is Qwen/Qwen3-VL-2B-Instruct"
    assert section(report, "decision").startswith(opening)
    assert report.subtitle.endswith("Model assumed.")


def test_the_list_stands_under_both_key_names() -> None:
    analysis = analysis_of()
    lengths = list(analysis.plan.visual.max_seq_lens)
    said = text_of(page_in_words(analysis, {}))
    assert f'"max_seq_lens": {lengths}' in said
    assert f'"max_seq_len": {lengths}' in said


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
    assert report.sections[0].blocks[0].kind == "callout"
    assert "no released runtime compares" in section(report, "risks")


def test_the_units_are_told_with_both_numbers() -> None:
    said = text_of(whole_page())
    assert "1,024 x 1,024 px is 4,096 ViT patches and 1,024 merged patches" in said


def test_the_bars_are_the_compute_of_each_bucket() -> None:
    analysis = analysis_of()
    drawing = drawings(view_of(analysis, {}))["figure-buckets"]
    assert isinstance(drawing.plot, Rows)
    (ax,) = figure_of(drawing).axes
    uses = analysis.plan.visual.buckets
    widths = [patch.get_width() for patch in ax.patches]  # type: ignore[attr-defined]
    useful, padding = widths[: len(uses)], widths[len(uses) :]
    scale = useful[0] / uses[0].useful_compute
    assert useful == pytest.approx([use.useful_compute * scale for use in uses])
    assert padding == pytest.approx(
        [(use.padded_compute - use.useful_compute) * scale for use in uses]
    )


def test_the_curve_is_the_frontier_with_the_choice_ringed() -> None:
    visual = analysis_of().plan.visual
    plot = drawings(view_of(analysis_of(), {}))["figure-how-many"].plot
    assert isinstance(plot, Knee)
    assert plot.waste == tuple(point.waste for point in visual.frontier)
    assert plot.at[plot.chosen] == visual.decision.k


def test_histograms_hold_every_run_and_every_image() -> None:
    analysis = analysis_of()
    found = drawings(view_of(analysis, {}))
    for name, total in (
        ("figure-today", analysis.plan.traffic.runs),
        ("figure-pixels", analysis.plan.traffic.images),
    ):
        plot = found[name].plot
        assert isinstance(plot, Histogram)
        assert sum(plot.weights) == pytest.approx(total)


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
    assert len(figures) == 7
    for figure in figures:
        for needed in ('role="img"', "<title", "<desc", "<figcaption>", "<table>"):
            assert needed in figure


def test_rejected_rows_are_listed_with_their_places() -> None:
    report = view_of(hostile_analysis(), {})
    assert section(report, "quality").startswith("8 of 9 rows were used; 1 rejected")
    assert table(report, "quality").rows[0].cells[-1] == f"{HOSTILE} line 3"


def test_refused_sizes_are_told_apart_from_rejected_rows() -> None:
    report = view_of(CASES["refused_sizes"](), {})
    assert "the processor refuses 2 images" in section(report, "quality")
    assert table(report, "quality").rows[0].cells[-1] == "4,000 x 10"


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
