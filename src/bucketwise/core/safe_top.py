"""The top bucket and the pixel limits, chosen so that nothing outgrows the top."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.choose_buckets import top_bucket
from bucketwise.core.cost import price
from bucketwise.core.limits import Case, share_shrunk
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import Processor, SafeLimit, TopChoice
from bucketwise.core.reach import safe_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeTop:
    """A top bucket and the limits that go with it."""

    setting: Case
    """The traffic under the limits of the plan."""
    top: int
    """The top bucket in ViT patches."""
    choice: TopChoice
    """How it was chosen, with the price of either way."""

    @property
    def safe(self) -> SafeLimit:
        """The largest image limit that the top holds."""
        if self.setting.worst().needed <= self.top:
            limit = self.setting.preprocessing.image.max_pixels
            return SafeLimit(value=limit, shrinks_share=0.0)
        return SafeLimit(
            value=self.choice.lowered_max_pixels,
            shrinks_share=self.choice.lowering_shrinks,
        )


def safe_top(setting: Case, question: PlanOptions) -> SafeTop:
    """Choose the top bucket and the limits together.

    Where the limits let an input through that the largest needed length does not hold,
    either the top goes up to the worst that limits just above every image sent let
    through, or the limits go down to what the top holds: whichever share is smaller, of
    padded compute added or of images made smaller. A limit that the user gave goes down
    only where that shrinks no image. Where nothing fails above the top, both stay.
    """
    needed = top_bucket(setting, setting.demand(), question.headroom)
    closest = _closest_limit(setting)
    holds_all = max(_aligned(setting, closest.worst().needed), needed)
    lowered = setting.lowered_to_hold(needed)
    choice = TopChoice(
        way="needed",
        needed=needed,
        holds_all=holds_all,
        raising_costs=_added_compute(setting, question, needed, holds_all),
        lowered_max_pixels=lowered.preprocessing.image.max_pixels if lowered else None,
        lowering_shrinks=share_shrunk(setting, lowered) if lowered else 0.0,
    )
    if setting.worst().needed <= needed or setting.release.engine.overflow != "raises":
        return SafeTop(setting=setting, top=needed, choice=choice)
    if lowered is not None and _lowering_is_cheaper(choice, question):
        top = _top_under(lowered, needed)
        choice = replace(choice, way="lowered")
        return SafeTop(setting=lowered, top=top, choice=choice)
    if question.allow_overflow and setting.profile.has_pixel_limits:
        choice = replace(choice, way="overflow")
        return SafeTop(setting=setting, top=needed, choice=choice)
    return SafeTop(
        setting=_largest(setting.lowered_to_hold(holds_all), closest),
        top=holds_all,
        choice=replace(choice, way="raised"),
    )


def processor_of(setting: Case, top: int) -> Processor:
    """Return the limits to set on the processor.

    Clips that nobody sent are kept within the top as far as limits can do that: a
    compiled folder serves whatever its processor lets through.
    """
    image, video = setting.preprocessing.image, setting.preprocessing.video
    if not setting.has_clips and video is not None:
        safe = safe_limits(
            setting.profile, setting.preprocessing, setting.release, top, clips=True
        )
        video = video if safe is None else safe.video
    clip = video or image
    stays = video == setting.profile.video and video is not None
    return Processor(
        min_pixels=image.min_pixels,
        max_pixels=image.max_pixels,
        video_min_pixels=None if stays else clip.min_pixels,
        video_max_pixels=None if stays else clip.max_pixels,
    )


def _closest_limit(setting: Case) -> Case:
    """Return the setting under the least image limit that shrinks nothing further."""
    area_px = int(setting.counts.vit_patches.max()) * setting.profile.limit_px
    if (
        not setting.profile.has_pixel_limits
        or area_px >= setting.preprocessing.image.max_pixels
    ):
        return setting
    closest = setting.with_max_pixels(area_px)
    return setting if share_shrunk(setting, closest) else closest


def _largest(found: Case | None, known: Case) -> Case:
    """Return the setting with the larger image limit; both hold."""
    if found is None:
        return known
    return max(found, known, key=lambda each: each.preprocessing.image.max_pixels)


def _lowering_is_cheaper(choice: TopChoice, question: PlanOptions) -> bool:
    if not choice.lowering_shrinks:
        return True
    if question.keep_max_pixels or question.allow_overflow:
        return False
    return choice.lowering_shrinks < choice.raising_costs


def _top_under(lowered: Case, most: int) -> int:
    """Return the least top that holds what lowered limits let through, and the pins.

    Images under limits of their own stay as large as they are.
    """
    largest = max(lowered.worst().needed, int(lowered.demand().needed[-1]))
    return min(max(_aligned(lowered, largest), *lowered.pins, 0), most)


def _aligned(setting: Case, length: int) -> int:
    return int(align_up(np.array([length]), setting.align)[0])


def _added_compute(
    setting: Case, question: PlanOptions, needed: int, holds_all: int
) -> float:
    """Return the share of padded compute that the higher top adds to the optimum."""
    if holds_all == needed:
        return 0.0
    before, after = (
        _least_compute(setting, question, top) for top in (needed, holds_all)
    )
    return after / before - 1 if before else 0.0


def _least_compute(setting: Case, question: PlanOptions, top: int) -> float:
    demand = setting.demand()
    problem = Problem.of(
        demand,
        setting.curve.at,
        align=setting.align,
        top=top,
        pinned=setting.pins,
        marks=setting.marks,
    )
    k = min(max(question.k_range[1], problem.k_min), problem.k_max)
    buckets = Buckets(SOLVERS[EXACT](problem, k))
    return price(buckets, demand, setting.curve).padded_compute
