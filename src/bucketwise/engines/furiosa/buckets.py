"""The vision buckets built into furiosa-llm, and what limit each request gets by them."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.core.limits import UNLIMITED_PIXELS
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.errors import InputError
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Sizes

_SMALL = (256, 400, 576, 784, 1_024, 1_600, 2_304, 3_136, 4_096, 6_400, 9_216, 16_384)

PRESETS: dict[str, tuple[int, ...]] = {
    "qwen3-vl-2b": _SMALL,
    "qwen3-vl-4b": _SMALL,
    "qwen3-vl-32b": (*_SMALL, 65_536),
}
"""Model -> patches of each graph before the merge, one image a graph (embedded in
furiosa-llm-native 2026.4.0). Those of EXAONE-4.5, whose images are resized to whole
windows, and of Gemma 4 are other rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What furiosa-llm hands the processor for the images of one request.

    Attributes
    ----------
    bucket : int or None
        The graph that they all fit; None where the request sets max_pixels itself.
    min_pixels, max_pixels : int
        The limits of the processor.
    """

    bucket: int | None
    min_pixels: int
    max_pixels: int


def presets_of(profile: ModelProfile) -> tuple[int, ...]:
    """Return the buckets of a model; () where none are built in."""
    return PRESETS.get(profile.name, ())


def limits_of(profile: ModelProfile, buckets: tuple[int, ...]) -> PixelLimits:
    """Return the limits of a server where nobody sets any."""
    return PixelLimits(
        min_pixels=profile.factor_px**2,
        max_pixels=buckets[-1] * profile.patch_px**2,
        source="furiosa-llm 2026.4.0, its largest bucket",
    )


def prepared(
    images: Sizes,
    profile: ModelProfile,
    buckets: tuple[int, ...],
    min_pixels: int | None = None,
    max_pixels: int | None = None,
) -> Prepared:
    """Return what the images of one request are prepared with.

    Parameters
    ----------
    images : Sizes
        Of the request.
    profile : ModelProfile
        The model.
    buckets : tuple of int
        Ascending patches.
    min_pixels, max_pixels : int, optional
        What the request sets.

    Raises
    ------
    InputError
        Where furiosa-llm refuses the request.

    Notes
    -----
    furiosa-llm 2026.4.0, mm_models/qwen_vl.py, _prepare_image_processor_args.
    """
    area, top = profile.patch_px**2, buckets[-1]
    least = profile.factor_px**2 if min_pixels is None else min_pixels
    bucket, most = None, max_pixels
    if most is None:
        needed = _patches(images, profile, least, max(least, UNLIMITED_PIXELS))
        bucket = next((each for each in buckets if each >= needed), top)
        most = bucket * area
    if least > most:
        message = f"min_pixels: expected at most max_pixels ({most:,}), got {least:,}"
        raise InputError(message)
    if most // area > top:
        message = f"max_pixels: expected at most {top * area:,}, got {most:,}"
        raise InputError(message)
    if (patches := _patches(images, profile, least, most)) > top:
        message = f"min_pixels: {least:,} makes {patches:,} patches, above {top:,}"
        raise InputError(message)
    return Prepared(bucket=bucket, min_pixels=least, max_pixels=most)


def _patches(images: Sizes, profile: ModelProfile, least: int, most: int) -> int:
    limits = PixelLimits(min_pixels=least, max_pixels=most, source="the request")
    told = Preprocessing(image=limits, video=None, video_fps=None)
    return int(count_patches(images, profile, told).vit_patches.max())
