"""The drawing of sizes as sent in the plane of width and height."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Drawing
from bucketwise.report.drawings.contours import contours_of
from bucketwise.report.drawings.labels import along, place_notes
from bucketwise.report.drawings.scales import bins, span_axis
from bucketwise.report.drawings.sizes import sizes_table
from bucketwise.report.plots import (
    Axis,
    Cells,
    Contour,
    HeatPlot,
    Marks,
    Note,
    Points,
    ScatterPlot,
)
from bucketwise.report.reading import noun_of
from bucketwise.words.numbers import number, percent, plural_of

MOST_MARKS = 60
"""Sizes drawn one by one, where marks are told apart; more are counted in cells."""

CELLS_A_SIDE = 48
"""About ten pixels a cell on a screen, and no mark however many sizes there are."""

MOST_LEVELS = 8
DIGITS = ((1, 2, 5), (1, 3), (1,))
"""Leading digits of the bounds of levels, the finest first."""

AREAS = (8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Areas of marks in points squared, for weights up to each one's share of the most."""

MOST_NOTES = 8
"""Sizes named beside their marks."""

MARK_ROOM = 1.25
"""How far the axes go beyond the marks at either end, for their names."""

RARE = 0.01
"""Under this share the most frequent size is not worth naming."""

Shape = Literal["image", "clip"]


@dataclass(frozen=True, slots=True)
class Sent:
    """Sizes as sent whose sides are known, one position a size."""

    width_px: FloatArray
    height_px: FloatArray
    is_clip: NDArray[np.bool_]
    count: FloatArray

    @property
    def share(self) -> FloatArray:
        """Share of each size."""
        return np.asarray(self.count / self.count.sum(), dtype=np.float64)


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
    low = float(min(sent.width_px.min(), sent.height_px.min()))
    high = float(max(sent.width_px.max(), sent.height_px.max()))
    few = sent.count.size <= MOST_MARKS
    ends = (low / MARK_ROOM, high * MARK_ROOM) if few else (low, high)
    x, y = (span_axis(f"{side}, px", ends) for side in ("width", "height"))
    noun = plural_of(noun_of(analysis))
    contours = contours_of(analysis, x, y)
    n_sizes = sent.count.size
    spoken = _finding(sent, noun)
    return Drawing(
        id="figure-sizes",
        title="Sizes as sent, width by height",
        description=(
            f"{'Marks' if few else 'Heat map'} of {n_sizes:,} sizes between {low:,.0f} "
            f"and {high:,.0f} px a side. {spoken}"
        ),
        caption=f"{_how_drawn(sent, noun, few=few)} {spoken}{_contour_words(contours)}",
        plot=_scatter(sent, contours, x, y)
        if few
        else _heat(sent, contours, f"{noun} a cell", x, y),
        table=sizes_table(analysis),
    )


def levels_of(weights: FloatArray) -> FloatArray:
    """Return ascending bounds of at most `MOST_LEVELS` levels that hold all weights.

    A level holds its lower bound and not its upper one. The lowest is open below,
    starting at 0, where the weights span too far.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Positive.
    """
    least, most = float(weights.min()), float(weights.max())
    # The logarithm may round up to the next power.
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
    found = np.empty(0)
    for digits in DIGITS:
        places = np.array([float(f"{d}e{power}") for power in powers for d in digits])
        first = int(np.searchsorted(places, least, side="right")) - 1
        last = int(np.searchsorted(places, most, side="right"))
        found = places[max(first, 0) : last + 1]
        if found.size - 1 <= MOST_LEVELS:
            return found
    return np.concatenate(([0.0], found[-MOST_LEVELS:]))


def _how_drawn(sent: Sent, noun: str, *, few: bool) -> str:
    if few:
        return f"Each mark is a size; its area grows with the {noun} of that size."
    text = f"Each cell counts the {noun} of about that size."
    if sent.is_clip.any() and not sent.is_clip.all():
        text += " Cells that hold clips, too, have a dot."
    return text


def _finding(sent: Sent, noun: str) -> str:
    most = int(sent.count.argmax())
    share = sent.share
    wide = float(share[sent.width_px > sent.height_px].sum())
    tall = float(share[sent.width_px < sent.height_px].sum())
    if sent.count.size == 1:
        return f"All {noun} have one size."
    text = (
        f"Of the {noun} {percent(wide)} are wider than tall and {percent(tall)} taller "
        "than wide; "
    )
    if share[most] < RARE:
        return f"{text}no size makes up {percent(RARE)} of them."
    part = percent(float(share[most]))
    return f"{text}the most frequent size, {_size_words(sent, most)} px, is {part}."


def _contour_words(contours: tuple[Contour, ...]) -> str:
    if not contours:
        return ""
    return (
        " A line joins the largest sizes a bucket holds, to the rounding of the "
        "processor; a bucket at the upper limit has none, because larger images are "
        "shrunk into it."
    )


def _size_words(sent: Sent, index: int) -> str:
    return f"{sent.width_px[index]:,.0f} x {sent.height_px[index]:,.0f}"


def _heat(
    sent: Sent, contours: tuple[Contour, ...], counted: str, x: Axis, y: Axis
) -> HeatPlot:
    across, up = bins(x, CELLS_A_SIDE), bins(y, CELLS_A_SIDE)
    column = _bin_of(sent.width_px, across)
    row = _bin_of(sent.height_px, up)
    cell = row * CELLS_A_SIDE + column
    weight = np.bincount(cell, sent.count, CELLS_A_SIDE**2).astype(np.float64)
    filled = np.flatnonzero(weight)
    bounds = levels_of(weight[filled])
    level = np.searchsorted(bounds, weight[filled], side="right") - 1
    whole = bool((sent.count % 1 == 0).all())
    levels = (
        _cells(_level_name(low, high, whole=whole), filled[level == index], across, up)
        for index, (low, high) in enumerate(pairwise(bounds.tolist()))
        if (level == index).any()
    )
    mixed = sent.is_clip.any() and not sent.is_clip.all()
    clip_row, clip_column = np.divmod(np.unique(cell[sent.is_clip]), CELLS_A_SIDE)
    # Halves of cells begin in the middles of cells.
    middles_x, middles_y = (bins(axis, 2 * CELLS_A_SIDE)[1::2] for axis in (x, y))
    return HeatPlot(
        levels=tuple(levels),
        clips=Points(
            name="with clips",
            x=tuple(middles_x[clip_column].tolist()),
            y=tuple(middles_y[clip_row].tolist()),
        )
        if mixed
        else None,
        contours=contours,
        counted=counted,
        x=x,
        y=y,
    )


def _bin_of(values: FloatArray, bounds: FloatArray) -> IntArray:
    found = np.searchsorted(bounds, values, side="right") - 1
    return found.clip(0, bounds.size - 2).astype(np.int64)


def _cells(label: str, cells: IntArray, across: FloatArray, up: FloatArray) -> Cells:
    row, column = np.divmod(cells, CELLS_A_SIDE)
    return Cells(
        label=label,
        left=tuple(across[column].tolist()),
        right=tuple(across[column + 1].tolist()),
        bottom=tuple(up[row].tolist()),
        top=tuple(up[row + 1].tolist()),
    )


def _level_name(low: float, high: float, *, whole: bool) -> str:
    if not low:
        return f"under {number(high)}"
    if not whole:
        return f"{number(low)} to under {number(high)}"
    last = high - 1
    return number(low) if last <= low else f"{number(low)} to {number(last)}"


def _scatter(
    sent: Sent, contours: tuple[Contour, ...], x: Axis, y: Axis
) -> ScatterPlot:
    most = float(sent.count.max())
    kinds: tuple[tuple[Shape, bool], ...] = (("image", False), ("clip", True))
    present = [(shape, clip) for shape, clip in kinds if (sent.is_clip == clip).any()]
    points = list(zip(sent.width_px.tolist(), sent.height_px.tolist(), strict=True))
    order = np.argsort(-sent.count, kind="stable")[:MOST_NOTES].tolist()
    wanted = [
        Note(text=_size_words(sent, index), x=at_x, y=at_y, side="right")
        for index, (at_x, at_y) in ((index, points[index]) for index in order)
    ]
    lines = [
        point
        for line in contours
        for point in along(tuple(zip(line.x, line.y, strict=True)), x, y)
    ]
    return ScatterPlot(
        marks=tuple(
            mark
            for shape, clip in present
            for mark in _by_area(sent, shape, sent.is_clip == clip, most)
        ),
        contours=contours,
        shapes=tuple((shape, plural_of(shape)) for shape, _ in present),
        notes=place_notes(wanted, [*points, *lines], x, y, n_far=len(wanted)),
        x=x,
        y=y,
    )


def _by_area(
    sent: Sent, shape: Shape, chosen: NDArray[np.bool_], most: float
) -> list[Marks]:
    """Group marks by area, the largest first, so that small ones lie on top."""
    steps = np.asarray(AREAS)
    weight = sent.count / most
    level = np.searchsorted(steps / steps[-1], weight).clip(max=steps.size - 1)
    return [
        Marks(
            shape=shape,
            area=AREAS[index],
            x=tuple(sent.width_px[here].tolist()),
            y=tuple(sent.height_px[here].tolist()),
        )
        for index in range(len(AREAS) - 1, -1, -1)
        if (here := (level == index) & chosen).any()
    ]
