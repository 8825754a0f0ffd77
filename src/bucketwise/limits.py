"""Pixel limits: which to set, whom they shrink, what others would cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.buckets import Buckets
from bucketwise.cost import CostCurve, price
from bucketwise.demand import Demand
from bucketwise.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.patching import BoolArray, Counts, Preprocessing, count_patches
from bucketwise.plan import Cap, Processor, SafeLimit, Worst
from bucketwise.profile import ModelProfile, PixelLimits
from bucketwise.rbln.lengths import LARGEST_PUBLISHED_PATCHES, mask_bytes
from bucketwise.rbln.releases import Version
from bucketwise.reach import Reach, safe_max_pixels, worst_reachable

UNLIMITED_PIXELS = 2**50
"""Above every size there is (sides end at 1,000,000 px), below float precision."""

GIVEN = "given"
"""Source of a limit that the user set."""

CAP_QUANTILES = (("p99.9", 0.999), ("p99", 0.99), ("p95", 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stays the same while limits are varied."""

    profile: ModelProfile
    preprocessing: Preprocessing
    counts: Counts
    version: Version
    curve: CostCurve
    align: int
    pins: tuple[int, ...]

    def under(self, image: PixelLimits) -> Setting:
        """Return the setting under other image limits, counted anew."""
        if image == self.preprocessing.image:
            return self
        preprocessing = replace(self.preprocessing, image=image)
        counts = count_patches(self.counts.sizes, self.profile, preprocessing)
        return replace(self, preprocessing=preprocessing, counts=counts)

    def with_max_pixels(self, max_pixels: int) -> Setting:
        """Return the setting under another upper image limit, counted anew."""
        image = self.preprocessing.image
        highest = max(max_pixels, image.min_pixels)
        return self.under(replace(image, max_pixels=highest))

    def shrunk_images(self) -> float:
        """Return the images that come out smaller than with no upper limit at all."""
        unlimited = self.with_max_pixels(UNLIMITED_PIXELS).counts
        return weight_of(self.counts, shrunk_by(self.counts, unlimited))

    def demand(self) -> Demand:
        """Return the demand under the limits of the setting."""
        return Demand.of(self.counts.needed(self.version), self.counts.runs)

    def worst(self) -> Reach:
        """Return the worst reach of images and, where there are any, of clips."""
        found = [worst_reachable(self.profile, self.preprocessing, self.version)]
        clips = (self.counts.sizes.frames > 0) & self.counts.accepted
        if clips.any():
            # A clip's budget is shared by its frames: the shortest there can be, one
            # temporal patch, reaches furthest.
            found.append(
                worst_reachable(
                    self.profile,
                    self.preprocessing,
                    self.version,
                    frames=self.profile.temporal_patch,
                )
            )
        return max(found, key=lambda reach: reach.needed)


def shrunk_by(counts: Counts, reference: Counts) -> BoolArray:
    """Return which sizes come out smaller than in the reference."""
    return np.asarray(counts.vit_patches < reference.vit_patches)


def weight_of(counts: Counts, chosen: BoolArray) -> float:
    """Return the images among the chosen sizes."""
    return float(counts.sizes.count[chosen].sum())


def processor_limits(setting: Setting, top: int) -> tuple[Processor, Worst, SafeLimit]:
    """Return the limits to configure, the worst they let through, and the safe limit.

    The limits are lowered from those decided to where nothing outgrows the top bucket,
    if that makes no image in the traffic smaller; otherwise those decided stay.

    Parameters
    ----------
    setting : Setting
        Traffic and limits in force.
    top : int
        The top bucket in ViT patches.

    Returns
    -------
    tuple of Processor, Worst, SafeLimit
    """
    image = setting.preprocessing.image
    safe = safe_max_pixels(setting.profile, setting.preprocessing, setting.version, top)
    chosen, share = setting, 0.0
    if safe is not None and safe != image.max_pixels:
        lowered = setting.with_max_pixels(safe)
        smaller = weight_of(setting.counts, shrunk_by(lowered.counts, setting.counts))
        share = smaller / weight_of(setting.counts, setting.counts.accepted)
        chosen = setting if smaller else lowered
    worst = chosen.worst()
    limits = chosen.preprocessing.image
    return (
        Processor(min_pixels=limits.min_pixels, max_pixels=limits.max_pixels),
        Worst(
            needed=worst.needed,
            height_px=worst.height_px,
            width_px=worst.width_px,
            frames=worst.frames,
            grid_h=worst.grid_h,
            grid_w=worst.grid_w,
        ),
        SafeLimit(value=safe, shrinks_share=share),
    )


def caps(setting: Setting, k: int) -> tuple[Cap, ...]:
    """Return what other upper limits would do, each with its own exact optimum of k.

    Parameters
    ----------
    setting : Setting
        Traffic and limits in force.
    k : int
        Buckets of the plan.

    Returns
    -------
    tuple of Cap
        From the largest limit to the smallest, each limit once; none where some images
        are known by their tokens alone, which say nothing of another limit.
    """
    if setting.counts.sizes.is_told.any():
        return ()
    unlimited = setting.with_max_pixels(UNLIMITED_PIXELS).counts
    found: dict[int, Cap] = {}
    for name, max_pixels in _named_limits(setting):
        if max_pixels not in found:
            varied = setting.with_max_pixels(max_pixels)
            found[max_pixels] = _cap(name, varied, unlimited, k)
    return tuple(found[value] for value in sorted(found, reverse=True))


def _named_limits(setting: Setting) -> Iterable[tuple[str, int]]:
    image, profile = setting.preprocessing.image, setting.profile
    yield "in force", image.max_pixels
    yield "checkpoint", max(profile.checkpoint.max_pixels, image.min_pixels)
    published = LARGEST_PUBLISHED_PATCHES * profile.patch_px**2
    if int(setting.demand().needed[-1]) > LARGEST_PUBLISHED_PATCHES:
        yield f"{LARGEST_PUBLISHED_PATCHES:,} patches", published
    counts = setting.counts
    images = counts.accepted & (counts.sizes.frames == 0) & (counts.sizes.count > 0)
    if not images.any():
        return
    area = (counts.vit_patches * profile.patch_px**2)[images]
    order = np.argsort(area, kind="stable")
    cumulated = np.cumsum(counts.sizes.count[images][order])
    for name, share in CAP_QUANTILES:
        position = int(np.searchsorted(cumulated, share * cumulated[-1]))
        at = int(area[order][min(position, area.size - 1)])
        if image.min_pixels <= at < image.max_pixels:
            yield name, at


def _cap(name: str, varied: Setting, unlimited: Counts, k: int) -> Cap:
    demand = varied.demand()
    top = int(align_up(demand.needed[-1:], varied.align)[0])
    problem = Problem.of(
        demand,
        varied.curve.at,
        align=varied.align,
        top=top,
        pinned=[pin for pin in varied.pins if pin < top],
    )
    lengths = SOLVERS[EXACT](problem, k)
    bill = price(Buckets(lengths), demand, varied.curve)
    shrunk = weight_of(varied.counts, shrunk_by(varied.counts, unlimited))
    return Cap(
        name=name,
        max_pixels=varied.preprocessing.image.max_pixels,
        shrinks_images=shrunk,
        shrinks_share=shrunk / weight_of(varied.counts, varied.counts.accepted),
        vit_max_seq_lens=lengths,
        top=top,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        mask_bytes=mask_bytes(top),
    )


Limit = int | Literal["checkpoint"] | None


def image_limits(
    profile: ModelProfile,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    *,
    deployed: bool = True,
) -> PixelLimits:
    """Return the image limits in force and where they came from.

    Parameters
    ----------
    profile : ModelProfile
        The model.
    min_pixels, max_pixels : int, "checkpoint" or None
        What was asked for; None takes the default.
    deployed : bool
        Whether the default is the model's published RBLN deployment, where there is
        one, or what the checkpoint ships.

    Raises
    ------
    ConfigError
        When the limits are below 1 or crossed.
    """
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
    """Return the video limits in force, or None where clips follow the image limits.

    Parameters
    ----------
    profile : ModelProfile
        The model.
    min_pixels, max_pixels : int or None
        What was asked for; None takes the checkpoint's.

    Raises
    ------
    ConfigError
        When the limits are below 1 or crossed.
    """
    default = profile.video
    if min_pixels is None and max_pixels is None:
        return default
    default = default or profile.checkpoint
    return PixelLimits(
        min_pixels=default.min_pixels if min_pixels is None else min_pixels,
        max_pixels=default.max_pixels if max_pixels is None else max_pixels,
        source=GIVEN,
    )
