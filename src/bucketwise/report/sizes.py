"""Drawings of sizes as sent: how large, which shape, how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from bucketwise.analysis import Analysis
from bucketwise.buckets import Buckets
from bucketwise.numbers import number, percent, plural, plural_of
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings import N_BINS, bin_table, binned, snapped
from bucketwise.report.plots import (
    Axis,
    Contour,
    Edge,
    HistogramPlot,
    Marks,
    ScatterPlot,
)
from bucketwise.report.reading import noun_of
from bucketwise.report.scales import bins, span_axis, spread, zero_axis
from bucketwise.traffic import FloatArray, IntArray, Sizes

MOST_MARKS = 2_000
"""Sizes drawn one by one; beyond, neighbours on paper are drawn as one mark."""

CELLS_A_SIDE = 60
AREAS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Areas of marks in points squared, for weights up to each one's share of the most."""

NEAR_LIMIT = 0.95
"""Share of max_pixels from which a bucket is as good as the limit itself."""

LABEL_SPACE = (0.08, 0.05)
"""Share of the axes' width and height that a line's label takes."""

MOST_SIZES = 50
MEGAPIXEL = 1_000_000

Shape = Literal["image", "clip"]


def pixels_drawing(analysis: Analysis) -> Drawing:
    """Return the histogram of pixels as sent, with the limits in force."""
    sizes, model = analysis.counts.sizes, analysis.plan.model
    used = (sizes.count > 0) & ~sizes.is_told
    pixels = (sizes.height_px * sizes.width_px)[used] / MEGAPIXEL
    ends = [float(pixels.min()), float(pixels.max())]
    only_clips = not (sizes.frames[used] == 0).any()
    limits = (
        []
        if only_clips
        else [
            ("min_pixels", model.min_pixels / MEGAPIXEL),
            ("max_pixels", model.max_pixels / MEGAPIXEL),
        ]
    )
    places = [*ends, *(at for _, at in limits)]
    axis = span_axis("size as sent, megapixels", min(places), max(places), form=_plain)
    bounds = snapped(bins(axis, N_BINS), (at for _, at in limits))
    weights = binned(pixels, sizes.count[used], bounds)
    noun = plural_of(noun_of(analysis))
    edges = [Edge(at=at, label=name, row=0, style="limit") for name, at in limits]
    said = " Images left of min_pixels are enlarged, right of max_pixels shrunk."
    return Drawing(
        id="figure-pixels",
        title="Size histogram",
        description=(
            f"Histogram of the {noun} by pixels as sent, from {_plain(ends[0])} to "
            f"{_plain(ends[1])} megapixels."
        ),
        caption=f"How large the {noun} are as sent.{'' if only_clips else said}",
        plot=HistogramPlot(
            bounds=tuple(bounds.tolist()),
            weights=tuple(weights.tolist()),
            edges=spread(edges, axis),
            x=axis,
            y=zero_axis(noun, float(weights.max())),
        ),
        table=bin_table(f"{noun.capitalize()} by size", "megapixels", bounds, weights),
    )


def scatter_drawing(analysis: Analysis) -> Drawing:
    """Return every size in the plane, with the largest each bucket holds."""
    sizes = analysis.counts.sizes
    used = np.flatnonzero((sizes.count > 0) & ~sizes.is_told)
    width, height = sizes.width_px[used], sizes.height_px[used]
    low = float(min(width.min(), height.min()))
    high = float(max(width.max(), height.max()))
    x_axis = span_axis("width, px", low, high)
    y_axis = span_axis("height, px", low, high)
    marks = _all_marks(sizes, used, x_axis)
    shapes = dict.fromkeys(mark.shape for mark in marks)
    noun = plural_of(noun_of(analysis))
    contours = _contours(analysis, x_axis, y_axis)
    return Drawing(
        id="figure-sizes",
        title="Sizes as sent, width by height",
        description=(
            f"Scatter of {used.size:,} sizes between {low:,.0f} and {high:,.0f} px a "
            "side; the larger a mark, the more often its size was sent."
        ),
        caption=_scatter_caption(noun, used.size, contours=bool(contours)),
        plot=ScatterPlot(
            marks=tuple(marks),
            contours=contours,
            shapes=tuple((shape, plural_of(shape)) for shape in shapes),
            x=x_axis,
            y=y_axis,
        ),
        table=sizes_table(analysis),
    )


def sizes_table(analysis: Analysis) -> Table:
    """Return the most frequent sizes and what each becomes."""
    counts, sizes = analysis.counts, analysis.counts.sizes
    used = np.flatnonzero(sizes.count > 0)
    order = used[np.argsort(-sizes.count[used], kind="stable")]
    buckets = Buckets(analysis.plan.visual.vit_max_seq_lens)
    served = buckets.assign(analysis.needed)
    total = float(sizes.count.sum())
    rows = []
    for index in order[:MOST_SIZES].tolist():
        accepted = bool(counts.accepted[index])
        frames = int(sizes.frames[index])
        tokens = int(sizes.visual_tokens[index])
        resized = (
            f"{counts.resized_width_px[index]:,} x {counts.resized_height_px[index]:,}"
        )
        became = (
            "unknown" if tokens else resized,
            f"{analysis.needed[index]:,}",
            f"{buckets.lengths[served[index]]:,}" if accepted else "",
        )
        rows.append(
            Row(
                cells=(
                    plural(tokens, "visual token")
                    if tokens
                    else f"{sizes.width_px[index]:,} x {sizes.height_px[index]:,}"
                    + (f", {frames:,} frames" if frames else ""),
                    number(float(sizes.count[index])),
                    percent(float(sizes.count[index]) / total),
                    *(became if accepted else ("refused", "", "")),
                )
            )
        )
    caption = f"All {used.size:,} sizes" if used.size > 1 else "The one size"
    if used.size > MOST_SIZES:
        caption = f"The {MOST_SIZES} most frequent of {used.size:,} sizes"
    told = bool(sizes.is_told[used].any())
    head = "As sent" if told else "Width x height, px"
    heads = ("Count", "Share", "Resized, px", "Needed, ViT patches", "Bucket")
    return Table(
        caption=caption,
        head=(
            Column(text=head),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _scatter_caption(noun: str, n_sizes: int, *, contours: bool) -> str:
    text = f"Each mark is a size; its area grows with the {noun} of that size."
    if n_sizes > MOST_MARKS:
        text += (
            f" The {n_sizes:,} sizes are too many to draw: neighbours share one mark "
            "at their weighted middle."
        )
    if contours:
        text += (
            " A line joins the largest sizes a bucket holds, to the rounding of the "
            "processor; a bucket at the upper limit has none, because larger images "
            "are shrunk into it."
        )
    return text


def _all_marks(sizes: Sizes, used: IntArray, axis: Axis) -> list[Marks]:
    """Return the marks of images, then of clips, their areas on one scale."""
    is_clip = sizes.frames[used] > 0
    most = 0.0
    found: list[tuple[Shape, FloatArray, FloatArray, FloatArray]] = []
    kinds: tuple[tuple[Shape, bool], ...] = (("image", False), ("clip", True))
    for shape, wanted in kinds:
        chosen = used[is_clip == wanted]
        if chosen.size:
            x, y, weight = _marks(sizes, chosen, axis, thinned=used.size > MOST_MARKS)
            most = max(most, float(weight.max()))
            found.append((shape, x, y, weight))
    return [mark for entry in found for mark in _by_area(*entry, most)]


def _marks(
    sizes: Sizes, chosen: IntArray, axis: Axis, *, thinned: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, y = (
        side[chosen].astype(np.float64) for side in (sizes.width_px, sizes.height_px)
    )
    weight = sizes.count[chosen]
    if not thinned:
        return x, y, weight
    bounds = bins(axis, CELLS_A_SIDE)
    column, row = (
        (np.searchsorted(bounds, side, side="left") - 1).clip(0, CELLS_A_SIDE - 1)
        for side in (x, y)
    )
    cell = column * CELLS_A_SIDE + row
    total, x_sum, y_sum = (
        np.bincount(cell, weights=values, minlength=CELLS_A_SIDE**2).astype(np.float64)
        for values in (weight, weight * x, weight * y)
    )
    kept = total > 0
    return x_sum[kept] / total[kept], y_sum[kept] / total[kept], total[kept]


def _by_area(
    shape: Shape, x: FloatArray, y: FloatArray, weight: FloatArray, most: float
) -> list[Marks]:
    """Group marks by area, the largest first, so that small ones lie on top."""
    steps = np.asarray(AREAS)
    level = np.searchsorted(steps / steps[-1], weight / most).clip(max=steps.size - 1)
    return [
        Marks(
            shape=shape,
            area=AREAS[index],
            x=tuple(x[level == index].tolist()),
            y=tuple(y[level == index].tolist()),
        )
        for index in range(len(AREAS) - 1, -1, -1)
        if (level == index).any()
    ]


def _contours(analysis: Analysis, x: Axis, y: Axis) -> tuple[Contour, ...]:
    """Return where width times height fills each bucket; none for windowed models.

    Buckets at the upper limit have no such line: what is larger is shrunk into them.
    """
    model = analysis.plan.model
    if model.window_patches or not (analysis.counts.sizes.frames == 0).any():
        return ()
    lines: list[Contour] = []
    for length in analysis.plan.visual.vit_max_seq_lens:
        area = length * model.patch_size**2
        low, high = max(x.low, area / y.high), min(x.high, area / max(y.low, 1.0))
        if low >= high or area > NEAR_LIMIT * model.max_pixels:
            continue
        along = np.geomspace(low, high, 60)
        line = Contour(
            label=f"{length:,}",
            x=tuple(along.tolist()),
            y=tuple((area / along).tolist()),
        )
        if lines and _close(lines[-1], line, x, y):
            line = replace(line, label=f"{lines[-1].label} · {line.label}")
            lines[-1] = replace(lines[-1], label="")
        lines.append(line)
    return tuple(lines)


def _close(first: Contour, second: Contour, x: Axis, y: Axis) -> bool:
    """Return whether the labels at the ends of two lines would touch."""
    apart = (
        abs(x.fraction(first.x[-1]) - x.fraction(second.x[-1])) / LABEL_SPACE[0],
        abs(y.fraction(first.y[-1]) - y.fraction(second.y[-1])) / LABEL_SPACE[1],
    )
    return max(apart) < 1


def _plain(value: float) -> str:
    return f"{value:,.3g}"
