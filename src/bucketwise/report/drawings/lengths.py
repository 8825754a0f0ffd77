"""Drawings of needed lengths: who needs what, and where buckets end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.demand import Demand
from bucketwise.core.plan import Current
from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.scales import bins, span_axis, spread, zero_axis
from bucketwise.report.plots import Axis, Edge, HistogramPlot, StepsPlot
from bucketwise.report.reading import UNIT, cumulated, demand_of
from bucketwise.words.numbers import dotted, number, percent, plural

N_BINS = 36
MOST_STEPS = 800
"""Steps a cumulative curve is thinned to; more cannot be seen."""

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)

NEEDED = "needed length, ViT patches"


@dataclass(frozen=True, slots=True)
class Counted:
    """What runs in a title and in a sentence, and what its lengths count."""

    title: str
    runs: str
    unit: str


PATCHES = Counted("ViT runs", "runs", UNIT)
TOKENS = Counted("texts", "texts", "tokens")


def lengths_drawing(analysis: Analysis, current: Current) -> Drawing:
    """Return runs over needed length with today's and the proposed lengths."""
    demand = demand_of(analysis)
    proposed = analysis.plan.visual.vit_max_seq_lens
    places = (*current.max_seq_lens, *proposed, *demand.needed[[0, -1]].tolist())
    axis = span_axis(NEEDED, places)
    lengths = (*proposed, *current.max_seq_lens)
    bounds = snapped(bins(axis, N_BINS), lengths)
    weights = _binned(demand, bounds)
    edges = [
        *(_edge(at, "proposed") for at in proposed),
        *(_edge(at, "today") for at in current.max_seq_lens),
    ]
    return Drawing(
        id="figure-today",
        title="ViT runs by needed length, with today's and the proposed lengths",
        description=(
            f"Histogram of {plural(float(demand.runs.sum()), 'run')} over needed "
            f"length. Today's lengths: {dotted(current.max_seq_lens)}. Proposed: "
            f"{dotted(proposed)}."
        ),
        caption=(
            "Each run is padded up to the next line on its right: dashed lines are "
            "today's lengths, solid ones the proposed. The gap to the line is work on "
            "nothing; a run right of every dashed line fails today."
        ),
        plot=HistogramPlot(
            bounds=tuple(bounds.tolist()),
            weights=tuple(weights.tolist()),
            edges=spread(edges, axis),
            x=axis,
            y=zero_axis("ViT runs", float(weights.max())),
        ),
        table=bin_table("ViT runs by needed length", "ViT patches", bounds, weights),
    )


def cumulated_drawing(analysis: Analysis) -> Drawing:
    """Return the share of runs at or below each length, with the chosen edges."""
    lengths = analysis.plan.visual.lengths
    return share_drawing(demand_of(analysis), lengths, PATCHES)


def share_drawing(
    demand: Demand, lengths: tuple[int, ...], counted: Counted
) -> Drawing:
    """Return the share of what runs at or below each length, with the chosen edges.

    Parameters
    ----------
    demand : Demand
        What is needed.
    lengths : tuple of int
        The chosen lengths.
    counted : Counted
        What runs, and what its lengths count.
    """
    share = cumulated(demand)
    keep = _thinned(share)
    ends = demand.needed[[0, -1]].tolist()
    axis = span_axis(f"needed length, {counted.unit}", (*lengths, *ends))
    below = [_share_below(demand, share, edge) for edge in lengths]
    said = ", ".join(
        f"{percent(part)} need {edge:,} or less"
        for part, edge in zip(below, lengths, strict=True)
    )
    edges = [_edge(at, "proposed") for at in lengths]
    runs = counted.runs
    return Drawing(
        id="figure-cumulative",
        title=f"Cumulative share of {counted.title} over needed length",
        description=f"Of all {runs}, {said}.",
        caption=(
            f"The curve is the share of {runs} that a graph of that length holds; the "
            f"lines are the chosen lengths. Of all {runs}, {said}."
        ),
        plot=StepsPlot(
            at=(axis.low, *demand.needed[keep].tolist(), axis.high),
            share=(0.0, *share[keep].tolist(), 1.0),
            edges=spread(edges, axis),
            x=axis,
            y=share_axis(f"share of {runs}", 1.0),
        ),
        table=_share_table(demand, share, counted),
    )


def share_axis(label: str, high: float) -> Axis:
    """Return an axis of shares, its ticks in percent."""

    def form(at: float) -> str:
        return f"{at * 100:g}%"

    axis = zero_axis(label, high, room=1.0 if high == 1.0 else 1.25, form=form)
    # Room above the highest is for its label: no share is 120 %.
    return replace(axis, ticks=tuple(tick for tick in axis.ticks if tick.at <= 1))


def snapped(bounds: FloatArray, places: Iterable[float]) -> FloatArray:
    """Move the nearest bin bound to each place, so that bars end at lines.

    Of places that share a nearest bound the first has it: bins stay about as wide.
    """
    moved = bounds.copy()
    for place in places:
        nearest = int(np.abs(bounds[1:-1] - place).argmin()) + 1
        if moved[nearest] == bounds[nearest]:
            moved[nearest] = place
    return moved


def binned(values: FloatArray, weights: FloatArray, bounds: FloatArray) -> FloatArray:
    """Return the weight in each bin; like a bucket, a bin holds its upper bound."""
    position = np.searchsorted(bounds, values, side="left") - 1
    inside = position.clip(0, bounds.size - 2)
    found = np.bincount(inside, weights=weights, minlength=bounds.size - 1)
    return found.astype(np.float64)


def bin_table(
    caption: str, unit: str, bounds: FloatArray, weights: FloatArray
) -> Table:
    """Return the bins of a histogram that hold anything."""
    total = float(weights.sum())
    rows = [
        Row(
            cells=(
                f"{low:,.6g} to {high:,.6g}",
                number(weight),
                percent(weight / total),
            )
        )
        for low, high, weight in zip(
            _rounded(bounds[:-1]), _rounded(bounds[1:]), weights.tolist(), strict=True
        )
        if weight
    ]
    return Table(
        caption=f"{caption}; bins that hold none are left out",
        head=(
            Column(text=f"Over, up to ({unit})"),
            Column(text="Count", style="number"),
            Column(text="Share", style="number"),
        ),
        rows=tuple(rows),
    )


def _rounded(bounds: FloatArray) -> list[float]:
    return [float(f"{bound:.4g}") for bound in bounds.tolist()]


def _edge(at: int, style: Literal["proposed", "today"]) -> Edge:
    return Edge(at=float(at), label=f"{at:,}", row=0, style=style)


def _binned(demand: Demand, bounds: FloatArray) -> FloatArray:
    return binned(demand.needed.astype(np.float64), demand.runs, bounds)


def _thinned(share: FloatArray) -> list[int]:
    """Return the first length past each of so many equal steps, and the last."""
    if share.size <= MOST_STEPS:
        return list(range(share.size))
    wanted = np.linspace(0, 1, MOST_STEPS)
    found = np.searchsorted(share, wanted).clip(max=share.size - 1)
    return sorted({*found.tolist(), share.size - 1})


def _share_below(demand: Demand, share: FloatArray, length: int) -> float:
    position = int(np.searchsorted(demand.needed, length, side="right"))
    return float(share[position - 1]) if position else 0.0


def _share_table(demand: Demand, share: FloatArray, counted: Counted) -> Table:
    rows = []
    for part in SHARES:
        position = min(int(np.searchsorted(share, part)), share.size - 1)
        rows.append(Row(cells=(percent(part), f"{int(demand.needed[position]):,}")))
    return Table(
        caption=f"The length that so many of the {counted.runs} need at most",
        head=(
            Column(text=f"Share of {counted.runs}", style="number"),
            Column(text=f"Needed length, {counted.unit}", style="number"),
        ),
        rows=tuple(rows),
    )
