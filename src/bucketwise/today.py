"""What is compiled today against what is proposed, on the same images."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.buckets import Buckets
from bucketwise.cost import price
from bucketwise.demand import Demand
from bucketwise.errors import UsageError
from bucketwise.limits import UNLIMITED_PIXELS, Setting, shrunk_by, weight_of
from bucketwise.numbers import less
from bucketwise.patching import BoolArray
from bucketwise.plan import Current
from bucketwise.traffic import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The configuration in service.

    Attributes
    ----------
    buckets : Buckets
        Compiled lengths, in ViT patches as the runtime compares them.
    max_pixels : int or None
        The upper image limit in service; None when not told.
    source : str
        Where the lengths were read.
    """

    buckets: Buckets
    max_pixels: int | None
    source: str


def compare_today(today: Today, proposed: Buckets, setting: Setting) -> Current:
    """Price today's buckets and the proposed ones on the images both serve.

    Parameters
    ----------
    today : Today
        What runs now.
    proposed : Buckets
        The plan's lengths.
    setting : Setting
        The traffic under the plan's limits.

    Returns
    -------
    Current
        Failures first, then both computes.

    Raises
    ------
    UsageError
        When today's limit is below the least pixels in force.
    """
    own = shared = setting
    plan_limit = setting.preprocessing.image.max_pixels
    if today.max_pixels is not None:
        least = setting.preprocessing.image.min_pixels
        if today.max_pixels < least:
            raise UsageError(
                f"--current-max-pixels: {today.max_pixels:,} found; at least min_pixels "
                f"({least:,}) is right"
            )
        own = setting.with_max_pixels(today.max_pixels)
        shared = own if today.max_pixels < plan_limit else setting
    needed_today = own.counts.needed(setting.version)
    # Both are priced under the lower limit: what today serves is then served by both,
    # and what a limit saves or costs is not mistaken for what buckets do.
    needed = shared.counts.needed(setting.version)
    accepted = setting.counts.accepted
    fails = accepted & (needed_today > today.buckets.top)
    served = accepted & ~fails & (needed <= min(today.buckets.top, proposed.top))
    runs = setting.counts.runs
    images = weight_of(setting.counts, accepted)
    overflow = weight_of(setting.counts, fails)

    def compute(buckets: Buckets, lengths: IntArray, who: BoolArray) -> float:
        if not (runs[who] > 0).any():
            return 0.0
        demand = Demand.of(lengths[who], runs[who])
        return price(buckets, demand, setting.curve).padded_compute

    before = compute(today.buckets, needed, served)
    after = compute(proposed, needed, served)
    hit = today.buckets.assign(needed_today[accepted & ~fails & (runs > 0)])
    unlimited = setting.with_max_pixels(UNLIMITED_PIXELS).counts
    unused = sorted(set(range(len(today.buckets.lengths))) - set(hit.tolist()))
    return Current(
        max_seq_lens=today.buckets.lengths,
        max_pixels=own.preprocessing.image.max_pixels,
        max_pixels_assumed=today.max_pixels is None,
        compared_max_pixels=shared.preprocessing.image.max_pixels,
        overflow_images=overflow,
        overflow_share=overflow / images,
        overflow_runs=float(runs[fails].sum()),
        served_images=weight_of(setting.counts, served),
        shrunk_images=weight_of(own.counts, shrunk_by(own.counts, unlimited)),
        useful_compute_served=float((runs * setting.curve.at(needed))[served].sum()),
        padded_compute_today=compute(today.buckets, needed_today, accepted & ~fails),
        padded_compute_served=before,
        proposed_compute_on_served=after,
        saving=less(before, after),
        unused_buckets=tuple(today.buckets.lengths[index] for index in unused),
        source=today.source,
    )
