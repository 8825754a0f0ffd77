"""Figures: their colours, their ids, their labels, which keep apart and inside."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise.report
from bucketwise.core.analysis import Context, lengths_bytes
from bucketwise.engines.rbln.shapes import mask_bytes
from bucketwise.nouns.traffic import Traffic, merge_traffic
from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.arrivals import arrivals_drawing
from bucketwise.report.figures.front import front_drawing
from bucketwise.report.figures.knee import knee_drawing
from bucketwise.report.figures.labels import labels_drawing, short
from bucketwise.report.figures.palette import (
    GAP,
    GAP_HATCH,
    GRID,
    HEAT,
    INK,
    ORANGE,
    SKY,
    VARIABLES,
    VERMILLION,
)
from bucketwise.report.figures.paper import Paper, styled
from bucketwise.report.figures.sizes import Cells, sizes_drawing
from bucketwise.report.figures.spans import Edge, Span
from bucketwise.report.figures.svg import to_svg
from bucketwise.report.figures.trade import trade_drawing
from tests.report_laws import check_drawing, figure_of
from tests.strategies import traffic_of
from tests.test_report import HOSTILE, Outline, analysis_of

HOUR_S = 3_600
START_S = 1_700_000_000 // HOUR_S * HOUR_S
ASKED = Context(options={"buckets": [2, 4], "min_saving": 0.05})

CSS = Path(bucketwise.report.__file__).parent / "templates" / "figures.css"


def timed(
    hours: list[int], labels: tuple[str, ...] = (), start_s: int = START_S
) -> Traffic:
    """Build one image an hour named, of sizes and labels by turns."""
    n_rows = len(hours)
    sides = (240, 480, 720, 1_080, 1_600)
    turn = np.arange(n_rows)
    slots = start_s + HOUR_S * np.array(hours, dtype=np.int64)
    none = np.zeros(n_rows, dtype=np.int64)
    part = Traffic(
        height_px=np.array(sides)[turn % len(sides)],
        width_px=np.array(sides)[turn // len(sides) % len(sides)],
        frames=none,
        fps=np.zeros(n_rows),
        visual_tokens=none,
        slot_start_s=slots,
        label=turn % len(labels) if labels else np.full(n_rows, -1),
        count=np.ones(n_rows),
        labels=tuple(sorted(labels)),
        rows_read=n_rows,
        rows_used=n_rows,
        first_s=float(slots.min()),
        last_s=float(slots.max() + 1),
    )
    return merge_traffic([part])


def many_sizes(n_sizes: int, each: float = 61.0) -> Traffic:
    sides = np.random.default_rng(0).integers(60, 4_000, (2 * n_sizes, 2))
    distinct = np.unique(sides, axis=0)[:n_sizes]
    return traffic_of(*((int(a), int(b), each) for a, b in distinct))


# Colours


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def themes() -> Iterator[dict[str, str]]:
    """Return the variables on light paper, then on dark."""
    light, dark = CSS.read_text().split("@media")
    for text in (light, dark):
        yield dict(re.findall(r"(--fig-[\w-]+): (#[0-9a-f]{6});", text))


def test_the_page_sets_every_colour_and_the_light_ones_are_those_drawn() -> None:
    light, dark = themes()
    assert light == {name: colour for colour, name in VARIABLES.items()}
    assert dark.keys() == light.keys()


@pytest.mark.parametrize("theme", list(themes()), ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_card(theme: dict[str, str]) -> None:
    card = theme["--fig-card"]
    for text in (INK, VERMILLION):
        assert contrast(theme[VARIABLES[text]], card) >= 4.5
    assert contrast(theme["--fig-ink"], theme["--fig-gap"]) >= 4.5
    # Grids and gaps are background; pale fills have an outline or a step in shade.
    quiet = {GRID, GAP, GAP_HATCH, ORANGE, SKY, *HEAT}
    for colour, name in VARIABLES.items():
        if colour not in quiet and name not in {"--fig-card", "--fig-outline"}:
            assert contrast(theme[name], card) >= 3, name


@pytest.mark.parametrize("theme", list(themes()), ids=["light", "dark"])
def test_more_in_a_cell_is_always_further_from_the_card(theme: dict[str, str]) -> None:
    steps = [contrast(theme[VARIABLES[each]], theme["--fig-card"]) for each in HEAT]
    assert steps == sorted(steps)
    assert all(b / a > 1.15 for a, b in itertools.pairwise(steps))


def test_hatches_read_on_every_fill() -> None:
    for theme in themes():
        outline = theme["--fig-outline"]
        for name in ("orange", "sky", "green", "purple", "blue", "vermillion"):
            assert contrast(theme[f"--fig-{name}"], outline) >= 3


# Any figure


def drawings() -> Iterator[Drawing]:
    random = np.random.default_rng(3).integers(0, 40, 300).tolist()
    analysis = analysis_of(timed(random, labels=("a", HOSTILE)), context=ASKED)
    visual = analysis.plan.visual
    table = front_drawing(visual, mask_bytes).table
    yield sizes_drawing(analysis)
    yield sizes_drawing(analysis_of(many_sizes(200)))
    yield knee_drawing(analysis.plan.visual, analysis.plan.provenance.options, table)
    yield front_drawing(visual, mask_bytes)
    yield trade_drawing(visual, analysis.plan.frontier_budgets, lengths_bytes(analysis))
    yield labels_drawing(analysis)
    arrivals = arrivals_drawing(analysis)
    assert arrivals is not None
    yield arrivals


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Drawing, str]]:
    return [(each, to_svg(each)) for each in drawings()]


def test_every_colour_is_a_variable_with_itself_to_fall_back_on(
    drawn: list[tuple[Drawing, str]],
) -> None:
    for _, svg in drawn:
        styles = " ".join(re.findall(r'style="([^"]*)"', svg))
        assert "var(--fig-ink,#1c1c1c)" in styles
        assert not re.search(r"(?<!,)#[0-9a-f]{6}", styles)


def test_ids_are_those_referred_to_and_no_others(
    drawn: list[tuple[Drawing, str]],
) -> None:
    for drawing, svg in drawn:
        ids = Outline(svg).ids
        assert len(ids) == len(set(ids))
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        used |= {f"{drawing.id}-title", f"{drawing.id}-desc"}
        assert set(ids) == used


def test_every_figure_tells_its_values_where_the_mouse_is(
    drawn: list[tuple[Drawing, str]],
) -> None:
    for drawing, svg in drawn:
        wide, high = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())  # type: ignore[union-attr]
        told = re.findall(
            r'<rect class="told" x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"'
            r"[^>]*><title>([^<]+)</title>",
            svg,
        )
        # The many cells of sizes would be told at greater length than they are drawn.
        assert told or isinstance(drawing.plot, Cells), drawing.id
        for *sides, text in told:
            x, y, width, height = map(float, sides)
            assert 0 <= x <= x + width <= wide + 1, text
            assert 0 <= y <= y + height <= high + 1, text
            assert re.search(r"\d", text), drawing.id


def test_text_of_others_stays_text(drawn: list[tuple[Drawing, str]]) -> None:
    (svg,) = (svg for drawing, svg in drawn if drawing.id == "figure-labels")
    assert "<script" not in svg
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;$x^2$, " in svg


def test_coordinates_carry_no_digit_that_nobody_sees(
    drawn: list[tuple[Drawing, str]],
) -> None:
    for _, svg in drawn:
        tags = " ".join(re.findall(r"<[^>]*>", svg))
        assert not re.search(r"\d\.\d{3}", tags)


@pytest.mark.filterwarnings("error")
def test_labels_in_any_script_are_drawn_without_a_word() -> None:
    names = ("사용자 그룹", "日本", "😀", "\x07")
    svg = to_svg(labels_drawing(analysis_of(timed(list(range(40)), labels=names))))
    for name in ("사용자 그룹", "日本", "😀", "\\x07"):
        assert name in svg
    assert "\x07" not in svg


@given(st.text())
def test_a_shortened_name_is_the_start_of_the_name(name: str) -> None:
    shown = short(name)
    assert shown.isprintable()
    assert len(shown) <= 49
    if name.isprintable():
        assert name.startswith(shown.removesuffix("…"))


def test_no_text_of_any_figure_is_cut_off_or_lies_on_another() -> None:
    for drawing in drawings():
        check_drawing(drawing)


def test_a_figure_holds_what_it_names() -> None:
    found = {each.id: figure_of(each) for each in drawings()}
    (saved,) = (
        ax for ax in found["figure-how-many"].axes if ax.get_ylabel() == "saved"
    )
    assert len(saved.patches) == 8, "a bar for each further graph, and what was asked"
    (labels,) = found["figure-labels"].axes
    legend = labels.get_legend()
    assert legend is not None
    n_buckets = len(legend.get_texts())
    assert len(labels.patches) == 3 * n_buckets, "all, and two labels"
    hatches = {patch.get_hatch() for patch in labels.patches}
    assert len(hatches) == n_buckets, "buckets are told apart without colour"
    heights = [ax.get_position().height for ax in found["figure-arrivals"].axes]
    assert heights[0] == pytest.approx(heights[1])


# Notes beside points


shares = st.floats(0, 1)


@given(st.lists(st.tuples(shares, shares, st.text("abc", min_size=1, max_size=20))))
@settings(max_examples=25, deadline=None)
def test_notes_cover_neither_points_nor_each_other(
    found: list[tuple[float, float, str]],
) -> None:
    with styled("x"):
        paper = Paper()
        (ax,) = paper.panels(200)
        paper.set_x(ax, Span(0, 1), "")
        paper.set_y(ax, Span(0, 1), "")
        paper.notes(ax, found, [[(x, y)] for x, y, _ in found])
        boxes = [note.get_window_extent() for note in ax.texts]
    points = ax.transData.transform([(x, y) for x, y, _ in found] or [(9, 9)])
    for first, second in itertools.combinations(boxes, 2):
        assert not first.padded(-1).overlaps(second.padded(-1))
    for box in boxes:
        assert ax.bbox.x0 <= box.x0 <= box.x1 <= ax.bbox.x1
        assert box.count_contains(points) == 0


def test_a_note_alone_always_finds_room() -> None:
    for x, y in itertools.product((0.0, 0.5, 1.0), repeat=2):
        with styled("x"):
            paper = Paper()
            (ax,) = paper.panels(200)
            paper.set_x(ax, Span(0, 1), "")
            paper.set_y(ax, Span(0, 1), "")
            paper.notes(ax, [(x, y, "the plan")], [[(x, y)]])
        assert len(ax.texts) == 1


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=12, unique=True))
@settings(max_examples=25, deadline=None)
def test_names_of_lines_touch_neither_each_other_nor_a_line(places: list[int]) -> None:
    with styled("x"):
        paper = Paper()
        (ax,) = paper.panels(200, width_pt=435)
        paper.set_x(ax, Span.over(places), "")
        paper.flags(ax, [Edge(at, f"{at:,}") for at in places])
        names = {text.get_text(): text.get_window_extent() for text in ax.texts}
        lines = [line.get_window_extent() for line in ax.lines]
    assert len(names) == len(lines) == len(places)
    for first, second in itertools.combinations(names.values(), 2):
        assert not first.padded(-1).overlaps(second.padded(-1))
    for name, line in itertools.product(names.values(), lines):
        assert not (name.x0 < line.x0 < name.x1 and line.y1 > name.y0 + 1)


@pytest.mark.parametrize(
    ("hours", "first"),
    [
        ([0, 4], "22:00"),
        ([0, 240], "11-15"),
        ([0, 7_200], "2024"),
        ([0, 99_999], "2024"),
    ],
)
def test_ticks_of_time_are_even_steps_of_the_calendar(
    hours: list[int], first: str
) -> None:
    drawing = arrivals_drawing(analysis_of(timed(hours)))
    assert drawing is not None
    below = figure_of(drawing).axes[-1]
    labels = [tick.get_text() for tick in below.get_xticklabels()]
    assert first in labels
    assert 3 <= len(labels) <= 9
