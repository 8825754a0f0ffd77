"""From the steps a decoder makes to the graphs to compile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.decoder.step_cost import StepCurve
from bucketwise.core.optimize import Problem
from bucketwise.core.optimize.choose import by_saving
from bucketwise.core.optimize.exact import frontier
from bucketwise.core.plan import DecoderDecision, DecoderPoint, GraphUse
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import less, percent

FRONTIER_K = 8
"""The table of the exact optimum goes to so many graphs."""

SATURATED_SHARE = 0.9
"""A decoder that is full in so much of its steps has nothing to gain from graphs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphs:
    """The chosen graphs, why, and what other numbers of them would do."""

    sizes: tuple[int, ...]
    decision: DecoderDecision
    frontier: tuple[DecoderPoint, ...]


def choose_graphs(
    steps: FloatArray,
    curve: StepCurve,
    k_range: tuple[int, int],
    min_saving: float,
    pins: tuple[int, ...] = (),
) -> Graphs:
    """Choose the graphs with the least mean cost of a step, exactly.

    The same problem as that of ViT buckets, with active sequences as the needed
    length; the last graph is that of the whole batch.

    `steps` are those with 1, 2, ..., `batch_size` active sequences, or a share of them.
    """
    batch_size = steps.size
    demand = Demand.of(np.arange(1, batch_size + 1), steps)
    pinned = [size for size in pins if size < batch_size]
    problem = Problem.of(demand, curve.at, align=1, top=batch_size, pinned=pinned)
    points: list[DecoderPoint] = []
    for sizes in frontier(problem, max(FRONTIER_K, k_range[1])):
        cost, slots = _means(sizes, demand, curve)
        before = points[-1].mean_step_cost if points else None
        points.append(
            DecoderPoint(
                k=len(sizes),
                decoder_batch_sizes=sizes,
                mean_step_cost=cost,
                slots_cost=slots,
                saving=None if before is None else less(before, cost),
            )
        )
    choice = by_saving(
        {point.k: point.mean_step_cost for point in points}, k_range, min_saving
    )
    full_share = float(steps[-1] / steps.sum())
    return Graphs(
        sizes=points[choice.k - points[0].k].decoder_batch_sizes,
        decision=_decision(points, choice.k, full_share, k_range, min_saving),
        frontier=tuple(points),
    )


def mean_cost(sizes: tuple[int, ...], steps: FloatArray, curve: StepCurve) -> float:
    """Return the mean cost of a step on given graphs.

    `sizes` ascend, the last one holds every step; `steps` are as for `choose_graphs`.
    """
    return _means(sizes, Demand.of(np.arange(1, steps.size + 1), steps), curve)[0]


def graph_uses(sizes: tuple[int, ...], steps: FloatArray) -> tuple[GraphUse, ...]:
    """Return how much each graph runs, and how full its slots are then.

    `sizes` ascend, the last one holds every step; `steps` are as for `choose_graphs`.
    """
    active = np.arange(1, steps.size + 1)
    where = Buckets(sizes).assign(active)
    ran = np.bincount(where, weights=steps, minlength=len(sizes))
    used = np.bincount(where, weights=steps * active, minlength=len(sizes))
    return tuple(
        GraphUse(
            batch_size=size,
            share=float(ran[at] / steps.sum()),
            slots_used=float(used[at] / (ran[at] * size)) if ran[at] else 0.0,
        )
        for at, size in enumerate(sizes)
    )


def _means(
    sizes: tuple[int, ...], demand: Demand, curve: StepCurve
) -> tuple[float, float]:
    """Return the mean cost of a step, and its mean slots."""
    ran_on = np.array(sizes)[Buckets(sizes).assign(demand.needed)]
    total = demand.runs.sum()
    return (
        float((demand.runs * curve.at(ran_on)).sum() / total),
        float((demand.runs * ran_on).sum() / total),
    )


def _decision(
    points: list[DecoderPoint],
    k: int,
    full_share: float,
    k_range: tuple[int, int],
    min_saving: float,
) -> DecoderDecision:
    at = {point.k: point for point in points}
    further = at[k + 1].saving if k + 1 in at else None
    words = []
    if k == 1 and full_share >= SATURATED_SHARE:
        words.append(
            f"every slot is in use in {percent(full_share)} of the steps: no set of "
            "graphs helps a decoder that is full"
        )
        return DecoderDecision(k=1, rule="saturated", reason=words[0])
    if k == 1:
        words.append("one graph is enough")
    else:
        saved = at[k].saving
        if saved is None:
            words.append(f"{k} graphs are the fewest that hold the pinned sizes")
        else:
            words.append(f"graph {k} saves {percent(saved)} of a step with {k - 1}")
        if saved is not None and saved < min_saving:
            words.append(f"at least {k_range[0]} were asked for")
    if further is not None:
        limit = f"--decoder-graphs allows {k_range[1]}"
        if k < k_range[1]:
            limit = f"--min-saving asks {percent(min_saving)}"
        words.append(f"graph {k + 1} would save {percent(further)} more, but {limit}")
    return DecoderDecision(k=k, rule="min_saving", reason="; ".join(words))
