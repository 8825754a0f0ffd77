"""The figure of lengths: who needs what, where graphs end, and what is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.core.plan import Cost
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.histogram import (
    BARS,
    N_BINS,
    Histogram,
    binned,
    snapped,
)
from bucketwise.report.figures.palette import LINES, ORANGE, OUTLINE, VERMILLION
from bucketwise.report.figures.spans import Edge, Span, check_bins
from bucketwise.report.plan_queries import UNIT
from bucketwise.words.numbers import (
    LENGTH_UNITS,
    TIME_UNIT,
    compute,
    dotted,
    number,
    percent,
    plural,
    plural_of,
    scale_of,
)

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

PADDING: dict[str, Any] = {
    "facecolor": ORANGE,
    "edgecolor": OUTLINE,
    "hatch": "//",
    "linewidth": 0.5,
}
FAILING: dict[str, Any] = {
    "facecolor": VERMILLION,
    "edgecolor": OUTLINE,
    "hatch": "xx",
    "linewidth": 0.5,
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What runs in a title and in a sentence, and what its lengths count."""

    title: str
    runs: str
    unit: str


def _axis(scaled: str, unit: str) -> str:
    """Return what an axis of computes says: their unit, with its prefix."""
    if unit == TIME_UNIT:
        return f"time, {scaled}"
    if unit in LENGTH_UNITS:
        return f"{scaled.removesuffix(unit)} {plural_of(unit)}".strip()
    return scaled


PATCHES = Counted("ViT runs", "runs", UNIT)
TOKENS = Counted("texts", "texts", "tokens")


@dataclass(frozen=True, slots=True)
class Other:
    """Lengths that the plan is seen against, and what they are called."""

    lengths: tuple[int, ...]
    name: str
    today: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Padded:
    """Runs between consecutive `bounds`, and what each bin computes.

    Below, `useful` of `padded` is no padding, and `other` is what the same runs compute
    at other lengths, as far as these hold them: bins from `fails_from` on are longer.
    """

    bounds: FloatArray
    runs: FloatArray
    useful: FloatArray
    padded: FloatArray
    other: FloatArray
    fails_from: float
    edges: Sequence[Edge]
    x: Span
    x_label: str
    labels: tuple[str, str, str]
    unit: str

    def __post_init__(self) -> None:
        """Refuse bins that overlap, and values that are none of theirs."""
        check_bins(self.bounds, self.runs, self.useful, self.padded, self.other)

    def draw(self, paper: Paper) -> None:
        """Draw the runs below the names of lengths, and what they compute below them."""
        above, below = paper.panels(88, 118, width_pt=435)
        for ax in (above, below):
            paper.set_x(ax, self.x, self.x_label)
        runs_label, compute_label, other_label = self.labels
        most = float(max(self.padded.max(), self.other.max()))
        scale, scaled = scale_of(most, self.unit)
        paper.set_y(above, Span.from_zero(self.runs), runs_label)
        high = [*self.padded / scale, *self.other / scale]
        paper.set_y(below, Span.from_zero(high), _axis(scaled, self.unit))
        fails = self.bounds[:-1] >= self.fails_from
        above.stairs(self.runs, self.bounds, **BARS)
        useful, padded = self.useful / scale, self.padded / scale
        below.stairs(useful, self.bounds, **BARS)
        below.stairs(padded, self.bounds, baseline=useful, fill=True, **PADDING)
        above.fill_between([], [], label=f"useful {compute_label}", **_patch(BARS))
        above.fill_between([], [], label="padding", **PADDING)
        if self.other.any():
            look = LINES["today"] | {"baseline": None}
            below.stairs(self.other / scale, self.bounds, **look)
            if other_label:
                above.plot([], [], label=other_label, **LINES["today"])
        if self.runs[fails].any():
            longer = np.where(fails, self.runs, 0.0)
            above.stairs(longer, self.bounds, fill=True, **FAILING)
            above.fill_between([], [], label="fails today", **FAILING)
        paper.flags(above, self.edges)
        for at in np.flatnonzero(self.runs).tolist():
            ends = (float(self.bounds[at]), float(self.bounds[at + 1]))
            for ax in (above, below):
                paper.tell(ax, self._said(at), ends)

    def _said(self, at: int) -> str:
        padded = float(self.padded[at])
        waste = 1 - float(self.useful[at]) / padded if padded else 0.0
        text = (
            f"{self.bounds[at]:,.4g} to {self.bounds[at + 1]:,.4g}: "
            f"{number(float(self.runs[at]))} {self.labels[0]}, "
            f"{compute(padded, self.unit)}, {percent(waste)} padding"
        )
        if self.bounds[at] >= self.fails_from:
            return f"{text}; fails today"
        return text


def _patch(look: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in look.items() if name != "fill"}


def lengths_drawing(
    demand: Demand,
    lengths: tuple[int, ...],
    cost: Cost,
    counted: Counted,
    other: Other | None = None,
) -> Drawing:
    """Return runs over needed length, the lengths, and what of the compute is padding."""
    today = other.lengths if other and other.today else ()
    edges = [
        *(Edge(at, f"{at:,}") for at in lengths),
        *(Edge(at, f"{at:,}", "today") for at in today),
    ]
    ends = [edge.at for edge in edges]
    span = Span.over((*ends, *demand.needed[[0, -1]].tolist()))
    # No bar spans a line, however close two lines are.
    bounds = np.unique([*snapped(span.bins(N_BINS), ends), *ends])
    needed, runs = demand.needed, demand.runs
    spent = [
        binned(needed.astype(np.float64), runs * each, bounds)
        for each in (
            _cost(cost, needed),
            _cost(cost, _ceilings(needed, lengths)),
            _cost(cost, _ceilings(needed, other.lengths if other else ())),
        )
    ]
    plot = Padded(
        bounds=bounds,
        runs=binned(needed.astype(np.float64), runs, bounds),
        useful=spent[0],
        padded=spent[1],
        other=spent[2],
        fails_from=max(today, default=np.inf),
        edges=edges,
        x=span,
        x_label=f"needed length, {counted.unit}",
        labels=(
            counted.title,
            "compute",
            f"compute {other.name}" if other and not today else "",
        ),
        unit=cost.unit,
    )
    waste = percent(1 - spent[0].sum() / spent[1].sum())
    beside = f", and {dotted(today)} today" if today else ""
    dashed = f" Dashed: the same {counted.runs} {other.name}." if other else ""
    return Drawing(
        id="figure-lengths",
        title=f"{counted.title} by needed length, and what of their compute is padding",
        description=(
            f"Histograms of {plural(float(runs.sum()), counted.runs[:-1])} over needed "
            f"length: how many, and what they compute. Lengths: {dotted(lengths)}{beside}. "
            f"Padding: {waste}."
        ),
        caption=(
            f"Each of the {counted.runs} is padded up to the next solid line on its right; "
            f"hatched is that padding, {waste} of the compute.{dashed}"
        ),
        plot=plot,
        table=_table(plot, counted),
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


def _ceilings(needed: IntArray, lengths: tuple[int, ...]) -> IntArray:
    """Return the length that each runs on; 0 where none holds it."""
    found: IntArray = np.append(np.array(lengths, dtype=np.int64), 0)[
        np.searchsorted(lengths, needed)
    ]
    return found


def _cost(cost: Cost, lengths: IntArray) -> FloatArray:
    """Return the cost of one run at each length; 0 at none."""
    return np.where(lengths > 0, cost.at(lengths), 0.0)


def _table(plot: Padded, counted: Counted) -> Table:
    def said(at: int) -> tuple[str, ...]:
        padded = float(plot.padded[at])
        return (
            f"{plot.bounds[at]:,.4g} to {plot.bounds[at + 1]:,.4g}",
            number(float(plot.runs[at])),
            percent(float(plot.runs[at] / plot.runs.sum())),
            compute(padded, plot.unit),
            percent(1 - float(plot.useful[at]) / padded if padded else 0.0),
        )

    return Table.of_numbers(
        f"{counted.title} by needed length; bins that hold none are left out",
        (f"Over, up to ({counted.unit})", "Count", "Share", "Compute", "Padding"),
        map(said, np.flatnonzero(plot.runs).tolist()),
    )
