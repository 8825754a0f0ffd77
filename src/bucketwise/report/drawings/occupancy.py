"""The drawing of how many sequences were active, and which graphs hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.plan import Decoder
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.lengths import N_BINS, binned
from bucketwise.report.drawings.scales import (
    LOG_FROM,
    bins,
    span_axis,
    spread,
    zero_axis,
)
from bucketwise.report.plots import Axis, Edge, HistogramPlot, Tick
from bucketwise.words.numbers import joined, number, percent

MOST_BARS = 64
"""Up to this batch size every number of sequences has a bar of its own."""

HARDLY = 0.05
"""Share of busy time that does not decide on which axis the rest is drawn."""

MOST_INTEGER_TICKS = 16


def active_drawing(decoder: Decoder) -> Drawing:
    """Return the share of busy time by active sequences, with the chosen graphs."""
    batch_size, sizes = decoder.batch_size, decoder.decoder_batch_sizes
    active = np.arange(1, batch_size + 1)
    share = np.array([decoder.active_share[str(size)] for size in active.tolist()])
    axis, bounds = _sizes_axis(active, share, sizes)
    weights = binned(active.astype(np.float64), share, bounds)
    edges = [
        Edge(at=size + 0.5, label=f"{size:,}", row=0, style="proposed")
        for size in sizes
    ]
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
        plot=HistogramPlot(
            bounds=tuple(bounds.tolist()),
            weights=tuple(weights.tolist()),
            edges=spread(edges, axis),
            x=axis,
            y=zero_axis("share of busy time", float(weights.max()), form=_percent_tick),
        ),
        table=_active_table(bounds, weights, sizes),
    )


def _sizes_axis(
    active: IntArray, share: FloatArray, sizes: Sequence[int]
) -> tuple[Axis, FloatArray]:
    """Return an axis of active sequences, and bounds halfway between whole numbers."""
    label, batch_size = "active sequences", active.size
    hardly_below = int(active[np.searchsorted(np.cumsum(share), HARDLY)])
    if batch_size > max(MOST_BARS, LOG_FROM * hardly_below):
        first = min(int(active[share > 0][0]), sizes[0])
        axis = span_axis(label, (first - 0.5, batch_size + 0.5))
        bounds = np.floor(bins(axis, N_BINS)) + 0.5
    else:
        first = 1
        places = [tick.at for tick in zero_axis(label, batch_size, room=1.0).ticks]
        if batch_size <= MOST_INTEGER_TICKS:
            places = [float(size) for size in range(1, batch_size + 1)]
        ticks = tuple(Tick(at=at, label=number(at)) for at in places if at >= 1)
        axis = Axis(label=label, low=0.5, high=batch_size + 0.5, log=False, ticks=ticks)
        bounds = np.arange(0.5, batch_size, -(-batch_size // MOST_BARS))
    lines = np.array(sizes) + 0.5
    # A bar ends at every line; bounds closer to one than half a bar give way to it.
    inner = [
        bound
        for bound in bounds.tolist()
        if first < bound < batch_size and _apart(axis, bound, lines) > 0.5 / MOST_BARS
    ]
    return axis, np.unique([first - 0.5, *inner, *lines.tolist()])


def _apart(axis: Axis, bound: float, lines: FloatArray) -> float:
    """Return how far a bound is from the nearest line, as a share of the axis."""
    return min(
        abs(axis.fraction(bound) - axis.fraction(line)) for line in lines.tolist()
    )


def _active_table(
    bounds: FloatArray, weights: FloatArray, sizes: Sequence[int]
) -> Table:
    rows = []
    for low, high, weight in zip(
        bounds[:-1].tolist(), bounds[1:].tolist(), weights.tolist(), strict=True
    ):
        least, most = round(low + 0.5), round(high - 0.5)
        graph = next(size for size in sizes if size >= most)
        rows.append(
            Row(
                cells=(
                    f"{least:,}" if least == most else f"{least:,} to {most:,}",
                    percent(weight),
                    f"{graph:,}",
                )
            )
        )
    return Table(
        caption="Share of busy time by active sequences, and the graph that holds them",
        head=(
            Column(text="Active sequences"),
            Column(text="Share of busy time", style="number"),
            Column(text="Runs on the graph of", style="number"),
        ),
        rows=tuple(rows),
    )


def _percent_tick(at: float) -> str:
    return f"{at * 100:g}%"
