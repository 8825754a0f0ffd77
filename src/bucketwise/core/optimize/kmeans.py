"""k-means on the lengths, upper edges as ceilings: a heuristic."""

from __future__ import annotations

import numpy as np

from bucketwise.core.optimize.problem import Problem
from bucketwise.nouns.traffic import FloatArray, IntArray


def solve(problem: Problem, k: int) -> tuple[int, ...]:
    """Return the largest length of each of k clusters.

    k-means minimises squared distance to cluster means, which is not padded compute:
    this is a heuristic and never better than `exact`. On a line its clusters are ranges,
    so that its own optimum is found by dynamic programming (Wang and Song, Ckmeans.1d.dp,
    The R Journal 3/2, 2011) instead of restarts from random centres.
    """
    held = problem.runs > 0
    lengths, runs = problem.lengths[held], problem.runs[held]
    ends = _ends(lengths.astype(np.float64), runs, min(problem.free(k), lengths.size))
    # The last cluster's ceiling is the top, which may be above its own edge.
    return problem.complete(float(lengths[end - 1]) for end in ends[:-1])


def _ends(at: FloatArray, weight: FloatArray, k: int) -> list[int]:
    """Return where each of k ranges with the least squared distance ends, exclusive."""
    spread = _Spread(at, weight)
    best = spread.of(np.zeros(at.size, np.int64), np.arange(1, at.size + 1))
    cuts: list[IntArray] = []
    for _ in range(k - 1):
        best, cut = _layer(best, spread)
        cuts.append(cut)
    ends = [at.size]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1] - 1]) if ends[-1] else 0)
    # Fewer distinct points than ranges leave some empty.
    return sorted({end for end in ends if end})


class _Spread:
    """Squared distance to the mean, summed over a range of points."""

    def __init__(self, at: FloatArray, weight: FloatArray) -> None:
        # About the mean: squares of what is far from 0 lose their last digits.
        near = at - np.average(at, weights=weight)
        sums = (weight, weight * near, weight * near * near)
        self._w, self._x, self._xx = (np.r_[0.0, np.cumsum(each)] for each in sums)

    def of(self, first: IntArray, end: IntArray) -> FloatArray:
        """Return it for ranges of at least one point each."""
        weight, x, xx = (
            sums[end] - sums[first] for sums in (self._w, self._x, self._xx)
        )
        # What is light beside the rest may leave no trace in the sums.
        about_mean = np.divide(x * x, weight, out=np.zeros_like(x), where=weight > 0)
        found: FloatArray = np.maximum(xx - about_mean, 0.0)
        return found


def _layer(before: FloatArray, spread: _Spread) -> tuple[FloatArray, IntArray]:
    """Add one range: the least total up to each point, and where the range begins.

    A range never begins earlier for a later end, so each answer bounds its neighbours':
    halves are solved between them, O(n log n) in all.
    """
    n = before.size
    best, cut = before.copy(), np.zeros(n, np.int64)
    asked = [(1, n, 1, n - 1)]
    while asked:
        low, high, least, most = asked.pop()
        if low >= high:
            continue
        middle = (low + high) // 2
        starts = np.arange(least, min(middle, most) + 1)
        totals = before[starts - 1] + spread.of(
            starts, np.full(starts.size, middle + 1)
        )
        chosen = int(totals.argmin())
        best[middle], cut[middle] = totals[chosen], starts[chosen]
        asked.append((low, middle, least, int(cut[middle])))
        asked.append((middle + 1, high, int(cut[middle]), most))
    return best, cut
