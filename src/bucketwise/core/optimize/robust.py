"""The ceilings whose worst regret over several scenarios is the least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.optimize.many import least_costs, priced
from bucketwise.core.optimize.problem import Problem
from bucketwise.nouns.traffic import FloatArray, IntArray

MOST_CANDIDATES = 512
"""More candidates than these are thinned out, those that weigh least first."""

SWEEPS, DRAWN = 4, 48
"""How often weights of the scenarios are tried, and how many at once."""

ROUNDING = 1e-9
"""Regrets that differ by less are one."""


def solve(problem: Problem, k: int) -> tuple[int, ...]:
    """Return the k ceilings with the least worst regret over `problem.apart`.

    The regret of a scenario is its cost above that of its own optimum of k ceilings, a
    share of that optimum. The largest regret is at least every weighted mean of them, and
    the ceilings with the least weighted mean are found by the recurrence of `exact`: the
    best weights bound the answer from below, and the lists they lead to from above.
    Between the two lists grow from the shortest ceiling, as labels of one cost for each
    scenario; what cannot come below the best list, or is nowhere better than another
    label, is dropped. What is left at the top is exact.
    """
    problem = problem.most_used(MOST_CANDIDATES)
    k = max(problem.k_min, min(k, problem.k_max))
    runs = problem.apart[problem.apart.sum(axis=1) > 0]
    pins = np.searchsorted(problem.lengths, sorted(problem.pinned))
    # A ceiling that a larger one undercuts costs what that does, as in `least_costs`.
    cost = np.minimum.accumulate(problem.cost[::-1])[::-1]
    _, own = least_costs(runs, cost, k, pins)
    shares = runs / own[:, None]
    weights, best, worst = _by_weights(shares, cost, k, pins)
    found = _Search.of(shares, weights, cost, k, pins).below(worst - ROUNDING)
    chosen = best if found is None else found
    fixed = {*chosen[chosen >= 0].tolist(), *pins.tolist(), problem.lengths.size - 1}
    return tuple(int(problem.lengths[at]) for at in sorted(fixed))


def _by_weights(
    shares: FloatArray, cost: FloatArray, k: int, pins: IntArray
) -> tuple[FloatArray, IntArray, float]:
    """Return weights with a high bound, and the best ceilings met, with their worst ratio.

    Weights are drawn over all mixtures first, then closer and closer around the best.
    """
    n_scenarios = len(shares)
    random = np.random.default_rng(0)
    center, spread = np.full(n_scenarios, 1 / n_scenarios), 1.0
    bound, worst, best = -np.inf, np.inf, np.zeros(k, dtype=np.int64)
    for _ in range(SWEEPS):
        drawn = random.dirichlet(np.ones(n_scenarios), DRAWN)
        tried = np.vstack([center, (1 - spread) * center + spread * drawn])
        chosen, least = least_costs(tried @ shares, cost, k, pins)
        if least.max() > bound:
            bound, center = float(least.max()), tried[int(least.argmax())]
        ratios = np.stack(
            [
                priced(np.broadcast_to(each, (len(chosen), each.size)), cost, chosen)
                for each in shares
            ]
        ).max(axis=0)
        if ratios.min() < worst:
            worst, best = float(ratios.min()), chosen[int(ratios.argmin())]
        spread /= 3
    return center, best, worst


@dataclass(frozen=True, slots=True)
class _Search:
    """Lists that grow from the shortest ceiling, one cost for each scenario."""

    served: FloatArray
    """Share of the own optimum's runs below each node, shape (n_scenarios, n_nodes)."""
    cost: FloatArray
    is_open: FloatArray
    """0 where one ceiling may serve from a node to a later one, else infinite."""
    weights: FloatArray
    rest: tuple[FloatArray, ...]
    """Least cost from each node to the end with 0, 1, ... ceilings, for each scenario
    and, last, for their weighted mean; shape (n_scenarios + 1, n_nodes)."""

    @classmethod
    def of(
        cls,
        shares: FloatArray,
        weights: FloatArray,
        cost: FloatArray,
        k: int,
        pins: IntArray,
    ) -> _Search:
        n_nodes = cost.size + 1
        served = np.concatenate([np.zeros((len(shares), 1)), shares.cumsum(axis=1)], 1)
        node = np.arange(n_nodes)
        closed = node[:, None] >= node
        for pin in pins:
            closed |= (node[:, None] <= pin) & (node > pin + 1)
        is_open = np.where(closed, np.inf, 0.0)
        every = np.vstack([served, weights @ served])
        rest = [np.where(node == n_nodes - 1, 0.0, np.inf) + np.zeros((len(every), 1))]
        up_to = np.concatenate([[0.0], cost])
        for _ in range(k):
            longer = [
                ((of - of[:, None]) * up_to + is_open + after).min(axis=1)
                for of, after in zip(every, rest[-1], strict=True)
            ]
            rest.append(np.minimum(np.stack(longer), rest[-1]))
        return cls(served, up_to, is_open, weights, tuple(rest))

    def below(self, worst: float) -> IntArray | None:
        """Return the ceilings with the least worst ratio, if it is below the given one."""
        n_scenarios, n_nodes = self.served.shape
        k, found = len(self.rest) - 1, None
        labels = {0: np.zeros((1, n_scenarios))}
        paths = {0: np.zeros((1, 0), dtype=np.int64)}
        for left in reversed(range(k)):
            reached: dict[int, list[tuple[FloatArray, IntArray]]] = {}
            for start, paid in labels.items():
                ends = np.flatnonzero(self.is_open[start] == 0)
                step = (self.served[:, ends] - self.served[:, [start]]) * self.cost[
                    ends
                ]
                grown = paid[:, :, None] + step
                least = grown + self.rest[left][:-1, ends]
                mean = (
                    np.tensordot(self.weights, grown, (0, 1))
                    + self.rest[left][-1, ends]
                )
                kept = np.maximum(least.max(axis=1), mean) < worst
                for at in np.flatnonzero(kept.any(axis=0)):
                    rows = np.flatnonzero(kept[:, at])
                    path = np.column_stack(
                        [paths[start][rows], np.full(rows.size, ends[at] - 1)]
                    )
                    reached.setdefault(int(ends[at]), []).append(
                        (grown[rows, :, at], path)
                    )
            labels, paths = {}, {}
            for end, parts in reached.items():
                paid = np.vstack([part for part, _ in parts])
                path = np.vstack([each for _, each in parts])
                if end == n_nodes - 1:
                    ratios = paid.max(axis=1)
                    if ratios.min() < worst:
                        worst, found = float(ratios.min()), path[int(ratios.argmin())]
                    continue
                front = _undominated(paid)
                labels[end], paths[end] = paid[front], path[front]
        return found


def _undominated(paid: FloatArray) -> IntArray:
    """Return the rows that no other is at least as good as everywhere."""
    order = np.lexsort(paid.T[::-1])
    kept: list[int] = []
    for at in order.tolist():
        if not kept or not (paid[kept] <= paid[at]).all(axis=1).any():
            kept.append(at)
    return np.array(kept, dtype=np.int64)
