"""The figure of what lists of lengths cost in compute, memory and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, groupby, pairwise
from typing import TYPE_CHECKING

from bucketwise.core.plan import BudgetPoint, Visual
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.figures.palette import RING, SERIES
from bucketwise.report.figures.spans import Span
from bucketwise.report.plan_queries import spent
from bucketwise.words.numbers import (
    BYTE_UNITS,
    dotted,
    less,
    memory,
    number,
    percent,
    plural,
    scale_of,
)

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

MARKERS = "o^sv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """Points (memory, compute) by number of graphs, and the plan's own.

    `told[name][i]` is said where the mouse is on that point.
    """

    points: dict[str, tuple[tuple[float, float], ...]]
    told: dict[str, tuple[str, ...]]
    chosen: tuple[float, float]
    x_label: str
    y_label: str

    def draw(self, paper: Paper) -> None:
        """Draw a line of points for each number of graphs, the plan ringed."""
        (ax,) = paper.panels(200)
        drawn = [point for group in self.points.values() for point in group]
        paper.set_x(ax, Span.over(x for x, _ in (*drawn, self.chosen)), self.x_label)
        paper.set_y(ax, Span.over(y for _, y in (*drawn, self.chosen)), self.y_label)
        looks = zip(cycle(SERIES), cycle(MARKERS), strict=True)
        for (name, group), (color, marker) in zip(
            self.points.items(), looks, strict=False
        ):
            ax.plot(
                *zip(*group, strict=True),
                color=color,
                marker=marker,
                markersize=4,
                linewidth=1,
                label=name,
            )
            for (x, y), said in zip(group, self.told[name], strict=True):
                paper.tell(ax, said, (x, x), (y, y))
        ax.scatter(*self.chosen, label="the plan", **RING)
        paper.legend(ax)


def trade_drawing(
    visual: Visual, front: Sequence[BudgetPoint], plan_bytes: int
) -> Drawing:
    """Return compute against the memory of a device, with what one more graph costs.

    `plan_bytes` is what the lengths of the plan take.
    """
    largest = max(point.memory_bytes for point in front)
    power = (largest.bit_length() - 1) // 10
    scale, unit = scale_of(max(point.compute for point in front), visual.cost.unit)
    groups = {
        plural(k, "graph"): tuple(group)
        for k, group in groupby(front, key=lambda point: point.k)
    }
    best = [group[0] for group in groups.values()]

    def place(point: BudgetPoint) -> tuple[float, float]:
        return point.memory_bytes / 1024.0**power, point.compute / scale

    said = " ".join(one_more(before, after) for before, after in pairwise(best))
    return Drawing(
        id="figure-trade",
        title="Compute against device memory, by number of graphs",
        description=f"{plural(len(front), 'list')} that no other beats. {said}",
        caption=(
            "Every list of lengths that no other beats in compute, device memory and "
            f"number of graphs together; further left and further down is better. {said}"
        ),
        plot=Trade(
            points={name: tuple(map(place, group)) for name, group in groups.items()},
            told={
                name: tuple(_said(point, visual) for point in group)
                for name, group in groups.items()
            },
            chosen=(plan_bytes / 1024.0**power, visual.padded_compute / scale),
            x_label=f"device memory of all lengths, {BYTE_UNITS[power]}",
            y_label=f"ViT compute, {unit}",
        ),
        table=_table(best, visual),
    )


def one_more(before: BudgetPoint, after: BudgetPoint) -> str:
    """Say what a graph more costs and saves, from the best list of one number to the next."""
    costs = [memory(after.memory_bytes - before.memory_bytes)]
    if before.compile_min is not None and after.compile_min is not None:
        costs.append(f"{number(after.compile_min - before.compile_min)} min")
    if before.sequences is not None and after.sequences is not None:
        fewer = round(before.sequences - after.sequences, 2)
        costs += [plural(fewer, "sequence")] if fewer else []
    saved = percent(less(before.compute, after.compute))
    return f"Graph {after.k} costs {', '.join(costs)} and saves {saved}."


def _said(point: BudgetPoint, visual: Visual) -> str:
    return (
        f"{dotted(point.vit_max_seq_lens)}: {spent(point.compute, visual)}, "
        f"{memory(point.memory_bytes)}"
    )


def _table(best: Sequence[BudgetPoint], visual: Visual) -> Table:
    has_minutes = best[0].compile_min is not None
    has_sequences = best[0].sequences is not None
    return Table(
        caption="The list with the least compute for each number of graphs"
        + (
            "; sequences of the whole context that the cache then has room for"
            if has_sequences
            else ""
        ),
        head=(
            Column(text="Graphs", style="number"),
            Column(text="Lengths, ViT patches", style="lengths"),
            Column(text="Compute", style="number"),
            Column(text="Memory of a device", style="number"),
            *([Column(text="Compiling, min", style="number")] if has_minutes else []),
            *([Column(text="Sequences", style="number")] if has_sequences else []),
        ),
        rows=tuple(
            Row(
                cells=(
                    str(point.k),
                    dotted(point.vit_max_seq_lens),
                    spent(point.compute, visual),
                    memory(point.memory_bytes),
                    *([number(point.compile_min or 0.0)] if has_minutes else []),
                    *([number(point.sequences or 0.0)] if has_sequences else []),
                ),
                marked=point.vit_max_seq_lens == visual.vit_max_seq_lens,
            )
            for point in best
        ),
    )
