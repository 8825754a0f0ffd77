"""Drawings of sizes as sent: how large, which shape, how often."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.lengths import N_BINS, bin_table, binned, snapped
from bucketwise.report.drawings.scales import bins, span_axis, spread, zero_axis
from bucketwise.report.plots import Edge, HistogramPlot
from bucketwise.report.reading import noun_of
from bucketwise.words.numbers import number, percent, plural, plural_of

MOST_SIZES = 50
MEGAPIXEL = 1_000_000


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
    axis = span_axis("size as sent, megapixels", places, form=_plain)
    bounds = snapped(bins(axis, N_BINS), (at for _, at in limits))
    weights = binned(pixels, sizes.count[used], bounds)
    noun = plural_of(noun_of(analysis))
    edges = [Edge(at=at, label=name, row=0, style="limit") for name, at in limits]
    said = ""
    if not only_clips:
        area = sizes.height_px * sizes.width_px
        of_image = used & (sizes.frames == 0)
        total = float(sizes.count[of_image].sum())
        below, above = (
            percent(float(sizes.count[of_image & found].sum()) / total)
            for found in (area < model.min_pixels, area > model.max_pixels)
        )
        said = (
            f" Of the images {below} are smaller than min_pixels, {above} larger than "
            "max_pixels."
        )
    return Drawing(
        id="figure-pixels",
        title="Size histogram",
        description=(
            f"Histogram of the {noun} by pixels as sent, from {_plain(ends[0])} to "
            f"{_plain(ends[1])} megapixels.{said}"
        ),
        caption=f"How large the {noun} are as sent.{said}",
        plot=HistogramPlot(
            bounds=tuple(bounds.tolist()),
            weights=tuple(weights.tolist()),
            edges=spread(edges, axis),
            x=axis,
            y=zero_axis(noun, float(weights.max())),
        ),
        table=bin_table(f"{noun.capitalize()} by size", "megapixels", bounds, weights),
    )


def sizes_table(analysis: Analysis) -> Table:
    """Return the most frequent sizes and what each becomes."""
    counts, sizes = analysis.counts, analysis.counts.sizes
    used = np.flatnonzero(sizes.count > 0)
    order = used[np.argsort(-sizes.count[used], kind="stable")]
    buckets = Buckets(analysis.plan.visual.vit_max_seq_lens)
    served = buckets.assign(analysis.needed)
    total = float(sizes.count.sum())
    own = sizes.has_own_limits | (sizes.resized_first > 0)
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
                    + (f", {frames:,} frames" if frames else "")
                    + (", limits of its request" if own[index] else ""),
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


def _plain(value: float) -> str:
    return f"{value:,.3g}"
