"""What other stacks do, for comparison: equal-duration, exponential, linear."""

from __future__ import annotations

import numpy as np

from bucketwise.core.optimize.problem import Problem


def equal_duration(problem: Problem, k: int) -> tuple[int, ...]:
    """Cut where the accumulated length passes each k-th of the total.

    The rule of Lhotse's `estimate_duration_buckets`: balanced load, not least padding.
    """
    cumulated = np.cumsum(problem.runs * problem.lengths)
    k_free = problem.free(k)
    shares = np.arange(1, k_free) / k_free * cumulated[-1]
    return problem.complete(problem.lengths[np.searchsorted(cumulated, shares)])


def exponential(problem: Problem, k: int) -> tuple[int, ...]:
    """Space ceilings geometrically from the smallest length to the top."""
    k_free = problem.free(k)
    smallest = float(problem.lengths[0])
    exponents = np.arange(1, k_free + 1) / k_free
    return problem.complete(smallest * (problem.top / smallest) ** exponents)


def linear(problem: Problem, k: int) -> tuple[int, ...]:
    """Space ceilings evenly up to the top."""
    k_free = problem.free(k)
    return problem.complete(problem.top * np.arange(1, k_free + 1) / k_free)
