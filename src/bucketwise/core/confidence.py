"""How sure a plan is: what its lengths cost on traffic they were not chosen for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.core.cost import CostCurve
from bucketwise.core.limits import Case
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.optimize.many import least_costs, priced
from bucketwise.core.patching import BoolArray
from bucketwise.core.plan import SEED, Confidence, LengthRange
from bucketwise.nouns.traffic import NO_TIME_S, FloatArray, IntArray, Traffic

DRAWS = 200
"""How often new traffic is drawn where no times tell it."""

PARTS = 24
ROUNDS = 19
"""With times the images are cut into parts as long as each other, and each of the last
19 is new to the lengths of all before. If what comes next is like them, it is as likely
as any of them to be the dearest or the cheapest of 20: 18 times of 20 it is neither."""

LEVEL = 0.9
"""How often the interval holds what comes, with times and without."""

FEWEST_LABELS, MOST_LABELS = 10, 1_000
"""So many labels are drawn as a whole; fewer do not tell how labels differ, and more are
drawn in groups."""

MOST_CANDIDATES = 512
"""More lengths than these are thinned out: the intervals do not feel it."""

SMALL_RISE = 0.01
"""How much dearer a length may make its list within its range."""

MARKED_DRAWS = 10
"""How many draws are solved one by one, where ceilings must hold marks."""


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

    @property
    def runs(self) -> FloatArray:
        """Runs of each size; 0 where it is refused."""
        return np.where(self.accepted, self.runs_each, 0.0) * self.count

    def problem(
        self, runs: FloatArray, top: int, needed: IntArray | None = None
    ) -> Problem:
        """Return what is asked of some runs, at their own needed lengths without others."""
        return Problem.of(
            Demand.of(self.needed if needed is None else needed, runs),
            self.curve.at,
            align=self.align,
            top=top,
            pinned=self.pins,
            marks=self.marks,
        )


def chance_of_larger(images: float) -> float:
    """Return the chance that one more image is larger than all so far, at the most.

    1 / (n + 1), whatever the sizes, if the images to come are like those seen: each of
    the n + 1 is then as likely as any other to be the largest, and ties only make it
    less likely that it is larger than all.
    """
    return 1.0 / (images + 1.0)


def confidence_of(
    traffic: Traffic,
    sample: Sample,
    lengths: tuple[int, ...],
    beside: tuple[int, ...] = (),
) -> Confidence | None:
    """Choose lengths for part of the traffic again and again, and price them on another.

    None where nothing is chosen, or images are fractions, of which nothing is drawn.
    `beside` are lengths that hold everything; savings are against them.
    """
    if len(lengths) <= len({*sample.pins, lengths[-1]}):
        return None
    problem = sample.problem(sample.runs, lengths[-1])
    if not sample.marks:
        problem = problem.most_used(MOST_CANDIDATES, lengths)
    cells = _Cells.of(traffic, sample, problem.lengths)
    rounds = _rounds(traffic, cells)
    both = (
        (rounds.seen.sum(axis=1) > 0) & (rounds.unseen.sum(axis=1) > 0)
        if rounds
        else None
    )
    if rounds is None or both is None or not both.any():
        return None
    seen, unseen = rounds.seen[both], rounds.unseen[both]
    paid, least = (_marked if sample.marks else _solved)(
        seen, unseen, problem, sample, len(lengths)
    )
    regrets = np.maximum(paid / least - 1, 0.0)
    saving_low = saving_high = None
    if beside:
        cost = cells.cost_on(beside, sample.curve)
        savings = 1 - paid / (unseen[: paid.size] @ cost)
        saving_low, saving_high = _interval(savings, rounds.method)
    low, high = _interval(regrets, rounds.method)
    return Confidence(
        method=rounds.method,
        regret=float(regrets.mean()),
        low=low,
        high=high,
        rounds=int(regrets.size),
        new_images=rounds.new_images,
        outgrown_images=rounds.outgrown_images,
        saving_low=saving_low,
        saving_high=saving_high,
        ranges=() if sample.marks else tuple(_ranges(sample, lengths)),
    )


def _interval(values: FloatArray, method: str) -> tuple[float, float]:
    """Return what the next value lies between nine of ten times."""
    if method == "time":
        return float(values.min()), float(values.max())
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells of the traffic whose sizes are served, shape (n_cells,)."""

    start_s: IntArray
    label: IntArray
    images: FloatArray
    runs: FloatArray
    needed: IntArray
    candidate: IntArray
    """Place of the smallest candidate that holds it."""
    n_candidates: int

    @classmethod
    def of(cls, traffic: Traffic, sample: Sample, candidates: IntArray) -> _Cells:
        size = traffic.size_of_cell()
        served = (sample.accepted & (sample.runs_each > 0))[size]
        size = size[served]
        images, needed = traffic.count[served], sample.needed[size]
        return cls(
            start_s=traffic.slot_start_s[served],
            label=traffic.label[served],
            images=images,
            runs=images * sample.runs_each[size],
            needed=needed,
            candidate=np.searchsorted(candidates, needed),
            n_candidates=candidates.size,
        )

    def cost_on(self, lengths: tuple[int, ...], curve: CostCurve) -> FloatArray:
        """Return what one run at each candidate costs on other lengths, in the mean."""
        held = np.searchsorted(lengths, self.needed)
        cost = curve.at(np.array(lengths, dtype=np.int64))[held]
        one = np.zeros_like(self.candidate)
        paid, runs = (
            self.counted(weights, one, 1)[0]
            for weights in (self.runs * cost, self.runs)
        )
        return np.asarray(paid / np.where(runs > 0, runs, 1.0))

    def counted(self, weights: FloatArray, group: IntArray, n: int) -> FloatArray:
        """Return the weights at each candidate in each of n groups."""
        flat = np.bincount(
            group * self.n_candidates + self.candidate,
            weights=weights,
            minlength=n * self.n_candidates,
        )
        return np.asarray(flat.reshape(n, self.n_candidates), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Runs that lengths were chosen for, and those that were new to them.

    Both have the shape (n_rounds, n_candidates).
    """

    method: Literal["time", "labels", "images"]
    seen: FloatArray
    unseen: FloatArray
    new_images: float
    outgrown_images: float = 0.0


def _rounds(traffic: Traffic, cells: _Cells) -> _Rounds | None:
    found = _shares_of_parts(cells)
    if found is not None:
        shares, slot = found
        one = np.zeros_like(cells.candidate)
        by_part = np.stack(
            [cells.counted(cells.runs * share[slot], one, 1)[0] for share in shares]
        )
        in_later = shares[PARTS // 2 :].sum(axis=0)
        is_later = in_later[slot] > 0.5  # noqa: PLR2004 - most of it
        largest = cells.needed[~is_later].max()
        return _Rounds(
            "time",
            np.cumsum(by_part, axis=0)[PARTS - ROUNDS - 1 : -1],
            by_part[PARTS - ROUNDS :],
            new_images=float(cells.images.sum() / PARTS),
            outgrown_images=float(
                cells.images[is_later & (cells.needed > largest)].sum()
            ),
        )
    random = np.random.default_rng(SEED)
    images, used = float(cells.images.sum()), np.unique(cells.label)
    if used.size >= FEWEST_LABELS and used[0] >= 0:
        label = np.searchsorted(used, cells.label) % MOST_LABELS
        n_labels = min(used.size, MOST_LABELS)
        by_label = cells.counted(cells.runs, label, n_labels)
        even = np.full(n_labels, 1 / n_labels)
        drawn = random.multinomial(n_labels, even, (2, DRAWS)) @ by_label
        return _Rounds("labels", drawn[0], drawn[1], new_images=images)
    if (traffic.count % 1 != 0).any():
        return None
    one = np.zeros_like(cells.candidate)
    at, runs_at = (
        cells.counted(weights, one, 1)[0] for weights in (cells.images, cells.runs)
    )
    counts = random.multinomial(int(images), at / images, (2, DRAWS))
    drawn = counts * (runs_at / np.where(at > 0, at, 1.0))
    return _Rounds("images", drawn[0], drawn[1], new_images=images)


def _shares_of_parts(cells: _Cells) -> tuple[FloatArray, IntArray] | None:
    """Return what share of each slot lies in each part, oldest first, and cells' slots.

    None where times tell too little. Parts are equal: a slot of the histogram that holds
    more than one is alike all through.
    """
    slots, slot = np.unique(cells.start_s, return_inverse=True)
    if slots.size < PARTS or slots[0] == NO_TIME_S:
        return None
    images = np.bincount(slot, weights=cells.images)
    ends = np.cumsum(images) / images.sum() * PARTS
    starts = np.concatenate([[0.0], ends[:-1]])
    part = np.arange(PARTS, dtype=np.float64)[:, None]
    inside = np.minimum(ends, part + 1) - np.maximum(starts, part)
    return np.asarray(np.maximum(inside, 0.0) / (ends - starts)), slot


def _solved(
    seen: FloatArray, unseen: FloatArray, problem: Problem, _: Sample, k: int
) -> tuple[FloatArray, FloatArray]:
    """Return what the new runs cost on the lengths of those seen, and on their own."""
    pins = np.searchsorted(problem.lengths, sorted(problem.pinned))
    chosen, _total = least_costs(seen, problem.cost, k, pins)
    _own, least = least_costs(unseen, problem.cost, k, pins)
    return priced(unseen, problem.cost, chosen), least


def _marked(
    seen: FloatArray, unseen: FloatArray, problem: Problem, sample: Sample, k: int
) -> tuple[FloatArray, FloatArray]:
    """Return the same where ceilings hold marks: each list is chosen apart."""
    paid = []
    for old, new in zip(seen[:MARKED_DRAWS], unseen[:MARKED_DRAWS], strict=True):
        for runs in (old, new):
            asked = sample.problem(runs, problem.top, problem.lengths)
            chosen = np.array(SOLVERS[EXACT](asked, k), dtype=np.int64)
            held = np.searchsorted(chosen, problem.lengths)
            paid.append(float((new * sample.curve.at(chosen)[held]).sum()))
    both = np.array(paid).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _ranges(sample: Sample, lengths: tuple[int, ...]) -> Iterator[LengthRange]:
    """Yield how far each length may move, in multiples of the alignment."""
    demand = Demand.of(sample.needed, sample.runs)
    below = np.concatenate([[0.0], np.cumsum(demand.runs)])
    cost = sample.curve.at(np.array(lengths, dtype=np.int64))

    def served(upto: IntArray) -> FloatArray:
        return below[np.searchsorted(demand.needed, upto, side="right")]

    held = served(np.array([0, *lengths], dtype=np.int64))
    allowed = float((np.diff(held) * cost).sum()) * SMALL_RISE
    for place, length in enumerate(lengths):
        if length in sample.pins:
            yield LengthRange(vit_patches=length, shortest=length, longest=length)
            continue
        is_top = place == len(lengths) - 1
        start = int(demand.needed[-1]) if is_top else ([0, *lengths][place] + 1)
        # The top may grow; what it costs does not fall from there on.
        end = 2 * length if is_top else lengths[place + 1] - 1
        first = int(align_up(np.array([start]), sample.align)[0])
        moved = np.unique(np.append(np.arange(first, end + 1, sample.align), length))
        runs_here = np.maximum(served(moved) - held[place], 0.0)
        spent = runs_here * sample.curve.at(moved)
        if not is_top:
            spent += (held[place + 2] - served(moved)) * cost[place + 1]
        at = int(np.searchsorted(moved, length))
        within = spent <= spent[at] + allowed
        low = at - int(np.argmin(within[: at + 1][::-1]) or (at + 1)) + 1
        high = at + int(np.argmin(within[at:]) or (moved.size - at)) - 1
        yield LengthRange(
            vit_patches=length, shortest=int(moved[low]), longest=int(moved[high])
        )
