"""What a review may not exceed: minutes of compiling, memory, and compute of one image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.optimize.budgets import Budget, front, total, within
from bucketwise.core.optimize.problem import Problem
from bucketwise.core.plan import BudgetPoint
from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.traffic import FloatArray, IntArray

MOST_FRONT_GRAPHS = 4
"""Graphs of the front: published advice compiles no more."""

FRONT_CANDIDATES = 64
"""Lengths that the front chooses among; the optimum of each number is among them."""

FRONT_STEP = 0.01
"""Points of one number of graphs whose compute differs by less are one."""


@dataclass(frozen=True, slots=True)
class GraphMinutes:
    """Minutes that compiling one graph takes, by its length."""

    by_length: tuple[tuple[float, float], ...] = ()
    """Lengths in ViT patches, ascending, and minutes that never fall; a single pair
    stands for every length. Between two lengths a straight line is taken, below the
    first its minutes, above the last minutes in proportion to the length."""
    measured: MeasuredCurve | None = None
    """Seconds as they were measured, in the place of all that."""

    def __post_init__(self) -> None:
        """Check that minutes are positive and rise with length."""
        if self.measured is not None:
            return
        lengths = [length for length, _ in self.by_length]
        minutes = [each for _, each in self.by_length]
        told = ", ".join(f"{length}={each:g}" for length, each in self.by_length)
        raise_all(
            [
                f"graph-minutes: {said}, got {told or 'none'}"
                for said, is_wrong in (
                    ("expected one number of minutes or more", not minutes),
                    ("expected minutes above 0", any(each <= 0 for each in minutes)),
                    ("expected each length once", len({*lengths}) < len(lengths)),
                    (
                        "expected lengths that ascend and minutes that do not fall",
                        lengths != sorted(lengths) or minutes != sorted(minutes),
                    ),
                )
                if is_wrong
            ],
            UsageError,
        )

    def in_unit(self, patches: int) -> GraphMinutes:
        """Return the same of lengths in a unit of so many ViT patches."""
        if self.measured is not None:
            return GraphMinutes(measured=self.measured.in_unit(patches))
        return GraphMinutes(
            tuple((length / patches, each) for length, each in self.by_length)
        )

    @property
    def is_constant(self) -> bool:
        """Whether every length takes the same."""
        return len(self.by_length) == 1

    def of(self, lengths: Iterable[int]) -> float:
        """Return the minutes of all graphs together."""
        return float(self.at(lengths).sum())

    def at(self, lengths: Iterable[int]) -> FloatArray:
        """Return the minutes of each length, shape (n_lengths,)."""
        sizes = np.array([*lengths], dtype=np.float64)
        if self.measured is not None:
            return self.measured.at(sizes) / 60
        known, minutes = np.array(self.by_length, dtype=np.float64).T
        found = np.asarray(np.interp(sizes, known, minutes), dtype=np.float64)
        if not self.is_constant:
            above = sizes > known[-1]
            found[above] = minutes[-1] * sizes[above] / known[-1]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What a plan may take."""

    graph_minutes: GraphMinutes | None = None
    """What compiling a graph takes."""
    compile_min: float | None = None
    """Minutes for all graphs that the plan chooses."""
    device_bytes: int | None = None
    """Bytes of a device that everything may take together."""
    lengths_bytes: int | None = None
    """What of it is left for the graphs of all lengths, beside weights; told by what
    the rest was found to take."""
    image: float | None = None
    """What the longest graph may take, which one image runs. The top decides it alone,
    as cost rises with length: no list keeps it where that does not."""
    image_unit: str = ""
    """In which unit: that of the cost."""

    def __post_init__(self) -> None:
        """Check that minutes are known where they are limited."""
        if self.compile_min is not None and self.graph_minutes is None:
            message = (
                "--compile-budget: expected --graph-minutes beside it: minutes of one "
                "graph, or by length such as 1024=3,16384=20"
            )
            raise UsageError(message)

    @property
    def is_any(self) -> bool:
        """Whether anything is limited."""
        limits = (
            self.compile_min,
            self.device_bytes,
            self.lengths_bytes,
            self.image,
        )
        return any(each is not None for each in limits)

    @property
    def decoder_graph_min(self) -> float:
        """Minutes of a decoder graph; 0 where minutes are told by length."""
        known = self.graph_minutes
        return known.by_length[0][1] if known and known.is_constant else 0.0

    def beside_decoder(self, n_graphs: int) -> Budgets:
        """Return what is left for lengths beside so many decoder graphs."""
        if self.compile_min is None:
            return self
        left = self.compile_min - n_graphs * self.decoder_graph_min
        return replace(self, compile_min=left)

    def of(self, problem: Problem, device_bytes: IntArray) -> tuple[Budget, ...]:
        """Return what candidates take of each budget."""
        return tuple(self._of(problem, device_bytes))

    def _of(self, problem: Problem, device_bytes: IntArray) -> Iterator[Budget]:
        if self.compile_min is not None and self.graph_minutes is not None:
            minutes = self.graph_minutes.at(problem.lengths.tolist())
            yield Budget(uses=minutes, room=self.compile_min)
        if self.lengths_bytes is not None:
            yield Budget(
                uses=device_bytes.astype(np.float64), room=float(self.lengths_bytes)
            )


NO_BUDGETS = Budgets()


def lists_within(
    problem: Problem, k_most: int, budgets: Sequence[Budget]
) -> list[tuple[int, ...]]:
    """Return the best list of each number of graphs that keeps every budget."""
    ks = range(problem.k_min, max(k_most, problem.k_min) + 1)
    found = (within(problem, k, budgets) for k in ks)
    return [lengths for lengths in found if lengths is not None]


def budget_front(
    problem: Problem,
    optima: Iterable[tuple[int, ...]],
    device_bytes: IntArray,
    graph_minutes: GraphMinutes | None,
) -> tuple[BudgetPoint, ...]:
    """Return the lists that no other beats in compute, memory and graphs together.

    Of one number of graphs those that no other of that number beats, cheapest in compute
    first; points that lie closer in compute than `FRONT_STEP` are one.
    """
    optima = [each for each in optima if len(each) <= MOST_FRONT_GRAPHS]
    thin, bytes_ = _thinned(problem, optima, device_bytes)
    uses = bytes_.astype(np.float64)
    points: list[BudgetPoint] = []
    for k in range(problem.k_min, MOST_FRONT_GRAPHS + 1):
        last = 0.0
        for lengths in front(thin, k, uses):
            cost = total(problem, lengths)
            used = int(bytes_[np.searchsorted(thin.lengths, lengths)].sum())
            if cost < last * (1 + FRONT_STEP) or _is_beaten(cost, used, points):
                continue
            last = cost
            points.append(
                BudgetPoint(
                    k=k,
                    vit_max_seq_lens=lengths,
                    compute=cost,
                    memory_bytes=used,
                    compile_min=None
                    if graph_minutes is None
                    else graph_minutes.of(lengths),
                    sequences=None,
                )
            )
    return tuple(points)


def _is_beaten(cost: float, used: int, points: Sequence[BudgetPoint]) -> bool:
    """Return whether fewer graphs do as well."""
    return any(each.compute <= cost and each.memory_bytes <= used for each in points)


def _thinned(
    problem: Problem, optima: Sequence[tuple[int, ...]], device_bytes: IntArray
) -> tuple[Problem, IntArray]:
    """Return the problem with few candidates, spread evenly over the compute."""
    n = problem.lengths.size
    if n <= FRONT_CANDIDATES:
        return problem, device_bytes
    reached = np.cumsum(problem.runs * problem.cost)
    levels = np.linspace(0, reached[-1], FRONT_CANDIDATES + 1)[1:]
    kept = {*np.minimum(np.searchsorted(reached, levels), n - 1).tolist()}
    fixed = [*problem.pinned, *problem.marks, *(each for one in optima for each in one)]
    kept |= {
        *np.minimum(np.searchsorted(problem.lengths, fixed), n - 1).tolist(),
        n - 1,
    }
    index = np.array(sorted(kept))
    return problem.kept(index), device_bytes[index]
