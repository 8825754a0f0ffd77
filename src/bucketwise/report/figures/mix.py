"""Which buckets the runs need, over time and by label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets
from bucketwise.core.plan import BucketUse
from bucketwise.nouns.traffic import SIZE_COLUMNS, FloatArray, IntArray, Traffic

MOST_SERIES = 6
"""Buckets told apart in one figure; of more, the least used are drawn as one."""

OTHERS = "others"

HARDLY = 0.05
"""A share that is off by less is said to hardly differ."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The runs of every cell of the traffic, by what bucket they need.

    `names` are buckets in ascending order, `OTHERS` last where some are drawn as one;
    `series` is a position in it. A cell that the processor refuses has no runs.
    """

    names: tuple[str, ...]
    runs: FloatArray
    series: IntArray

    def of(self, cells: NDArray[np.bool_]) -> Mix:
        """Return the mix of these cells alone."""
        return replace(self, runs=self.runs[cells], series=self.series[cells])

    def table(self, row: IntArray, n_rows: int) -> FloatArray:
        """Return runs by row and series, shape (n_rows, n_series), of each cell's row."""
        found = np.zeros((n_rows, len(self.names)))
        np.add.at(found, (row, self.series), self.runs)
        return found


def mix_of(analysis: Analysis) -> Mix:
    """Return the runs of every cell of the traffic by bucket."""
    counts = analysis.counts
    size = size_of_cell(analysis.traffic)
    is_run = counts.accepted[size]
    runs = np.where(is_run, analysis.traffic.count * counts.runs_each[size], 0.0)
    buckets = Buckets(analysis.plan.visual.vit_max_seq_lens)
    bucket = np.where(is_run, buckets.assign(analysis.needed)[size], 0)
    names, series_of_bucket = _series(analysis.plan.visual.buckets)
    return Mix(names, runs, series_of_bucket[bucket])


def size_of_cell(traffic: Traffic) -> IntArray:
    """Return the position in `traffic.sizes()` of the size of each cell."""
    keys = [getattr(traffic, name) for name in reversed([*SIZE_COLUMNS])]
    order = np.lexsort(keys)
    is_new = np.zeros(order.size, dtype=bool)
    for key in keys:
        is_new[1:] |= key[order][1:] != key[order][:-1]
    found = np.empty(order.size, dtype=np.int64)
    found[order] = np.cumsum(is_new)
    return found


def shares_of(runs: FloatArray) -> FloatArray:
    """Return runs by row and series as shares of their row; 0 in rows of none."""
    total = runs.sum(axis=1, keepdims=True)
    return np.asarray(runs / np.where(total > 0, total, 1.0), dtype=np.float64)


def _series(uses: tuple[BucketUse, ...]) -> tuple[tuple[str, ...], IntArray]:
    """Return the names of series, and the series of each bucket."""
    most = sorted(range(len(uses)), key=lambda index: (-uses[index].runs, index))
    kept = sorted(most if len(uses) <= MOST_SERIES else most[: MOST_SERIES - 1])
    names = [f"{uses[index].vit_patches:,}" for index in kept]
    if len(kept) < len(uses):
        names.append(OTHERS)
    series = np.full(len(uses), len(kept), dtype=np.int64)
    series[kept] = np.arange(len(kept))
    return tuple(names), series
