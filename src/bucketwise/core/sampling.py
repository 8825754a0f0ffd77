"""How many frames of a clip the processor takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import FloatArray, IntArray, Sizes

BoolArray = NDArray[np.bool_]

GLM_MOST_S = 300
"""Seconds up to which GLM-4.1V and 4.5V sample by the second (transformers 5.23.0,
models/glm4v/video_processing_glm4v.py, max_duration)."""

GLM_RATES = ((30, 3.0), (300, 1.0), (2_400, 0.5))
GLM_MOST_FRAMES = 640
"""Temporal patches a second of clips up to so many seconds, and the most frames
(transformers 5.23.0, models/glm46v/video_processing_glm46v.py, sample_frames)."""


def seen_frames(
    sizes: Sizes, profile: ModelProfile, rate: float | None, max_frames: int | None
) -> IntArray:
    """Return the frames the processor patches; 0 for images and unsampleable clips.

    `rate` is the frames a second to sample at, None keeps every frame; `max_frames` are
    left before the processor sees a clip, which it then samples no more.
    """
    frames = sizes.frames
    cut = np.zeros(len(sizes), dtype=bool)
    if max_frames is not None:
        cut = frames > max_frames
        frames = np.where(cut, max_frames, frames)
    sampled = (sizes.fps > 0) & (frames > 0) & ~cut
    if profile.sampling.rule == "fixed":
        # So many of the whole clip, whatever its rate.
        return np.where(sampled, profile.sampling.max_frames, frames)
    if rate is None or not sampled.any():
        return frames
    seen = frames.copy()
    rule = RULES[profile.sampling.rule]
    seen[sampled] = rule(frames[sampled], sizes.fps[sampled], rate, profile)
    return seen


def too_few_to_sample(
    sizes: Sizes, profile: ModelProfile, max_frames: int | None
) -> BoolArray:
    """Return clips to be sampled that have fewer frames than are taken of each.

    transformers 5.15.1, video_processing_utils.py, sample_frames.
    """
    fixed = profile.sampling.rule == "fixed"
    least = profile.sampling.max_frames if fixed else 0
    most = max_frames or least
    uncut = sizes.frames <= most if max_frames else sizes.frames > 0
    return uncut & (sizes.fps > 0) & (sizes.frames > 0) & (sizes.frames < least)


def _evenly(
    total: IntArray, fps: FloatArray, rate: float, profile: ModelProfile
) -> IntArray:
    """Qwen3-VL: truncate, then clamp; an odd number may remain."""
    least, most = profile.sampling.min_frames, profile.sampling.max_frames
    clamped = np.clip(total / fps * rate, least, most).astype(np.int64)
    return np.minimum(clamped, total)


def _in_pairs(
    total: IntArray, fps: FloatArray, rate: float, profile: ModelProfile
) -> IntArray:
    """Qwen2-VL: clamp, floor to whole temporal patches, then step through the clip."""
    asked = total / fps * rate
    least, most = profile.sampling.min_frames, profile.sampling.max_frames
    step = profile.temporal_patch
    most_even = np.minimum(most, total) // step * step
    clamped = np.minimum(np.minimum(np.maximum(asked, least), most_even), total)
    target = np.floor(clamped / step).astype(np.int64) * step
    # torch.arange(0, total, total / target) has ceil(total / step) entries, which
    # rounding can make one more than `target`.
    safe = np.maximum(target, 1)
    stepped = np.ceil(total / (total / safe)).astype(np.int64)
    return np.where(target > 0, stepped, 0)


def _at_rate(
    total: IntArray, fps: FloatArray, rate: float, profile: ModelProfile
) -> IntArray:
    """Kimi: as many as the rate gives, and one at least; 0 where that is more than all."""
    del profile
    asked = np.maximum((total / fps * rate).astype(np.int64), 1)
    return np.where(asked <= total, asked, 0)


def _each(
    sample: Callable[[int, float, float], set[int]],
) -> Callable[[IntArray, FloatArray, float, ModelProfile], IntArray]:
    """Return a rule that lists the frames of each clip, in whole temporal patches."""

    def rule(
        total: IntArray, fps: FloatArray, rate: float, profile: ModelProfile
    ) -> IntArray:
        step = profile.temporal_patch
        taken = (
            len(sample(frames, native, rate))
            for frames, native in zip(total.tolist(), fps.tolist(), strict=True)
        )
        return np.array([-(-each // step) * step for each in taken], dtype=np.int64)

    return rule


def _by_second(frames: int, fps: float, rate: float) -> set[int]:
    """GLM-4.1V and 4.5V: at the rate, and of longer clips as many as of the longest."""
    duration_s, last = frames / fps, frames - 1
    if duration_s <= GLM_MOST_S:
        asked = max(math.floor(duration_s * rate), 1)
        return {min(last, math.ceil(at * fps / rate)) for at in range(asked)}
    asked = int(GLM_MOST_S * rate)
    if asked >= frames:
        return set(range(frames))
    seconds = np.linspace(0, duration_s, asked, endpoint=True)
    return {min(last, math.ceil(at * fps)) for at in seconds}


def _by_duration(frames: int, fps: float, rate: float) -> set[int]:
    """GLM-4.6V: the longer a clip, the fewer a second; repeated ones count once."""
    del rate
    duration_s = frames / fps
    lasting_s = min(duration_s, GLM_RATES[-1][0])
    a_second = 2 * next(each for most_s, each in GLM_RATES if lasting_s <= most_s)
    asked = min(int(lasting_s * a_second), GLM_MOST_FRAMES)
    first, last = 0, frames - 1
    if frames >= asked:
        taken = _passed(frames, fps, a_second, int(duration_s))
        if len(taken) == asked:
            return set(taken)
        if len(taken) < asked:
            first, last = (taken[0], taken[-1]) if taken else (first, last)
    return set(np.linspace(first, last, asked, dtype=int).tolist())


def _passed(frames: int, fps: float, a_second: float, until_s: int) -> list[int]:
    """Return the first frame at or after each point in time, in steps to the end."""
    taken: list[int] = []
    frame_s, at_s, frame = 1 / fps, 0.0, 0
    while frame < frames:
        frame = max(frame, int(at_s / frame_s) - 1)
        while frame < frames and frame * frame_s < at_s:
            frame += 1
        if frame >= frames:
            break
        at_s += 1 / a_second
        taken.append(frame)
        frame += 1
        if at_s >= until_s:
            break
    return taken


RULES: dict[str, Callable[[IntArray, FloatArray, float, ModelProfile], IntArray]] = {
    "pairs": _in_pairs,
    "evenly": _evenly,
    "rate": _at_rate,
    "seconds": _each(_by_second),
    "duration": _each(_by_duration),
}
