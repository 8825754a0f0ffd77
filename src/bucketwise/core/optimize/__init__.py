"""Solvers: a problem and a number of ceilings in, ceilings out."""

from __future__ import annotations

from typing import Protocol

from bucketwise.core.optimize import exact, kmeans, quantile, robust, yardsticks
from bucketwise.core.optimize.problem import Problem, align_up

__all__ = [
    "EXACT",
    "OF_SCENARIOS",
    "ROBUST",
    "SOLVERS",
    "Problem",
    "Solver",
    "align_up",
]


class Solver(Protocol):
    """Chooses at most k ceilings, the top and the pins among them."""

    def __call__(self, problem: Problem, k: int, /) -> tuple[int, ...]:
        """Return the ceilings in ascending order."""
        ...


EXACT, ROBUST = "exact", "robust"

SOLVERS: dict[str, Solver] = {
    EXACT: exact.solve,
    "kmeans": kmeans.solve,
    "quantile": quantile.solve,
    "equal-duration": yardsticks.equal_duration,
    "exponential": yardsticks.exponential,
    "linear": yardsticks.linear,
}

OF_SCENARIOS: dict[str, Solver] = {ROBUST: robust.solve}
"""Those that need `Problem.apart`."""
