"""Images found one by one, added up to a histogram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.sources.images.header import Header
from bucketwise.traffic import (
    MAX_CELLS,
    MAX_PLACES,
    NO_TIME_S,
    SLOT_LADDER_S,
    InputRecord,
    Place,
    Rejection,
    Traffic,
    merge_traffic,
)

UNREADABLE = "unreadable image"
"""A file that starts as an image or is named as one, and has no header to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image that was found, or why what was found is none.

    Attributes
    ----------
    source : str
        Base name of the file it stands in.
    line : int
        Its line (row in Parquet); 0 where the file itself is the image.
    header : Header or None
        The image; None where there is a `reason`.
    reason : str
        Why it cannot be used; "" where it can.
    time_us : int or None
        Microseconds since 1970 (UTC), where known.
    label : str
        Tenant, endpoint or the like; "" for none.
    """

    source: str
    line: int = 0
    header: Header | None = None
    reason: str = ""
    time_us: int | None = None
    label: str = ""
