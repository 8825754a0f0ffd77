"""How often each needed length is run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.errors import raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells


@dataclass(frozen=True, slots=True)
class Demand:
    """Distinct needed lengths in ascending order with their ViT runs.

    Attributes
    ----------
    needed : ndarray of int64, shape (n_lengths,)
        What the runtime compares with a bucket.
    runs : ndarray of float64, shape (n_lengths,)
        Weighted ViT runs at that length: one an image, one a temporal patch.
    """

    needed: IntArray
    runs: FloatArray

    def __post_init__(self) -> None:
        """Check order and weights."""
        problems = []
        if self.needed.shape != self.runs.shape or self.needed.ndim != 1:
            problems.append("demand: give one weight a length")
        elif not self.needed.size:
            problems.append("demand: no ViT run at all; the traffic holds nothing")
        elif self.needed[0] < 1 or (np.diff(self.needed) <= 0).any():
            problems.append("demand: lengths must ascend from 1")
        elif not (self.runs > 0).all() or not np.isfinite(self.runs).all():
            problems.append("demand: weights must be positive and finite")
        raise_all(problems)

    @classmethod
    def of(cls, needed: IntArray, runs: FloatArray) -> Demand:
        """Gather equal lengths; zero weights vanish.

        Parameters
        ----------
        needed : ndarray of int64, shape (n,)
            Needed length of each size.
        runs : ndarray of float64, shape (n,)
            Weighted ViT runs of each size.
        """
        used = runs > 0
        keys, total = group_cells((needed[used],), runs[used])
        return cls(keys[0].astype(np.int64), total)
