"""How many graphs: the table of all k with the arithmetic, and the curve."""

from __future__ import annotations

from bucketwise.analysis import Analysis
from bucketwise.numbers import (
    dotted,
    percent,
    plural,
    saving_arithmetic,
)
from bucketwise.plan import FrontierPoint, Visual
from bucketwise.report.blocks import (
    Block,
    Column,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.drawings.knee import knee_drawing
from bucketwise.report.reading import spent


def how_many(analysis: Analysis) -> Section:
    """Return what each further graph saves and why k was chosen."""
    visual = analysis.plan.visual
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
    table = _table(visual)
    blocks.append(table)
    if len(visual.frontier) > 1:
        blocks.append(knee_drawing(analysis.plan, table))
    return Section(
        id="how-many",
        title="How many",
        finding=f"{plural(decided.k, 'graph')}: {decided.reason}.",
        blocks=tuple(blocks),
    )


def _table(visual: Visual) -> Table:
    rows = []
    before: FrontierPoint | None = None
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
                    dotted(point.vit_max_seq_lens),
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
            Column(text="Lengths, ViT patches", style="lengths"),
            Column(text="Padded compute", style="number"),
            Column(text="Waste", style="number"),
            Column(text="This graph saves", style="number"),
            Column(text="because", style="number"),
        ),
        rows=tuple(rows),
    )
