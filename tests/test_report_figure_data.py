"""What figures draw is what was read: sizes, arrivals, mix, knee and front."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.analysis import Analysis, Context, lengths_bytes
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import BudgetPoint
from bucketwise.engines.rbln.shapes import mask_bytes
from bucketwise.nouns.traffic import NO_TIME_S, merge_traffic
from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.arrivals import (
    MOST_COLUMNS,
    MOST_ROWS,
    Arrivals,
    Timed,
    arrivals_drawing,
)
from bucketwise.report.figures.front import Answer, Front, front_drawing, unbeaten
from bucketwise.report.figures.knee import Knee, knee_drawing
from bucketwise.report.figures.labels import labels_drawing
from bucketwise.report.figures.mix import (
    MOST_SERIES,
    OTHERS,
    Mix,
    mix_of,
    size_of_cell,
)
from bucketwise.report.figures.rows import Rows
from bucketwise.report.figures.sizes import (
    CELLS_A_SIDE,
    MOST_LEVELS,
    Cells,
    Marks,
    levels_of,
    sizes_drawing,
)
from bucketwise.report.figures.svg import to_svg
from bucketwise.report.figures.trade import Trade, one_more, trade_drawing
from bucketwise.words.numbers import dotted, percent
from tests.report_laws import figure_of, texts_of
from tests.strategies import traffic_of
from tests.test_report import CASES, analysis_of, clips_of
from tests.test_report_figures import ASKED, HOUR_S, START_S, many_sizes, timed

T = TypeVar("T")


def plot_of(drawing: Drawing | None, kind: type[T]) -> T:
    assert drawing is not None
    assert isinstance(drawing.plot, kind)
    return drawing.plot


def said_in(drawing: Drawing) -> list[str]:
    return [text.get_text() for text in texts_of(figure_of(drawing))]


# Sizes


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=30))
def test_levels_hold_every_weight_and_are_few(weights: list[float]) -> None:
    found = np.array(weights)
    bounds = levels_of(found)
    assert 2 <= bounds.size <= MOST_LEVELS + 1
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] <= found.min()
    assert found.max() < bounds[-1]


def test_every_size_lies_in_one_drawn_cell() -> None:
    analysis = analysis_of(many_sizes(120))
    plot, sizes = plot_of(sizes_drawing(analysis), Cells), analysis.counts.sizes
    bounds = plot.span.bins(CELLS_A_SIDE)
    row, column = (
        np.searchsorted(bounds, side, side="right") - 1
        for side in (sizes.height_px, sizes.width_px)
    )
    counted = np.zeros(plot.level.shape)
    np.add.at(counted, (row, column), sizes.count)
    assert ((counted > 0) == (plot.level >= 0)).all()
    means = [counted[plot.level == level].mean() for level in range(len(plot.names))]
    assert means == sorted(means), "levels ascend"


def test_clips_are_told_apart_only_where_there_are_images_too() -> None:
    sizes = [(200 + 10 * each, 300 + 7 * each, 8, 1.0) for each in range(90)]
    mixed = plot_of(sizes_drawing(analysis_of(clips_of(*sizes, images=5))), Cells)
    assert mixed.has_clips is not None
    assert 0 < mixed.has_clips.sum() <= 90
    alone = plot_of(sizes_drawing(analysis_of(clips_of(*sizes))), Cells)
    assert alone.has_clips is None


def test_few_sizes_are_marks_and_the_most_frequent_are_named() -> None:
    drawing = sizes_drawing(analysis_of())
    assert plot_of(drawing, Marks).sent.count.size == 8
    assert "300 x 300" in said_in(drawing)


def test_a_million_images_of_16384_sizes_stay_small() -> None:
    drawing = sizes_drawing(analysis_of(many_sizes(16_384)))
    plot_of(drawing, Cells)
    assert len(to_svg(drawing).encode()) < 150_000


# Arrivals and mix


hours = st.lists(st.integers(-400, 9_000), min_size=2, max_size=40)


def timed_of(found: list[int]) -> Timed:
    traffic = timed(found)
    mix = Mix(("1",), traffic.count, np.zeros(traffic.count.size, dtype=np.int64))
    return Timed(mix, traffic.slot_start_s, traffic.slot_width_s, 0.0)


@given(hours, st.sampled_from([MOST_COLUMNS, MOST_ROWS]))
def test_slots_of_time_hold_every_run_and_are_few(found: list[int], most: int) -> None:
    bounds_s, runs = timed_of(found).slots(most)
    assert 1 <= len(runs) <= most
    assert runs.sum() == pytest.approx(len(found))
    assert runs[0].sum() > 0
    assert runs[-1].sum() > 0
    assert bounds_s[0] <= START_S + HOUR_S * min(found)
    assert START_S + HOUR_S * max(found) < bounds_s[-1]


@given(hours)
def test_the_runs_of_a_slot_are_those_that_came_in_it(found: list[int]) -> None:
    bounds_s, runs = timed_of(found).slots(MOST_COLUMNS)
    came = START_S + HOUR_S * np.array(found)
    assert runs.sum(axis=1).tolist() == [
        ((low <= came) & (came < high)).sum() for low, high in pairwise(bounds_s)
    ]


def test_traffic_of_one_hour_has_no_arrivals() -> None:
    assert arrivals_drawing(analysis_of(timed([3, 3, 3]))) is None


def test_each_cell_finds_its_size() -> None:
    traffic = timed(list(range(60)), labels=("a", "b"))
    sizes, found = traffic.sizes(), size_of_cell(traffic)
    assert (sizes.height_px[found] == traffic.height_px).all()
    assert (sizes.width_px[found] == traffic.width_px).all()
    again = np.bincount(found, weights=traffic.count)
    assert again == pytest.approx(sizes.count)


def test_the_mix_is_the_runs_of_each_bucket() -> None:
    analysis = analysis_of(timed(list(range(60))))
    mix = mix_of(analysis)
    zero = np.zeros(mix.series.size, dtype=np.int64)
    uses = analysis.plan.visual.buckets
    assert mix.table(zero, 1)[0] == pytest.approx([use.runs for use in uses])


def test_of_many_buckets_the_least_used_are_one_series() -> None:
    question = PlanOptions(k_range=(8, 8))
    analysis = analysis_of(timed(list(range(60))), question=question)
    mix = mix_of(analysis)
    assert len(mix.names) == MOST_SERIES
    assert mix.names[-1] == OTHERS
    assert mix.runs.sum() == pytest.approx(analysis.plan.traffic.runs)


def test_a_clock_of_plain_seconds_is_said_to_tell_no_date() -> None:
    drawing = arrivals_drawing(analysis_of(timed([0, 1, 5, 9], start_s=0)))
    assert drawing is not None
    assert "plain seconds" in drawing.caption
    plot = plot_of(drawing, Arrivals)
    assert plot.x_label == "hours from the first, on a clock that tells no date"
    assert plot.bounds[0] == 0
    dated = arrivals_drawing(analysis_of(timed([0, 1, 5, 9])))
    assert dated is not None
    assert "plain seconds" not in dated.caption
    assert plot_of(dated, Arrivals).x_label.startswith("time (UTC), from 2023-11-14")


def test_a_mix_that_moves_is_said_to_move_and_a_steady_one_not() -> None:
    def said(first: int, second: int) -> str:
        parts = [
            replace(
                traffic_of((side, side, 90.0), (1_600, 1_600, 10.0), (64, 64, 10.0)),
                slot_start_s=np.full(3, START_S + hour * HOUR_S),
                first_s=float(START_S),
                last_s=float(START_S + 9 * HOUR_S),
            )
            for hour, side in ((0, first), (5, second))
        ]
        drawing = arrivals_drawing(analysis_of(merge_traffic(parts)))
        assert drawing is not None
        return drawing.description

    assert "The mix moves" in said(300, 1_080)
    assert "The mix hardly moves" in said(300, 300)


def test_the_busiest_hour_is_compared_with_the_mean() -> None:
    drawing = arrivals_drawing(analysis_of(timed([0, 1, 1, 1, 7])))
    assert drawing is not None
    assert "brought 3 runs: 1.8 times the mean hour that brought any." in (
        drawing.description
    )


def test_traffic_without_times_has_no_arrivals() -> None:
    traffic = timed([0, 1, 2])
    none = replace(traffic, slot_start_s=np.full(3, NO_TIME_S))
    assert arrivals_drawing(analysis_of(none)) is None


def test_shares_of_each_label_add_up_and_all_comes_first() -> None:
    analysis = analysis_of(timed(list(range(90)), labels=tuple("abcdefghijk")))
    drawing = labels_drawing(analysis)
    plot = plot_of(drawing, Rows)
    assert plot.names[0] == "all, 100% of runs"
    assert len(plot.names) == 9
    assert plot.parts.sum(axis=0) == pytest.approx([1.0] * 9)
    assert len(drawing.table.rows) == 11
    assert "3 further labels not drawn" in drawing.caption


# The knee and the front


def knee_of(analysis: Analysis) -> Knee:
    visual, options = analysis.plan.visual, analysis.plan.provenance.options
    return plot_of(
        knee_drawing(visual, options, front_drawing(visual, mask_bytes).table), Knee
    )


def test_the_knee_shows_the_rule_in_the_terms_it_judged_by() -> None:
    by_share = knee_of(analysis_of(context=ASKED))
    assert by_share.saved.least == 0.05
    assert by_share.allowed == (2, 4)
    price = GraphPrice(graph_minutes=9, images_per_day=1e5, keep_days=30, vit_tflops=20)
    analysis = analysis_of(question=PlanOptions(graph_price=price))
    by_price = knee_of(analysis).saved
    flop = analysis.plan.visual.decision.price_per_graph
    assert flop is not None
    assert by_price.least is not None
    points = analysis.plan.visual.frontier
    saved = points[0].padded_compute - points[1].padded_compute
    assert by_price.least / by_price.values[1] == pytest.approx(flop / saved)


def test_without_a_rule_on_record_none_is_drawn() -> None:
    plot = knee_of(analysis_of(context=Context()))
    assert plot.saved.least is None
    assert plot.allowed is None


@pytest.mark.parametrize("name", ["clips_and_images", "price", "wide_range"])
def test_every_graph_says_what_it_leaves_and_what_it_saves(name: str) -> None:
    visual, options = CASES[name]().plan.visual, CASES[name]().plan.provenance.options
    drawing = knee_drawing(visual, options, front_drawing(visual, mask_bytes).table)
    said, plot = said_in(drawing), plot_of(drawing, Knee)
    assert set(plot.saved.labels[1:]) <= set(said)
    assert {percent(waste) for waste in plot.waste} <= set(said)


answers = st.builds(
    Answer,
    st.sampled_from(["exact", "kmeans"]),
    st.lists(st.integers(1, 60), min_size=1, max_size=4).map(tuple),
    st.integers(0, 10).map(lambda tenths: tenths / 10),
)


@given(st.lists(answers, min_size=1, max_size=20))
def test_the_front_is_what_no_answer_beats(found: list[Answer]) -> None:
    def beats(one: Answer, other: Answer) -> bool:
        ours, theirs = (one.mask_bytes, one.waste), (other.mask_bytes, other.waste)
        return ours != theirs and ours[0] <= theirs[0] and ours[1] <= theirs[1]

    front = unbeaten(found)
    kept = {(each.mask_bytes, each.waste) for each in front}
    assert kept == {
        (each.mask_bytes, each.waste)
        for each in found
        if not any(beats(other, each) for other in found)
    }
    assert len(front) == len(kept)


def test_today_is_never_on_the_front_where_it_fails_images() -> None:
    drawing = front_drawing(analysis_of().plan.visual, mask_bytes)
    plot = plot_of(drawing, Front)
    (today,) = plot.answers["today, fails some"]
    assert today not in plot.front
    said = said_in(drawing)
    assert "today, fails some" in said
    assert any(text.startswith("the plan, ") for text in said)
    assert str(len(analysis_of().plan.visual.vit_max_seq_lens)) in said


# What one more graph costs


def test_each_further_graph_says_what_it_takes_and_what_it_saves() -> None:
    one = BudgetPoint(
        k=1,
        vit_max_seq_lens=(900,),
        compute=200.0,
        memory_bytes=3 * 2**20,
        compile_min=4.0,
        sequences=9.5,
    )
    two = replace(
        one,
        k=2,
        vit_max_seq_lens=(400, 900),
        compute=150.0,
        memory_bytes=5 * 2**20,
        compile_min=7.5,
        sequences=7.25,
    )
    assert one_more(one, two) == (
        "Graph 2 costs 2.00 MiB, 3.5 min, 2.2 sequences and saves 25.0%."
    )
    untold = replace(one, compile_min=None, sequences=None)
    assert one_more(untold, two) == "Graph 2 costs 2.00 MiB and saves 25.0%."


def test_the_plan_is_ringed_where_it_is_and_marked_in_the_table() -> None:
    analysis = analysis_of()
    visual = analysis.plan.visual
    held = lengths_bytes(analysis)
    drawing = trade_drawing(visual, analysis.plan.frontier_budgets, held)
    trade = drawing.plot
    assert isinstance(trade, Trade)
    drawn = [point for group in trade.points.values() for point in group]
    assert trade.chosen in drawn
    assert [row.cells[1] for row in drawing.table.rows if row.marked] == [
        dotted(visual.vit_max_seq_lens)
    ]
