"""An image's header, its size as stored and as displayed, read from ordinary PNG, JPEG and WebP files without Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple
from zlib import crc32

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits

TURNED = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap the sides (CIPA DC-008, tag 0x0112)."""
TURNED_BY_PILLOW = frozenset({"TIFF"})
"""Formats whose size Pillow reports turned already (Pillow 13.0.0,
TiffImagePlugin.py, TiffImageFile._setup)."""

TOLD = "told"
"""Stands for a format where nothing but the size of an image is known."""

ORIENTATION = 0x0112
"""Tag of the orientation (CIPA DC-008-2019, table 4)."""
TURNS = {turn: turn for turn in range(1, 9)}
"""Orientations the standard knows; any other value is none."""
_SHORT, _RATIONAL = 3, 5
_UNIT_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8,
}  # fmt: skip
_INLINE_BYTES = 4  # a longer value stands elsewhere (TIFF 6.0, section 2)
# Tags Pillow reads as it opens a JPEG: what they hold can make it refuse the file
# (Pillow 13.0.0, JpegImagePlugin.py, _read_dpi_from_exif).
_EXPECTED = {ORIENTATION: (_SHORT, 1), 0x011A: (_RATIONAL, 1), 0x0128: (_SHORT, 1)}
_ORDERS = {
    b"II*\0": (Struct("<L"), Struct("<H"), Struct("<HHL4s")),
    b"MM\0*": (Struct(">L"), Struct(">H"), Struct(">HHL4s")),
}

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
"""The signature (PNG specification, third edition, 5.2)."""
MAX_CHUNKS = 100_000
"""Chunks looked at after the image data began: 800 MB of libpng's usual 8 KiB."""
_START = Struct(">L4s")
_IHDR = Struct(">LLBBBBB")
_CRC = Struct(">L")
_FIRST = b"\0\0\0\rIHDR"  # the header chunk and its length
_IHDR_AT = len(PNG_MAGIC) + len(_FIRST)
# Depths and colour types Pillow opens (Pillow 13.0.0, PngImagePlugin.py, _MODES).
_LAYOUTS = frozenset({(depth, 0) for depth in (1, 2, 4, 8, 16)}
    | {(depth, 3) for depth in (1, 2, 4, 8)}
    | {(depth, colour) for depth in (8, 16) for colour in (2, 4, 6)})  # fmt: skip
# Chunks that say nothing of size or orientation, and the fewest bytes Pillow takes.
_FEWEST = {
    b"PLTE": 0, b"bKGD": 0, b"cHRM": 32, b"gAMA": 4, b"hIST": 0, b"pHYs": 9, b"sBIT": 0,
    b"sRGB": 1, b"tIME": 0, b"tRNS": 6,
}  # fmt: skip
JPEG_MAGIC = b"\xff\xd8\xff"
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

RIFF_MAGIC = b"RIFF"
"""What a WebP begins with (WebP container specification, "WebP File Header")."""
_RIFF = Struct("<4sL4s4sL")
_PAYLOAD_AT = _RIFF.size
_OUTSIDE_RIFF, _CHUNK_START = 8, 8  # bytes that RIFF's and the chunk's size leave out
# Lossy: the frame tag and the size (RFC 6386, 9.1); lossless: signature and size (WebP
# lossless bitstream specification, 3).
_KEY_FRAME = Struct("<HB3sHH")
_LOSSLESS = Struct("<BL")
_SIDE_BITS = 0x3FFF
_MOST_PROFILE = 3
MAX_CANVAS_PX = 1 << 26
"""Pillow makes the canvas of a WebP as it opens it; whether of a larger one, it judges."""

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes at a position."""


class UnusualError(Exception):
    """An image is not plain enough for the quick road; Pillow has to judge it."""


class Header(NamedTuple):
    """What an image says of itself before anything is decoded.

    A tuple, as an `Item` is: of millions, to make them is a tenth of the time.
    """

    format: str
    """Pillow's name of the format, such as "JPEG", or `TOLD`."""
    stored_width_px: int
    stored_height_px: int
    """Size as Pillow reports it, before any turn."""
    orientation: int = 1
    """The turn the file asks for: EXIF orientation 1 to 8, 1 for none."""

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


class Item(NamedTuple):
    """One image that was found, or why what was found is none."""

    source: str
    """Base name of the file it stands in."""
    line: int = 0
    """Its line (row in Parquet); 0 where the file itself is the image."""
    header: Header | None = None
    """The image; None where there is a `reason`."""
    reason: str = ""
    """Why it cannot be used; "" where it can."""
    time: str = ""
    """When it was sent, as written; "" where nothing says."""
    label: str = ""
    """Tenant, endpoint or the like; "" for none."""
    own: OwnLimits = NO_LIMITS
    """Pixel limits that its request sets for it."""
    request: int = 0
    """Number of its request within the input, from 1; 0 where none is known."""


def positions_in(file: BinaryIO) -> ReadAt:
    """Return what reads a seekable file at a position."""

    def read_at(size: int, at: int) -> bytes:
        file.seek(at)
        return file.read(size)

    return read_at


def read_orientation(tiff: bytes) -> int:
    """Find the orientation in the first directory of a TIFF block."""
    if tiff[:4] not in _ORDERS:
        raise UnusualError
    long, short, field = _ORDERS[tiff[:4]]
    (start,) = long.unpack_from(tiff, 4)
    (count,) = short.unpack_from(tiff, start)
    end = start + short.size + count * field.size
    long.unpack_from(tiff, end)  # the next directory's place has to be there
    elsewhere = 0
    found = []
    for tag, kind, number, value in field.iter_unpack(tiff[start + short.size : end]):
        size = _UNIT_BYTES.get(kind, 0) * number
        if not size or _EXPECTED.get(tag, (kind, number)) != (kind, number):
            raise UnusualError
        if size > _INLINE_BYTES:
            elsewhere += size
            if long.unpack(value)[0] + size > len(tiff):
                raise UnusualError
        if tag == ORIENTATION:
            found.append(short.unpack_from(value)[0])
    if elsewhere > len(tiff):
        raise UnusualError
    return TURNS.get(found[0], 1) if found else 1


def read_png(read_at: ReadAt, window: bytes) -> Header:
    """Read the chunks of a PNG, stepping over its image data.

    Orientation may stand after the image data (eXIf, XMP: PNG specification, third
    edition, 5.6), so the file is walked to its end.
    """
    if not window.startswith(_FIRST, len(PNG_MAGIC)):
        raise UnusualError
    width, height, depth, colour, _, filters, _ = _IHDR.unpack_from(window, _IHDR_AT)
    if (depth, colour) not in _LAYOUTS or filters or not width or not height:
        raise UnusualError
    for kind, _, _ in walk_chunks(read_at, _find_data(window), window):
        if kind == b"IEND":
            break
        if kind != b"IDAT":
            raise UnusualError
    return Header(format="PNG", stored_width_px=width, stored_height_px=height)


def walk_chunks(
    read_at: ReadAt, at: int, window: bytes = b""
) -> Iterator[tuple[bytes, int, int]]:
    """Step from chunk to chunk without reading what they hold."""
    for _ in range(MAX_CHUNKS):
        start = window[at : at + 8]
        if len(start) < _START.size:
            start = read_at(8, at)
        if len(start) < _START.size:
            return
        length, kind = _START.unpack(start)
        yield kind, at + 8, length
        at += 12 + length


def _find_data(window: bytes) -> int:
    """Say where the first image data chunk begins, all before it being plain."""
    at = len(PNG_MAGIC)
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
        at, fewest = end + _CRC.size, _FEWEST


def read_jpeg(read_at: ReadAt, window: bytes) -> Header:
    """Read the segments up to the first scan.

    Pillow judges a file by all of them, so all are looked at; its own reader is
    JpegImageFile._open in JpegImagePlugin.py, Pillow 13.0.0.
    """
    sizes: list[tuple[int, int]] = []
    blocks: list[bytes] = []
    for marker, segment in _list_segments(read_at, window):
        if marker in _FRAMES:
            sizes.append(_read_frame(segment))
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            blocks.append(segment[6:])
        else:
            _check(marker, segment)
    if len(sizes) != 1 or len(blocks) > 1:
        raise UnusualError
    return Header(
        format="JPEG",
        stored_width_px=sizes[0][0],
        stored_height_px=sizes[0][1],
        orientation=read_orientation(blocks[0]) if blocks else 1,
    )


def _list_segments(read_at: ReadAt, window: bytes) -> list[tuple[int, bytes]]:
    """Return markers and what follows them, up to the first scan and with it."""
    segments = []
    at, marker = 2, 0
    while marker != _SCAN:
        start = at + _SEGMENT.size
        if start > len(window):
            window = _reach(read_at, window, start)
        fill, marker, length = _SEGMENT.unpack_from(window, at)
        at += 2 + length
        if at > len(window):
            window = _reach(read_at, window, at)
        if fill != 0xFF or not start <= at <= len(window):  # noqa: PLR2004
            raise UnusualError
        if marker not in _SKIPPED:
            segments.append((marker, window[start:at]))
    return segments


def _reach(read_at: ReadAt, window: bytes, end: int) -> bytes:
    if end > MAX_BYTES:
        raise UnusualError
    return window + read_at(max(STEP_BYTES, end - len(window)), len(window))


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


def read_webp(read_at: ReadAt, window: bytes) -> Header:
    """Read a still picture that is all its file holds, as libwebp's demux.c judges it.

    Metadata, animation and alpha beside a lossy picture stand in further chunks; those
    are left to Pillow.
    """
    _, riff_bytes, form, kind, size = _RIFF.unpack_from(window)
    payload = size + size % 2
    if form != b"WEBP" or riff_bytes != len(form) + _CHUNK_START + payload:
        raise UnusualError
    if kind == b"VP8 ":
        width, height = _read_key_frame(window, size)
    elif kind == b"VP8L":
        signature, bits = _LOSSLESS.unpack_from(window, _PAYLOAD_AT)
        if signature != 0x2F or bits >> 29 or size < _LOSSLESS.size:  # noqa: PLR2004
            raise UnusualError
        width, height = (bits & _SIDE_BITS) + 1, (bits >> 14 & _SIDE_BITS) + 1
    else:
        raise UnusualError
    end = riff_bytes + _OUTSIDE_RIFF
    if width * height > MAX_CANVAS_PX:
        raise UnusualError
    if end > len(window) and not read_at(1, end - 1):  # it was cut
        raise UnusualError
    return Header(format="WEBP", stored_width_px=width, stored_height_px=height)


def _read_key_frame(window: bytes, size: int) -> tuple[int, int]:
    low, high, start, width, height = _KEY_FRAME.unpack_from(window, _PAYLOAD_AT)
    tag = low | high << 16
    width, height = width & _SIDE_BITS, height & _SIDE_BITS
    is_key, is_shown = not tag & 1, tag >> 4 & 1
    if not (is_key and is_shown and width and height) or start != b"\x9d\x01\x2a":
        raise UnusualError
    if tag >> 1 & 7 > _MOST_PROFILE or tag >> 5 >= size or size < _KEY_FRAME.size:
        raise UnusualError
    return width, height
