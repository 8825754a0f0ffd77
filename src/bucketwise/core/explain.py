"""One image or clip, step by step, in words an operator can paste into a ticket."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.patching import Counts, Preprocessing, count_patches
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import OVERFLOWS, Overflow, Release, written
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import MAX_SIDE_PX, Sizes
from bucketwise.words.numbers import percent, plural

SIZE = re.compile(
    r"(?P<width>\d{1,7})x(?P<height>\d{1,7})"
    r"(?:@(?P<frames>\d{1,7})f(?:@(?P<fps>\d{1,4}(?:\.\d{1,6})?)fps)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What becomes of one size."""

    text: str
    """The size as asked."""
    needed: int
    """Needed length of one run; 0 where the processor refuses."""
    bucket: int | None
    """The bucket that serves it; None without buckets or on overflow."""
    line: str
    """All steps in one line."""


def parse_size(text: str) -> Sizes:
    """Return the one size a text such as "1920x1080" or "1280x720@64f" names."""
    match = SIZE.fullmatch(text.strip())
    sides = [int(match[side]) for side in ("width", "height")] if match else [0]
    if match is None or not 1 <= min(sides) <= max(sides) <= MAX_SIDE_PX:
        message = (
            "size: expected WIDTHxHEIGHT such as 1920x1080 (sides up to "
            f"{MAX_SIDE_PX:,} px), 1280x720@64f for 64 frames, or 1280x720@300f@30fps "
            f"for a clip to sample, got {text!r}"
        )
        raise UsageError(message)
    return Sizes(
        height_px=np.array([int(match["height"])]),
        width_px=np.array([int(match["width"])]),
        frames=np.array([int(match["frames"] or 0)]),
        fps=np.array([float(match["fps"] or 0)]),
        visual_tokens=np.zeros(1, dtype=np.int64),
        count=np.ones(1),
    )


def explain_size(
    text: str,
    profile: ModelProfile,
    preprocessing: Preprocessing,
    release: Release,
    buckets: Buckets | None = None,
) -> Explanation:
    """Follow one size through the processor to its bucket."""
    sizes = parse_size(text)
    counts = count_patches(sizes, profile, preprocessing)
    if counts.error[0]:
        return Explanation(
            text=text,
            needed=0,
            bucket=None,
            line=f"{text} -> refused by the processor: {counts.error[0]}",
        )
    needed = int(counts.needed(release)[0])
    bucket = _bucket(needed, buckets)
    patches = release.engine.patches_per_length(profile)
    unit = " merged patches" if patches > 1 else ""
    steps = (
        text,
        *_processor_steps(counts, profile, preprocessing),
        f"needed length {-(-needed // patches):,}{unit}{_window_words(profile, release)}",
        *_bucket_steps(needed, buckets, bucket, patches, release.engine.overflow),
    )
    return Explanation(text=text, needed=needed, bucket=bucket, line=" -> ".join(steps))


def _processor_steps(
    counts: Counts, profile: ModelProfile, preprocessing: Preprocessing
) -> tuple[str, ...]:
    """Say what the processor makes of the one size in `counts`."""
    runs, merged = int(counts.grid_t[0]), int(counts.merged_patches[0])
    is_clip = bool(counts.sizes.frames[0])
    resized = f"{counts.resized_width_px[0]}x{counts.resized_height_px[0]}"
    frame = "frame" if profile.temporal_patch == 1 else "temporal patch"
    each = f" in each of {plural(runs, 'run')} (one a {frame})" if is_clip else ""
    total = f" a run, {merged * runs:,} in all" if is_clip else ""
    if profile.image_rule:
        return _steps_by_rule(counts, profile)
    if is_clip and profile.whole_clips:
        each = f" in each of {plural(runs, frame)}"
        total = f" each, {merged * runs:,} in the one run of all"
    if profile.soft_tokens:
        limits = preprocessing.clip if is_clip else preprocessing.image
        padded = limits.max_pixels // profile.patch_px**2
        most = limits.max_pixels // profile.length_px**2
        return (
            f"scaled to {resized} px to fill max_soft_tokens {most:,}",
            f"grid {counts.grid_h[0]} high, {counts.grid_w[0]} wide",
            f"{counts.vit_patches[0]:,} ViT patches, padded to {padded:,}{each}",
            f"{merged:,} soft tokens{total}",
        )
    return (
        f"resized to {resized} px ({_reason(counts, profile, preprocessing)})",
        f"grid {counts.grid_h[0]} high, {counts.grid_w[0]} wide",
        f"{counts.vit_patches[0]:,} ViT patches{each}",
        f"{merged:,} merged patches{total}",
    )


def _steps_by_rule(counts: Counts, profile: ModelProfile) -> tuple[str, ...]:
    """Say what a rule of the processor's own makes of the one size in `counts`."""
    is_clip = bool(counts.sizes.frames[0])
    rule = (profile.frame_rule if is_clip else None) or profile.image_rule
    runs, rest = int(counts.grid_t[0]), int(counts.rest_patches[0])
    frame = " a frame" if is_clip else ""
    each = f" in each of {plural(runs, 'run')}" if runs > 1 or is_clip else ""
    more = f", and {rest:,} in one more" if rest else ""
    marks = int(counts.separators[0])
    around = f" and {plural(marks, 'separator')}" if marks else ""
    resized = f"{counts.resized_width_px[0]}x{counts.resized_height_px[0]} px{frame}"
    return (
        f"resized to {resized}" + (f" ({rule.words})" if rule else ""),
        f"grid {counts.grid_h[0]} high, {counts.grid_w[0]} wide",
        f"{counts.vit_patches[0]:,} ViT patches{each}{more}",
        f"{plural(int(counts.visual_tokens[0]), 'image token')}{around}",
    )


def _reason(counts: Counts, profile: ModelProfile, preprocessing: Preprocessing) -> str:
    """Say why the processor chose the resized sides."""
    is_clip = bool(counts.sizes.frames[0])
    limits = preprocessing.clip if is_clip else preprocessing.image
    before = int(counts.sizes.height_px[0] * counts.sizes.width_px[0])
    after = int(counts.resized_height_px[0] * counts.resized_width_px[0])
    loosely = replace(limits, min_pixels=1, max_pixels=2**50)
    free = replace(
        preprocessing, image=loosely, video=loosely, cap_pixels_per_frame=False
    )
    rounded = count_patches(counts.sizes, profile, free)
    area = int(rounded.resized_height_px[0] * rounded.resized_width_px[0])
    if after == area:
        return f"sides rounded to multiples of {profile.factor_px}"
    budget = (
        " for the whole clip" if is_clip and profile.video_rule == "whole_clip" else ""
    )
    if after < before:
        return f"shrunk to max_pixels {limits.max_pixels:,}{budget}"
    return f"enlarged to min_pixels {limits.min_pixels:,}{budget}"


def _window_words(profile: ModelProfile, release: Release) -> str:
    if not profile.window_patches:
        return ""
    side = profile.window_patches
    words = f"windows of {side}x{side} padded"
    if release.extra_windows(profile.family):
        newest = f"{release.engine.sdk} {written(release.version)}"
        words += f", one window too many up to {newest}"
    return f" ({words})"


def _bucket(needed: int, buckets: Buckets | None) -> int | None:
    if buckets is None or needed > buckets.top:
        return None
    return buckets.lengths[int(buckets.assign(np.array([needed]))[0])]


def _bucket_steps(
    needed: int,
    buckets: Buckets | None,
    bucket: int | None,
    patches: int,
    overflow: Overflow,
) -> tuple[str, ...]:
    if buckets is None:
        return ()
    if bucket is None:
        does = "the runtime raises" if overflow == "raises" else OVERFLOWS[overflow][0]
        return (f"no bucket: the largest is {buckets.top // patches:,}, {does}",)
    return (
        f"bucket {bucket // patches:,} ({percent(1 - needed / bucket)} of it padding)",
    )
