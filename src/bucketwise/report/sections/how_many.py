"""How many graphs: the table of all k with the arithmetic, and the curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bucketwise.core.plan import Planned, PointLike
from bucketwise.report.blocks import (
    Block,
    Column,
    Drawing,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.figures.knee import knee_drawing
from bucketwise.report.plan_queries import UNIT, spent
from bucketwise.words.numbers import (
    dotted,
    percent,
    plural,
    saving_arithmetic,
)


def how_many(visual: Planned, options: Mapping[str, Any], unit: str = UNIT) -> Section:
    """Return what each further graph saves and why k was chosen."""
    decided = visual.decision
    blocks: list[Block] = []
    if decided.price_per_graph is not None:
        price = spent(decided.price_per_graph, visual)
        text = (
            f"One more graph is priced at {price} on the scale of this traffic; k is "
            "where compute plus the price of all graphs is least."
        )
        blocks.append(Paragraph(text=text))
    if decided.strategy != "exact":
        text = (
            f"The table and the curve are of the exact optimum; the plan itself was "
            f"made by {decided.strategy}, as asked."
        )
        blocks.append(Paragraph(text=text))
    blocks.append(_table(visual, unit))
    if drawing := graphs_drawing(visual, options, unit):
        blocks.append(drawing)
    return Section(
        id="how-many",
        title="How many",
        finding=f"{plural(decided.k, 'graph')}: {decided.reason}.",
        blocks=tuple(blocks),
    )


def graphs_drawing(
    visual: Planned, options: Mapping[str, Any], unit: str = UNIT
) -> Drawing | None:
    """Return what each graph saves as a figure; None where there is but one answer."""
    if len(visual.frontier) == 1:
        return None
    return knee_drawing(visual, options, _table(visual, unit))


def _table(visual: Planned, unit: str) -> Table:
    rows = []
    before: PointLike | None = None
    for point in visual.frontier:
        chosen = point.k == visual.decision.k
        arithmetic = saving = ""
        if before is not None and point.saving is not None:
            saving = percent(point.saving)
            arithmetic = saving_arithmetic(
                before.padded_compute, point.padded_compute, visual.cost.unit
            )
        rows.append(
            Row(
                cells=(
                    f"{point.k} (chosen)" if chosen else str(point.k),
                    dotted(point.lengths),
                    spent(point.padded_compute, visual),
                    percent(point.waste),
                    saving,
                    arithmetic,
                ),
                marked=chosen,
            )
        )
        before = point
    return Table(
        caption=(
            "The exact optimum for every number of graphs. What one more graph saves "
            "is a share of the compute with one graph fewer."
        ),
        head=(
            Column(text="Graphs"),
            Column(text=f"Lengths, {unit}", style="lengths"),
            Column(text="Padded compute", style="number"),
            Column(text="Waste", style="number"),
            Column(text="This graph saves", style="number"),
            Column(text="because", style="number"),
        ),
        rows=tuple(rows),
    )
