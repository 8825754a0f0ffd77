"""The processors' files -> limits and sampling, decided as the real loaders decide."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bucketwise.nouns.profile import PixelLimits, VideoRule, VideoSampling
from bucketwise.read.configs.model_folder.fields import shown
from bucketwise.read.configs.model_folder.sections import (
    FRAMES,
    IMAGE,
    IMAGES,
    NAMES,
    NESTED,
    PAGES,
    VIDEO,
    VIDEO_CLASSES,
    Files,
    Limits,
    ProcessorClass,
    Section,
    check_image_class,
    first,
    image_type,
    nested,
    pixel_limits,
    plain_file,
    read_limits,
    video_class,
)
from bucketwise.read.configs.model_folder.tower import MOST_SIDE, Tower

TOKENS_OF_CAP = {"per_frame": 128_000, "whole_clip": 768, "refused": 128_000}
"""Defaults of `max_video_tokens`, the ones counted with."""

OLDER = "transformers 4.57.6"
OLDER_LACKS = ("qwen3_5", "qwen3_5_moe", "exaone4_5")
"""Families that release has no classes for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processors:
    """What the processors of a folder do; `video` is None where it is as `image`."""

    image: PixelLimits
    video: PixelLimits | None
    rule: VideoRule
    sampling: VideoSampling
    notes: tuple[str, ...]


def read_processors(
    family: str,
    files: Files,
    tower: Tower,
    problems: list[str],
    *,
    complete: bool = True,
) -> Processors | None:
    """Return what the image and the video processor of a folder do.

    The newest transformers decides: a nested object of processor_config.json first,
    then the processor's own file, and for clips at last preprocessor_config.json
    (transformers 5.15.1, image_processing_base.py, get_image_processor_dict, and
    video_processing_utils.py, get_video_processor_dict).
    """
    plain = plain_file(files, IMAGE, problems)
    image_at = first(nested(files, "image_processor", problems), plain)
    of_clips = nested(files, "video_processor", problems)
    video_at = first(of_clips, plain_file(files, VIDEO, problems), plain)
    if VIDEO_CLASSES[family] is PAGES:
        video_at = image_at
    if image_at is None or video_at is None:
        what = "image" if image_at is None else "video"
        if complete:
            problems.append(
                f"{IMAGE} is missing and {NESTED} holds no {what}_processor; one of "
                "them is needed: no processor loads without"
            )
        return None
    check_image_class(image_at, family)
    kind = video_class(video_at, family)
    limits, clips = read_limits(image_at, IMAGES), read_limits(video_at, kind)
    for section, used in ((image_at, IMAGES), (video_at, kind)):
        _check_geometry(section, used, tower)
    sampling = _sampling(video_at, kind)
    if problems:
        return None
    notes = (
        *_older_notes(family, files, limits, clips),
        *_ignored_notes(image_at, video_at, kind),
    )
    # The same object read by the same rule: clips follow whatever images are set to.
    same = (video_at.place, video_at.mapping) == (image_at.place, image_at.mapping)
    follows = kind in (FRAMES, PAGES) and same
    follows = follows and clips.pixels == limits.pixels
    return Processors(
        image=pixel_limits(image_at, limits, IMAGES),
        video=None if follows else pixel_limits(video_at, clips, kind, clip=True),
        rule=kind.rule,
        sampling=sampling,
        notes=tuple(dict.fromkeys(notes)),
    )


def _check_geometry(section: Section, kind: ProcessorClass, tower: Tower) -> None:
    """Check that the processor cuts the patches the tower takes."""
    problems = section.problems
    for key, default, tower_key, right in (
        ("patch_size", kind.patch_px, "patch_size", tower.patch_px),
        ("merge_size", 2, "spatial_merge_size", tower.merge),
        ("temporal_patch_size", 2, "temporal_patch_size", tower.temporal_patch),
    ):
        before = len(problems)
        found = section.whole(key, default, MOST_SIDE)
        if found == right or len(problems) > before:
            continue
        is_told = key in section.mapping
        absent = "" if is_told else f" (absent, the default of {kind.name})"
        problems.append(
            f"{section.at(key)}: expected the same number as vision_config.{tower_key} "
            f"of config.json ({right}), got {found}{absent}"
        )
    if not section.flag("do_resize", default=True):
        problems.append(
            f"{section.at('do_resize')}: expected true, got "
            f"{shown(section.mapping['do_resize'])}; what is counted is what the "
            "resize makes"
        )


def _sampling(section: Section, kind: ProcessorClass) -> VideoSampling:
    problems = section.problems
    rate = section.rate("fps", kind.fps)
    least = section.whole("min_frames", 4)
    most = section.whole("max_frames", 768)
    samples = section.flag("do_sample_frames", default=kind.fps is not None)
    cap = section.flag("cap_pixels_per_frame", default=False)
    if section.mapping.get("num_frames") is not None:
        problems.append(
            f"{section.at('num_frames')}: expected null, got "
            f"{shown(section.mapping['num_frames'])}; a fixed number of frames is not "
            "counted"
        )
    tokens = TOKENS_OF_CAP[kind.rule]
    if cap and section.mapping.get("max_video_tokens", tokens) != tokens:
        problems.append(
            f"{section.at('max_video_tokens')}: expected {tokens}, got "
            f"{shown(section.mapping['max_video_tokens'])}; no other is counted"
        )
    if least > most:
        problems.append(
            f"{section.at('min_frames')}: expected at most max_frames ({most}), got "
            f"{least}"
        )
    return VideoSampling(
        rule="evenly" if kind.rule == "whole_clip" else "pairs",
        fps=rate if samples else None,
        min_frames=least,
        max_frames=most,
        cap_pixels_per_frame=cap,
    )


def _older_notes(family: str, files: Files, limits: Limits, clips: Limits) -> list[str]:
    """Say where transformers 4.57.6 takes other limits from the same folder.

    It reads a nested object last, and the slow image class, which it takes where none
    is named, ignores `size` (image_processing_base.py, video_processing_utils.py and
    models/qwen2_vl/image_processing_qwen2_vl.py).
    """
    if family in OLDER_LACKS:
        return []
    unused: list[str] = []
    own = plain_file(files, IMAGE, unused)
    image_at = first(own, nested(files, "image_processor", unused))
    of_clips = nested(files, "video_processor", unused)
    video_at = first(plain_file(files, VIDEO, unused), own, of_clips)
    if image_at is not None and image_type(image_at.mapping) is None:
        plain = {key: each for key, each in image_at.mapping.items() if key != "size"}
        image_at = replace(image_at, mapping=plain)
    notes = []
    for what, section, newest in (
        ("image", image_at, limits),
        ("video", video_at, clips),
    ):
        if section is None:
            continue
        kind = IMAGES if what == "image" else video_class(section, family)
        older = read_limits(section, kind).pixels
        if not unused and older != newest.pixels:
            notes.append(
                f"{OLDER} takes other {what} limits from this folder: {older[0]:,} to "
                f"{older[1]:,} pixels ({section.file})."
            )
    return notes


def _ignored_notes(
    image_at: Section, video_at: Section, kind: ProcessorClass
) -> list[str]:
    notes = [
        f"{section.at('auto_map')} is not followed; no code of the folder is run."
        for section in (image_at, video_at)
        if section.mapping.get("auto_map")
    ]
    named = [name for name in NAMES if video_at.mapping.get(name) is not None]
    if named and not kind.reads_names:
        notes.append(
            f"{video_at.file}: {kind.name} ignores {' and '.join(named)} and reads "
            "size alone."
        )
    return notes
