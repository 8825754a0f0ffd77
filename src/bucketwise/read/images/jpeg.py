"""Ordinary JPEG files, read without Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

from bucketwise.read.images.exif import read_orientation
from bucketwise.read.images.header import Header, UnusualError

MAGIC = b"\xff\xd8\xff"
"""Start of image and the first byte of a marker (ITU-T T.81, B.1.1)."""

STEP_BYTES = 1 << 16
MAX_BYTES = 1 << 20
"""A header is read in steps; a longer one is left to Pillow."""

# Markers, ITU-T T.81 table B.1.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive
_SKIPPED = frozenset({0xC4, 0xDD, 0xFE})  # Huffman tables, restart interval, comment
_QUANTISATION, _SCAN = 0xDB, 0xDA
_APP0, _APP1, _APP2, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF

_SEGMENT = Struct(">BBH")
_FRAME = Struct(">BHHB")
_BITS = 8

# Application segments Pillow looks into, by marker: how they begin, and the fewest bytes
# it can then read; 0 for those left to it: further pictures, and Photoshop's blocks.
_KNOWN = {
    _APP0: ((b"JFIF", 14),),
    _APP2: ((b"ICC_PROFILE\0", 14), (b"MPF\0", 0)),
    _APP13: ((b"Photoshop 3.0\0", 0),),
    _APP14: ((b"Adobe", 12),),
}


def read_jpeg(file: BinaryIO, window: bytes) -> Header:
    """Read the segments up to the first scan.

    Pillow judges a file by all of them, so all are looked at; its own reader is
    JpegImageFile._open in JpegImagePlugin.py, Pillow 13.0.0.

    Parameters
    ----------
    file : BinaryIO
        The file, standing after `window`.
    window : bytes
        Its first bytes.

    Returns
    -------
    Header

    Raises
    ------
    UnusualError, struct.error
        For a file that is broken or in any way unusual.
    """
    sizes: list[tuple[int, int]] = []
    blocks: list[bytes] = []
    for marker, segment in _list_segments(file, window):
        if marker in _FRAMES:
            sizes.append(_read_frame(segment))
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            blocks.append(segment[6:])
        elif marker not in _SKIPPED:
            _check(marker, segment)
    if len(sizes) != 1 or len(blocks) > 1:
        raise UnusualError
    return Header(
        format="JPEG",
        stored_width_px=sizes[0][0],
        stored_height_px=sizes[0][1],
        orientation=read_orientation(blocks[0]) if blocks else 1,
    )


def _list_segments(file: BinaryIO, window: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers and what follows them, the first scan's included."""
    at, marker = 2, 0
    while marker != _SCAN:
        start = at + _SEGMENT.size
        if start > len(window):
            window = _reach(file, window, start)
        fill, marker, length = _SEGMENT.unpack_from(window, at)
        at += 2 + length
        if at > len(window):
            window = _reach(file, window, at)
        if fill != 0xFF or not start <= at <= len(window):  # noqa: PLR2004
            raise UnusualError
        yield marker, window[start:at]


def _reach(file: BinaryIO, window: bytes, end: int) -> bytes:
    if end > MAX_BYTES:
        raise UnusualError
    return window + file.read(max(STEP_BYTES, end - len(window)))


def _read_frame(segment: bytes) -> tuple[int, int]:
    bits, height, width, layers = _FRAME.unpack_from(segment)
    if bits != _BITS or layers not in {1, 3, 4} or not width or not height:
        raise UnusualError
    if len(segment) != _FRAME.size + 3 * layers:
        raise UnusualError
    return width, height


def _check(marker: int, segment: bytes) -> None:
    """Refuse a segment that Pillow would do more with than pass it over."""
    if marker == _QUANTISATION:
        at = 0
        while at < len(
            segment
        ):  # 64 values of one byte or of two, after one of its own
            at += 65 if segment[at] >> 4 == 0 else 129
        if at != len(segment):
            raise UnusualError
    elif (marker != _SCAN and not _APP0 <= marker <= _APP15) or (
        marker == _APP1 and b"tiff:Orientation" in segment
    ):
        raise UnusualError
    for name, least in _KNOWN.get(marker, ()):
        if segment.startswith(name) and not 0 < least <= len(segment):
            raise UnusualError
