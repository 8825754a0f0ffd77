"""Equal-count quantiles as ceilings: a heuristic."""

from __future__ import annotations

import numpy as np

from bucketwise.core.optimize.problem import Problem


def solve(problem: Problem, k: int) -> tuple[int, ...]:
    """Return ceilings that each serve about the same number of runs."""
    cumulated = np.cumsum(problem.runs)
    k_free = problem.free(k)
    shares = np.arange(1, k_free) / k_free * cumulated[-1]
    return problem.complete(problem.lengths[np.searchsorted(cumulated, shares)])
