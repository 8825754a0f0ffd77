"""What figures draw is what was read: sizes, arrivals, mix, knee and front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.analysis import Analysis, Context
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.question import Question
from bucketwise.nouns.traffic import NO_TIME_S, merge_traffic
from bucketwise.report.drawings.arrivals import (
    MOST_COLUMNS,
    MOST_ROWS,
    arrivals_drawing,
    slots_of,
)
from bucketwise.report.drawings.by_label import labels_drawing
from bucketwise.report.drawings.clock import Clock
from bucketwise.report.drawings.front import Answer, front_drawing, unbeaten
from bucketwise.report.drawings.knee import knee_drawing
from bucketwise.report.drawings.labels import AXES_IN, box_of, place_notes
from bucketwise.report.drawings.mix import (
    MOST_SERIES,
    OTHERS,
    Mix,
    mix_of,
    size_of_cell,
)
from bucketwise.report.drawings.plane import (
    CELLS_A_SIDE,
    MOST_LEVELS,
    levels_of,
    sizes_drawing,
)
from bucketwise.report.figures import to_svg
from bucketwise.report.plots import (
    ArrivalsPlot,
    Axis,
    FrontPlot,
    HeatPlot,
    KneePlot,
    Note,
    ScatterPlot,
    SharesPlot,
)
from tests.strategies import traffic_of
from tests.test_report import analysis_of, clips_of
from tests.test_report_figures import (
    ASKED,
    HOUR_S,
    START_S,
    UNIT,
    many_sizes,
    plot_of,
    timed,
)

# Sizes


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=30))
def test_levels_hold_every_weight_and_are_few(weights: list[float]) -> None:
    found = np.array(weights)
    bounds = levels_of(found)
    assert 2 <= bounds.size <= MOST_LEVELS + 1
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] <= found.min()
    assert found.max() < bounds[-1]


def cells_of(analysis: Analysis) -> HeatPlot:
    plot = plot_of(sizes_drawing(analysis))
    assert isinstance(plot, HeatPlot)
    return plot


def test_every_size_lies_in_one_drawn_cell() -> None:
    analysis = analysis_of(many_sizes(120))
    plot = cells_of(analysis)
    sizes = analysis.counts.sizes
    for width, height in zip(sizes.width_px, sizes.height_px, strict=True):
        inside = [
            (left <= width < right) and (bottom <= height < top)
            for level in plot.levels
            for left, right, bottom, top in zip(
                level.left, level.right, level.bottom, level.top, strict=True
            )
        ]
        assert sum(inside) == 1


def test_clips_are_told_apart_only_where_there_are_images_too() -> None:
    clips = clips_of(
        *((200 + 10 * each, 300 + 7 * each, 8, 1.0) for each in range(90)), images=5
    )
    mixed = cells_of(analysis_of(clips))
    assert mixed.clips is not None
    assert 0 < len(mixed.clips.x) <= 90
    alone = clips_of(*((200 + 10 * each, 300 + 7 * each, 8, 1.0) for each in range(90)))
    assert cells_of(analysis_of(alone)).clips is None


def test_few_sizes_are_marks_and_the_most_frequent_are_named() -> None:
    plot = plot_of(sizes_drawing(analysis_of()))
    assert isinstance(plot, ScatterPlot)
    assert sum(len(marks.x) for marks in plot.marks) == 8
    assert "300 x 300" in [note.text for note in plot.notes]


def test_a_million_images_of_16384_sizes_stay_small() -> None:
    drawing = sizes_drawing(analysis_of(many_sizes(16_384)))
    assert isinstance(drawing.plot, HeatPlot)
    assert sum(len(level.left) for level in drawing.plot.levels) <= CELLS_A_SIDE**2
    assert len(to_svg(drawing).encode()) < 150_000


# Arrivals and mix


hours = st.lists(st.integers(-400, 9_000), min_size=2, max_size=40)


@given(hours, st.sampled_from([MOST_COLUMNS, MOST_ROWS]))
def test_slots_of_time_hold_every_run_and_are_few(found: list[int], most: int) -> None:
    traffic = timed(found)
    mix = Mix(("1",), traffic.count, np.zeros(traffic.count.size, dtype=np.int64))
    slots = slots_of(traffic, mix, most)
    assert 1 <= len(slots.runs) <= most
    assert slots.runs.sum() == pytest.approx(len(found))
    assert slots.runs[0].sum() > 0
    assert slots.runs[-1].sum() > 0
    assert slots.start_s <= START_S + HOUR_S * min(found)
    assert START_S + HOUR_S * max(found) < slots.end_s


@given(hours)
def test_the_runs_of_a_slot_are_those_that_came_in_it(found: list[int]) -> None:
    traffic = timed(found)
    mix = Mix(("1",), traffic.count, np.zeros(traffic.count.size, dtype=np.int64))
    slots = slots_of(traffic, mix, MOST_COLUMNS)
    for index, runs in enumerate(slots.runs.sum(axis=1).tolist()):
        start_s = slots.start_s + index * slots.width_s
        inside = [
            hour
            for hour in found
            if start_s <= START_S + hour * HOUR_S < start_s + slots.width_s
        ]
        assert runs == len(inside)


@given(st.booleans(), st.integers(-(10**11), 3 * 10**11), st.integers(2, 10**7))
def test_ticks_of_time_are_few_and_inside(
    dated: bool, start_h: int, n_hours: int
) -> None:
    start_s = start_h // HOUR_S * HOUR_S
    axis = Clock(tells_dates=dated, start_s=start_s).axis(start_s + n_hours * HOUR_S)
    assert len(axis.ticks) <= 8
    for tick in axis.ticks:
        assert axis.low <= tick.at <= axis.high


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
    question = Question(k_range=(8, 8))
    analysis = analysis_of(timed(list(range(60))), question=question)
    mix = mix_of(analysis)
    assert len(mix.names) == MOST_SERIES
    assert mix.names[-1] == OTHERS
    assert mix.runs.sum() == pytest.approx(analysis.plan.traffic.runs)


def test_a_clock_of_plain_seconds_is_said_to_tell_no_date() -> None:
    drawing = arrivals_drawing(analysis_of(timed([0, 1, 5, 9], start_s=0)))
    assert drawing is not None
    assert "plain seconds" in drawing.caption
    plot = plot_of(drawing)
    assert isinstance(plot, ArrivalsPlot)
    assert plot.x.label == "hours from the first, on a clock that tells no date"
    dated = arrivals_drawing(analysis_of(timed([0, 1, 5, 9])))
    assert dated is not None
    assert "plain seconds" not in dated.caption
    assert plot_of(dated).x.label.startswith("time (UTC), 2023-11-14")


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


@pytest.mark.parametrize(
    ("n_hours", "first"),
    [
        (4, "22:00"),
        (24 * 10, "15 Nov"),
        (24 * 300, "Jan 2024"),
        (24 * 365 * 12, "2024"),
    ],
)
def test_ticks_are_even_steps_of_the_calendar(n_hours: int, first: str) -> None:
    axis = Clock(tells_dates=True, start_s=START_S).axis(START_S + n_hours * HOUR_S)
    labels = [tick.label for tick in axis.ticks]
    assert labels[0] == first
    assert len(set(labels)) == len(labels)


def test_shares_of_each_label_add_up_and_all_comes_first() -> None:
    analysis = analysis_of(timed(list(range(90)), labels=tuple("abcdefghijk")))
    drawing = labels_drawing(analysis)
    plot = plot_of(drawing)
    assert isinstance(plot, SharesPlot)
    assert plot.rows[0] == "all, 100% of runs"
    assert len(plot.rows) == 9
    assert [sum(row) for row in zip(*plot.shares, strict=True)] == pytest.approx(
        [1.0] * 9
    )
    assert len(drawing.table.rows) == 11
    assert "3 further labels not drawn" in drawing.caption


# The knee and the front


def knee_of(analysis: Analysis) -> KneePlot:
    table = front_drawing(analysis.plan.visual).table
    plot = knee_drawing(
        analysis.plan.visual, analysis.plan.provenance.options, table
    ).plot
    assert isinstance(plot, KneePlot)
    return plot


def test_the_knee_shows_the_rule_in_the_terms_it_judged_by() -> None:
    by_share = knee_of(analysis_of(context=ASKED))
    assert by_share.rule is not None
    assert by_share.rule.at == 0.05
    assert by_share.allowed == (2, 4)
    price = GraphPrice(graph_minutes=9, images_per_day=1e5, keep_days=30, vit_tflops=20)
    analysis = analysis_of(question=Question(graph_price=price))
    by_price = knee_of(analysis)
    assert by_price.rule is not None
    flop = analysis.plan.visual.decision.price_per_graph
    assert flop is not None
    points = analysis.plan.visual.frontier
    saved = points[0].padded_compute - points[1].padded_compute
    assert by_price.rule.at / by_price.saved[1] == pytest.approx(flop / saved)


def test_without_a_rule_on_record_none_is_drawn() -> None:
    plot = knee_of(analysis_of(context=Context()))
    assert plot.rule is None
    assert plot.allowed is None


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
    analysis = analysis_of()
    plot = front_drawing(analysis.plan.visual).plot
    assert isinstance(plot, FrontPlot)
    (today,) = (points for points in plot.points if points.name == "today")
    assert (today.x[0], today.y[0]) not in plot.front
    texts = [note.text for note in plot.notes]
    assert "today, 2, fails some" in texts
    assert any(text.startswith("the plan, ") for text in texts)


def test_an_axis_is_what_notes_are_placed_in() -> None:
    narrow = Axis(label="", low=5, high=6, log=False, ticks=())
    wanted = [Note(text="x", x=5.5, y=0.5, side="left")]
    (note,) = place_notes(wanted, [(5.5, 0.5)], narrow, UNIT, n_far=0)
    assert box_of(note, narrow, UNIT).left > AXES_IN[0] / 2
