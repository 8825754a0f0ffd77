"""Limits and frame sampling in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from bucketwise.core.limits import Limit, image_limits, video_limits
from bucketwise.core.patching import Preprocessing
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.nouns.profile import ModelProfile, PixelLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """How clips are sampled and limited; None keeps the model's own.

    Attributes
    ----------
    fps : float or None
        Frames a second to sample at.
    max_frames : int or None
        Frames the serving stack keeps before the processor sees a clip.
    min_pixels, max_pixels : int or None
        Video limits.
    cap_pixels_per_frame : bool
        The video processor's switch of that name.
    """

    fps: float | None = None
    max_frames: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    cap_pixels_per_frame: bool = False


def preprocessing_of(
    profile: ModelProfile,
    *,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    deployed: bool = True,
) -> Preprocessing:
    """Return limits and sampling in force for a model."""
    video = video or VideoOptions()
    try:
        return Preprocessing(
            image=_supported(
                profile,
                image_limits(profile, min_pixels, max_pixels, deployed=deployed),
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


def as_shipped(
    profile: ModelProfile,
    min_pixels: Limit,
    max_pixels: Limit,
    video: VideoOptions | None,
) -> Preprocessing:
    """Return the preprocessing that takes its defaults from the checkpoint."""
    return preprocessing_of(
        profile,
        min_pixels=min_pixels,
        max_pixels=max_pixels,
        video=video,
        deployed=False,
    )
