"""The question every solver answers: which k ceilings for this demand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, product

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.errors import raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Candidate ceilings in ascending order, their weights and their costs.

    Attributes
    ----------
    lengths : ndarray of int64, shape (n_candidates,)
        Needed lengths rounded up to the alignment, pinned lengths, the shortest that
        each mark lies in the reach of, and the top.
    runs : ndarray of float64, shape (n_candidates,)
        Weighted runs whose smallest candidate this is; 0 for one nobody needs.
    cost : ndarray of float64, shape (n_candidates,)
        Cost of one run at each candidate.
    pinned : frozenset of int
        Lengths that must be in the answer beside the top.
    align : int
        Every ceiling that is not pinned is a multiple of it.
    marks : tuple of int
        Ascending; a mark must lie in the reach of every ceiling, above the ceiling below
        it and not above itself. () where nothing is asked.
    """

    lengths: IntArray
    runs: FloatArray
    cost: FloatArray
    pinned: frozenset[int]
    align: int
    marks: tuple[int, ...] = ()
    apart: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(
        cls,
        demand: Demand,
        cost_at: Callable[[IntArray], FloatArray],
        *,
        align: int,
        top: int,
        pinned: Iterable[int] = (),
        marks: tuple[int, ...] = (),
    ) -> Problem:
        """Round needed lengths up and gather the candidates."""
        pins = frozenset(pinned) - {top}
        problems = []
        if top < int(demand.needed[-1]):
            problems.append(
                f"top bucket: expected at least {demand.needed[-1]}, the largest "
                f"needed length, got {top}"
            )
        if any(pin < 1 or pin > top for pin in pins):
            problems.append(f"pinned: expected 1 to {top}, got {sorted(pins)}")
        problems += unmarked(sorted(pins | {top}), marks)
        raise_all(problems)
        aligned = np.minimum(align_up(demand.needed, align), top)
        fixed = np.array(sorted(pins | {top}), dtype=np.int64)
        # A needed length between a pin and its own rounded-up length fits the pin.
        holder = fixed[np.searchsorted(fixed, demand.needed)]
        ceiling = np.minimum(aligned, holder)
        # Below a mark's own length nothing is needed, but what lies above the length
        # before it may run there.
        own = align_up(np.array(marks, dtype=np.int64), align)
        unneeded = np.concatenate([fixed, own[own < top]])
        keys, runs = group_cells(
            (np.concatenate([ceiling, unneeded]),),
            np.concatenate([demand.runs, np.zeros(unneeded.size)]),
        )
        lengths = keys[0].astype(np.int64)
        return cls(
            lengths=lengths,
            runs=runs,
            cost=cost_at(lengths),
            pinned=pins,
            align=align,
            marks=marks,
        )

    def variants(self) -> Iterator[Problem]:
        """Yield the problems without marks whose answers all have a mark each.

        Ceilings with the same marks below them cannot be in one answer: each problem
        keeps one of them, and there are few, because marks are.
        """
        if not self.marks:
            yield self
            return
        fixed = self.pinned | {self.top}
        choices = []
        for level, group in groupby(self.lengths.tolist(), self._level):
            members = list(group)
            kept = [each for each in members if each in fixed]
            # None leaves the level out; what it would serve runs on the next.
            choices.append(kept or ([*members] if level else [None]))
        for chosen in product(*choices):
            yield self._of_lengths([each for each in chosen if each is not None])

    def _level(self, length: int) -> int:
        return bisect_right(self.marks, length)

    def _of_lengths(self, kept: list[int]) -> Problem:
        return replace(self.kept(np.searchsorted(self.lengths, kept)), marks=())

    def kept(self, index: IntArray) -> Problem:
        """Return the problem with some candidates, the last among them, ascending."""
        lengths = self.lengths[index]
        holder = np.searchsorted(lengths, self.lengths)
        apart = [np.bincount(holder, each, lengths.size) for each in self.apart]
        return replace(
            self,
            lengths=lengths,
            runs=np.bincount(holder, self.runs, lengths.size).astype(np.float64),
            cost=self.cost[index],
            apart=np.array(apart, dtype=np.float64).reshape(len(apart), lengths.size),
        )

    def most_used(self, most: int, also: Iterable[int] = ()) -> Problem:
        """Return the problem with no more candidates than that: those that weigh most.

        Pins, the top and the lengths in `also` stay.
        """
        n_candidates = self.lengths.size
        if n_candidates <= most:
            return self
        fixed = np.isin(self.lengths, [*self.pinned, *also, self.top])
        weight = np.cumsum(self.runs * self.cost)
        steps = np.linspace(0, weight[-1], most - int(fixed.sum()))
        even = np.minimum(np.searchsorted(weight, steps), n_candidates - 1)
        return self.kept(np.unique(np.concatenate([np.flatnonzero(fixed), even])))

    def of_runs(self, demand: Demand) -> Problem:
        """Return the problem with other runs at the same candidates."""
        at = np.searchsorted(self.lengths, demand.needed)
        runs = np.bincount(at, demand.runs, self.lengths.size)
        return replace(self, runs=runs.astype(np.float64))

    def with_scenarios(self, demands: Iterable[Demand]) -> Problem:
        """Return the problem with what each scenario needs of it."""
        apart = [self.of_runs(each).runs for each in demands]
        return replace(self, apart=np.array(apart).reshape(len(apart), -1))

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
        fixed = self.pinned | {self.top}
        if self.marks:
            levels = {0, *(self._level(edge) for edge in fixed)}
            # Of those with the same marks the largest, which serves the most.
            free = {self._level(edge): edge for edge in sorted(inside - fixed)}
            inside = {edge for level, edge in free.items() if level not in levels}
        return tuple(sorted(inside | fixed))


def unmarked(ceilings: list[int], marks: tuple[int, ...]) -> list[str]:
    """Return what is wrong with ceilings, ascending, that have no mark of their own."""
    if not marks:
        return []
    below = 0
    problems = []
    for ceiling in ceilings:
        level = bisect_right(marks, ceiling)
        if level == below:
            problems.append(
                f"pinned: expected a length that one of {list(marks)} would run on "
                f"rather than on another, got {ceiling}"
            )
        below = level
    return problems


def align_up(lengths: IntArray, align: int) -> IntArray:
    """Return lengths rounded up to a multiple of `align`."""
    return -(-lengths // align) * align
