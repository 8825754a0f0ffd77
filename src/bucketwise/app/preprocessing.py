"""Limits and frame sampling in force."""

from __future__ import annotations

from typing import TypeVar

from bucketwise.app.options.shared import ProcessorOptions, VideoOptions
from bucketwise.core.limits import image_limits, video_limits
from bucketwise.core.patching import Preprocessing
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.nouns.profile import ModelProfile, PixelLimits


def preprocessing_of(
    profile: ModelProfile, asked: ProcessorOptions, *, deployed: bool = True
) -> Preprocessing:
    """Return limits and sampling in force for a model.

    Unless `deployed`, what is not asked for is the checkpoint's.
    """
    video = asked.video or VideoOptions()
    try:
        return Preprocessing(
            image=_supported(
                profile,
                image_limits(profile, *asked.limits, deployed=deployed),
            ),
            video=_supported(
                profile, video_limits(profile, video.min_pixels, video.max_pixels)
            ),
            video_fps=profile.sampling.fps if video.fps is None else video.fps,
            max_frames=video.max_frames,
            cap_pixels_per_frame=video.cap_pixels_per_frame
            or profile.sampling.cap_pixels_per_frame,
        )
    except ConfigError as error:
        # The model's own limits were checked when its profile was made.
        raise UsageError(*error.problems) from error


AnyLimits = TypeVar("AnyLimits", PixelLimits, PixelLimits | None)


def _supported(profile: ModelProfile, limits: AnyLimits) -> AnyLimits:
    """Return limits that the processor can be given."""
    known = profile.soft_tokens
    if profile.image_rule and limits is not None:
        _check_none(profile, limits)
    if known is None or limits is None:
        return limits
    area_px, whole = profile.length_px**2, profile.checkpoint.min_pixels
    right = [each * area_px for each in known.supported]
    problems = []
    if limits.max_pixels not in right:
        problems.append(
            "max_pixels: expected "
            f"{' or '.join(f'{each:,}' for each in known.supported)} soft tokens "
            f"(--soft-tokens) of {area_px:,} pixels, to which {profile.name} scales "
            f"every image, got {limits.max_pixels:,} pixels"
        )
    if limits.min_pixels != whole:
        problems.append(
            f"min_pixels: expected none, as {profile.name} has no lower limit, got "
            f"{limits.min_pixels:,}"
        )
    raise_all(problems)
    return limits


def _check_none(profile: ModelProfile, limits: PixelLimits) -> None:
    """Check that nobody set limits for a processor that has none."""
    shipped = profile.video if limits == profile.video else profile.checkpoint
    raise_all(
        [
            f"{side}: expected none, as {profile.name} knows no limit in pixels: images "
            f"are {profile.image_rule.words}, got {given:,}"
            for side in ("min_pixels", "max_pixels")
            if profile.image_rule
            and (given := getattr(limits, side)) != getattr(shipped, side)
        ]
    )
