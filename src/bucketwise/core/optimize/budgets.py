"""The exact optimum under budgets: of memory, of minutes, of whatever ceilings take."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bucketwise.core.optimize.exact import frontier, layers
from bucketwise.core.optimize.problem import Problem
from bucketwise.nouns.traffic import FloatArray, IntArray

_ROUNDING = 1e-12
"""Sums of the same costs in another order differ by less."""

_MOST_PRICES = 40
"""Prices tried for one budget: each try is a bound, and the last ones move it little."""

_ROWS = 512
"""Labels extended at once, so that they stay within a processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What each ceiling takes of one resource, and how much of it there is.

    Attributes
    ----------
    uses : ndarray of float64, shape (n_candidates,)
        Not negative.
    room : float
        What all ceilings of an answer may take together; infinite for no end.
    """

    uses: FloatArray
    room: float

    def used(self, problem: Problem, lengths: Sequence[int]) -> float:
        """Return what an answer takes."""
        return float(self.uses[np.searchsorted(problem.lengths, lengths)].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labels:
    """Ways to have chosen the highest ceilings.

    `node` (n,) is the lowest of them, `cost` what runs above it, `used` (n, n_budgets)
    what they take, `parent` (n,) the label before.
    """

    node: IntArray
    cost: FloatArray
    used: FloatArray
    parent: IntArray

    @classmethod
    def joined(cls, parts: Sequence[_Labels]) -> _Labels:
        return cls(
            node=np.concatenate([each.node for each in parts]),
            cost=np.concatenate([each.cost for each in parts]),
            used=np.concatenate([each.used for each in parts]),
            parent=np.concatenate([each.parent for each in parts]),
        )

    def take(self, kept: IntArray) -> _Labels:
        return _Labels(
            node=self.node[kept],
            cost=self.cost[kept],
            used=self.used[kept],
            parent=self.parent[kept],
        )


def within(
    problem: Problem, k: int, budgets: Sequence[Budget]
) -> tuple[int, ...] | None:
    """Return the k ceilings with the least padded compute that keep every budget.

    None where no k ceilings keep them. Labels (candidate, graphs, what was taken) go
    down from the top. Of two at one candidate, one that costs and takes no less is
    dropped, and so is one that cannot end below what is known to be possible: by the
    exact optimum of what is left, alone and with budgets priced (Lagrange multipliers,
    found by walking the lower hull). The lowest ceiling is looked up. Exact for any cost,
    and for uses that never fall with length.
    """
    if problem.marks:
        return _best_of_variants(problem, k, budgets)
    if not problem.k_min <= k <= problem.k_max:
        return None
    best = frontier(problem, k)[-1]
    if len(best) == k and _keeps(problem, best, budgets):
        return best
    prices, known = _priced(problem, k, budgets)
    return _search(problem, k, budgets, prices, known)


def _best_of_variants(
    problem: Problem, k: int, budgets: Sequence[Budget]
) -> tuple[int, ...] | None:
    """Return the best of what each variant of a problem with marks comes to."""
    found = []
    for variant in problem.variants():
        index = np.searchsorted(problem.lengths, variant.lengths)
        asked = [Budget(uses=each.uses[index], room=each.room) for each in budgets]
        lengths = within(variant, k, asked)
        if lengths is not None:
            found.append((total(problem, lengths), lengths))
    return min(found)[1] if found else None


def total(problem: Problem, lengths: Sequence[int] | IntArray) -> float:
    """Return the padded compute of an answer."""
    index = np.searchsorted(problem.lengths, lengths)
    holder = index[np.searchsorted(lengths, problem.lengths)]
    return float((problem.cost[holder] * problem.runs).sum())


def _keeps(problem: Problem, lengths: Sequence[int], budgets: Sequence[Budget]) -> bool:
    return all(each.used(problem, lengths) <= each.room for each in budgets)


def _priced(
    problem: Problem, k: int, budgets: Sequence[Budget]
) -> tuple[FloatArray, float]:
    """Return a price for each budget, and the least cost met that keeps them all.

    Any price not below zero bounds what is possible; the better it is, the fewer labels
    are left. One budget is priced at a time, the others' prices standing.
    """
    prices = np.zeros(len(budgets))
    known = float("inf")
    for index, budget in enumerate(budgets):
        if np.isfinite(budget.room):
            prices, found = _with_price(problem, k, budgets, prices, index)
            known = min(known, found)
    return prices, known


def _with_price(
    problem: Problem,
    k: int,
    budgets: Sequence[Budget],
    prices: FloatArray,
    index: int,
) -> tuple[FloatArray, float]:
    """Price one budget more by walking the lower hull of cost against its use."""
    budget, prices, known = budgets[index], prices.copy(), float("inf")
    over = under = None
    others = sum(price * each.uses for price, each in zip(prices, budgets, strict=True))
    for _ in range(_MOST_PRICES):
        lengths = frontier(problem, k, others + prices[index] * budget.uses)[-1]
        if len(lengths) == k and _keeps(problem, lengths, budgets):
            known = min(known, _descended(problem, lengths, budgets))
        rest = Budget(uses=np.asarray(others), room=0).used(problem, lengths)
        point = total(problem, lengths) + rest, budget.used(problem, lengths)
        if over and under and point in (over, under):
            break
        if point[1] > budget.room:
            over = point
        else:
            under = point
        if over is None:
            break
        if under is None:
            prices[index] = max(prices[index] * 4, _first_price(problem, budget))
        else:
            prices[index] = (under[0] - over[0]) / (over[1] - under[1])
    return prices, known


def _descended(
    problem: Problem, lengths: tuple[int, ...], budgets: Sequence[Budget]
) -> float:
    """Return what an answer costs after moving one ceiling at a time while that helps."""
    before = np.concatenate([[0.0], np.cumsum(problem.runs)])
    at = np.searchsorted(problem.lengths, lengths)
    free = [
        index for index, each in enumerate(lengths[:-1]) if each not in problem.pinned
    ]
    spare = [each.room - each.used(problem, lengths) for each in budgets]
    moved = True
    while moved:
        moved = False
        for index in free:
            low = at[index - 1] + 1 if index else 0
            tried = np.arange(low, at[index + 1])
            base = before[low]
            above = problem.cost[at[index + 1]]
            cost = (
                problem.cost[tried] * (before[tried + 1] - base)
                - above * before[tried + 1]
            )
            for each, left in zip(budgets, spare, strict=True):
                cost[each.uses[tried] - each.uses[at[index]] > left] = np.inf
            best = int(tried[np.argmin(cost)])
            if cost[best - low] < cost[at[index] - low]:
                spare = [
                    left - each.uses[best] + each.uses[at[index]]
                    for each, left in zip(budgets, spare, strict=True)
                ]
                at[index], moved = best, True
    return total(problem, problem.lengths[at])


def _first_price(problem: Problem, budget: Budget) -> float:
    """Return a price at which the budget weighs about as much as the compute."""
    one = float(problem.cost[-1] * problem.runs.sum())
    return one / max(float(budget.uses.sum()), 1.0)


def _search(
    problem: Problem,
    k: int,
    budgets: Sequence[Budget],
    prices: FloatArray,
    known: float,
) -> tuple[int, ...] | None:
    """Return the best list by labels from the top down, the lowest ceiling looked up."""
    steps = _Steps.of(problem, k, budgets, prices, known)
    top = problem.lengths.size
    labels = _Labels(
        node=np.array([top]),
        cost=np.zeros(1),
        used=steps.uses[None, top - 1],
        parent=np.zeros(1, dtype=np.int64),
    )
    if k == 1:
        fits = (labels.used <= steps.room).all() and not problem.pinned
        return (problem.top,) if fits else None
    chain = [labels]
    for left in range(k - 1, 1, -1):
        chain[-1] = _undominated(chain[-1])
        chain.append(steps.extended(chain[-1], left))
    found = steps.closed(chain[-1])
    if found is None:
        return None
    at, lowest = found
    return int(problem.lengths[lowest - 1]), *_walked(problem, chain, at)


@dataclass(frozen=True, slots=True)
class _Steps:
    """From a label to those with one more ceiling below.

    `run` (n + 1, n + 1): what runs on ceiling j costs when i is the one below; `uses`
    and `room`: the budgets; `least` and `priced`, k rows of n + 1: the least cost of what
    lies below a node with so many ceilings, alone and with budgets priced; `known`: the
    cost of an answer that keeps the budgets.
    """

    run: FloatArray
    uses: FloatArray
    room: FloatArray
    prices: FloatArray
    least: FloatArray
    priced: FloatArray
    known: float

    @classmethod
    def of(
        cls,
        problem: Problem,
        k: int,
        budgets: Sequence[Budget],
        prices: FloatArray,
        known: float,
    ) -> _Steps:
        uses = np.stack([each.uses for each in budgets], axis=1)
        room = np.array([each.room for each in budgets])
        return cls(
            run=_runs_between(problem),
            uses=uses,
            room=room + _ROUNDING * np.where(np.isinf(room), 0.0, room),
            prices=prices,
            least=np.array([best for best, _ in layers(problem, k)]),
            priced=np.array([best for best, _ in layers(problem, k, uses @ prices)]),
            known=known * (1 + _ROUNDING),
        )

    def extended(self, labels: _Labels, left: int) -> _Labels:
        """Return the labels with one ceiling more, of which `left` - 1 go below."""
        finite = np.where(np.isinf(self.room), 0.0, self.room)
        bound = self.known + float(self.prices @ finite)
        below, priced = self.least[left - 1, 1:], self.priced[left - 1, 1:]
        parts = [labels.take(np.zeros(0, dtype=np.int64))]
        for start in range(0, labels.node.size, _ROWS):
            here = slice(start, start + _ROWS)
            cost = labels.cost[here, None] + self.run[1:, labels.node[here]].T
            row, column = np.nonzero(cost + below <= self.known)
            cost, taken = cost[row, column], labels.used[here][row]
            used = taken + self.uses[column]
            fits = (used <= self.room).all(axis=1)
            fits &= cost + taken @ self.prices + priced[column] <= bound
            parts.append(
                _Labels(
                    node=column[fits] + 1,
                    cost=cost[fits],
                    used=used[fits],
                    parent=row[fits] + start,
                )
            )
        return _Labels.joined(parts)

    def closed(self, labels: _Labels) -> tuple[int, int] | None:
        """Return the label and its lowest ceiling that cost the least; None for none.

        What a ceiling takes never falls with its length, so that the budgets left say
        how far up it may be, and the best up to there is looked up.
        """
        room = self.room - labels.used
        most = np.full(labels.node.size, len(self.uses))
        for use, left in zip(self.uses.T, room.T, strict=True):
            most = np.minimum(most, np.searchsorted(use, left, side="right"))
        nodes, where = np.unique(labels.node, return_inverse=True)
        lowest = self.run[0, 1:, None] + self.run[1:, nodes]
        best = np.minimum.accumulate(lowest, axis=0)
        cost = np.where(
            most > 0, labels.cost + best[np.maximum(most, 1) - 1, where], np.inf
        )
        if not cost.size or np.isinf(cost.min()):
            return None
        at = int(np.argmin(cost))
        return at, int(np.argmin(lowest[: most[at], where[at]])) + 1


def _runs_between(problem: Problem) -> FloatArray:
    """Return what runs on node j cost when node i is the ceiling below, (n + 1, n + 1).

    Infinite where j is not above i, or a pin lies between them.
    """
    before = np.concatenate([[0.0], np.cumsum(problem.runs)])
    cost = np.concatenate([[0.0], problem.cost])
    run: FloatArray = cost[None, :] * (before[None, :] - before[:, None])
    run[np.tril_indices(run.shape[0])] = np.inf
    for pin in problem.pinned:
        at = bisect_left(problem.lengths.tolist(), pin) + 1
        run[:at, at + 1 :] = np.inf
    return run


def _undominated(labels: _Labels) -> _Labels:
    """Drop labels that cost and take no less than another at the same node."""
    labels = labels.take(np.lexsort((*labels.used.T, labels.cost, labels.node)))
    starts = np.flatnonzero(np.diff(labels.node, prepend=-1))
    kept = [
        first + _front(rows)
        for first, rows in zip(
            starts, np.split(labels.used, starts[1:]), strict=bool(starts.size)
        )
    ]
    return labels.take(np.concatenate(kept)) if starts.size else labels


def _front(used: FloatArray) -> IntArray:
    """Return the rows that take less of something than every row before them."""
    if used.shape[1] == 1 and used.size:
        before = np.minimum.accumulate(used[:-1, 0])
        return np.flatnonzero(np.append(True, used[1:, 0] < before))
    kept: list[int] = []
    for index, row in enumerate(used):
        if not kept or not (used[kept] <= row).all(axis=1).any():
            kept.append(index)
    return np.array(kept, dtype=np.int64)


def front(problem: Problem, k: int, uses: FloatArray) -> list[tuple[int, ...]]:
    """Return every k ceilings that no other k beat in both compute and use.

    Cheapest in compute first.
    """
    if problem.marks:
        return _front_of_variants(problem, k, uses)
    if not problem.k_min <= k <= problem.k_max:
        return []
    everything = Budget(uses=uses, room=float("inf"))
    steps = _Steps.of(problem, k, [everything], np.zeros(1), float("inf"))
    top = problem.lengths.size
    labels = _Labels(
        node=np.array([top]),
        cost=np.zeros(1),
        used=uses[None, None, top - 1],
        parent=np.zeros(1, dtype=np.int64),
    )
    chain = [labels]
    for left in range(k - 1, 0, -1):
        labels = _undominated(steps.extended(labels, left))
        chain.append(labels)
    cost = labels.cost + steps.run[0, labels.node]
    order = np.lexsort((labels.used[:, 0], cost))
    order = order[np.isfinite(cost[order])]
    kept = order[_front(labels.used[order])]
    return [_walked(problem, chain, int(at)) for at in kept]


def _walked(problem: Problem, chain: Sequence[_Labels], at: int) -> tuple[int, ...]:
    """Follow a label up to the top."""
    nodes = []
    for labels in reversed(chain):
        nodes.append(int(labels.node[at]))
        at = int(labels.parent[at])
    return tuple(problem.lengths[np.array(nodes) - 1].tolist())


def _front_of_variants(
    problem: Problem, k: int, uses: FloatArray
) -> list[tuple[int, ...]]:
    found = []
    for variant in problem.variants():
        index = np.searchsorted(problem.lengths, variant.lengths)
        for lengths in front(variant, k, uses[index]):
            used = Budget(uses=uses, room=0).used(problem, lengths)
            found.append((total(problem, lengths), used, lengths))
    found.sort()
    kept = _front(np.array([[used] for _, used, _ in found]).reshape(-1, 1))
    return [found[at][2] for at in kept]
