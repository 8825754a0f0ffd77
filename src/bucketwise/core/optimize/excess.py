"""How much more a list of lengths pads than the best list of as many would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, price
from bucketwise.core.optimize.exact import frontier
from bucketwise.core.optimize.problem import Problem, align_up

WORTH_TELLING = 0.05
"""Less compute than this between two lists is nothing to compile anew for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """What a list takes beside the best of as many lengths.

    Attributes
    ----------
    share : float
        Compute above the best list's, as a share of it.
    best : tuple of int
        The best list.
    """

    share: float
    best: tuple[int, ...]


def top_as_safe(
    lengths: tuple[int, ...], demand: Demand, align: int, worst: int
) -> int:
    """Return the least top that holds the demand and as much of the worst as a list does."""
    needed, reachable = (
        int(align_up(np.array([length]), align)[0])
        for length in (demand.needed[-1], worst)
    )
    return max(needed, min(lengths[-1] // align * align, reachable))


def excess_of(
    lengths: tuple[int, ...],
    demand: Demand,
    curve: CostCurve,
    align: int,
    worst: int,
    marks: tuple[int, ...] = (),
) -> Excess | None:
    """Return what a list takes too much; None where that is not worth telling."""
    top = top_as_safe(lengths, demand, align, worst)
    problem = Problem.of(demand, curve.at, align=align, top=top, marks=marks)
    best = frontier(problem, len(lengths))[-1]
    padded, least = (
        price(Buckets(each), demand, curve).padded_compute for each in (lengths, best)
    )
    share = padded / least - 1
    return Excess(share=share, best=tuple(best)) if share >= WORTH_TELLING else None
