"""Any image, opened by Pillow under bounds and never decoded."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import IO, BinaryIO, cast

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageFile,
    PngImagePlugin,
    TiffImagePlugin,
)

from bucketwise.read.images.header import (
    ORIENTATION,
    PNG_MAGIC,
    TURNED,
    TURNS,
    Header,
    positions_in,
    walk_chunks,
)

READ_COST = 64
"""What a call costs besides its bytes: formats read byte by byte are bounded too."""

HEADER_BYTES = 1 << 25
"""What a header may cost to read; the longest ICC profile in a JPEG has 16 MiB."""
WHOLE_BYTES = 1 << 28
"""The same for the formats that Pillow reads whole, or with all their tags."""
ICON_PIXELS = 1 << 22
"""Largest picture within an icon; Pillow decodes icons as it opens them."""
MAX_SIDE_PX = (1 << 32) - 1
"""No format's header holds a longer side; text headers can claim any number."""
_TIFF = frozenset({b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
)  # ISO/IEC 23008-12, 10.2 and B.4
# Plugins raise these to say "not mine": the next one is asked (Pillow 13.0.0, Image.py,
# open). Anything else is about the image.
_NOT_MINE = (SyntaxError, IndexError, TypeError, struct.error)
_QUIET = Lock()  # the warning filters are the whole process's
Accept = Callable[[bytes], bool | str]
Opener = Callable[[IO[bytes], str | bytes], ImageFile.ImageFile]


class ReadLimitError(Exception):
    """More was read than a header can need."""


class Metered:
    """A seekable file that may be read up to a limit, all reads together.

    Pillow's readers take it for a file. Closing it leaves the file open: one of them
    closes what it was given (Pillow 13.0.0, FtexImagePlugin.py).
    Each call counts as `READ_COST` bytes more.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does, or raise once the limit is passed."""
        return self._count(self._file.read(self._within(size)))

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line as a file does, or raise once the limit is passed."""
        return self._count(self._file.readline(self._within(size)))

    def close(self) -> None:
        """Leave the file open for its owner."""

    def _within(self, size: int | None) -> int:
        most = self._left + 1  # one more than allowed, so that passing shows
        return most if size is None or size < 0 else min(size, most)

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data) + READ_COST
        if self._left < 0:
            raise ReadLimitError
        return data


logging.getLogger("PIL").addHandler(logging.NullHandler())  # else it prints to stderr


def open_header(file: BinaryIO, prefix: bytes) -> Header | None:
    """Read a header the way `Image.open` does, without its guard against big sizes.

    The guard (`Image.MAX_IMAGE_PIXELS`) refuses sizes that would be dear to decode.
    Nothing is decoded here, so a header of any size is told. It stays where opening
    allocates by the header: WebP makes its canvas at once, and a GIF frame may grow
    the screen. Sources: Image.py, WebPImagePlugin.py, GifImagePlugin.py, Pillow 13.0.0.
    """
    whole = prefix[8:12] == b"WEBP" or prefix[4:8] == b"ftyp" or prefix[:4] in _TIFF
    metered = cast("BinaryIO", Metered(file, WHOLE_BYTES if whole else HEADER_BYTES))
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = prefix[:16]
        for accept, opener in _list_plugins(prefix):
            try:
                accepted = accept is None or accept(start)
                # A plugin that lacks its library answers with a sentence.
                if not accepted or isinstance(accepted, str):
                    continue
                metered.seek(0)
                image = opener(metered, "")
            except _NOT_MINE:
                continue
            return _read_header(image, metered)
    return None


def _list_plugins(prefix: bytes) -> Iterator[tuple[Accept | None, Opener]]:
    """Yield Pillow's readers, the common formats first, HEIF where its brand stands."""
    yield from _common_plugins()
    yield from _rare_plugins()
    if prefix[4:8] == b"ftyp" and prefix[8:12] in _HEIF_BRANDS:
        from pillow_heif import HeifImageFile  # noqa: PLC0415 - loads libheif

        yield None, HeifImageFile


@cache
def _common_plugins() -> tuple[tuple[Accept | None, Opener], ...]:
    Image.preinit()
    return tuple(_plugin(name) for name in Image.ID)


@cache
def _rare_plugins() -> tuple[tuple[Accept | None, Opener], ...]:
    common = len(_common_plugins())
    Image.init()
    return tuple(_plugin(name) for name in Image.ID[common:])


def _plugin(name: str) -> tuple[Accept | None, Opener]:
    opener, accept = Image.OPEN[name]
    return accept, _BOUNDED.get(name, opener)


class _FirstFrame(GifImagePlugin.GifImageFile):
    """A GIF that prepares no second frame: that fills a canvas of the claimed size."""

    @property
    def disposal_method(self) -> int:
        return 0

    @disposal_method.setter
    def disposal_method(self, value: int) -> None:
        pass


def _open_icon(file: IO[bytes], _: str | bytes) -> ImageFile.ImageFile:
    largest = IcoImagePlugin.IcoFile(file).entry[0]
    file.seek(largest.offset)
    is_png = file.read(len(PNG_MAGIC)) == PNG_MAGIC
    file.seek(largest.offset)
    kind = PngImagePlugin.PngImageFile if is_png else BmpImagePlugin.DibImageFile
    width, height = kind(file).size
    if width * height > ICON_PIXELS:
        raise ReadLimitError
    file.seek(0)
    return IcoImagePlugin.IcoImageFile(file)


_BOUNDED: dict[str, Opener] = {"GIF": _FirstFrame, "ICO": _open_icon}


def _read_header(image: ImageFile.ImageFile, file: BinaryIO) -> Header | None:
    width, height = image.size
    if (width, height) == (0, 0):  # a format Pillow only knows by name, as HDF5
        return None
    sides = range(1, MAX_SIDE_PX + 1)
    if width not in sides or height not in sides:  # a text header may claim fractions
        raise ValueError("no size")
    orientation = _read_orientation(image, file)
    if _turns_as_it_loads(image) and orientation in TURNED:
        width, height = height, width
    return Header(
        format=image.format or "",
        stored_width_px=int(width),
        stored_height_px=int(height),
        orientation=orientation,
    )


def _turns_as_it_loads(image: ImageFile.ImageFile) -> bool:
    """Tell whether a TIFF's orientation is in its XMP alone.

    Pillow turns every TIFF as it loads, and its size only then if the turn is not in
    the tag (Pillow 13.0.0, TiffImagePlugin.py, load_end and _setup).
    """
    return (
        isinstance(image, TiffImagePlugin.TiffImageFile)
        and image.tag_v2.get(ORIENTATION) not in TURNED
    )


def _read_orientation(image: ImageFile.ImageFile, file: BinaryIO) -> int:
    """Find the turn that `ImageOps.exif_transpose` would make, from EXIF or XMP."""
    try:
        if isinstance(image, PngImagePlugin.PngImageFile):
            _read_late_chunks(image, file)
        # Not image.getexif(): a PNG's decodes the image first.
        return TURNS.get(Image.Image.getexif(image).get(ORIENTATION, 1), 1)
    except Exception:  # noqa: BLE001 - a broken EXIF block turns nothing
        return 1


def _read_late_chunks(image: PngImagePlugin.PngImageFile, file: BinaryIO) -> None:
    """Hand Pillow the text and EXIF after the image data, as decoding would.

    What stops its reader stops this one: Pillow 13.0.0, PngImagePlugin.py, load_end.
    """
    stream = image.png
    if stream is None or not image.tile:
        return
    data_end = image.tile[0].offset + stream.im_idat
    for kind, at, length in walk_chunks(positions_in(file), data_end + 4):
        is_next_frame = kind == b"fcTL" and image.is_animated
        if kind == b"IEND" or is_next_frame or not PngImagePlugin.is_cid(kind):
            break
        if kind in {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}:
            file.seek(at)
            stream.call(kind, at, length)
