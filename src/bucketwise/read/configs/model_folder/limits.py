"""The pixel limits a processor class takes from its object."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.nouns.profile import PixelLimits
from bucketwise.read.configs.model_folder.fields import MOST_PIXELS, Fields, shown
from bucketwise.read.configs.model_folder.sections import (
    IMAGE,
    VIDEO,
    ProcessorClass,
    Section,
)

EDGES = ("shortest_edge", "longest_edge")
NAMES = ("min_pixels", "max_pixels")


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits and the key each was read from; "" for the class's default."""

    pixels: tuple[int, int]
    keys: tuple[str, str]


def read_limits(section: Section, kind: ProcessorClass, problems: list[str]) -> Limits:
    """Return the limits a class takes from its object.

    Qwen2VLImageProcessor and Qwen2VLVideoProcessor let min_pixels and max_pixels replace
    the edges of `size`, each by itself; Qwen3VLVideoProcessor reads `size` alone.
    """
    sized = _size(section, kind, problems)
    low = _limit(section, kind, sized, 0, problems)
    high = _limit(section, kind, sized, 1, problems)
    if low[0] > high[0]:
        problems.append(
            f"{section.at(low[1] or 'size')}: expected at most the upper limit "
            f"({high[0]:,}), got {low[0]:,}"
        )
    return Limits((low[0], high[0]), (low[1], high[1]))


def _size(section: Section, kind: ProcessorClass, problems: list[str]) -> Fields | None:
    """Return `size`; None where it is absent, so that the class's default holds."""
    mapping = section.mapping
    size = mapping.get("size")
    if size is None and ("size" not in mapping or kind.reads_names):
        return None
    if not isinstance(size, dict):
        problems.append(
            f"{section.at('size')}: expected an object with {' and '.join(EDGES)}, got "
            f"{shown(size)}"
        )
        return None
    # The classes that read min_pixels and max_pixels drop the copies in `size`.
    dropped = {n for n in NAMES if kind.reads_names and mapping.get(n) is not None}
    problems.extend(
        f"{section.at('size')}: expected {' and '.join(EDGES)} alone, got "
        f"{shown(key)}; no processor loads with other keys"
        for key in sorted(set(size) - {*EDGES} - dropped)[:5]
    )
    return Fields(section.at("size."), size, problems)


def _limit(
    section: Section,
    kind: ProcessorClass,
    sized: Fields | None,
    side: int,
    problems: list[str],
) -> tuple[int, str]:
    """Return the lower (`side` 0) or upper limit and its key."""
    name, edge, default = NAMES[side], EDGES[side], kind.pixels[side]
    if kind.reads_names and section.mapping.get(name) is not None:
        fields = section.fields(problems)
        return fields.whole(name, default, MOST_PIXELS), name
    if sized is None:
        return default, ""
    if edge not in sized.mapping:
        problems.append(
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
