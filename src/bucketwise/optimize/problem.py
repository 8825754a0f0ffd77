"""The question every solver answers: which k ceilings for this demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from bucketwise.demand import Demand
from bucketwise.errors import raise_all
from bucketwise.traffic import FloatArray, IntArray, group_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Candidate ceilings in ascending order, their weights and their costs.

    Attributes
    ----------
    lengths : ndarray of int64, shape (n_candidates,)
        Needed lengths rounded up to the alignment, pinned lengths, and the top.
    runs : ndarray of float64, shape (n_candidates,)
        Weighted runs whose smallest candidate this is; 0 for a pin nobody needs.
    cost : ndarray of float64, shape (n_candidates,)
        Cost of one run at each candidate.
    pinned : frozenset of int
        Lengths that must be in the answer beside the top.
    align : int
        Every ceiling that is not pinned is a multiple of it.
    """

    lengths: IntArray
    runs: FloatArray
    cost: FloatArray
    pinned: frozenset[int]
    align: int

    @classmethod
    def of(
        cls,
        demand: Demand,
        cost_at: Callable[[IntArray], FloatArray],
        *,
        align: int,
        top: int,
        pinned: Iterable[int] = (),
    ) -> Problem:
        """Round needed lengths up and gather the candidates.

        Parameters
        ----------
        demand : Demand
            Needed lengths and runs.
        cost_at : callable
            Cost of one run at each length.
        align : int
            The multiple ceilings must be.
        top : int
            The largest ceiling; no needed length is above it.
        pinned : iterable of int
            Ceilings that must be in the answer.

        Raises
        ------
        ConfigError
            When the top does not hold the largest needed length, or a pin is above it.
        """
        pins = frozenset(pinned) - {top}
        problems = []
        if top < int(demand.needed[-1]):
            problems.append(
                f"top bucket: {top} found; at least {demand.needed[-1]} is right, "
                "the largest needed length"
            )
        if any(pin < 1 or pin > top for pin in pins):
            problems.append(f"pinned: {sorted(pins)} found; 1 to {top} is right")
        raise_all(problems)
        aligned = np.minimum(align_up(demand.needed, align), top)
        fixed = np.array(sorted(pins | {top}), dtype=np.int64)
        # A needed length between a pin and its own rounded-up length fits the pin.
        holder = fixed[np.searchsorted(fixed, demand.needed)]
        ceiling = np.minimum(aligned, holder)
        keys, runs = group_cells(
            (np.concatenate([ceiling, fixed]),),
            np.concatenate([demand.runs, np.zeros(fixed.size)]),
        )
        lengths = keys[0].astype(np.int64)
        return cls(
            lengths=lengths,
            runs=runs,
            cost=cost_at(lengths),
            pinned=pins,
            align=align,
        )

    @property
    def top(self) -> int:
        """The largest ceiling."""
        return int(self.lengths[-1])

    @property
    def k_min(self) -> int:
        """Ceilings that are in every answer: the pins and the top."""
        return len(self.pinned) + 1

    @property
    def k_max(self) -> int:
        """Ceilings worth having: one a candidate."""
        return int(self.lengths.size)

    def free(self, k: int) -> int:
        """Return the ceilings a solver may choose with k in all, the top included."""
        return max(1, k - len(self.pinned))

    def complete(self, edges: Iterable[float]) -> tuple[int, ...]:
        """Return a solver's edges rounded up, with the pins and the top added."""
        rounded = {
            int(align_up(np.array([int(np.ceil(edge))]), self.align)[0])
            for edge in edges
        }
        inside = {edge for edge in rounded if 0 < edge < self.top}
        return tuple(sorted(inside | self.pinned | {self.top}))


def align_up(lengths: IntArray, align: int) -> IntArray:
    """Return lengths rounded up to a multiple of `align`."""
    return -(-lengths // align) * align
