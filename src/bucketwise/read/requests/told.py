"""The size of an image as a log tells it, where the image itself was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from bucketwise.read.images.header import TOLD, Header
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
