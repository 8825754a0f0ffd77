"""The figure of how large images are as sent, and the table of their sizes."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.histogram import (
    N_BINS,
    Histogram,
    bin_table,
    binned,
    snapped,
)
from bucketwise.report.figures.spans import Edge, Span
from bucketwise.report.plan_queries import noun_of
from bucketwise.words.numbers import number, percent, plural, plural_of

MOST_SIZES = 50
MEGAPIXEL = 1_000_000


def pixels_drawing(analysis: Analysis) -> Drawing:
    """Return the histogram of pixels as sent, with the limits to set."""
    sizes, processor = analysis.counts.sizes, analysis.plan.visual.processor
    used = (sizes.count > 0) & ~sizes.is_told
    area = sizes.height_px * sizes.width_px
    pixels = area[used] / MEGAPIXEL
    of_image = used & (sizes.frames == 0)
    edges, said = [], ""
    if of_image.any() and analysis.plan.model.has_pixel_limits:
        # Limits may count an image as several frames.
        limits = [
            limit / analysis.profile.image_frames
            for limit in (processor.min_pixels, processor.max_pixels)
        ]
        edges = [
            Edge(at / MEGAPIXEL, name, "limit")
            for name, at in zip(("min_pixels", "max_pixels"), limits, strict=True)
        ]
        total = float(sizes.count[of_image].sum())
        below, above = (
            percent(float(sizes.count[of_image & found].sum()) / total)
            for found in (area < limits[0], area > limits[1])
        )
        said = (
            f" Of the images {below} are smaller than min_pixels, {above} larger than "
            "max_pixels."
        )
    ends = (float(pixels.min()), float(pixels.max()))
    lines = [edge.at for edge in edges]
    span = Span.over((*ends, *lines))
    bounds = snapped(span.bins(N_BINS), lines)
    weights = binned(pixels, sizes.count[used], bounds)
    noun = plural_of(noun_of(analysis))
    return Drawing(
        id="figure-pixels",
        title="Size histogram",
        description=(
            f"Histogram of the {noun} by pixels as sent, from {ends[0]:,.3g} to "
            f"{ends[1]:,.3g} megapixels.{said}"
        ),
        caption=f"How large the {noun} are as sent.{said}",
        plot=Histogram(
            bounds=bounds,
            weights=weights,
            edges=edges,
            x=span,
            x_label="size as sent, megapixels",
            y_label=noun,
        ),
        table=bin_table(f"{noun.capitalize()} by size", "megapixels", bounds, weights),
    )


def sizes_table(analysis: Analysis) -> Table:
    """Return the most frequent sizes and what each becomes."""
    sizes = analysis.counts.sizes
    used = np.flatnonzero(sizes.count > 0)
    order = used[np.argsort(-sizes.count[used], kind="stable")]
    served = Buckets(analysis.plan.visual.vit_max_seq_lens).assign(analysis.needed)
    total = float(sizes.count.sum())
    caption = f"All {used.size:,} sizes" if used.size > 1 else "The one size"
    if used.size > MOST_SIZES:
        caption = f"The {MOST_SIZES} most frequent of {used.size:,} sizes"
    head = "As sent" if sizes.is_told[used].any() else "Width x height, px"
    return Table.of_numbers(
        caption,
        (head, "Count", "Share", "Resized, px", "Needed, ViT patches", "Bucket"),
        (
            (
                _as_sent(analysis, index),
                number(float(sizes.count[index])),
                percent(float(sizes.count[index]) / total),
                *_became(analysis, index, int(served[index])),
            )
            for index in order[:MOST_SIZES].tolist()
        ),
    )


def _as_sent(analysis: Analysis, index: int) -> str:
    sizes = analysis.counts.sizes
    if tokens := int(sizes.visual_tokens[index]):
        return plural(tokens, "visual token")
    said = f"{sizes.width_px[index]:,} x {sizes.height_px[index]:,}"
    if frames := int(sizes.frames[index]):
        said += f", {frames:,} frames"
    if sizes.has_own_limits[index] or sizes.resized_first[index] > 0:
        said += ", limits of its request"
    return said


def _became(analysis: Analysis, index: int, bucket: int) -> tuple[str, str, str]:
    counts = analysis.counts
    if not counts.accepted[index]:
        return "refused", "", ""
    resized = (
        f"{counts.resized_width_px[index]:,} x {counts.resized_height_px[index]:,}"
    )
    return (
        "unknown" if counts.sizes.visual_tokens[index] else resized,
        f"{analysis.needed[index]:,}",
        f"{analysis.plan.visual.vit_max_seq_lens[bucket]:,}",
    )
