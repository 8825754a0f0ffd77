"""The figures of needed lengths: who needs what, and where buckets end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Demand
from bucketwise.core.plan import Current
from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.figures.histogram import (
    N_BINS,
    Histogram,
    bin_table,
    binned,
    snapped,
)
from bucketwise.report.figures.spans import Edge, Span
from bucketwise.report.plan_queries import UNIT, cumulated, demand_of
from bucketwise.words.numbers import dotted, percent, plural

MOST_STEPS = 800
"""Steps a cumulative curve is thinned to; more cannot be seen."""

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Counted:
    """What runs in a title and in a sentence, and what its lengths count."""

    title: str
    runs: str
    unit: str


PATCHES = Counted("ViT runs", "runs", UNIT)
TOKENS = Counted("texts", "texts", "tokens")


def headline_drawing(analysis: Analysis) -> Drawing:
    """Return the lengths over what the traffic needs, with today's where they are known."""
    current = analysis.plan.visual.current
    return (
        lengths_drawing(analysis, current) if current else cumulated_drawing(analysis)
    )


def lengths_drawing(analysis: Analysis, current: Current) -> Drawing:
    """Return runs over needed length with today's and the proposed lengths."""
    demand = demand_of(analysis)
    proposed, today = analysis.plan.visual.vit_max_seq_lens, current.max_seq_lens
    edges = [
        *(Edge(at, f"{at:,}") for at in proposed),
        *(Edge(at, f"{at:,}", "today") for at in today),
    ]
    plot = runs_by_length(demand, edges)
    return Drawing(
        id="figure-today",
        title="ViT runs by needed length, with today's and the proposed lengths",
        description=(
            f"Histogram of {plural(float(demand.runs.sum()), 'run')} over needed "
            f"length. Today's lengths: {dotted(today)}. Proposed: {dotted(proposed)}."
        ),
        caption=(
            "Each run is padded up to the next line on its right: dashed lines are "
            "today's lengths, solid ones the proposed. The gap to the line is work on "
            "nothing; a run right of every dashed line fails today."
        ),
        plot=plot,
        table=bin_table("ViT runs by needed length", UNIT, plot.bounds, plot.weights),
    )


def runs_by_length(
    demand: Demand, edges: Sequence[Edge], places: Sequence[float] = ()
) -> Histogram:
    """Return runs over needed length, with lines; the axis holds these places, too."""
    ends = [edge.at for edge in edges]
    span = Span.over((*ends, *places, *demand.needed[[0, -1]].tolist()))
    bounds = snapped(span.bins(N_BINS), ends)
    return Histogram(
        bounds=bounds,
        weights=binned(demand.needed.astype(np.float64), demand.runs, bounds),
        edges=edges,
        x=span,
        x_label=f"needed length, {UNIT}",
        y_label="ViT runs",
    )


def cumulated_drawing(analysis: Analysis) -> Drawing:
    """Return the share of runs at or below each length, with the chosen edges."""
    lengths = analysis.plan.visual.lengths
    return share_drawing(demand_of(analysis), lengths, PATCHES)


def share_drawing(
    demand: Demand, lengths: tuple[int, ...], counted: Counted
) -> Drawing:
    """Return the share of what runs at or below each length, with the chosen edges."""
    share, runs = cumulated(demand), counted.runs
    keep = _thinned(share)
    span = Span.over((*lengths, *demand.needed[[0, -1]].tolist()))
    # The share below each length, 0 below the least one needed.
    below = np.append(0.0, share)[np.searchsorted(demand.needed, lengths, side="right")]
    said = ", ".join(
        f"{percent(part)} need {edge:,} or less"
        for part, edge in zip(below.tolist(), lengths, strict=True)
    )
    return Drawing(
        id="figure-cumulative",
        title=f"Cumulative share of {counted.title} over needed length",
        description=f"Of all {runs}, {said}.",
        caption=(
            f"The curve is the share of {runs} that a graph of that length holds; the "
            f"lines are the chosen lengths. Of all {runs}, {said}."
        ),
        plot=Histogram(
            bounds=np.array([span.low, *demand.needed[keep].tolist(), span.high]),
            weights=np.append(0.0, share[keep]),
            edges=[Edge(at, f"{at:,}") for at in lengths],
            x=span,
            x_label=f"needed length, {counted.unit}",
            y_label=f"share of {runs}",
            form="percent",
            cumulated=True,
        ),
        table=_share_table(demand, share, counted),
    )


def _thinned(share: FloatArray) -> list[int]:
    """Return the first length past each of so many equal steps, and the last."""
    if share.size <= MOST_STEPS:
        return list(range(share.size))
    found = np.searchsorted(share, np.linspace(0, 1, MOST_STEPS))
    return sorted({*found.clip(max=share.size - 1).tolist(), share.size - 1})


def _share_table(demand: Demand, share: FloatArray, counted: Counted) -> Table:
    position = np.searchsorted(share, SHARES).clip(max=share.size - 1)
    heads = (f"Share of {counted.runs}", f"Needed length, {counted.unit}")
    return Table(
        caption=f"The length that so many of the {counted.runs} need at most",
        head=tuple(Column(text=text, style="number") for text in heads),
        rows=tuple(
            Row(cells=(percent(part), f"{length:,}"))
            for part, length in zip(
                SHARES, demand.needed[position].tolist(), strict=True
            )
        ),
    )
