"""An image's header, its size as stored and as displayed, and what readers of images yield."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits

TURNED = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap the sides (CIPA DC-008, tag 0x0112)."""
TURNED_BY_PILLOW = frozenset({"TIFF"})
"""Formats whose size Pillow reports turned already (Pillow 13.0.0,
TiffImagePlugin.py, TiffImageFile._setup)."""

TOLD = "told"
"""Stands for a format where nothing but the size of an image is known."""


class UnusualError(Exception):
    """An image is not plain enough for the quick road; Pillow has to judge it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an image says of itself before anything is decoded.

    Attributes
    ----------
    format : str
        Pillow's name of the format, such as "JPEG", or `TOLD`.
    stored_width_px, stored_height_px : int
        Size as Pillow reports it, before any turn.
    orientation : int
        The turn the file asks for: EXIF orientation 1 to 8, 1 for none.
    """

    format: str
    stored_width_px: int
    stored_height_px: int
    orientation: int = 1

    @property
    def turned(self) -> bool:
        """Whether the sides swap between stored and displayed."""
        return self.orientation in TURNED and self.format not in TURNED_BY_PILLOW

    @property
    def width_px(self) -> int:
        """Width as displayed."""
        return self.stored_height_px if self.turned else self.stored_width_px

    @property
    def height_px(self) -> int:
        """Height as displayed."""
        return self.stored_width_px if self.turned else self.stored_height_px


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
