"""Ordinary PNG files, read without Pillow, and the walk over any PNG's chunks."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO
from zlib import crc32

from bucketwise.read.images.header import Header, UnusualError

MAGIC = b"\x89PNG\r\n\x1a\n"
"""The signature (PNG specification, third edition, 5.2)."""

MAX_CHUNKS = 100_000
"""Chunks looked at after the image data began: 800 MB of libpng's usual 8 KiB."""

_START = Struct(">L4s")
_IHDR = Struct(">LLBBBBB")
_CRC = Struct(">L")
_FIRST = b"\0\0\0\rIHDR"  # the header chunk and its length
_IHDR_AT = len(MAGIC) + len(_FIRST)

# Depths and colour types Pillow opens (Pillow 13.0.0, PngImagePlugin.py, _MODES).
_LAYOUTS = frozenset({(depth, 0) for depth in (1, 2, 4, 8, 16)}
    | {(depth, 3) for depth in (1, 2, 4, 8)}
    | {(depth, colour) for depth in (8, 16) for colour in (2, 4, 6)})  # fmt: skip

# Chunks that say nothing of size or orientation, and the fewest bytes Pillow takes.
_PLAIN = {
    b"PLTE": 0,
    b"bKGD": 0,
    b"cHRM": 32,
    b"gAMA": 4,
    b"hIST": 0,
    b"pHYs": 9,
    b"sBIT": 0,
    b"sRGB": 1,
    b"tIME": 0,
    b"tRNS": 6,
}


def read_png(file: BinaryIO, window: bytes) -> Header:
    """Read the chunks of a PNG, stepping over its image data.

    Orientation may stand after the image data (eXIf, XMP: PNG specification, third
    edition, 5.6), so the file is walked to its end.

    Parameters
    ----------
    file : BinaryIO
        The file, seekable.
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
    if not window.startswith(_FIRST, len(MAGIC)):
        raise UnusualError
    width, height, depth, colour, _, filters, _ = _IHDR.unpack_from(window, _IHDR_AT)
    if (depth, colour) not in _LAYOUTS or filters or not width or not height:
        raise UnusualError
    for kind, _, _ in walk_chunks(file, _find_data(window)):
        if kind == b"IEND":
            break
        if kind != b"IDAT":
            raise UnusualError
    return Header(format="PNG", stored_width_px=width, stored_height_px=height)


def walk_chunks(file: BinaryIO, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Step from chunk to chunk without reading what they hold.

    Parameters
    ----------
    file : BinaryIO
        The file, seekable.
    at : int
        Where a chunk begins.

    Yields
    ------
    tuple of (bytes, int, int)
        A chunk's type, where its data begins, and how long that is. The walk ends
        with the file or after `MAX_CHUNKS`.
    """
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        start = file.read(8)
        if len(start) < _START.size:
            return
        length, kind = _START.unpack(start)
        yield kind, at + 8, length
        at += 12 + length


def _find_data(window: bytes) -> int:
    """Say where the first image data chunk begins, all before it being plain."""
    at = len(MAGIC)
    fewest = {b"IHDR": 13}
    while True:
        length, kind = _START.unpack_from(window, at)
        if kind == b"IDAT":
            return at
        end = at + 8 + length
        (crc,) = _CRC.unpack_from(window, end)
        is_plain = kind in fewest and length >= fewest[kind]
        if not is_plain or crc != crc32(window[at + 4 : end]):
            raise UnusualError
        at, fewest = end + _CRC.size, _PLAIN
