"""Pixel limits: which to set, whom they shrink, what others would cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.core.batches import Batches, Items, items_of
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, price
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.patching import BoolArray, Counts, Preprocessing, count_patches
from bucketwise.core.plan import Cap, Worst
from bucketwise.core.reach import WorstImage, safe_limits, worst_of_all
from bucketwise.nouns.engine import Release
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.profile import ModelProfile, PixelLimits, compiled_counts

UNLIMITED_PIXELS = 2**50
"""Above every size there is (sides end at 1,000,000 px), below float precision."""

GIVEN = "given"
"""Source of a limit that the user set."""

CAP_QUANTILES = (("p99.9", 0.999), ("p99", 0.99), ("p95", 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A traffic, model and release, evaluated under different pixel limits."""

    profile: ModelProfile
    preprocessing: Preprocessing
    counts: Counts
    release: Release
    curve: CostCurve
    align: int
    pins: tuple[int, ...]
    batches: Batches | None = None
    graph_bytes: MeasuredCurve | None = None
    """What graphs were measured to hold, by length."""

    def length_bytes(self, length: int) -> int:
        """Return what the graph of a length takes of a device beside weights."""
        return length_bytes(self.release, self.profile, self.graph_bytes, length)

    def preprocessed(self, preprocessing: Preprocessing) -> Case:
        """Return the setting under other limits, counted anew."""
        if preprocessing == self.preprocessing:
            return self
        counts = count_patches(self.counts.sizes, self.profile, preprocessing)
        return replace(self, preprocessing=preprocessing, counts=counts)

    def under(self, image: PixelLimits) -> Case:
        """Return the setting under other image limits, counted anew."""
        return self.preprocessed(replace(self.preprocessing, image=image))

    def with_max_pixels(self, max_pixels: int) -> Case:
        """Return the setting under another upper image limit, counted anew."""
        image = self.preprocessing.image
        highest = max(max_pixels, image.min_pixels)
        return self.under(replace(image, max_pixels=highest))

    def shrunk_images(self) -> float:
        """Return the images that come out smaller than with no upper limit at all."""
        if not self.profile.has_pixel_limits:
            return 0.0  # every image becomes what the processor makes of all
        unlimited = self.with_max_pixels(UNLIMITED_PIXELS).counts
        return weight_of(self.counts, shrunk_by(self.counts, unlimited))

    def demand(self) -> Demand:
        """Return the demand under the limits of the setting."""
        items = self.items()
        return Demand.of(items.needed, np.where(items.needed > 0, items.runs, 0.0))

    def items(self) -> Items:
        """Return what runs under the limits of the setting: images, or batches of them."""
        return items_of(self.counts, self.counts.needed(self.release), self.batches)

    @property
    def marks(self) -> tuple[int, ...]:
        """Soft-token counts that may be compiled, up to the largest that is used."""
        return marks_of(self.profile, self.preprocessing)

    def soft_tokens_for(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """Return the soft-token counts to compile with lengths; () for models without."""
        if self.profile.soft_tokens is None:
            return ()
        limits = (self.preprocessing.image, self.preprocessing.clip)
        used = [each.max_pixels // self.profile.length_px**2 for each in limits]
        return compiled_counts(lengths, used, self.profile.soft_tokens.supported)

    @property
    def has_clips(self) -> bool:
        """Whether the traffic holds clips that the processor accepts."""
        return bool(((self.counts.sizes.frames > 0) & self.counts.accepted).any())

    def worst(self) -> WorstImage:
        """Return the worst reach of images and, where there are any, of clips."""
        return worst_of_all(
            self.profile, self.preprocessing, self.release, clips=self.has_clips
        )

    @property
    def most_images(self) -> int:
        """Images that the top has to hold together."""
        return self.batches.most_images if self.batches else 1

    def worst_needed(self) -> int:
        """Return the worst that the limits let through in one run."""
        return self.worst().needed * self.most_images

    def lowered_to_hold(self, top: int) -> Case | None:
        """Return the setting under the largest limits that the top holds, if any do."""
        safe = safe_limits(
            self.profile,
            self.preprocessing,
            self.release,
            top // self.most_images,
            clips=self.has_clips,
        )
        return None if safe is None else self.preprocessed(safe)


def bytes_measured(
    cost: MeasuredCost | None, profile: ModelProfile
) -> MeasuredCurve | None:
    """Return what ViT graphs were measured to hold, by length."""
    return cost.graph_bytes if cost and not profile.soft_tokens else None


def length_bytes(
    release: Release, profile: ModelProfile, measured: MeasuredCurve | None, length: int
) -> int:
    """Return what the graph of a length takes of a device beside weights."""
    if measured is not None:
        return round(float(measured.at(np.array([length]))[0]))
    return release.engine.length_bytes(profile, length)


def marks_of(profile: ModelProfile, preprocessing: Preprocessing) -> tuple[int, ...]:
    """Return the soft-token counts a length can be compiled for; () without such.

    optimum-rbln refuses a length that none of the compiled counts runs on (0.12.0,
    transformers/models/gemma4/configuration_gemma4.py, _update_image_prefill_chunk_size).
    """
    if profile.soft_tokens is None:
        return ()
    most = max(each.max_pixels for each in (preprocessing.image, preprocessing.clip))
    largest = most // profile.length_px**2
    return tuple(each for each in profile.soft_tokens.supported if each <= largest)


def shrunk_by(counts: Counts, reference: Counts) -> BoolArray:
    """Return which sizes come out smaller than in the reference."""
    return np.asarray(counts.vit_patches < reference.vit_patches)


def weight_of(counts: Counts, chosen: BoolArray) -> float:
    """Return the images among the chosen sizes."""
    return float(counts.sizes.count[chosen].sum())


def share_shrunk(before: Case, after: Case) -> float:
    """Return the share of the images that other limits make smaller."""
    smaller = shrunk_by(after.counts, before.counts)
    accepted = weight_of(before.counts, before.counts.accepted)
    return weight_of(before.counts, smaller) / accepted if accepted else 0.0


def worst_let_through(setting: Case) -> Worst:
    """Return the worst that the limits let through, as the plan tells it."""
    worst = setting.worst()
    return Worst(
        needed=worst.needed,
        height_px=worst.height_px,
        width_px=worst.width_px,
        frames=worst.frames,
        grid_h=worst.grid_h,
        grid_w=worst.grid_w,
    )


IN_FORCE = "in force"
"""The limit of the plan, among others."""


def caps(
    setting: Case, planned: tuple[int, ...], *, allow_overflow: bool
) -> tuple[Cap, ...]:
    """Return the plan and what other upper limits would do with as many graphs.

    Each of those has its own exact optimum, and a top that holds whatever it lets through
    unless the plan's need not.
    """
    if setting.counts.sizes.is_told.any() or setting.profile.image_rule:
        return ()
    unlimited = (
        setting.counts
        if setting.profile.soft_tokens
        else setting.with_max_pixels(UNLIMITED_PIXELS).counts
    )
    if fixed := setting.release.engine.fixed_lengths(setting.profile):
        return tuple(_of_fixed(setting, unlimited, fixed))
    found: dict[int, Cap] = {}
    for name, max_pixels in _named_limits(setting):
        if max_pixels not in found:
            varied = setting.with_max_pixels(max_pixels)
            lengths = planned
            if name != IN_FORCE:
                worst = 0 if allow_overflow else varied.worst_needed()
                lengths = _best(varied, len(planned), worst)
            found[max_pixels] = _cap(name, varied, unlimited, lengths)
    return tuple(found[value] for value in sorted(found, reverse=True))


def _of_fixed(
    setting: Case, unlimited: Counts, lengths: tuple[int, ...]
) -> Iterable[Cap]:
    """Yield what every limit does that a built-in length holds to the full.

    Others waste more: an image at a limit between two lengths runs on the larger.
    """
    image = setting.preprocessing.image
    areas = {each * setting.profile.limit_px: each for each in lengths}
    for max_pixels in sorted({*areas, image.max_pixels}, reverse=True):
        if max_pixels < image.min_pixels:
            return
        varied = setting.with_max_pixels(max_pixels)
        in_force = max_pixels == image.max_pixels
        needed = int(varied.demand().needed[-1])
        top = next((each for each in lengths if each >= needed), None)
        # Rounding takes an image that is narrow enough above its limit.
        if top is None or (not in_force and needed > areas[max_pixels]):
            continue
        name = IN_FORCE if in_force else f"length {areas[max_pixels]:,}"
        kept = tuple(each for each in lengths if each <= top)
        yield _cap(name, varied, unlimited, kept)


def _named_limits(setting: Case) -> Iterable[tuple[str, int]]:
    image, profile = setting.preprocessing.image, setting.profile
    yield IN_FORCE, image.max_pixels
    yield "checkpoint", max(profile.checkpoint.max_pixels, image.min_pixels)
    if profile.soft_tokens:
        for count in profile.soft_tokens.supported:
            yield f"{count:,} soft tokens", count * profile.length_px**2
        return
    published = setting.release.engine.largest_published
    if int(setting.demand().needed[-1]) > published:
        yield f"{published:,} patches", published * profile.limit_px
    counts = setting.counts
    images = counts.accepted & (counts.sizes.frames == 0) & (counts.sizes.count > 0)
    if not images.any():
        return
    area = (counts.vit_patches * profile.limit_px)[images]
    order = np.argsort(area, kind="stable")
    cumulated = np.cumsum(counts.sizes.count[images][order])
    for name, share in CAP_QUANTILES:
        position = int(np.searchsorted(cumulated, share * cumulated[-1]))
        at = int(area[order][min(position, area.size - 1)])
        if image.min_pixels <= at < image.max_pixels:
            yield name, at


def _best(varied: Case, k: int, worst: int) -> tuple[int, ...]:
    """Return the exact optimum of k under a limit."""
    demand = varied.demand()
    largest = max(int(demand.needed[-1]), worst, *varied.marks)
    top = int(align_up(np.array([largest]), varied.align)[0])
    problem = Problem.of(
        demand,
        varied.curve.at,
        align=varied.align,
        top=top,
        pinned=[pin for pin in varied.pins if pin < top],
        marks=varied.marks,
    )
    return SOLVERS[EXACT](problem, k)


def _cap(name: str, varied: Case, unlimited: Counts, lengths: tuple[int, ...]) -> Cap:
    bill = price(Buckets(lengths), varied.demand(), varied.curve)
    shrunk = weight_of(varied.counts, shrunk_by(varied.counts, unlimited))
    return Cap(
        name=name,
        max_pixels=varied.preprocessing.image.max_pixels,
        shrinks_images=shrunk,
        shrinks_share=shrunk / weight_of(varied.counts, varied.counts.accepted),
        vit_max_seq_lens=lengths,
        top=lengths[-1],
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        mask_bytes=varied.release.engine.mask_bytes(lengths[-1]),
    )


Limit = int | Literal["checkpoint"] | None


def image_limits(
    profile: ModelProfile,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    *,
    deployed: bool = True,
) -> PixelLimits:
    """Return the image limits in force and where they came from."""
    default = (profile.deployment if deployed else None) or profile.checkpoint
    low, low_source = _one_limit(min_pixels, default, profile, "min_pixels")
    high, high_source = _one_limit(max_pixels, default, profile, "max_pixels")
    source = low_source
    if low_source != high_source:
        source = f"min_pixels: {low_source}; max_pixels: {high_source}"
    return PixelLimits(min_pixels=low, max_pixels=high, source=source)


def _one_limit(
    asked: Limit, default: PixelLimits, profile: ModelProfile, side: str
) -> tuple[int, str]:
    if asked is None:
        return int(getattr(default, side)), default.source
    if asked == "checkpoint":
        return int(getattr(profile.checkpoint, side)), profile.checkpoint.source
    return int(asked), GIVEN


def video_limits(
    profile: ModelProfile, min_pixels: int | None, max_pixels: int | None
) -> PixelLimits | None:
    """Return the video limits in force, or None where clips follow the image limits."""
    default = profile.video
    if min_pixels is None and max_pixels is None:
        return default
    default = default or profile.checkpoint
    return PixelLimits(
        min_pixels=default.min_pixels if min_pixels is None else min_pixels,
        max_pixels=default.max_pixels if max_pixels is None else max_pixels,
        source=GIVEN,
    )
