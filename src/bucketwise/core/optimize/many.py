"""The exact optima of many demands over the same candidates, all at once."""

from __future__ import annotations

import numpy as np

from bucketwise.nouns.traffic import FloatArray, IntArray


def least_costs(
    runs: FloatArray, cost: FloatArray, k: int, pinned: IntArray
) -> tuple[IntArray, FloatArray]:
    """Return the best ceilings of each demand, and what they cost.

    The recurrence is that of `exact.frontier`. A ceiling that a larger one undercuts
    costs what the larger does, so costs ascend, the pair cost is Monge, and the best cut
    of a candidate lies between those of its neighbours: they are found by halves.

    Parameters
    ----------
    runs : ndarray of float64, shape (n_demands, n_candidates)
        Runs at each candidate, ascending; 0 for none.
    cost : ndarray of float64, shape (n_candidates,)
        Cost of one run at each.
    k : int
        Most ceilings, above the number of those that are pinned.
    pinned : ndarray of int64
        Places of candidates that must be ceilings; the last one always is.

    Returns
    -------
    ceilings : ndarray of int64, shape (n_demands, k)
        Places among the candidates, ascending; -1 stands for one that is not needed.
    total : ndarray of float64, shape (n_demands,)
        Cost of all runs.
    """
    n_demands, n_candidates = runs.shape
    rising = np.minimum.accumulate(cost[::-1])[::-1]
    served = _summed(runs)
    # No group reaches over a pin: it starts behind the last one before it.
    first = np.zeros(n_candidates + 1, dtype=np.int64)
    first[pinned + 1] = pinned + 1
    first = np.concatenate([[0], np.maximum.accumulate(first)[:-1]])
    best = np.full((n_demands, n_candidates + 1), np.inf)
    best[:, 0] = 0.0
    cuts = []
    for _ in range(k):
        best, cut = _with_one_more(best, served, rising, first)
        cuts.append(cut)
    node = np.full(n_demands, n_candidates)
    ceilings = np.empty((n_demands, k), dtype=np.int64)
    for place in reversed(range(k)):
        ceilings[:, place] = node - 1
        node = cuts[place][np.arange(n_demands), node]
    return ceilings, best[:, -1]


def _with_one_more(
    before: FloatArray, served: FloatArray, cost: FloatArray, first: IntArray
) -> tuple[FloatArray, IntArray]:
    """Return the least cost up to each node with one more ceiling, and its last cut."""
    n_demands, n_nodes = before.shape
    last = n_nodes - 1
    best = np.zeros_like(before)
    # One column past the end, for neighbours that do not exist.
    cut = np.zeros((n_demands, n_nodes + 1), dtype=np.int64)
    cut[:, -1] = last
    stride = 1 << last.bit_length()
    while stride:
        for node in range(stride, n_nodes, 2 * stride):
            after = min(n_nodes, node + stride)
            low = max(int(cut[:, node - stride].min()), int(first[node]))
            high = max(low, min(int(cut[:, after].max()), node - 1))
            reach = slice(low, high + 1)
            total = before[:, reach] - cost[node - 1] * served[:, reach]
            chosen = total.argmin(axis=1)
            cut[:, node] = low + chosen
            least = np.take_along_axis(total, chosen[:, None], axis=1)[:, 0]
            best[:, node] = least + cost[node - 1] * served[:, node]
        stride //= 2
    return best, cut[:, :-1]


def priced(runs: FloatArray, cost: FloatArray, ceilings: IntArray) -> FloatArray:
    """Return what each demand costs on its own ceilings.

    Parameters
    ----------
    runs, cost
        As of `least_costs`.
    ceilings : ndarray of int64, shape (n_demands, k)
        As `least_costs` returns them.
    """
    rising = np.minimum.accumulate(cost[::-1])[::-1]
    served = np.take_along_axis(_summed(runs), ceilings + 1, axis=1)
    groups = np.diff(served, axis=1, prepend=0.0)
    return np.asarray((groups * rising[np.maximum(ceilings, 0)]).sum(axis=1))


def _summed(runs: FloatArray) -> FloatArray:
    """Return the runs below each node, node 0 before all candidates."""
    return np.concatenate([np.zeros((len(runs), 1)), np.cumsum(runs, axis=1)], axis=1)
