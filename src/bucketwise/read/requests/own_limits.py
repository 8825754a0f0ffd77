"""Pixel limits that a request sets for its own images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits
from bucketwise.read.requests.opened import opened
from bucketwise.read.requests.told import whole

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
_SIDES = ("resized_width", "resized_height")
_OF_PART = frozenset({"min_pixels", "max_pixels", *_SIDES})


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
        if holder.keys() >= set(_SIDES):
            width, height = (whole(holder[side]) or 0 for side in _SIDES)
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
