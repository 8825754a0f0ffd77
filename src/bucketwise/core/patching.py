"""Pixels through a model's processor: resize, grid, patches, needed length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.image_rules import Views, view
from bucketwise.core.sampling import seen_frames, too_few_to_sample
from bucketwise.errors import raise_all
from bucketwise.nouns.engine import Release
from bucketwise.nouns.image_rules import ImageRule
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import FloatArray, IntArray, Sizes

BoolArray = NDArray[np.bool_]
TextArray = NDArray[np.object_]

MAX_ASPECT_RATIO = 200
"""Longer sides over 200 times the shorter are refused (transformers 5.15.1,
models/qwen2_vl/image_processing_qwen2_vl.py, smart_resize)."""

_MAX_FPS = 1_000_000

CLIP_CONTEXT_PIXEL_SHARE = 0.9
CLIP_CONTEXT_TOKENS = 128_000
"""What `cap_pixels_per_frame` leaves a clip: 90 % of a context of 128,000 tokens
(transformers 5.23.0, models/qwen2_vl/video_processing_qwen2_vl.py)."""

FIRST_TOKENS = (4, 16_384)
"""Merged patches between which qwen_vl_utils resizes an image for which a message sets no
limits (qwen_vl_utils 0.0.14, vision_process.py, IMAGE_MIN_TOKEN_NUM and its like)."""

CLIP_FRAME_TOKENS = 768
"""Tokens `cap_pixels_per_frame` leaves one frame of Qwen3-VL (transformers 5.23.0,
models/qwen3_vl/video_processing_qwen3_vl.py)."""


_NO_CLIPS = {
    "refused": "ValueError: the processor takes images alone, no clips",
    "uncounted": "not counted: what this model makes of clips",
}

_TOO_FEW = "ValueError: the requested number of frames exceeds those of the clip"

_NOT_TOLD = "not counted: an image of this model that is known by its tokens alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What the processor is told beside the pixels."""

    image: PixelLimits
    """Image limits in force."""
    video: PixelLimits | None
    """Video limits in force; None where the video processor takes the image's."""
    video_fps: float | None
    """Frames a second to sample clips of known fps at; None keeps every frame."""
    max_frames: int | None = None
    """Frames the serving stack keeps before the processor sees the clip. A clip that is
    cut is not sampled again (vLLM, vllm/multimodal/video.py, `do_sample_frames`)."""
    cap_pixels_per_frame: bool = False
    """The processor's switch of that name, off in every released version."""

    def __post_init__(self) -> None:
        """Check that clips keep something."""
        problems = []
        if self.video_fps is not None and not 0 < self.video_fps <= _MAX_FPS:
            problems.append(
                f"video fps: expected above 0 and at most {_MAX_FPS:,}, got "
                f"{self.video_fps}"
            )
        if self.max_frames is not None and self.max_frames < 1:
            problems.append(f"max frames: expected at least 1, got {self.max_frames}")
        raise_all(problems)

    @property
    def clip(self) -> PixelLimits:
        """The limits clips are under."""
        return self.video or self.image


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What each distinct size becomes; arrays of shape (n_sizes,), in `sizes` order."""

    sizes: Sizes
    resized_height_px: IntArray
    resized_width_px: IntArray
    """After the processor's resize; 0 where it refuses, or the sides are unknown."""
    grid_t: IntArray
    grid_h: IntArray
    grid_w: IntArray
    """Runs (temporal patches of a clip, tiles of an image) and patches along each side of
    one, these 0 where unknown."""
    vit_patches: IntArray
    """Of one ViT run: grid_h * grid_w, what the visual tokens were merged from, or more
    where a run holds a token of its own or several frames."""
    merged_patches: IntArray
    """Of one run: the visual tokens the language model sees."""
    rest_patches: IntArray
    """Of one more run, of another length; 0 where there is none."""
    visual_tokens: IntArray
    """Of all runs: what the language model sees of the image or clip."""
    separators: IntArray
    """Tokens that the processor puts between those, and around."""
    error: TextArray
    """What the processor raises, "" where it accepts."""
    window_patches: int
    """The model's window side, for `needed`."""
    family: str
    """The model's family, for `needed`."""
    by_soft_tokens: bool = False
    """Whether the runtime compares soft tokens, which are the merged patches."""
    whole_clips: bool = False
    """Whether a clip is one run, all its temporal patches together."""

    @property
    def accepted(self) -> BoolArray:
        """Sizes the processor accepts."""
        return self.grid_t > 0

    @property
    def runs_each(self) -> IntArray:
        """ViT runs of one input of each size: its temporal patches, or one for all."""
        runs = np.minimum(self.grid_t, 1) if self.whole_clips else self.grid_t
        return runs + (self.rest_patches > 0)

    @property
    def runs(self) -> FloatArray:
        """Weighted ViT runs of each size."""
        return self.sizes.count * self.runs_each

    def needed(self, release: Release) -> IntArray:
        """Return the needed length of one run of each size; 0 where refused.

        Where runs of an image differ in length it is that of the longest.
        Where only the visual tokens are known it is the least there can be: windows
        at the edges of an image are partly empty, and nobody knows how many.
        """
        if self.by_soft_tokens:
            return np.where(self.accepted, self.merged_patches, 0)
        if not self.window_patches:
            lengths = np.maximum(self.vit_patches, self.rest_patches)
        else:
            extra = release.extra_windows(self.family)
            window = self.window_patches
            lengths = needed_lengths(self.grid_h, self.grid_w, window, extra)
            told = least_needed(self.vit_patches, window, extra)
            lengths = np.where(self.sizes.is_told, told, lengths)
        lengths = lengths * (self.grid_t if self.whole_clips else 1)
        return np.where(self.accepted, lengths, 0)


def needed_lengths(
    grid_h: IntArray, grid_w: IntArray, window_patches: int, extra: int
) -> IntArray:
    """Return the length the runtime needs for one run of each grid.

    A run without windows needs its ViT patches. With windows of w x w patches every
    window, even a partial one, is padded to w^2 (`_pad_for_window_attn_layers` in
    transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py).

    `extra` windows are counted too many, as a release of the engine tells.
    """
    if not window_patches:
        return grid_h * grid_w
    windows = -(-grid_h // window_patches) * -(-grid_w // window_patches) + extra
    return np.asarray(windows * window_patches**2, dtype=np.int64)


def least_needed(vit_patches: IntArray, window_patches: int, extra: int) -> IntArray:
    """Return the least length a run of that many patches can need, whatever its grid.

    With windows, as if all but one were full; `extra` is as for `needed_lengths`.
    """
    if not window_patches:
        return vit_patches
    side = np.full_like(vit_patches, window_patches)
    return needed_lengths(
        side, -(-vit_patches // window_patches), window_patches, extra
    )


def count_patches(
    sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> Counts:
    """Count what the processor makes of every distinct size.

    transformers 5.15.1: models/qwen2_vl/image_processing_qwen2_vl.py (smart_resize),
    models/qwen2_vl/video_processing_qwen2_vl.py,
    models/qwen3_vl/video_processing_qwen3_vl.py, and models/gemma4/
    image_processing_gemma4.py (get_aspect_ratio_preserving_size); 5.23.0:
    models/glm4v/image_processing_glm4v.py and video_processing_glm4v.py, and those that
    `core.image_rules` names. Images that are resized first: qwen_vl_utils 0.0.14,
    vision_process.py (fetch_image, smart_resize). Floating-point steps stand in the
    processors' order: the last bit decides some roundings.
    """
    if not profile.has_pixel_limits:
        # Limits in pixels are nothing that such a processor knows, whoever sets them.
        sizes = sizes.without_own_limits()
    if profile.image_rule:
        return _by_rule(profile.image_rule, sizes, profile, preprocessing)
    return _by_limits(sizes, profile, preprocessing)


def _by_limits(
    sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> Counts:
    """Count by the limits in pixels, or in soft tokens."""
    error = np.full(len(sizes), "", dtype=object)
    # Beside the words: to compare those of every size takes longer than all the rest.
    refused = np.zeros(len(sizes), dtype=np.bool_)
    told = sizes.is_told
    is_clip = sizes.frames > 0
    frames = _seen_frames(sizes, profile, preprocessing)
    volume = is_clip & (profile.video_rule == "whole_clip")

    if profile.video_rule == "refused":
        error[is_clip] = _NO_CLIPS["refused"]
        refused |= is_clip
    no_frame = is_clip & (frames == 0) & ~volume & ~refused
    error[no_frame] = "ZeroDivisionError: division by zero"
    few = too_few_to_sample(sizes, profile, preprocessing.max_frames)
    for index in np.flatnonzero(few):
        error[index] = (
            f"ValueError: Video can't be sampled. The `num_frames="
            f"{profile.sampling.max_frames}` exceeds "
            f"`total_num_frames={sizes.frames[index]}`. "
        )
    short = volume & (frames < profile.temporal_patch)
    for index in np.flatnonzero(short):
        error[index] = (
            f"ValueError: t:{frames[index]} must be larger than "
            f"temporal_factor:{profile.temporal_patch}"
        )
    refused |= no_frame | few | short
    if not profile.soft_tokens:
        # Only what resizes first looks at the sides as they were sent.
        refused |= _refuse_thin(error, *_known_sides(sizes), sizes.resized_first > 0)
    gone = np.minimum(*_resized_first(sizes, profile.factor_px)) < 1
    error[gone & ~refused] = "ValueError: height and width must be > 0"
    refused |= gone
    height, width, weight, rounded_weight = _resize_input(sizes, frames, profile)
    if not profile.soft_tokens:
        refused |= _refuse_thin(error, height, width, np.ones_like(told))
    low, high = _limits(sizes, frames, profile, preprocessing)
    if profile.soft_tokens:
        resized_h, resized_w = _filled(height, width, high, profile.factor_px)
    else:
        resized_h, resized_w = _smart_resize(
            (height, width), (weight, rounded_weight), (low, high), profile.factor_px
        )
    accepted = ~refused
    grid_t = np.where(is_clip, -(-frames // profile.temporal_patch), 1)
    grid_t = np.where(accepted, grid_t, 0)
    resized_h, resized_w = (
        np.where(accepted & ~told, values, 0) for values in (resized_h, resized_w)
    )
    grid_h, grid_w = resized_h // profile.patch_px, resized_w // profile.patch_px
    vit_patches = np.where(
        told, _told_patches(sizes, profile, preprocessing), grid_h * grid_w
    )
    return Counts(
        sizes=sizes,
        resized_height_px=resized_h,
        resized_width_px=resized_w,
        grid_t=grid_t,
        grid_h=grid_h,
        grid_w=grid_w,
        vit_patches=vit_patches,
        merged_patches=vit_patches // profile.patches_per_merged,
        rest_patches=np.zeros_like(grid_t),
        visual_tokens=vit_patches // profile.patches_per_merged * grid_t,
        separators=np.where(accepted & ~is_clip, profile.separators, 0),
        error=error,
        window_patches=profile.window_patches,
        family=profile.family,
        by_soft_tokens=profile.soft_tokens is not None,
        whole_clips=profile.whole_clips,
    )


def resize_input(
    sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return what the resize is given of every distinct size, whatever the limits.

    Height and width in pixels, 1 where they are unknown; and the frames that multiply the
    area under the whole-clip rule, as they are and rounded to whole temporal patches, 1
    elsewhere.
    """
    return _resize_input(sizes, _seen_frames(sizes, profile, preprocessing), profile)


def _seen_frames(
    sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> IntArray:
    told = (preprocessing.video_fps, preprocessing.max_frames)
    return seen_frames(sizes, profile, *told)


def _resize_input(
    sizes: Sizes, frames: IntArray, profile: ModelProfile
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    frames = np.where(sizes.frames > 0, frames, profile.image_frames)
    volume = (sizes.frames > 0) | (profile.image_frames > 1)
    volume &= profile.video_rule == "whole_clip"
    step = profile.temporal_patch
    height, width = (
        np.maximum(side, 1) for side in _resized_first(sizes, profile.factor_px)
    )
    return (
        *_grow_short_sides(height, width, volume, profile.factor_px),
        np.where(volume, frames, 1),
        np.where(volume, np.rint(frames / step).astype(np.int64) * step, 1),
    )


def _known_sides(sizes: Sizes) -> tuple[IntArray, IntArray]:
    """Return height and width; 1 where they are unknown."""
    sides = (sizes.height_px, sizes.width_px)
    height, width = (np.where(sizes.is_told, 1, side) for side in sides)
    return height, width


def _resized_first(sizes: Sizes, factor_px: int) -> tuple[IntArray, IntArray]:
    """Return the sides that reach the processor, after a resize where there is one."""
    height, width = _known_sides(sizes)
    first = sizes.resized_first > 0
    if not first.any():
        return height, width
    own = (sizes.own_min_pixels, sizes.own_max_pixels)
    low, high = (
        np.where(limit > 0, limit, tokens * factor_px**2)
        for limit, tokens in zip(own, FIRST_TOKENS, strict=True)
    )
    one = np.ones_like(height)
    resized = _smart_resize(
        (height, width), (one, one), (low, high), factor_px, first=True
    )
    return np.where(first, resized[0], height), np.where(first, resized[1], width)


def _refuse_thin(
    error: TextArray, height: IntArray, width: IntArray, asked: BoolArray
) -> BoolArray:
    """Say of thin images that they are, unless something was said, and return them."""
    ratio = np.maximum(height, width) / np.minimum(height, width)
    is_thin: BoolArray = asked & (ratio > MAX_ASPECT_RATIO)
    for index in np.flatnonzero(is_thin):
        error[index] = error[index] or (
            "ValueError: absolute aspect ratio must be smaller than "
            f"{MAX_ASPECT_RATIO}, got {float(ratio[index])}"
        )
    return is_thin


def _by_rule(
    rule: ImageRule, sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> Counts:
    """Count by the rule of a processor that knows no limits in pixels."""
    is_clip, told = sizes.frames > 0, sizes.is_told
    frames = _seen_frames(sizes, profile, preprocessing)
    found = _frames_by_rule(rule, sizes, profile)
    error = np.full(len(sizes), "", dtype=object)
    refused = told | (is_clip & ((frames == 0) | (profile.frame_rule is None)))
    if found.error is not None:
        error, refused = found.error, refused | (found.error != "")
    error[told] = _NOT_TOLD
    error[is_clip & (frames == 0)] = _TOO_FEW
    if profile.frame_rule is None:
        error[is_clip] = _NO_CLIPS[profile.video_rule]
    grid = found.grid_h * found.grid_w
    of_run, step = profile.patches_per_merged, profile.temporal_patch
    whole, left = frames // step, frames % step
    chunks = np.where(is_clip, np.minimum(frames, step), 1)
    runs = np.where(is_clip, found.runs * np.maximum(whole, 1), found.runs)
    rest = np.where(is_clip & (whole > 0), grid * left, found.rest_patches)
    # Frames of one run are averaged after the tower.
    merged, more = grid // of_run, np.where(is_clip, grid * (left > 0), rest) // of_run
    tokens = merged * runs + np.where(rest > 0, more, 0)
    if found.tokens is not None:
        tokens = np.where(is_clip, tokens, found.tokens)

    def known(values: IntArray) -> IntArray:
        return np.where(refused, 0, values)

    return Counts(
        sizes=sizes,
        resized_height_px=known(found.height_px),
        resized_width_px=known(found.width_px),
        grid_t=known(runs),
        grid_h=known(found.grid_h),
        grid_w=known(found.grid_w),
        vit_patches=known(grid * chunks + profile.class_tokens),
        merged_patches=known(merged),
        rest_patches=known(rest),
        visual_tokens=known(tokens),
        separators=known(np.where(is_clip, 0, found.separators + profile.separators)),
        error=error,
        window_patches=0,
        family=profile.family,
        whole_clips=profile.whole_clips and profile.temporal_patch == 1,
    )


def _frames_by_rule(rule: ImageRule, sizes: Sizes, profile: ModelProfile) -> Views:
    """Return what becomes of every image, and of one frame of every clip."""
    height, width = _known_sides(sizes)
    found, is_clip = view(rule, height, width, profile), sizes.frames > 0
    if profile.frame_rule is None or not is_clip.any():
        return found
    return found.where(is_clip, view(profile.frame_rule, height, width, profile))


def _told_patches(
    sizes: Sizes, profile: ModelProfile, preprocessing: Preprocessing
) -> IntArray:
    """Return the ViT patches of images known by their tokens.

    One that was logged with more than the limits allow is taken to fill the upper
    one, one with less to be enlarged to the lower one.
    """
    area_px = profile.limit_px * profile.patches_per_merged
    image = preprocessing.image
    least = -(-image.min_pixels // area_px)
    most = max(image.max_pixels // area_px, least)
    return np.clip(sizes.visual_tokens, least, most) * profile.patches_per_merged


def _grow_short_sides(
    height: IntArray, width: IntArray, grown: BoolArray, factor_px: int
) -> tuple[IntArray, IntArray]:
    """Scale what has a side below the factor up: Qwen3-VL clips alone, GLM images too."""
    grown = grown & ((height < factor_px) | (width < factor_px))
    scale = np.maximum(factor_px / height, factor_px / width)
    return (
        np.where(grown, (height * scale).astype(np.int64), height),
        np.where(grown, (width * scale).astype(np.int64), width),
    )


def _limits(
    sizes: Sizes,
    frames: IntArray,
    profile: ModelProfile,
    preprocessing: Preprocessing,
) -> tuple[IntArray, IntArray]:
    """Return the lower and upper limit of each size."""
    video, image = preprocessing.clip, preprocessing.image
    is_clip = sizes.frames > 0
    low = np.where(is_clip, video.min_pixels, image.min_pixels)
    high = np.where(is_clip, video.max_pixels, image.max_pixels)
    if preprocessing.cap_pixels_per_frame:
        capped = _capped(np.maximum(frames, 1), profile, video)
        high = np.where(is_clip, capped, high)
    own = sizes.has_own_limits
    return (
        np.where(own & (sizes.own_min_pixels > 0), sizes.own_min_pixels, low),
        np.where(own & (sizes.own_max_pixels > 0), sizes.own_max_pixels, high),
    )


def _capped(frames: IntArray, profile: ModelProfile, video: PixelLimits) -> IntArray:
    """Return the upper limit under `cap_pixels_per_frame` (transformers 5.23.0)."""
    area_px = profile.factor_px**2
    floor_pixels = int(video.min_pixels * 1.05)
    if profile.video_rule == "whole_clip":
        share = np.minimum(CLIP_FRAME_TOKENS * area_px, video.max_pixels // frames)
        return frames * np.maximum(share, floor_pixels)
    budget = int(CLIP_CONTEXT_TOKENS * area_px * CLIP_CONTEXT_PIXEL_SHARE)
    share = budget * profile.temporal_patch // frames
    return np.maximum(np.minimum(video.max_pixels, share), floor_pixels)


def _filled(
    height: IntArray, width: IntArray, high: IntArray, factor_px: int
) -> tuple[IntArray, IntArray]:
    """Scale up or down to fill the upper limit, then floor to multiples of the factor.

    A side that would be none becomes one, and the other as many as it is longer.
    """
    scale = np.sqrt(high / (height * width))
    rows, columns = (
        np.floor(scale * side / factor_px).astype(np.int64) for side in (height, width)
    )
    most = high // factor_px**2
    flat, thin = rows == 0, columns == 0
    along = np.minimum(np.floor(width / height).astype(np.int64), most)
    down = np.minimum(np.floor(height / width).astype(np.int64), most)
    rows, columns = (
        np.where(flat, 1, np.where(thin, down, rows)),
        np.where(flat, along, np.where(thin, 1, columns)),
    )
    return rows * factor_px, columns * factor_px


def _smart_resize(
    sides_px: tuple[IntArray, IntArray],
    weights: tuple[IntArray, IntArray],
    limits: tuple[IntArray, IntArray],
    factor_px: int,
    *,
    first: bool = False,
) -> tuple[IntArray, IntArray]:
    """Resize to multiples of the factor within the limits.

    The processor keeps a side of one factor where it shrinks an image, the resize before
    it (`first`) where it rounds one.

    `weights` are the frames that multiply the area under the whole-clip rule, as they
    are and as rounded to whole temporal patches; 1 elsewhere. The test uses the rounded
    area, the scale the original one.
    """
    height, width = sides_px
    weight, rounded_weight = weights
    low, high = limits
    rounded_px, shrunk_px = (factor_px, 0) if first else (0, factor_px)

    def rounded(side: IntArray) -> IntArray:
        whole: IntArray = np.rint(side / factor_px).astype(np.int64)
        return np.maximum(rounded_px, whole * factor_px)

    rounded_h, rounded_w = rounded(height), rounded(width)
    area = rounded_weight * rounded_h * rounded_w
    pixels = weight * height * width
    shrink = np.sqrt(np.maximum(pixels, 1) / high)
    grow = np.sqrt(low / np.maximum(pixels, 1))

    def shrunk(side: IntArray) -> IntArray:
        whole: IntArray = np.floor(side / shrink / factor_px).astype(np.int64)
        return np.maximum(shrunk_px, whole * factor_px)

    def grown(side: IntArray) -> IntArray:
        whole: IntArray = np.ceil(side * grow / factor_px).astype(np.int64)
        return whole * factor_px

    too_large, too_small = area > high, area < low
    return (
        np.where(
            too_large, shrunk(height), np.where(too_small, grown(height), rounded_h)
        ),
        np.where(
            too_large, shrunk(width), np.where(too_small, grown(width), rounded_w)
        ),
    )
