"""How sure a plan is: what its lengths would have been from half of the images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, price
from bucketwise.core.limits import Case
from bucketwise.core.optimize import EXACT, SOLVERS, Problem
from bucketwise.core.patching import BoolArray
from bucketwise.core.plan import SEED
from bucketwise.nouns.traffic import NO_TIME_S, FloatArray, IntArray, Traffic
from bucketwise.words.numbers import less

DRAWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfSplit:
    """What the best lengths of one half of the images cost on the other half.

    Both halves keep the plan's top and its number of lengths, so that only the lengths
    between wander.
    """

    split: Literal["time", "random"]
    """The first half against the later one, or halves drawn at random."""
    extra: float
    """Compute above the least possible on the unseen half, a share of that least; the
    mean of the draws."""
    worst_extra: float
    """The same in the worst draw."""
    seen_images: float
    unseen_images: float
    """Images of the halves, in the mean."""
    outgrown_images: float = 0.0
    """Unseen images larger than every seen one; 0 for random halves, where it tells
    nothing."""
    until_s: int | None = None
    """Where the seen half ends, in seconds since 1970; None for random halves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the sizes of a traffic become, and what their lengths are chosen by.

    Arrays have the shape (n_sizes,).
    """

    needed: IntArray
    """Needed length of one run of each size."""
    runs_each: FloatArray
    """Runs of one image, or text, of each size."""
    count: FloatArray
    """Images of each size."""
    accepted: BoolArray
    """Whether they are served at all."""
    curve: CostCurve
    """Cost of one run."""
    align: int
    """The multiple lengths must be."""
    pins: tuple[int, ...]
    """Lengths that must be compiled."""
    marks: tuple[int, ...] = ()
    """As `Problem` has them."""

    @classmethod
    def of(cls, setting: Case) -> Sample:
        """Return the images under the limits of a setting."""
        counts = setting.counts
        return cls(
            needed=counts.needed(setting.release),
            runs_each=counts.runs_each.astype(np.float64),
            count=counts.sizes.count,
            accepted=counts.accepted,
            curve=setting.curve,
            align=setting.align,
            pins=setting.pins,
            marks=setting.marks,
        )

    def held_by(self, top: int) -> Sample:
        """Return what a top length holds, without sizes that nobody sent."""
        runs = np.asarray(self.count * self.runs_each)
        held = self.accepted & (self.needed <= top) & (runs > 0)
        names = ("needed", "runs_each", "count", "accepted")
        return replace(self, **{name: getattr(self, name)[held] for name in names})

    def demand(self) -> Demand:
        """Return the runs at each needed length."""
        return Demand.of(self.needed, self.count * self.runs_each)

    def problem(self, demand: Demand, top: int, also: tuple[int, ...] = ()) -> Problem:
        """Return what is to be chosen up to a top, some lengths among the candidates."""
        found = Problem.of(
            demand,
            self.curve.at,
            align=self.align,
            top=top,
            pinned={*self.pins, *also},
            marks=self.marks,
        )
        return replace(found, pinned=frozenset(self.pins) - {top})


@dataclass(frozen=True, slots=True)
class _Halves:
    """Images of each size in the seen and the unseen half, shape (n_sizes,)."""

    seen: FloatArray
    unseen: FloatArray


def chance_of_larger(images: float) -> float:
    """Return the chance that one more image is larger than all so far, at the most.

    1 / (n + 1), whatever the sizes, if the images to come are like those seen: each of
    the n + 1 is then as likely as any other to be the largest.
    """
    return 1.0 / (images + 1.0)


def half_split_of(
    traffic: Traffic, sample: Sample, lengths: tuple[int, ...]
) -> HalfSplit | None:
    """Choose on one half of the images and price on the other."""
    if len(lengths) <= len({*sample.pins, lengths[-1]}):
        return None
    until_s = _middle_s(traffic)
    if until_s is not None:
        halves = [_by_time(traffic, until_s)]
    else:
        halves = _at_random(sample.count)
    extras = [
        extra for each in halves if (extra := _extra(each, sample, lengths)) is not None
    ]
    if not extras:
        return None
    accepted = sample.accepted
    return HalfSplit(
        split="random" if until_s is None else "time",
        extra=float(np.mean(extras)),
        worst_extra=max(extras),
        seen_images=float(np.mean([each.seen[accepted].sum() for each in halves])),
        unseen_images=float(np.mean([each.unseen[accepted].sum() for each in halves])),
        outgrown_images=0.0 if until_s is None else _outgrown(halves[0], sample),
        until_s=until_s,
    )


def _middle_s(traffic: Traffic) -> int | None:
    """Return the start of the slot that ends the first half; None without times."""
    slots, position = np.unique(traffic.slot_start_s, return_inverse=True)
    if slots.size < 2 or slots[0] == NO_TIME_S:  # noqa: PLR2004 - one half each
        return None
    before = np.cumsum(np.bincount(position, weights=traffic.count))[:-1]
    if not before[-1] > 0:
        return None
    return int(slots[1 + int(np.argmin(np.abs(before - traffic.images / 2)))])


def _by_time(traffic: Traffic, until_s: int) -> _Halves:
    is_seen = traffic.slot_start_s < until_s
    # Cells of no image keep their size, so all sizes stand in one order.
    seen = replace(traffic, count=np.where(is_seen, traffic.count, 0.0))
    unseen = replace(traffic, count=np.where(is_seen, 0.0, traffic.count))
    return _Halves(seen.sizes().count, unseen.sizes().count)


def _at_random(count: FloatArray) -> list[_Halves]:
    """Return halves of images that are all alike; none where counts are fractions."""
    if (count % 1 != 0).any():
        return []
    random = np.random.default_rng(SEED)
    drawn = [random.binomial(count.astype(np.int64), 0.5) for _ in range(DRAWS)]
    return [_Halves(seen.astype(np.float64), count - seen) for seen in drawn]


def _extra(halves: _Halves, sample: Sample, lengths: tuple[int, ...]) -> float | None:
    """Return what the lengths of one half cost too much on the other; None where empty."""
    weights = [each * sample.runs_each for each in (halves.seen, halves.unseen)]
    if not all((runs > 0).any() for runs in weights):
        return None
    seen, unseen = (Demand.of(sample.needed, runs) for runs in weights)

    def best(demand: Demand) -> Buckets:
        problem = sample.problem(demand, lengths[-1])
        return Buckets(SOLVERS[EXACT](problem, len(lengths)))

    chosen, least = (
        price(buckets, unseen, sample.curve).padded_compute
        for buckets in (best(seen), best(unseen))
    )
    return max(-less(least, chosen), 0.0)


def _outgrown(halves: _Halves, sample: Sample) -> float:
    largest = sample.needed[halves.seen > 0].max(initial=0)
    return float(halves.unseen[sample.needed > largest].sum())
