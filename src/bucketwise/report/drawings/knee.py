"""The drawing of waste against the number of graphs, and of what made the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bucketwise.core.plan import Planned
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.drawings.lengths import share_axis
from bucketwise.report.drawings.scales import zero_axis
from bucketwise.report.plots import Axis, KneePlot, Level, Tick
from bucketwise.report.reading import spent
from bucketwise.words.numbers import percent, si_scale


def knee_drawing(visual: Planned, options: Mapping[str, Any], table: Table) -> Drawing:
    """Return waste by number of graphs, what each graph saves, and what was asked.

    Parameters
    ----------
    visual : Planned
        With at least two numbers of graphs to choose from.
    options : mapping
        The options of the plan.
    table : Table
        The same in numbers.
    """
    points = visual.frontier
    ks = tuple(point.k for point in points)
    k = visual.decision.k
    chosen = ks.index(k) if k in ks else len(ks) - 1
    labels = tuple(percent(point.waste) for point in points)
    said = ", ".join(
        f"{count} {label}" for count, label in zip(ks, labels, strict=True)
    )
    ticks = tuple(Tick(at=float(count), label=str(count)) for count in ks)
    saved = _saved(visual, options)
    return Drawing(
        id="figure-how-many",
        title="Waste of the exact optimum by number of graphs, and what each saves",
        description=(f"Waste by number of graphs: {said}. Chosen: {k}. {saved.said}"),
        caption=(
            "Above, the waste that is left; the ring marks the choice. Below, what each "
            f"further graph saves {saved.of}: no graph saves more compute than the one "
            f"before it. Graphs past the choice are hollow. {saved.said}".rstrip()
        ),
        plot=KneePlot(
            at=ks,
            value=tuple(point.waste for point in points),
            labels=labels,
            chosen=chosen,
            saved=saved.values,
            saved_labels=saved.labels,
            rule=saved.rule,
            allowed=_allowed(ks, options),
            x=Axis(
                label="graphs",
                low=ks[0] - 0.5,
                high=ks[-1] + 0.5,
                log=False,
                ticks=ticks,
            ),
            y=share_axis("waste", max(point.waste for point in points)),
            y_saved=saved.axis,
        ),
        table=table,
    )


@dataclass(frozen=True, slots=True)
class _Saved:
    """What each graph saves, in words and on an axis, and the rule that judged it."""

    values: tuple[float, ...]
    labels: tuple[str, ...]
    rule: Level | None
    axis: Axis
    of: str
    said: str


def _saved(visual: Planned, options: Mapping[str, Any]) -> _Saved:
    """Return savings as the rule compares them: in compute, or as shares."""
    price = visual.decision.price_per_graph
    if price is not None:
        return _saved_compute(visual, price)
    values = tuple(point.saving or 0.0 for point in visual.frontier)
    least = options.get("min_saving")
    rule, said = None, ""
    if isinstance(least, float) and least > 0:
        rule = Level(at=least, label=f"each has to save: {percent(least)}")
        said = _enough_words(visual, least)
    return _Saved(
        values,
        tuple(percent(value) for value in values),
        rule,
        share_axis("saved", max(*values, least or 0.0)),
        "of the compute with one graph fewer",
        said,
    )


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


def _saved_compute(visual: Planned, price: float) -> _Saved:
    padded = [point.padded_compute for point in visual.frontier]
    values = (0.0, *(a - b for a, b in pairwise(padded)))
    scale, prefix = si_scale(max(*values, price))
    unit = f"{prefix}{visual.cost.unit}"
    rule = Level(at=price / scale, label=f"price of a graph: {spent(price, visual)}")
    return _Saved(
        tuple(value / scale for value in values),
        tuple(spent(value, visual) for value in values),
        rule,
        zero_axis(f"saved, {unit}", max(*values, price) / scale, room=1.25),
        "in compute",
        f"A graph pays while it saves more than its price, {spent(price, visual)}.",
    )


def _allowed(ks: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the ends of the range asked for, inside what is drawn."""
    match options.get("buckets"):
        case [int(least), int(most)]:
            return min(max(least, ks[0]), ks[-1]), min(max(most, ks[0]), ks[-1])
        case _:
            return None
