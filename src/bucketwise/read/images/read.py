"""One image's header, from an open file or a path."""

from __future__ import annotations

import errno
import io
import re
import struct
from os import PathLike
from typing import BinaryIO

from bucketwise.read.images import jpeg, png
from bucketwise.read.images.header import Header, UnusualError
from bucketwise.words.reasons import NOT_AN_IMAGE, UNREADABLE, UNREADABLE_FILE

WINDOW_BYTES = 4096
"""Read at first; most headers end within it."""

_IMAGE = re.compile(
    rb"""\xff\xd8\xff | \x89PNG\r\n\x1a\n | GIF8[79]a | BM.{4}\0{4} | RIFF.{4}WEBP
    | II[*+]\0 | MM\0[*+] | \0\0\0\x0cjP\x20\x20 | \xff\x4f\xff\x51
    | .{4}ftyp(?:avi[fs]|hei[cxms]|hev[cxms]|mif1|msf1)
    | 8BPS | \0\0[\1\2]\0[^\0] | icns | DDS\x20 | qoif | P[1-6]\s""",
    re.DOTALL | re.VERBOSE,
)
"""First bytes that say "image" beyond doubt, so that a refusal is worth a look."""

_PLAIN = ((jpeg.MAGIC, jpeg.read_jpeg), (png.MAGIC, png.read_png))

# lseek refuses an offset that only a lying header can name; the disk is not to blame.
_HEADER_FAULTS = frozenset({None, errno.EINVAL, errno.EOVERFLOW})


def read_header(file: BinaryIO) -> Header | str:
    """Read an image's header; never decode the image.

    The size is the one Pillow reports, the orientation the one that
    `PIL.ImageOps.exif_transpose` honours (Pillow 13.0.0). Ordinary JPEG and PNG files
    are read here, everything else is opened by Pillow.

    Parameters
    ----------
    file : BinaryIO
        Seekable, standing at its beginning.

    Returns
    -------
    Header or str
        The header, or `NOT_AN_IMAGE`, `UNREADABLE` or `UNREADABLE_FILE`.
    """
    window = b""
    try:
        window = file.read(WINDOW_BYTES)
        return _read_plain(file, window) or _ask_pillow(file, window)
    except OSError as fault:
        if fault.errno not in _HEADER_FAULTS:
            return UNREADABLE_FILE
    except Exception:  # noqa: BLE001, S110 - Pillow's plugins raise anything on hostile bytes
        pass
    return UNREADABLE if _IMAGE.match(window) else NOT_AN_IMAGE


def starts_as_image(window: bytes) -> bool:
    """Return whether the first bytes of a file are those of a known image format."""
    return _IMAGE.match(window) is not None


def read_path(path: str | PathLike[str]) -> Header | str:
    """Read the header of the file at a path.

    Parameters
    ----------
    path : str or path
        A regular file: opening a pipe would wait for its writer.

    Returns
    -------
    Header or str
        As `read_header`.
    """
    try:
        with io.FileIO(path) as file:  # half the time of a buffered file
            return read_header(file)
    except OSError:
        return UNREADABLE_FILE


def _read_plain(file: BinaryIO, window: bytes) -> Header | None:
    for magic, reader in _PLAIN:
        if window.startswith(magic):
            try:
                return reader(file, window)
            except (UnusualError, struct.error):
                return None
    return None


def _ask_pillow(file: BinaryIO, window: bytes) -> Header | str:
    from bucketwise.read.images.pillow import open_header  # noqa: PLC0415 - on demand

    if not window:
        return NOT_AN_IMAGE
    if isinstance(file, io.RawIOBase):  # plugins read a few bytes at a time
        buffered = io.BufferedReader(file)
        try:
            known = open_header(buffered, window)
        finally:
            buffered.detach()  # the file is its opener's to close
    else:
        known = open_header(file, window)
    return known or (UNREADABLE if _IMAGE.match(window) else NOT_AN_IMAGE)
