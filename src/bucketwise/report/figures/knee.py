"""The figure of waste against the number of graphs, and of what made the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.core.plan import Planned
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.palette import BLUE, GAP, LINES, RING
from bucketwise.report.figures.spans import Form, Span
from bucketwise.report.plan_queries import spent
from bucketwise.words.numbers import percent, plural, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bucketwise.report.figures.paper import Paper

NAME_ROOM = 0.2
"""Share of the lower panel's height that the name of a bar takes."""

OF_ONE_FEWER = "of the compute with one graph fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What each graph saves, as the rule compares it, and the least it has to.

    `values[i]` is the step to point i; that to the first is not drawn. `least` is None
    where no rule judged.
    """

    values: tuple[float, ...]
    labels: tuple[str, ...]
    y_label: str
    form: Form
    least: float | None = None
    least_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """Waste by number of graphs, one of them chosen, and what each further one saves.

    `allowed` are the ends of the range of --buckets; None where none was.
    """

    at: tuple[int, ...]
    waste: tuple[float, ...]
    chosen: int
    saved: Saved
    allowed: tuple[int, int] | None

    def draw(self, paper: Paper) -> None:
        """Draw the curve with its choice ringed, and what each step saves below it."""
        above, below = paper.panels(130, 105)
        span = Span(self.at[0] - 0.5, self.at[-1] + 0.5)
        for ax in (above, below):
            paper.set_x(ax, span, "graphs", "whole")
            if self.allowed is not None:
                first, last = self.allowed
                allowed = f"{first}" if first == last else f"{first} to {last}"
                ax.axvspan(
                    first - 0.5, last + 0.5, color=GAP, label=f"allowed: {allowed}"
                )
        paper.set_y(above, Span.of_shares(self.waste), "waste", "percent")
        above.plot(self.at, self.waste, color=BLUE, marker="o", clip_on=False)
        curve = list(zip(self.at, self.waste, strict=True))
        labels = [(at, waste, percent(waste)) for at, waste in curve]
        paper.notes(above, labels, [curve])
        at, waste = self.at[self.chosen], self.waste[self.chosen]
        above.scatter([at], [waste], label=f"chosen: {at}", **RING)
        self._draw_saved(paper, below)
        if self.saved.least is not None:
            above.plot([], [], label=self.saved.least_label, **LINES["proposed"])
        paper.legend(above)
        for (at, waste), saved in zip(curve, self.saved.labels, strict=True):
            said = f"{plural(at, 'graph')}: {percent(waste)} waste"
            for ax in (above, below):
                more = f"; the last saves {saved}" if at > self.at[0] else ""
                paper.tell(ax, said + more, (at - 0.5, at + 0.5))

    def _draw_saved(self, paper: Paper, ax: Axes) -> None:
        """Draw what each step saves; steps past the choice are hollow."""
        saved, steps = self.saved, range(1, len(self.at))
        most = [*saved.values, saved.least or 0.0]
        span = (
            Span.from_zero(most, 1.25)
            if saved.form == "number"
            else Span.of_shares(most)
        )
        paper.set_y(ax, span, saved.y_label, saved.form)
        ax.bar(
            self.at[1:],
            saved.values[1:],
            0.5,
            color=[BLUE if step <= self.chosen else "none" for step in steps],
            edgecolor=BLUE,
        )
        tops = np.array(saved.values)
        if saved.least is not None:
            # A name that the line of the rule would cut stands above it.
            cut = (tops < saved.least) & (saved.least < tops + NAME_ROOM * span.high)
            tops[cut] = saved.least
        names = zip(self.at, tops.tolist(), saved.labels, strict=True)
        paper.notes(ax, [*names][1:], sides=[(0, 1)], gap_pt=3)
        if saved.least is not None:
            ax.axhline(saved.least, **LINES["proposed"])


def knee_drawing(visual: Planned, options: Mapping[str, Any], table: Table) -> Drawing:
    """Return waste by number of graphs, what each graph saves, and what was asked.

    `table` says the same in numbers; there are at least two points to choose from.
    """
    points, k = visual.frontier, visual.decision.k
    ks = tuple(point.k for point in points)
    said = ", ".join(f"{point.k} {percent(point.waste)}" for point in points)
    price, least = visual.decision.price_per_graph, options.get("min_saving")
    if price is None:
        saved, rule = _by_share(visual, least if isinstance(least, float) else 0.0)
    else:
        saved, rule = _by_price(visual, price)
    of = OF_ONE_FEWER if price is None else "in compute"
    return Drawing(
        id="figure-how-many",
        title="Waste of the exact optimum by number of graphs, and what each saves",
        description=f"Waste by number of graphs: {said}. Chosen: {k}. {rule}",
        caption=(
            "Above, the waste that is left; the ring marks the choice. Below, what each "
            f"further graph saves {of}: no graph "
            "saves more compute than the one before it. Graphs past the choice are "
            f"hollow. {rule}".rstrip()
        ),
        plot=Knee(
            at=ks,
            waste=tuple(point.waste for point in points),
            chosen=ks.index(k) if k in ks else len(ks) - 1,
            saved=saved,
            allowed=_allowed(ks, options),
        ),
        table=table,
    )


def _by_share(visual: Planned, least: float) -> tuple[Saved, str]:
    """Return savings as shares, and which of them the rule let pass."""
    values = tuple(point.saving or 0.0 for point in visual.frontier)
    saved = Saved(
        values=values,
        labels=tuple(map(percent, values)),
        y_label="saved",
        form="percent",
        least=least or None,
        least_label=f"each has to save: {percent(least)}",
    )
    return saved, _enough_words(visual, least) if least else ""


def _enough_words(visual: Planned, least: float) -> str:
    enough = [
        str(point.k) for point in visual.frontier[1:] if (point.saving or 0.0) >= least
    ]
    asked = f"{percent(least)} or more (--min-saving)"
    if not enough:
        return f"No further graph saves {asked}."
    if len(enough) == 1:
        return f"Graph {enough[0]} alone saves {asked}."
    return f"Graphs {', '.join(enough[:-1])} and {enough[-1]} save {asked}."


def _by_price(visual: Planned, price: float) -> tuple[Saved, str]:
    """Return savings in compute, and the price they are judged by."""
    padded = [point.padded_compute for point in visual.frontier]
    values = (0.0, *(a - b for a, b in pairwise(padded)))
    scale, unit = scale_of(max(*values, price), visual.cost.unit)
    saved = Saved(
        values=tuple(value / scale for value in values),
        labels=tuple(spent(value, visual) for value in values),
        y_label=f"saved, {unit}",
        form="number",
        least=price / scale,
        least_label=f"price of a graph: {spent(price, visual)}",
    )
    said = f"A graph pays while it saves more than its price, {spent(price, visual)}."
    return saved, said


def _allowed(ks: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the ends of the range of --buckets, inside what is drawn."""
    match options.get("buckets"):
        case [int(least), int(most)]:
            return min(max(least, ks[0]), ks[-1]), min(max(most, ks[0]), ks[-1])
        case _:
            return None
