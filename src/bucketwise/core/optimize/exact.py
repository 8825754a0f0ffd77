"""The exact optimum: a dynamic programme over sorted candidates."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate

from bucketwise.core.optimize.problem import Problem
from bucketwise.nouns.traffic import FloatArray

_ROUNDING = 1e-12
"""Sums of the same costs in another order differ by less."""


def solve(problem: Problem, k: int) -> tuple[int, ...]:
    """Return the k ceilings with the least padded compute."""
    return frontier(problem, k)[-1]


def frontier(
    problem: Problem, k_max: int, extra: FloatArray | None = None
) -> list[tuple[int, ...]]:
    """Return the exact optimum for every k from `problem.k_min` to `k_max`.

    `extra`, of shape (n_candidates,), is what each ceiling costs beside its runs: it
    shifts all lines of a query alike, and the optimum stays exact.

    With candidates v_1 < ... < v_D, prefix sums N_j of the weights and cost f,

        P_m(j) = min over i < j of P_(m-1)(i) + f(v_j) * (N_j - N_i)

    is, for fixed j, the least of the lines with slope -N_i and intercept P_(m-1)(i) at
    x = f(v_j). Slopes arrive sorted, so each layer keeps the lower envelope of its
    lines and looks every query up in it: O(k D log D). Nothing is assumed of f, so a
    measured cost that falls somewhere is solved exactly too; for a nondecreasing f the
    pair cost is Monge and the optimum convex in k (Aggarwal, Schieber, Tokuyama 1994).
    A pin at p forbids groups that reach over it: past p only lines from p on count.
    """
    if problem.marks:
        return _best_of_variants(problem, k_max)
    k_last = max(problem.k_min, min(k_max, problem.k_max))
    choices = [chosen for _, chosen in layers(problem, k_last, extra)]
    lengths = problem.lengths.tolist()
    return [_walk_back(choices[:k], lengths) for k in range(problem.k_min, k_last + 1)]


def layers(
    problem: Problem, k: int, extra: FloatArray | None = None
) -> Iterator[tuple[list[float], list[int]]]:
    """Yield the least cost up to each node with 1, 2, ... k ceilings, and its last cut.

    Node 0 lies below all candidates, node j is candidate j, from 1.
    """
    cost = problem.cost.tolist()
    prefix = [0.0, *accumulate(problem.runs.tolist())]
    pinned = [int(length) in problem.pinned for length in problem.lengths]
    beside = [0.0] * len(cost) if extra is None else extra.tolist()
    best = [0.0, *([float("inf")] * len(cost))]
    for _ in range(k):
        best, chosen = _layer(best, cost, beside, prefix, pinned)
        yield best, chosen


def _best_of_variants(problem: Problem, k_max: int) -> list[tuple[int, ...]]:
    """Return the best of what each variant of a problem with marks comes to, by k."""
    cost = dict(zip(problem.lengths.tolist(), problem.cost.tolist(), strict=True))
    best: dict[int, tuple[float, tuple[int, ...]]] = {}
    for variant in problem.variants():
        for lengths in frontier(variant, k_max):
            holder = [lengths[bisect_left(lengths, each)] for each in cost]
            runs = problem.runs.tolist()
            total = sum(
                cost[held] * ran for held, ran in zip(holder, runs, strict=True)
            )
            found = best.get(len(lengths))
            if found is None or total < found[0]:
                best[len(lengths)] = total, lengths
    # What a mark brings may serve nothing: past the last length that helps none follow.
    last = min(best)
    for k in sorted(best):
        if best[k][0] < best[last][0] * (1 - _ROUNDING):
            last = k
    return [best[k][1] for k in sorted(best) if k <= last]


def _layer(
    before: list[float],
    cost: list[float],
    beside: list[float],
    prefix: list[float],
    pinned: list[bool],
) -> tuple[list[float], list[int]]:
    """Add one ceiling: the best total up to each candidate, and where it cut."""
    infinite = float("inf")
    best, chosen = [infinite], [0]
    starts: list[float] = []  # where each line of the envelope begins to be the least
    lines: list[int] = []
    for j in range(1, len(cost) + 1):
        i = j - 1
        if i and pinned[i - 1]:
            starts.clear()
            lines.clear()
        if before[i] < infinite:
            _add_line(i, before, prefix, starts, lines)
        if not lines:
            best.append(infinite)
            chosen.append(0)
            continue
        x = cost[j - 1]
        cut = lines[bisect_right(starts, x) - 1]
        best.append(before[cut] + x * (prefix[j] - prefix[cut]) + beside[i])
        chosen.append(cut)
    return best, chosen


def _add_line(
    i: int,
    before: list[float],
    prefix: list[float],
    starts: list[float],
    lines: list[int],
) -> None:
    """Put the line of cut i on the envelope and drop the lines it hides."""
    crossing = float("-inf")
    while lines:
        last = lines[-1]
        steeper = prefix[i] - prefix[last]
        if steeper > 0:
            crossing = (before[i] - before[last]) / steeper
        else:
            crossing = float("-inf") if before[i] <= before[last] else float("inf")
        if crossing > starts[-1]:
            break
        starts.pop()
        lines.pop()
        crossing = float("-inf")
    if crossing < float("inf"):
        starts.append(crossing)
        lines.append(i)


def _walk_back(choices: list[list[int]], lengths: list[int]) -> tuple[int, ...]:
    """Follow the cuts from the top down."""
    position = len(lengths)
    ceilings = []
    for chosen in reversed(choices):
        ceilings.append(lengths[position - 1])
        position = chosen[position]
    return tuple(reversed(ceilings))
