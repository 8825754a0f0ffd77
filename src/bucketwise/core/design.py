"""Which few lengths to measure, so that a curve through them tells the most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre

from bucketwise.nouns.traffic import IntArray

DEGREES = 12
"""Of the polynomials that a curve may be of: above the quadratic they stand for steps."""

DECAY = 0.5
"""What a degree is expected to weigh beside the one below it."""


KNOWN = 1e-9
"""Less than this is left unknown of a length by rounding alone."""


def lengths_to_measure(
    candidates: IntArray, most: int, known: Sequence[int] = ()
) -> tuple[int, ...]:
    """Return lengths in the order to measure them, those that are known first.

    Each is where the ones before it tell least of the curve: both ends and the middle,
    the optimal design for a + b*S + c*S^2, then between them, where only steps and bends
    show. A run that is stopped early has measured what tells most.

    Parameters
    ----------
    candidates : int array, shape (n_candidates,)
        Lengths that can be measured, ascending.
    most : int
        How many to return.
    known : sequence of int
        Lengths that are measured anyway; each counts as the nearest candidate.

    Notes
    -----
    A Bayesian D-optimal design (Chaloner and Verdinelli, Statistical Science 10 (1995),
    273), found greedily: the next length has the largest variance given those before.
    """
    low, high = candidates[0], candidates[-1]
    place = (2.0 * candidates - low - high) / max(high - low, 1)
    left = legendre.legvander(place, DEGREES) * DECAY ** np.arange(DEGREES + 1)
    chosen: list[int] = []
    for nearest in dict.fromkeys(
        int(abs(candidates - each).argmin()) for each in known
    ):
        chosen.append(nearest)
        left = _without(left, nearest)
    while len(chosen) < min(most, len(candidates)):
        variance = (left**2).sum(axis=1).round(9)
        variance[chosen] = -1.0
        # Of lengths that tell the same the longest: if one fails to compile, it does.
        longest = len(variance) - 1 - int(variance[::-1].argmax())
        chosen.append(longest)
        left = _without(left, longest)
    return tuple(int(candidates[each]) for each in chosen)


def _without(left: np.ndarray, chosen: int) -> np.ndarray:
    """Return what is left unknown once the curve is known at a length."""
    direction = left[chosen]
    norm = float(np.linalg.norm(direction))
    if norm < KNOWN:
        return left
    unit = direction / norm
    return left - np.outer(left @ unit, unit)
