"""The figure of sizes as sent in the plane of width and height."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.palette import (
    AXIS,
    BLUE,
    CARD,
    HEAT,
    INK,
    ORANGE,
    VERMILLION,
)
from bucketwise.report.figures.pixels import sizes_table
from bucketwise.report.figures.spans import Span
from bucketwise.report.plan_queries import noun_of
from bucketwise.words.numbers import number, percent, plural_of, si_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bucketwise.report.figures.paper import Paper

MOST_MARKS = 60
"""Sizes drawn one by one, where marks are told apart; more are counted in cells."""

CELLS_A_SIDE = 48
"""About ten pixels a cell on a screen, and no mark however many sizes there are."""

MOST_LEVELS = len(HEAT)

PREFIX_FROM = 1e6
"""Counts from there on are named in thousands of thousands, and so on: "2 to under 5 G"."""

LEAST_AREA, MOST_AREA = 8.0, 150.0
"""Areas of marks in points squared; that of the most frequent size is the most."""

MOST_NOTES = 8
"""Sizes named beside their marks."""

MARK_ROOM = 1.25
"""How far the axes go beyond the marks at either end, for their names."""

RARE = 0.01
"""Under this share the most frequent size is not worth naming."""

NEAR_LIMIT = 0.95
"""Share of max_pixels from which a bucket is as good as the limit itself."""

NAME_PT = (48.0, 12.0)
"""Width and height of the name of a line."""

FULL = "largest size a bucket holds"

LOOKS = {"image": ("o", BLUE), "clip": ("s", ORANGE)}


@dataclass(frozen=True, slots=True)
class Line:
    """The sizes that fill a bucket: width times height is its area."""

    name: str
    area_px: float

    def ends(self, span: Span) -> tuple[float, float]:
        """Return the widths at which it enters and leaves the plane."""
        return (
            max(span.low, self.area_px / span.high),
            min(span.high, self.area_px / max(span.low, 1.0)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """Sizes as sent whose sides are known, one position a size."""

    width_px: FloatArray
    height_px: FloatArray
    is_clip: NDArray[np.bool_]
    count: FloatArray

    def __post_init__(self) -> None:
        """Refuse sizes that nobody sent."""
        if not (self.count > 0).all() or not self.count.size:
            raise ValueError(f"expected sizes that were sent, got {self.count}")

    def name(self, index: int) -> str:
        """Return a size in words."""
        return f"{self.width_px[index]:,.0f} x {self.height_px[index]:,.0f}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """Few sizes: a mark for each, its area by how often."""

    sent: Sent
    lines: tuple[Line, ...]
    span: Span

    def draw(self, paper: Paper) -> None:
        """Draw the marks, the largest first, and name the most frequent."""
        (ax,) = paper.panels(250, width_pt=423)
        _set_plane(paper, ax, self.span)
        sent, order = self.sent, np.argsort(-self.sent.count, kind="stable")
        area = np.maximum(MOST_AREA * sent.count / sent.count.max(), LEAST_AREA)
        for is_clip, (kind, (marker, colour)) in enumerate(LOOKS.items()):
            here = order[sent.is_clip[order] == bool(is_clip)]
            if not here.size:
                continue
            ax.scatter(
                sent.width_px[here],
                sent.height_px[here],
                area[here],
                marker=marker,
                color=colour,
                edgecolors=CARD,
                linewidths=0.4,
                zorder=2,
            )
            ax.plot([], [], marker, color=colour, label=plural_of(kind))
        curves = _draw_lines(ax, self.lines, self.span, 1.0)
        points = np.column_stack([sent.width_px, sent.height_px])
        notes = [(*points[at], sent.name(at)) for at in order[:MOST_NOTES].tolist()]
        paper.notes(ax, notes, [*curves, *points[:, None]])
        for at, (x, y) in enumerate(points.tolist()):
            paper.tell(ax, f"{sent.name(at)}: {number(sent.count[at])}", (x, x), (y, y))
        paper.legend(ax)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Many sizes, counted in cells.

    `level[row, column]` is a position in `names`, which ascend, or -1 where nothing is;
    `has_clips` is None where there are no clips or nothing else.
    """

    level: IntArray
    names: tuple[str, ...]
    has_clips: NDArray[np.bool_] | None
    lines: tuple[Line, ...]
    counted: str
    span: Span

    def draw(self, paper: Paper) -> None:
        """Draw cells by what they hold, the more the further from the paper."""
        (ax,) = paper.panels(300, width_pt=300)
        _set_plane(paper, ax, self.span)
        ax.grid(visible=False)
        bounds = self.span.bins(CELLS_A_SIDE)
        steps = np.linspace(0, len(HEAT) - 1, len(self.names)).round().astype(int)
        for level in reversed(range(len(self.names))):
            paper.cells(
                ax,
                bounds,
                self.level == level,
                label=self.names[level],
                facecolor=HEAT[steps[level] if len(self.names) > 1 else len(HEAT) // 2],
                edgecolor=AXIS,
                linewidth=0.3,
            )
        _draw_lines(
            ax, self.lines, self.span, 2.0, FULL.replace("a bucket", "a\nbucket")
        )
        if self.has_clips is not None:
            row, column = np.nonzero(self.has_clips)
            # Halves of cells begin in the middles of cells.
            middle = self.span.bins(2 * CELLS_A_SIDE)[1::2]
            ax.plot(
                middle[column],
                middle[row],
                linestyle="",
                marker="o",
                # Dark on light or light on dark, it reads on any cell.
                markersize=3.2,
                markerfacecolor=CARD,
                markeredgecolor=INK,
                markeredgewidth=0.6,
                label="with clips",
                zorder=1.5,
            )
        ax.legend(
            title=self.counted,
            loc="upper left",
            bbox_to_anchor=(1.15, 1.02),
            alignment="left",
        )


def _set_plane(paper: Paper, ax: Axes, span: Span) -> None:
    paper.set_x(ax, span, "width, px")
    paper.set_y(ax, span, "height, px")


def _draw_lines(
    ax: Axes, lines: tuple[Line, ...], span: Span, below: float, label: str = FULL
) -> list[FloatArray]:
    """Draw lines that read on any cell, named at their right ends; return where they are.

    `below` is the order they are drawn in, under what has a higher one.
    """
    curves: list[FloatArray] = []
    placed: list[FloatArray] = []
    for line in lines:
        x = np.geomspace(*line.ends(span), 60)
        curves.append(np.column_stack([x, line.area_px / x]))
        ax.plot(*curves[-1].T, color=CARD, linewidth=3.0, zorder=below)
        ax.plot(*curves[-1].T, color=VERMILLION, linewidth=1.4, zorder=below)
    for line, curve in zip(lines, curves.copy(), strict=True):
        end = ax.transData.transform(curve[-1])
        at = end.copy()
        for other in placed:
            if (np.abs(at - other) < NAME_PT).all():
                at[1] = other[1] + NAME_PT[1]
        placed.append(at)
        step = (4, at[1] - end[1])
        ax.annotate(
            line.name, curve[-1], step, textcoords="offset points", color=VERMILLION
        )
        # No other text is to lie on the name either.
        across, height = NAME_PT
        named = at + np.array([(0, height / 2), (across, height / 2)])
        curves.append(ax.transData.inverted().transform(named))
    if lines:
        ax.plot([], [], color=VERMILLION, label=label)
    return curves


def sizes_drawing(analysis: Analysis) -> Drawing:
    """Return sizes in the plane, with the largest that each bucket holds.

    Few sizes are marks, which say which sizes they are; many are cells of a heat map,
    which say how much lies where and never cover each other.
    """
    sizes = analysis.counts.sizes
    used = (sizes.count > 0) & ~sizes.is_told
    sent = Sent(
        sizes.width_px[used].astype(np.float64),
        sizes.height_px[used].astype(np.float64),
        sizes.frames[used] > 0,
        sizes.count[used],
    )
    sides = np.concatenate([sent.width_px, sent.height_px])
    low, high = float(sides.min()), float(sides.max())
    few = sent.count.size <= MOST_MARKS
    room = MARK_ROOM if few else 1.0
    span = Span.over((low / room, high * room))
    noun = plural_of(noun_of(analysis))
    lines = _lines(analysis, span)
    spoken = _finding(sent, noun)
    return Drawing(
        id="figure-sizes",
        title="Sizes as sent, width by height",
        description=(
            f"{'Marks' if few else 'Heat map'} of {sent.count.size:,} sizes between "
            f"{low:,.0f} and {high:,.0f} px a side. {spoken}"
        ),
        caption=f"{_how_drawn(sent, noun, few=few)} {spoken}{LINE_WORDS if lines else ''}",
        plot=Marks(sent=sent, lines=lines, span=span)
        if few
        else cells_of(sent, lines, f"{noun} a cell", span),
        table=sizes_table(analysis),
    )


LINE_WORDS = (
    " A line joins the largest sizes a bucket holds, to the rounding of the processor; a "
    "bucket at the upper limit has none, because larger images are shrunk into it."
)


def _lines(analysis: Analysis, span: Span) -> tuple[Line, ...]:
    """Return where buckets are full; nowhere where the area does not tell a length.

    Buckets at the upper limit have no such line: what is larger is shrunk into them.
    """
    model = analysis.plan.model
    if not model.has_pixel_limits or model.window_patches:
        return ()
    if not (analysis.counts.sizes.frames == 0).any():
        return ()
    lengths = analysis.plan.visual.vit_max_seq_lens
    each_px = model.patch_size**2 * analysis.release.engine.patches_per_length(
        analysis.profile
    )
    lines = (Line(f"{each:,}", each * each_px) for each in lengths)
    return tuple(
        line
        for line in lines
        if line.area_px <= NEAR_LIMIT * model.max_pixels / analysis.profile.image_frames
        and line.ends(span)[0] < line.ends(span)[1]
    )


def _how_drawn(sent: Sent, noun: str, *, few: bool) -> str:
    if few:
        return f"Each mark is a size; its area grows with the {noun} of that size."
    text = f"Each cell counts the {noun} of about that size."
    if sent.is_clip.any() and not sent.is_clip.all():
        text += " Cells that hold clips, too, have a dot."
    return text


def _finding(sent: Sent, noun: str) -> str:
    if sent.count.size == 1:
        return f"All {noun} have one size."
    share, most = sent.count / sent.count.sum(), int(sent.count.argmax())
    wide, tall = (
        percent(float(share[found].sum()))
        for found in (sent.width_px > sent.height_px, sent.width_px < sent.height_px)
    )
    text = f"Of the {noun} {wide} are wider than tall and {tall} taller than wide; "
    if share[most] < RARE:
        return f"{text}no size makes up {percent(RARE)} of them."
    part = percent(float(share[most]))
    return f"{text}the most frequent size, {sent.name(most)} px, is {part}."


def cells_of(sent: Sent, lines: tuple[Line, ...], counted: str, span: Span) -> Cells:
    """Return sizes counted in cells, and cells in levels."""
    bounds = span.bins(CELLS_A_SIDE)
    row, column = (
        (np.searchsorted(bounds, side, side="right") - 1).clip(0, CELLS_A_SIDE - 1)
        for side in (sent.height_px, sent.width_px)
    )
    weight = np.zeros((CELLS_A_SIDE, CELLS_A_SIDE))
    np.add.at(weight, (row, column), sent.count)
    clips = np.zeros_like(weight, dtype=bool)
    clips[row[sent.is_clip], column[sent.is_clip]] = True
    ends = levels_of(weight[weight > 0])
    found = np.where(weight > 0, np.searchsorted(ends, weight, side="right") - 1, -1)
    # Levels of no cell have no name in the legend.
    kept, level = np.unique(found, return_inverse=True)
    whole = bool((sent.count % 1 == 0).all())
    names = [
        _level_name(float(ends[at]), float(ends[at + 1]), whole=whole)
        for at in kept.tolist()
        if at >= 0
    ]
    return Cells(
        level=level.reshape(weight.shape) - int(kept[0] < 0),
        names=tuple(names),
        has_clips=clips if sent.is_clip.any() and not sent.is_clip.all() else None,
        lines=lines,
        counted=counted,
        span=span,
    )


def levels_of(weights: FloatArray) -> FloatArray:
    """Return ascending bounds of at most `MOST_LEVELS` levels that hold all weights.

    A level holds its lower bound and not its upper one; all are 1, 2 or 5 and noughts.
    """
    least, most = float(weights.min()), float(weights.max())
    # Some below, for levels that span several of them, and one above.
    powers = range(math.floor(math.log10(least)) - 5, math.ceil(math.log10(most)) + 2)
    places = np.array([float(f"{d}e{power}") for power in powers for d in (1, 2, 5)])
    first = int(np.searchsorted(places, least, side="right")) - 1
    last = int(np.searchsorted(places, most, side="right"))
    step = math.ceil((last - first) / MOST_LEVELS)
    return places[np.arange(last, first - step, -step)[::-1]]


def _level_name(low: float, high: float, *, whole: bool) -> str:
    if high > PREFIX_FROM:
        scale, prefix = si_scale(high)
        return f"{low / scale:g} to under {high / scale:g} {prefix}"
    if not whole:
        return f"{number(low)} to under {number(high)}"
    low, last = math.ceil(low), high - 1
    return number(low) if last <= low else f"{number(low)} to {number(last)}"
