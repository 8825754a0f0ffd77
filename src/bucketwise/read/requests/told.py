"""What a log tells beside an image: its size, and pixel limits that a request sets for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits
from bucketwise.read.images.header import TOLD, Header
from bucketwise.read.requests.opened import opened
from bucketwise.read.tables.names import SIZES
from bucketwise.words.reasons import NOT_A_NUMBER, ZERO_OR_NEGATIVE

_LONGEST_NAME = 40
"""Characters; longer names are none of a side, and would fill the cache."""


def told_size(part: Mapping[str, Any]) -> Header | str | None:
    """Return the size that stands beside an image, or why it is none.

    Parameters
    ----------
    part : mapping
        What a request or a log says of one image, such as
        `{"width": 640, "height": 480}`.

    Returns
    -------
    Header or str or None
        None where it says nothing.
    """
    sides = _sides(tuple(name for name in part if len(name) <= _LONGEST_NAME))
    if sides is None:
        return None
    width, height = (whole(part[side]) for side in sides)
    if width is None or height is None:
        return NOT_A_NUMBER
    if min(width, height) <= 0:
        return ZERO_OR_NEGATIVE
    return Header(format=TOLD, stored_width_px=width, stored_height_px=height)


@lru_cache(maxsize=256)
def _sides(names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return which names are those of width and height; a log has few such tuples."""
    width, height = (SIZES.find(names, side) for side in ("width", "height"))
    return (names[width[0]], names[height[0]]) if width and height else None


def whole(value: object) -> int | None:
    """Return a number as tables read it; None where it is no whole one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and number.is_integer() else None


_MOST_PIXELS = 2**50
"""Above every image there is."""

_OF_PROCESSOR = ("mm_processor_kwargs", "processor_kwargs")
_OF_IMAGES = "images_kwargs"
_SETTINGS = (
    "extra_body", "invocation_parameters", "optional_params", "model_parameters",
    "modelParameters",
)  # fmt: skip
"""Where clients and traces keep what a request is sent with beside its messages."""

_SET = frozenset({*_OF_PROCESSOR, *_SETTINGS})
_RESIZED = ("resized_width", "resized_height")
_OF_PART = frozenset({"min_pixels", "max_pixels", *_RESIZED})


def limits_of_request(body: Mapping[str, Any]) -> OwnLimits | None:
    """Return the limits that take the place of the processor's for a whole request.

    Parameters
    ----------
    body : mapping
        With `mm_processor_kwargs` (vLLM, OpenAI-compatible server; their `size` as
        transformers writes it), or without; then None.
    """
    if _SET.isdisjoint(body):
        return None
    settings = _objects(body, _SETTINGS)
    inner = [each for holder in settings for each in _objects(holder, _SETTINGS)]
    for holder in (body, *settings, *inner):
        for told in _objects(holder, _OF_PROCESSOR):
            return _limits({**told, **_object(told.get(_OF_IMAGES))})
    return None


def limits_of_part(part: Mapping[str, Any]) -> OwnLimits:
    """Return the limits that a part of a message sets for its image.

    qwen_vl_utils 0.0.14 resizes by them before the processor does (vision_process.py,
    fetch_image), and so does LMDeploy by those within `image_url`
    (lmdeploy/vl/model/qwen2.py, Qwen2VLModel.preprocess).

    Parameters
    ----------
    part : mapping
        An image part.
    """
    for holder in _holders(part):
        if not _OF_PART.isdisjoint(holder):
            return replace(_limits(holder), resized_first=True)
    return NO_LIMITS


def resized_sides(part: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the width and height that a part asks its image to be resized to."""
    for holder in _holders(part):
        if holder.keys() >= set(_RESIZED):
            width, height = (whole(holder[side]) or 0 for side in _RESIZED)
            if min(width, height) > 0:
                return width, height
    return None


def _holders(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part, *(_object(part.get(key)) for key in ("image_url", "image"))]


def _objects(holder: Mapping[str, Any], keys: Sequence[str]) -> list[Mapping[str, Any]]:
    found = [opened(holder[key]) for key in keys if key in holder]
    return [each for each in found if isinstance(each, dict)]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _limits(told: Mapping[str, Any]) -> OwnLimits:
    edges = _object(told.get("size"))
    low = told.get("min_pixels", edges.get("shortest_edge"))
    high = told.get("max_pixels", edges.get("longest_edge"))
    least, most = (min(max(whole(each) or 0, 0), _MOST_PIXELS) for each in (low, high))
    return OwnLimits(min_pixels=least, max_pixels=most)
