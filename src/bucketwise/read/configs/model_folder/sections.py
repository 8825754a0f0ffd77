"""Which file and which class a processor is made from, as the real loaders choose, and its pixel limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.nouns.profile import PixelLimits, VideoRule
from bucketwise.read.configs.model_folder.fields import MOST_PIXELS, Fields, shown

NESTED = "processor_config.json"
IMAGE = "preprocessor_config.json"
VIDEO = "video_preprocessor_config.json"

Files = Mapping[str, Mapping[str, Any]]
"""Name of each file the folder has -> the object it holds."""

NO_IMAGE_DEFAULT = ("qwen3_vl_moe",)
"""Families the image loader has no default class for (transformers 5.15.1, models/auto/
image_processing_auto.py): their file must name one."""

EDGES = ("shortest_edge", "longest_edge")
NAMES = ("min_pixels", "max_pixels")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorClass:
    """What a processor does with what its file leaves out.

    Attributes
    ----------
    name : str
        The class of transformers.
    pixels : tuple of int
        Default limits.
    patch_px : int
        Default patch side.
    reads_names : bool
        Whether min_pixels and max_pixels replace the edges of `size`; otherwise they
        are ignored.
    rule : {"per_frame", "whole_clip"}
        What video limits bound.
    fps : float or None
        Default rate of sampling; None where sampling is off.
    """

    name: str
    pixels: tuple[int, int]
    patch_px: int
    reads_names: bool
    rule: VideoRule
    fps: float | None


# transformers 5.15.1, models/qwen2_vl/image_processing_qwen2_vl.py,
# models/qwen2_vl/video_processing_qwen2_vl.py and
# models/qwen3_vl/video_processing_qwen3_vl.py.
IMAGES = ProcessorClass(name="Qwen2VLImageProcessor", pixels=(3_136, 1_003_520),
                        patch_px=14, reads_names=True, rule="per_frame", fps=None)  # fmt: skip
FRAMES = ProcessorClass(name="Qwen2VLVideoProcessor", pixels=(100_352, 602_112),
                        patch_px=14, reads_names=True, rule="per_frame", fps=None)  # fmt: skip
CLIPS = ProcessorClass(name="Qwen3VLVideoProcessor", pixels=(131_072, 786_432),
                       patch_px=16, reads_names=False, rule="whole_clip", fps=2.0)  # fmt: skip
IMAGE_TYPES = (IMAGES.name, f"{IMAGES.name}Fast", f"{IMAGES.name}Pil")
VIDEO_TYPES = {kind.name: kind for kind in (FRAMES, CLIPS)}

PAGES = replace(FRAMES, name="ColQwen2Processor", rule="refused")
"""No video processor: clips are refused (transformers 5.15.1, models/colqwen2/
processing_colqwen2.py)."""

VIDEO_CLASSES = {
    "qwen2_vl": FRAMES,
    "qwen2_5_vl": FRAMES,
    "qwen3_vl": CLIPS,
    "qwen3_vl_moe": CLIPS,
    "qwen3_5": CLIPS,
    "qwen3_5_moe": CLIPS,
    "exaone4_5": FRAMES,
    "colqwen2": PAGES,
}


@dataclass(frozen=True, slots=True)
class Section(Fields):
    """The object a processor is made from, and the file it stands in."""

    file: str = ""


def first(*sections: Section | None) -> Section | None:
    """Return the first object there is."""
    return next((section for section in sections if section is not None), None)


def plain_file(files: Files, name: str, problems: list[str]) -> Section | None:
    """Return the object of a file; None where the folder lacks the file."""
    found = files.get(name)
    return None if found is None else Section(f"{name}: ", found, problems, file=name)


def nested(files: Files, key: str, problems: list[str]) -> Section | None:
    """Return an object inside processor_config.json; None where it is absent or null."""
    found = files.get(NESTED, {}).get(key)
    if found is None:
        return None
    if not isinstance(found, dict):
        problems.append(f"{NESTED}: {key}: expected an object, got {shown(found)}")
        return None
    return Section(f"{NESTED}: {key}.", found, problems, file=NESTED)


def check_image_class(section: Section, family: str) -> None:
    """Add a fault where another class than the one counted with is loaded."""
    found = image_type(section.mapping)
    if found is None and family not in NO_IMAGE_DEFAULT:
        return
    if found not in IMAGE_TYPES:
        section.problems.append(
            f"{section.at('image_processor_type')}: expected {IMAGES.name} (or its "
            f"Fast or Pil form), got {shown(found)}, whose rule is not known here"
        )


def image_type(mapping: Mapping[str, Any]) -> Any:
    """Return the image class an object names, by its key of old where need be."""
    older = mapping.get("feature_extractor_type")
    if mapping.get("image_processor_type") is None and isinstance(older, str):
        return older.replace("FeatureExtractor", "ImageProcessor")
    return mapping.get("image_processor_type")


def video_class(section: Section, family: str) -> ProcessorClass:
    """Return the class that is loaded for clips.

    Where the object names none, the name of its image processor leads to one
    (transformers 5.15.1, models/auto/video_processing_auto.py): Qwen2VLImageProcessor
    to Qwen2VLVideoProcessor, whatever the family; the Fast form leads nowhere.
    """
    if VIDEO_CLASSES[family] is PAGES:
        return PAGES
    found = section.mapping.get("video_processor_type")
    if found is None:
        named = section.mapping.get("image_processor_type")
        if not isinstance(named, str):
            return VIDEO_CLASSES[family]
        inferred = named.replace("ImageProcessor", "VideoProcessor")
        return VIDEO_TYPES.get(inferred, VIDEO_CLASSES[family])
    if isinstance(found, str) and found in VIDEO_TYPES:
        return VIDEO_TYPES[found]
    section.problems.append(
        f"{section.at('video_processor_type')}: expected {' or '.join(VIDEO_TYPES)}, "
        f"got {shown(found)}"
    )
    return VIDEO_CLASSES[family]


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits and the key each was read from; "" for the class's default."""

    pixels: tuple[int, int]
    keys: tuple[str, str]


def read_limits(section: Section, kind: ProcessorClass) -> Limits:
    """Return the limits a class takes from its object.

    Qwen2VLImageProcessor and Qwen2VLVideoProcessor let min_pixels and max_pixels replace
    the edges of `size`, each by itself; Qwen3VLVideoProcessor reads `size` alone.
    """
    sized = _size(section, kind)
    low, high = (_limit(section, kind, sized, side) for side in (0, 1))
    if low[0] > high[0]:
        section.problems.append(
            f"{section.at(low[1] or 'size')}: expected at most the upper limit "
            f"({high[0]:,}), got {low[0]:,}"
        )
    return Limits((low[0], high[0]), (low[1], high[1]))


def _size(section: Section, kind: ProcessorClass) -> Fields | None:
    """Return `size`; None where it is absent, so that the class's default holds."""
    mapping = section.mapping
    size = mapping.get("size")
    if size is None and ("size" not in mapping or kind.reads_names):
        return None
    if not isinstance(size, dict):
        section.problems.append(
            f"{section.at('size')}: expected an object with {' and '.join(EDGES)}, got "
            f"{shown(size)}"
        )
        return None
    # The classes that read min_pixels and max_pixels drop the copies in `size`.
    dropped = {n for n in NAMES if kind.reads_names and mapping.get(n) is not None}
    section.problems.extend(
        f"{section.at('size')}: expected {' and '.join(EDGES)} alone, got "
        f"{shown(key)}; no processor loads with other keys"
        for key in sorted(set(size) - {*EDGES} - dropped)[:5]
    )
    return Fields(section.at("size."), size, section.problems)


def _limit(
    section: Section, kind: ProcessorClass, sized: Fields | None, side: int
) -> tuple[int, str]:
    """Return the lower (`side` 0) or upper limit and its key."""
    name, edge, default = NAMES[side], EDGES[side], kind.pixels[side]
    if kind.reads_names and section.mapping.get(name) is not None:
        return section.whole(name, default, MOST_PIXELS), name
    if sized is None:
        return default, ""
    if edge not in sized.mapping:
        section.problems.append(
            f"{section.at('size')}: expected both {' and '.join(EDGES)}, got no {edge}"
        )
        return default, ""
    return sized.whole(edge, default, MOST_PIXELS), f"size.{edge}"


def pixel_limits(
    section: Section, limits: Limits, kind: ProcessorClass, *, clip: bool = False
) -> PixelLimits:
    """Return limits with where they come from, in words."""
    keys = [key for key in limits.keys if key]
    source = section.at(" and ".join(keys))
    if not keys:
        source = f"the defaults of {kind.name}, {section.file} sets no limits"
    elif len(keys) < len(limits.keys):
        source += f", the other limit the default of {kind.name}"
    if clip and section.file == IMAGE:
        source += f" (no {VIDEO})"
    low, high = limits.pixels
    return PixelLimits(min_pixels=low, max_pixels=high, source=source)
