"""Every strategy at every k, against the exact optimum."""

from __future__ import annotations

from bucketwise.core.plan import Planned, StrategyLike
from bucketwise.report.blocks import Block, Column, Part, Row, Table
from bucketwise.report.plan_queries import exact_at, spent
from bucketwise.words.numbers import change, dotted, less, percent, plural

KINDS = {
    "exact": "exact optimum",
    "kmeans": "heuristic",
    "quantile": "heuristic",
    "equal-duration": "yardstick",
    "exponential": "yardstick",
    "linear": "yardstick",
    "robust": "least worst regret",
}
"""What kind of answer each strategy gives; a new one is a heuristic until proven."""


METHODS = {
    "exact": "the exact optimum",
    "robust": "those with the least worst regret over the scenarios, exactly,",
}


def method_of(strategy: str) -> str:
    """Return what lengths by a strategy are, in words."""
    return METHODS.get(strategy, f"what {strategy} found, not proven optimal,")


def side_by_side(visual: Planned, unit: str, *blocks: Block) -> Part:
    """Return every strategy at every k, and what else shows them."""
    return Part(
        id="strategies",
        title="Strategies side by side",
        finding=_finding(visual),
        blocks=(_table(visual, unit), *blocks),
    )


def _finding(visual: Planned) -> str:
    k = visual.decision.k
    shown = {item.k for item in visual.strategies}
    at = k if k in shown else max(shown)
    exact = exact_at(visual, at)
    others = [item for item in visual.strategies if item.k == at and not item.exact]
    if exact is None or not others:
        return "Only the exact optimum was computed."
    best = min(others, key=lambda item: item.padded_compute)
    worst = max(others, key=lambda item: item.padded_compute)
    graphs = plural(at, "graph")
    if worst.padded_compute <= exact.padded_compute:
        return f"At {graphs} every strategy costs the same."
    best_said = change(exact.padded_compute, best.padded_compute)
    worst_said = change(exact.padded_compute, worst.padded_compute)
    return (
        f"At {graphs} nothing beats the exact optimum; of the others {best.name} comes "
        f"closest ({best_said}) and {worst.name} is furthest ({worst_said})."
    )


def _extra(visual: Planned, item: StrategyLike) -> float:
    exact = exact_at(visual, item.k)
    if exact is None:
        return 0.0
    return max(-less(exact.padded_compute, item.padded_compute), 0.0)


def _table(visual: Planned, unit: str) -> Table:
    decided = visual.decision
    rows = []
    for item in visual.strategies:
        used = item.name == decided.strategy
        chosen = used and item.lengths == visual.lengths
        n_lengths = len(item.lengths)
        lengths = dotted(item.lengths)
        if n_lengths < item.k:
            lengths += f" (only {n_lengths} differ)"
        rows.append(
            Row(
                cells=(
                    f"{item.name} (chosen)" if chosen else item.name,
                    KINDS.get(item.name, "heuristic"),
                    str(item.k),
                    lengths,
                    spent(item.padded_compute, visual),
                    percent(item.waste),
                    percent(_extra(visual, item)),
                ),
                marked=chosen,
            )
        )
    return Table(
        caption=(
            "Every strategy, priced alike. Heuristics promise no optimum; yardsticks "
            "are rules of thumb that other serving stacks use."
        ),
        head=(
            Column(text="Strategy"),
            Column(text="Kind"),
            Column(text="Graphs", style="number"),
            Column(text=f"Lengths, {unit}", style="lengths"),
            Column(text="Padded compute", style="number"),
            Column(text="Waste", style="number"),
            Column(text="Over the optimum", style="number"),
        ),
        rows=tuple(rows),
    )
