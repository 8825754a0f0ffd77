"""Which few shapes cover most calls, and how far from the best that is at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, TypeVar

Offer = TypeVar("Offer")
Shape = TypeVar("Shape")

GREEDY = 1 - 1 / math.e
"""The greedy choice covers at least this share of what any choice of as many offers does
(Nemhauser, Wolsey, Fisher 1978, doi:10.1007/BF01588971)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Generic[Offer]):
    """What was chosen, and what any other choice of as many could do.

    Attributes
    ----------
    chosen : tuple
        The offers, the one that covers most first.
    gains : tuple of float
        Weight of the calls that each adds.
    total : float
        Weight of all calls.
    most : float
        No choice of as many offers covers more.
    """

    chosen: tuple[Offer, ...]
    gains: tuple[float, ...]
    total: float
    most: float

    @property
    def covered(self) -> float:
        """Weight of the calls that are covered."""
        return math.fsum(self.gains)

    @property
    def share(self) -> float:
        """Share of the calls that are covered."""
        return self.covered / self.total if self.total else 1.0

    @property
    def most_share(self) -> float:
        """Share of the calls that any choice of as many covers at most."""
        return self.most / self.total if self.total else 1.0


def cover(
    weights: Mapping[Shape, float],
    offers: Mapping[Offer, AbstractSet[Shape]],
    k: int,
    least_gain: float = 0.0,
) -> Coverage[Offer]:
    """Choose at most k offers, each time the one that adds most.

    No choice of as many offers covers more than the smallest of these: everything; what
    is covered over 1 - 1/e; and, at every step, what is covered there and the largest
    gains that offers have there, for gains only shrink. Where no two offers share a shape
    the last is what is covered itself: then the choice is the best.

    Parameters
    ----------
    weights : mapping
        Shape of a call -> how many there are.
    offers : mapping
        What can be chosen -> the shapes that it covers.
    k : int
        Most offers.
    least_gain : float
        An offer that adds less is not taken.
    """
    total = math.fsum(weights.values())
    left = dict(weights)
    chosen: list[Offer] = []
    gains: list[float] = []
    could: list[list[float]] = []
    while True:
        adds = _adds(left, offers)
        could.append(sorted(adds.values(), reverse=True))
        best = max(adds, key=lambda offer: adds[offer], default=None)
        if best is None or len(chosen) == k or adds[best] < least_gain:
            break
        chosen.append(best)
        gains.append(adds[best])
        for shape in offers[best]:
            left.pop(shape, None)
    covered, taken = math.fsum(gains), len(chosen)
    bounds = [
        math.fsum((*gains[:step], *largest[:taken]))
        for step, largest in enumerate(could)
    ]
    most = min(total, covered / GREEDY, *bounds)
    return Coverage(
        chosen=tuple(chosen),
        gains=tuple(gains),
        total=total,
        most=max(most, covered),
    )


def _adds(
    left: Mapping[Shape, float], offers: Mapping[Offer, AbstractSet[Shape]]
) -> dict[Offer, float]:
    """Return what each offer would add, where that is anything."""
    adds = {
        offer: math.fsum(left[each] for each in shapes & left.keys())
        for offer, shapes in offers.items()
    }
    return {offer: gain for offer, gain in adds.items() if gain > 0}
