"""The figure of how many sequences were active, and which graphs hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.plan import Decoder
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.histogram import N_BINS, Histogram, binned
from bucketwise.report.figures.spans import LOG_FROM, Edge, Span
from bucketwise.words.numbers import joined, percent

MOST_BARS = 64
"""Up to this batch size every number of sequences has a bar of its own."""

HARDLY = 0.05
"""Share of busy time that does not decide on which axis the rest is drawn."""


def active_drawing(decoder: Decoder) -> Drawing:
    """Return the share of busy time by active sequences, with the chosen graphs."""
    batch_size, sizes = decoder.batch_size, decoder.decoder_batch_sizes
    active = np.arange(1, batch_size + 1)
    share = np.array([decoder.active_share[str(size)] for size in active.tolist()])
    span, bounds = _bounds(active, share, sizes)
    weights = binned(active.astype(np.float64), share, bounds)
    graphs = f"Lines stand where the graphs for {joined(sizes)} end"
    if len(sizes) == 1:
        graphs = f"The line stands where the graph for {joined(sizes)} ends"
    caption = (
        f"How long so many sequences were active, as a share of busy time. {graphs}: "
        "a step runs on the next line to its right, and the slots up to that line are "
        "computed for nothing."
    )
    if (np.diff(bounds) > 1).any():
        caption += " A bar holds all numbers of sequences it spans."
    return Drawing(
        id="figure-decoder-active",
        title="Share of busy time by active sequences, with the chosen graphs",
        description=(
            f"Histogram of busy time over 1 to {batch_size:,} active sequences. "
            f"Graphs end at {joined(sizes)}."
        ),
        caption=caption,
        plot=Histogram(
            bounds=bounds,
            weights=weights,
            edges=[Edge(size + 0.5, f"{size:,}") for size in sizes],
            x=span,
            x_label="active sequences",
            y_label="share of busy time",
            form="percent",
            x_form="number" if span.log else "whole",
        ),
        table=_table(bounds, weights, sizes),
    )


def _bounds(
    active: IntArray, share: FloatArray, sizes: Sequence[int]
) -> tuple[Span, FloatArray]:
    """Return an axis of active sequences, and bounds halfway between whole numbers."""
    batch_size, first = active.size, 1
    hardly_below = int(active[np.searchsorted(np.cumsum(share), HARDLY)])
    if batch_size > max(MOST_BARS, LOG_FROM * hardly_below):
        first = min(int(active[share > 0][0]), sizes[0])
        span = Span.over((first - 0.5, batch_size + 0.5))
        bounds = np.floor(span.bins(N_BINS)) + 0.5
    else:
        span = Span(0.5, batch_size + 0.5)
        bounds = np.arange(0.5, batch_size, -(-batch_size // MOST_BARS))
    lines = np.array(sizes) + 0.5
    at_lines = np.array([span.fraction(line) for line in lines.tolist()])
    # A bar ends at every line; bounds closer to one than half a bar give way to it.
    inner = [
        bound
        for bound in bounds.tolist()
        if first < bound < batch_size
        and np.abs(at_lines - span.fraction(bound)).min() > 0.5 / MOST_BARS
    ]
    return span, np.unique([first - 0.5, *inner, *lines.tolist()])


def _table(bounds: FloatArray, weights: FloatArray, sizes: Sequence[int]) -> Table:
    whole = np.round(bounds + 0.5).astype(np.int64)
    graphs = np.array(sizes)[np.searchsorted(sizes, whole[1:] - 1)]
    return Table.of_numbers(
        "Share of busy time by active sequences, and the graph that holds them",
        ("Active sequences", "Share of busy time", "Runs on the graph of"),
        (
            (
                f"{least:,}" if least == most else f"{least:,} to {most:,}",
                percent(weight),
                f"{graph:,}",
            )
            for least, most, weight, graph in zip(
                whole[:-1].tolist(),
                (whole[1:] - 1).tolist(),
                weights.tolist(),
                graphs.tolist(),
                strict=True,
            )
        ),
    )
