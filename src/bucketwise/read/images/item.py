"""What image readers yield, whatever the images stood in."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits
from bucketwise.read.images.header import Header


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
    time : str
        When it was sent, as written; "" where nothing says.
    label : str
        Tenant, endpoint or the like; "" for none.
    own : OwnLimits
        Pixel limits that its request sets for it.
    """

    source: str
    line: int = 0
    header: Header | None = None
    reason: str = ""
    time: str = ""
    label: str = ""
    own: OwnLimits = NO_LIMITS
