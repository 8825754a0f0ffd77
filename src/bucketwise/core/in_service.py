"""What runs today: under which limits, who fails, and what it costs beside a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bucketwise.core.batches import Items
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import price
from bucketwise.core.limits import Case, Limit, weight_of
from bucketwise.core.patching import BoolArray, Counts
from bucketwise.core.plan import Current
from bucketwise.nouns.document import GivenLimits
from bucketwise.nouns.engine import Release
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.words.numbers import less

SOFT_TOKENS = "max_soft_tokens"
"""The setting by which some processors limit images instead: they scale each to that
many soft tokens (transformers 5.15.1, models/gemma4/image_processing_gemma4.py)."""

SOFT_TOKEN_PX = 48
"""Side of what one of them stands for: 3 x 3 patches of 16 pixels."""


def option_limits(
    profile: ModelProfile | None,
    min_pixels: Limit,
    max_pixels: Limit,
    *,
    prefix: str = "--",
) -> tuple[GivenLimits, ...]:
    """Return the limits that options set; () where they set none."""
    found = []
    for side, value in (("min_pixels", min_pixels), ("max_pixels", max_pixels)):
        source = f"{prefix}{side.replace('_', '-')}"
        if value == "checkpoint" and profile is not None:
            source = profile.checkpoint.source
            value = int(getattr(profile.checkpoint, side))  # noqa: PLW2901
        if isinstance(value, int):
            found.append(GivenLimits(**{side: value}, source=source))
    return tuple(found)


def limits_in_service(
    profile: ModelProfile | None, *given: GivenLimits | None
) -> PixelLimits | None:
    """Return the image limits that the runtime uses, and what sets them."""
    sides: dict[str, int] = {}
    sources = []
    for side in ("min_pixels", "max_pixels"):
        source = next(
            (each for each in given if each and getattr(each, side) is not None),
            profile.checkpoint if profile else None,
        )
        if source is None:
            return None
        sides[side] = getattr(source, side)
        sources.append(source.source)
    low, high = sources
    source_of_both = low if low == high else f"min_pixels: {low}; max_pixels: {high}"
    return PixelLimits(**sides, source=source_of_both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Who fails behind a list of lengths.

    Arrays have the shape (n_sizes,).
    """

    needed: IntArray
    """Needed length of one run of each size; 0 where refused by the processor."""
    fails: BoolArray
    """Whether the runtime raises."""
    images: float
    """Images the processor accepts, weighted."""
    overflow_images: float
    overflow_runs: float
    """Images that fail, and their ViT runs."""

    @classmethod
    def of(cls, buckets: Buckets, counts: Counts, release: Release) -> Failures:
        """Count what needs more than the top length."""
        needed = counts.needed(release)
        fails = counts.accepted & (needed > buckets.top)
        return cls(
            needed=needed,
            fails=fails,
            images=weight_of(counts, counts.accepted),
            overflow_images=weight_of(counts, fails),
            overflow_runs=float(counts.runs[fails].sum()),
        )

    @property
    def overflow_share(self) -> float:
        """Share of the images that fail."""
        return self.overflow_images / self.images if self.images else 0.0


def lowest_limits(*limits: PixelLimits) -> PixelLimits:
    """Return the lower of every two limits, under which each side serves its images.

    What one list serves under its own limits it serves under lower ones too, so that
    lists can be priced on the same images and what a limit saves is no saving of them.
    """
    return PixelLimits(
        min_pixels=min(each.min_pixels for each in limits),
        max_pixels=min(each.max_pixels for each in limits),
        source="the lowest of all",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """The configuration in service."""

    buckets: Buckets
    """Compiled lengths, in ViT patches as the runtime compares them."""
    limits: tuple[GivenLimits, ...] = ()
    """What sets image limits, as `limits_in_service` takes it."""
    source: str
    """Where the lengths were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Today's limits, who fails under them, and what both lists serve under the lower.

    Arrays have the shape (n_items,).
    """

    own: Case
    """The setting under today's limits."""
    items: Items
    """What runs, under the plan's limits."""
    under_own: IntArray
    """Needed length under today's limits."""
    fails: BoolArray
    """Whether today's lists hold it under these."""
    lower: Case
    """The setting under the lower of today's limits and the plan's."""
    needed: IntArray
    """Needed length under these."""
    both: BoolArray
    """Whether both serve it."""

    @classmethod
    def of(cls, today: InService, proposed: Buckets, setting: Case) -> Shared:
        """Count who is served by today's buckets and by the proposed ones.

        Where images that do not fit together run apart, each counts by itself.
        """
        if setting.most_images == 1:
            setting = replace(setting, batches=None)
        planned = setting.preprocessing.image
        in_service = limits_in_service(setting.profile, *today.limits) or planned
        own, items = setting.under(in_service), setting.items()
        under_own = own.items().needed
        lower = setting.under(lowest_limits(in_service, planned))
        needed, fails = lower.items().needed, under_own > today.buckets.top
        held = needed <= min(today.buckets.top, proposed.top)
        return cls(
            own=own,
            items=items,
            under_own=under_own,
            fails=fails,
            lower=lower,
            needed=needed,
            both=(items.needed > 0) & ~fails & held,
        )

    @property
    def demand(self) -> Demand | None:
        """What both serve; None where nothing is."""
        return _demand(self.needed, self.items.runs, self.both)


def _demand(lengths: IntArray, runs: FloatArray, who: BoolArray) -> Demand | None:
    return Demand.of(lengths[who], runs[who]) if (runs[who] > 0).any() else None


def compare_today(today: InService, proposed: Buckets, setting: Case) -> Current:
    """Price today's buckets and the proposed ones on the images both serve."""
    shared = Shared.of(today, proposed, setting)
    own, items, fails = shared.own, shared.items, shared.fails
    needed, both, in_service = shared.needed, shared.both, own.preprocessing.image
    runs, served = items.runs, (items.needed > 0) & ~fails

    def compute(buckets: Buckets, demand: Demand | None) -> float:
        return price(buckets, demand, setting.curve).padded_compute if demand else 0.0

    before = compute(today.buckets, shared.demand)
    after = compute(proposed, shared.demand)
    hit = today.buckets.assign(shared.under_own[served & (runs > 0)])
    images, overflow_images = (
        float(items.images.sum()),
        float(items.images[fails].sum()),
    )
    unused = sorted(set(range(len(today.buckets.lengths))) - set(hit.tolist()))
    return Current(
        max_seq_lens=today.buckets.lengths,
        min_pixels=in_service.min_pixels,
        max_pixels=in_service.max_pixels,
        max_pixels_assumed=all(each.max_pixels is None for each in today.limits),
        limits_source=in_service.source,
        compared_max_pixels=shared.lower.preprocessing.image.max_pixels,
        overflow_images=overflow_images,
        overflow_share=overflow_images / images if images else 0.0,
        overflow_runs=float(runs[fails].sum()),
        served_images=float(items.images[both].sum()),
        shrunk_images=own.shrunk_images(),
        useful_compute_served=float((runs * setting.curve.at(needed))[both].sum()),
        padded_compute_today=compute(
            today.buckets, _demand(shared.under_own, runs, served)
        ),
        padded_compute_served=before,
        proposed_compute_on_served=after,
        saving=less(before, after),
        unused_buckets=tuple(today.buckets.lengths[index] for index in unused),
        source=today.source,
    )
