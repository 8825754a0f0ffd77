"""Compiled capacities, and the one rule that says which of them serves a length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.errors import raise_all
from bucketwise.nouns.traffic import IntArray

MAX_LENGTH = 2**31 - 1
"""Far above any graph; what is asked for stays within it, so that nothing overflows."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Ascending capacities; inclusive: an input of exactly S fits S.

    Attributes
    ----------
    lengths : tuple of int
        Distinct positive capacities in ascending order, in ViT patches.
    """

    lengths: tuple[int, ...]

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

        Parameters
        ----------
        needed : ndarray of int64, shape (n,)
            Needed lengths.

        Returns
        -------
        ndarray of int64, shape (n,)
            Positions in `lengths`; `len(lengths)` marks an overflow.
        """
        found = np.searchsorted(np.asarray(self.lengths), needed, side="left")
        return found.astype(np.int64)
