"""Weights in bins, with named lines across."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Table
from bucketwise.report.figures.palette import BLUE, SKY
from bucketwise.report.figures.spans import Edge, Form, Span, check_bins
from bucketwise.words.numbers import number, percent

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

N_BINS = 36

BARS: dict[str, Any] = {
    "fill": True,
    "facecolor": SKY,
    "edgecolor": BLUE,
    "linewidth": 0.8,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """Weights between consecutive `bounds`."""

    bounds: FloatArray
    weights: FloatArray
    edges: Sequence[Edge]
    x: Span
    x_label: str
    y_label: str
    form: Form = "number"
    x_form: Form = "number"

    def __post_init__(self) -> None:
        """Refuse bins that overlap, and weights that are none of theirs."""
        check_bins(self.bounds, self.weights)

    def draw(self, paper: Paper) -> None:
        """Draw the bins, then the lines up to their names, and tell each bin."""
        (ax,) = paper.panels(190, width_pt=435)
        ax.stairs(self.weights, self.bounds, **BARS)
        paper.set_x(ax, self.x, self.x_label, self.x_form)
        paper.set_y(ax, Span.from_zero(self.weights), self.y_label, self.form)
        paper.flags(ax, self.edges)
        said = percent if self.form == "percent" else number
        for at in np.flatnonzero(self.weights).tolist():
            ends = (float(self.bounds[at]), float(self.bounds[at + 1]))
            paper.tell(
                ax,
                f"{ends[0]:,.4g} to {ends[1]:,.4g}: {said(float(self.weights[at]))} "
                f"({self.y_label})",
                ends,
            )


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
    shares = weights / weights.sum()
    low, high = (
        [f"{float(f'{bound:.4g}'):,.6g}" for bound in part.tolist()]
        for part in (bounds[:-1], bounds[1:])
    )
    return Table.of_numbers(
        f"{caption}; bins that hold none are left out",
        (f"Over, up to ({unit})", "Count", "Share"),
        (
            (f"{low[at]} to {high[at]}", number(weights[at]), percent(shares[at]))
            for at in np.flatnonzero(weights).tolist()
        ),
    )
