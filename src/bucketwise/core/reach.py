"""The worst needed length an image can reach under pixel limits, with a witness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from bucketwise.core.patching import (
    MAX_ASPECT_RATIO,
    Counts,
    Preprocessing,
    count_patches,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.engine import Release
from bucketwise.nouns.image_rules import (
    Budget,
    ClosestGrid,
    ImageRule,
    LongestSide,
    Shrink,
    Slices,
)
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import FloatArray, IntArray, Sizes

NUDGES = (1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.3)
"""How far past a whole number of merged patches a rescaled side is tried to land."""

THIN_HEIGHT_PX = 8
"""Up to this height every width is tried: few integer ratios are that small, so aiming
at one would miss the worst."""

WITNESS_SIDE_PX = 60_000
"""Long side of the images tried: large, so that integer sides fit a ratio closely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstImage:
    """A needed length, and an image (or clip) the processor really turns into it."""

    needed: int
    height_px: int
    width_px: int
    frames: int
    grid_h: int
    grid_w: int


@lru_cache(maxsize=512)  # a plan asks for the same limits again and again
def worst_reachable(
    profile: ModelProfile,
    preprocessing: Preprocessing,
    release: Release,
    *,
    frames: int = 0,
) -> WorstImage:
    """Return the largest needed length any accepted size reaches.

    Three kinds of image can be the worst: one that keeps its rounded size (every grid
    within the limits), one scaled down onto the upper limit (whose sides are floored,
    but to no less than one merged patch, so thin images pass small limits), and one
    scaled up onto the lower limit (whose sides are ceiled). For each kind the extreme
    grids are listed, an image is made for each, and the processor's own arithmetic
    says what they become; the answer is therefore always reached by a real size.

    With frames, of clips of so many, already sampled; the length is 0 where the processor
    refuses them, and where it refuses every image a `ConfigError` is raised.
    """
    limits = preprocessing.clip if frames else preprocessing.image
    if profile.soft_tokens:
        sides = _filling_sides(limits, profile.length_px)
        return _largest(
            count_patches(_lying(sides, frames), profile, preprocessing), release
        )
    if profile.image_rule:
        rule = (profile.frame_rule if frames else None) or profile.image_rule
        sizes = _lying(_extreme_sides(rule, profile), frames)
        return _largest(count_patches(sizes, profile, preprocessing), release)
    weight = 1 if frames else profile.image_frames
    if frames and profile.video_rule == "whole_clip":
        weight = max(round(frames / profile.temporal_patch), 1) * profile.temporal_patch
    area = profile.factor_px**2 * weight
    candidates = [
        _kept_sides(limits, area, profile.factor_px),
        _rescaled_sides(limits.max_pixels / area, 0),
        _rescaled_sides(limits.min_pixels / area, 1),
        _thin_sides(),
    ]
    # A standing image becomes what the same one lying does, turned.
    sizes = _lying(np.concatenate(candidates), frames)
    return _largest(count_patches(sizes, profile, preprocessing), release)


def _lying(sides: IntArray, frames: int) -> Sizes:
    """Return sizes of so many frames, heights first."""
    return Sizes(
        height_px=sides[:, 0].copy(),
        width_px=sides[:, 1].copy(),
        frames=np.full(len(sides), frames, dtype=np.int64),
        fps=np.zeros(len(sides)),
        visual_tokens=np.zeros(len(sides), dtype=np.int64),
        count=np.ones(len(sides)),
    )


def _extreme_sides(rule: ImageRule, profile: ModelProfile) -> IntArray:
    """List images that become the longest run there is, whatever else they become."""
    if isinstance(rule, (Shrink, LongestSide)):
        return np.full((1, 2), rule.longest_px)
    if isinstance(rule, Slices):
        # The thinnest image that is not sliced.
        return np.array([(1, rule.scale_px**2)])
    if isinstance(rule, Budget):
        return _padded_sides(rule, profile)
    if isinstance(rule, ClosestGrid):
        # The most tiles there are, where they are one run.
        return np.array([(rule.tile_px, rule.tile_px * rule.max_tiles)])
    return np.ones((1, 2), dtype=np.int64)


def _padded_sides(rule: Budget, profile: ModelProfile) -> IntArray:
    """List images that reach just into their last row and column of merged patches.

    Whole patches alone count against the budget, so an image has all but a pixel of one
    more along each side: the most, in proportion, where it is hardly shrunk. Its height
    is kept, or shrunk to a pixel past whole merged patches; its width is the most that
    the budget then leaves, or what the limit of a side does.
    """
    patch_px, side = profile.patch_px, rule.side_patches
    patches = np.arange(1, side + 1)
    high_px = (patches + 1) * patch_px - 1
    past_px = patches // profile.merge * profile.factor_px + 1
    left = rule.max_patches / patches
    limited = np.floor(side**2 / left)
    columns = [
        np.floor(left),
        np.floor(left * (high_px / past_px) ** 2),
        *(limited + more for more in (-1, 0, 1)),
        np.full(patches.shape, side - 2),
    ]
    patches_wide = np.maximum(np.concatenate(columns), 1).astype(np.int64)
    high_px = np.tile(high_px, len(columns))
    wide_px = [(patches_wide + 1) * patch_px - 1, patches_wide * patch_px]
    return np.concatenate([np.stack([high_px, each], axis=1) for each in wide_px])


def _filling_sides(limits: PixelLimits, length_px: int) -> IntArray:
    """List images whose sides fill the number of soft tokens without a rest."""
    most = limits.max_pixels // length_px**2
    rows = [each for each in range(1, most + 1) if most % each == 0]
    return np.array([(each, most // each) for each in rows], dtype=np.int64) * length_px


def worst_of_all(
    profile: ModelProfile,
    preprocessing: Preprocessing,
    release: Release,
    *,
    clips: bool,
) -> WorstImage:
    """Return the largest needed length of images and, where they are sent, of clips.

    The shortest clip, one temporal patch, reaches furthest: all frames of a longer one
    share its budget.
    """
    kinds = (0, profile.temporal_patch) if clips else (0,)
    found = (
        worst_reachable(profile, preprocessing, release, frames=frames)
        for frames in kinds
    )
    return max(found, key=lambda reach: reach.needed)


def safe_limits(
    profile: ModelProfile,
    preprocessing: Preprocessing,
    release: Release,
    top: int,
    *,
    clips: bool,
) -> Preprocessing | None:
    """Return the largest limits under which nothing outgrows the top bucket.

    Each upper limit is a whole number of merged patches in pixels, or as it was where that
    is safe; None where thin or small inputs pass the top at every limit. Limits of clips
    count where clips are sent.
    """
    if not profile.has_pixel_limits:
        # Every image becomes what the processor makes of all: no limit helps.
        reach = worst_of_all(profile, preprocessing, release, clips=clips)
        return preprocessing if reach.needed <= top else None
    shared = clips and preprocessing.video is None

    def image_fits(limits: PixelLimits) -> bool:
        tried = replace(preprocessing, image=limits)
        return worst_of_all(profile, tried, release, clips=shared).needed <= top

    area = profile.limit_px * profile.patches_per_merged
    most = top * profile.limit_px
    image = _largest_that_fits(preprocessing.image, area, most, image_fits)
    if image is None:
        return None
    lowered = replace(preprocessing, image=image)
    if not clips or preprocessing.video is None:
        return lowered
    frames = profile.temporal_patch

    def clip_fits(limits: PixelLimits) -> bool:
        tried = replace(preprocessing, video=limits)
        reach = worst_reachable(profile, tried, release, frames=frames)
        return reach.needed <= top

    whole = frames if profile.video_rule == "whole_clip" else 1
    area, most = (each // profile.image_frames * whole for each in (area, most))
    video = _largest_that_fits(preprocessing.video, area, most, clip_fits)
    return None if video is None else replace(lowered, video=video)


def safe_max_pixels(
    profile: ModelProfile,
    preprocessing: Preprocessing,
    release: Release,
    top: int,
) -> int | None:
    """Return the largest image limit of `safe_limits`, for images alone."""
    safe = safe_limits(profile, preprocessing, release, top, clips=False)
    return None if safe is None else safe.image.max_pixels


def _largest_that_fits(
    limits: PixelLimits, area: int, most: int, fits: Callable[[PixelLimits], bool]
) -> PixelLimits | None:
    """Return the largest upper limit that fits, in units of `area`, up to `most`."""
    if fits(limits):
        return limits

    def at(units: int) -> PixelLimits:
        return replace(limits, max_pixels=max(units * area, limits.min_pixels))

    least = -(-limits.min_pixels // area)
    units = _last_that_fits(
        least, min(limits.max_pixels, most) // area, lambda n: fits(at(n))
    )
    return None if units is None else at(units)


def _last_that_fits(least: int, most: int, fits: Callable[[int], bool]) -> int | None:
    """Bisect; where fitting is not monotone the answer fits and may not be the last."""
    low, high = least - 1, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low if low >= least else None


def _kept_sides(limits: PixelLimits, area: int, factor_px: int) -> IntArray:
    """List, for each number of rows, the widest image whose rounded size is kept.

    Rounding is half to even, so sides of up to (n + 1/2) factors become n, and sides
    from (n - 1/2) factors on, halves themselves where n is even: the ratio limit is
    tested on those.
    """
    most = limits.max_pixels // area
    if most < 1:
        return np.empty((0, 2), dtype=np.int64)
    rows = np.arange(1, int(most**0.5) + 1, dtype=np.int64)
    half_px = factor_px // 2
    tallest_px = rows * factor_px + half_px - rows % 2
    most_px = tallest_px * MAX_ASPECT_RATIO
    ratio_columns = (most_px + half_px) // factor_px
    too_wide = ratio_columns * factor_px - half_px + ratio_columns % 2 > most_px
    columns = np.minimum(most // rows, ratio_columns - too_wide)
    widest_px = columns * factor_px
    over = widest_px > MAX_ASPECT_RATIO * rows * factor_px
    height_px = np.where(over, tallest_px, rows * factor_px)
    width_px = np.where(over, widest_px - half_px + columns % 2, widest_px)
    sides: IntArray = np.stack([height_px, width_px], axis=1)[width_px >= height_px]
    return sides


def _rescaled_sides(units: float, ceiled: int) -> IntArray:
    """List images that are scaled to an area of `units` merged patches.

    Scaled sides x and y then satisfy x * y = units. Going down (`ceiled` 0) a side
    counts from its floor, so the extreme grids have y just past a whole number; going up
    (`ceiled` 1) from its ceiling, and y just past a whole number is again the extreme.
    """
    longest = int((units * MAX_ASPECT_RATIO) ** 0.5) + 1
    shortest = max(int(units**0.5) - 1, 0)
    whole = np.arange(shortest if ceiled else max(shortest, 1), longest + 1)
    y = np.concatenate([whole + nudge for nudge in NUDGES])
    x = units / y
    keep = (y >= x) & (y / x <= MAX_ASPECT_RATIO)
    x, y = x[keep], y[keep]
    # A small original grows and a large one shrinks to the same scaled sides.
    return np.concatenate(
        [_integer_sides(x, y, side_px) for side_px in _originals(ceiled)]
    )


def _thin_sides() -> IntArray:
    """List every image up to `THIN_HEIGHT_PX` high, lying."""
    return np.concatenate(
        [
            np.stack(
                [
                    np.full(MAX_ASPECT_RATIO * height_px, height_px),
                    np.arange(1, MAX_ASPECT_RATIO * height_px + 1),
                ],
                axis=1,
            )
            for height_px in range(1, THIN_HEIGHT_PX + 1)
        ]
    )


def _originals(ceiled: int) -> tuple[int, ...]:
    """Return long sides in pixels to try: small ones grow, large ones shrink."""
    return (50, 100, 199, 200, 400, 993, 1_000) if ceiled else (WITNESS_SIDE_PX,)


def _integer_sides(x: FloatArray, y: FloatArray, long_px: int) -> IntArray:
    """Return integer sides close to the ratio y / x, height first."""
    height_px = np.maximum(np.rint(x / y * long_px), 1).astype(np.int64)
    width_px = np.rint(height_px * (y / x)).astype(np.int64)
    thinnest_px = max(long_px // MAX_ASPECT_RATIO, 1)
    height_px = np.append(height_px, thinnest_px)
    width_px = np.append(width_px, thinnest_px * MAX_ASPECT_RATIO)
    width_px = np.minimum(np.maximum(width_px, 1), MAX_ASPECT_RATIO * height_px)
    return np.stack([height_px, width_px], axis=1)


def _largest(counts: Counts, release: Release) -> WorstImage:
    needed = counts.needed(release)
    # Among equals the squarest and smallest: it is the one a reader can picture.
    equals = np.flatnonzero(needed == needed.max())
    thinness = np.maximum(counts.grid_h, counts.grid_w)[equals]
    area = (counts.sizes.height_px * counts.sizes.width_px)[equals]
    best = int(equals[np.lexsort((area, thinness))[0]])
    # Clips may all be refused, as they are where sampling leaves a single frame; then
    # none outgrows anything.
    if not needed[best] and not counts.sizes.frames.any():
        message = "limits: no size passes the processor under them; raise max_pixels"
        raise ConfigError(message)
    return WorstImage(
        needed=int(needed[best]),
        height_px=int(counts.sizes.height_px[best]),
        width_px=int(counts.sizes.width_px[best]),
        frames=int(counts.sizes.frames[best]),
        grid_h=int(counts.grid_h[best]),
        grid_w=int(counts.grid_w[best]),
    )
