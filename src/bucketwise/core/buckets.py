"""Needed lengths with their runs, and the compiled lengths that serve them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.errors import raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells


@dataclass(frozen=True, slots=True)
class Demand:
    """Distinct needed lengths in ascending order with their ViT runs.

    Arrays have the shape (n_lengths,).
    """

    needed: IntArray
    """What the runtime compares with a bucket."""
    runs: FloatArray
    """Weighted ViT runs at that length: one an image, one a temporal patch."""

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
        """Gather equal lengths; zero weights vanish."""
        used = runs > 0
        keys, total = group_cells((needed[used],), runs[used])
        return cls(keys[0].astype(np.int64), total)


MAX_LENGTH = 2**31 - 1
"""Far above any graph; what is asked for stays within it, so that nothing overflows."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Ascending capacities; inclusive: an input of exactly S fits S."""

    lengths: tuple[int, ...]
    """Distinct positive capacities in ascending order, in ViT patches."""

    def __post_init__(self) -> None:
        """Check the list."""
        problems = []
        if not self.lengths:
            problems.append("buckets: the list is empty; give at least one length")
        elif self.lengths[0] < 1:
            problems.append(
                f"buckets: expected lengths from 1 up, got {self.lengths[0]}"
            )
        if any(b <= a for a, b in zip(self.lengths, self.lengths[1:], strict=False)):
            problems.append(
                "buckets: expected each length once, ascending, got "
                f"{list(self.lengths)}"
            )
        raise_all(problems)

    @property
    def top(self) -> int:
        """The largest compiled length."""
        return self.lengths[-1]

    def assign(self, needed: IntArray) -> IntArray:
        """Return the index of the smallest bucket that holds each needed length.

        The rule is the runtime's own: `torch.searchsorted(sorted buckets, needed)`
        (optimum-rbln 0.12.0, transformers/models/qwen3_vl/modeling_qwen3_vl.py).

        An overflow is marked by `len(lengths)`.
        """
        found = np.searchsorted(np.asarray(self.lengths), needed, side="left")
        return found.astype(np.int64)
