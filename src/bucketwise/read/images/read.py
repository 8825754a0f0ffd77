"""Image files, alone and in folders: the header of each."""

from __future__ import annotations

import errno
import io
import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from bucketwise.errors import InputError
from bucketwise.read.images.header import (
    JPEG_MAGIC,
    PNG_MAGIC,
    RIFF_MAGIC,
    Header,
    Item,
    ReadAt,
    UnusualError,
    positions_in,
    read_jpeg,
    read_png,
    read_webp,
)
from bucketwise.words.reject_reasons import (
    LINKED_FOLDER,
    NOT_AN_IMAGE,
    UNREADABLE,
    UNREADABLE_FILE,
    UNREADABLE_FOLDER,
)
from bucketwise.words.text import one_line

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

_PLAIN = ((JPEG_MAGIC, read_jpeg), (PNG_MAGIC, read_png), (RIFF_MAGIC, read_webp))

# lseek refuses an offset that only a lying header can name; the disk is not to blame.
_HEADER_FAULTS = frozenset({None, errno.EINVAL, errno.EOVERFLOW})

Found = tuple[str, str]
"""A path, and why it need not be opened; "" for a file to be read."""


def read_header(file: BinaryIO) -> Header | str:
    """Read an image's header; never decode the image.

    The size is the one Pillow reports, the orientation the one that
    `PIL.ImageOps.exif_transpose` honours (Pillow 13.0.0). Ordinary JPEG, PNG and WebP
    files are read here, everything else is opened by Pillow.
    """
    return judge_header(positions_in(file), lambda: file)


def judge_header(read_at: ReadAt, opened: Callable[[], BinaryIO]) -> Header | str:
    """Read a header by positions; the file is opened where Pillow has to be asked."""
    window = b""
    try:
        window = read_at(WINDOW_BYTES, 0)
        return _read_plain(read_at, window) or _ask_pillow(opened(), window)
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
    """Read the header of the file at a path."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # half the time of a file object
    except OSError:
        return UNREADABLE_FILE
    try:
        return judge_header(
            partial(os.pread, descriptor), partial(io.FileIO, descriptor, closefd=False)
        )
    finally:
        os.close(descriptor)


def read_image_size(
    image: str | PathLike[str] | bytes, *, ignore_orientation: bool = False
) -> tuple[int, int]:
    """Read an image's size from its header, without decoding it.

    Parameters
    ----------
    image : str, Path or bytes
        A file, or its bytes.
    ignore_orientation : bool
        Whether the stored size is meant, as in serving stacks that do not turn images,
        instead of the displayed one.

    Returns
    -------
    tuple of int
        Height and width in pixels.

    Raises
    ------
    InputError
        When it cannot be read, or is no image.
    """
    if isinstance(image, bytes):
        name, header = "bytes", read_header(io.BytesIO(image))
    else:
        name, header = Path(image).name, read_path(image)
    if isinstance(header, str):
        raise InputError(f"{one_line(name)}: {header}; expected an image")
    if ignore_orientation:
        return header.stored_height_px, header.stored_width_px
    return header.height_px, header.width_px


def _read_plain(read_at: ReadAt, window: bytes) -> Header | None:
    for magic, reader in _PLAIN:
        if window.startswith(magic):
            try:
                return reader(read_at, window)
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


def read_image(path: Path, name: str) -> Iterator[Item]:
    """Read one image file."""
    if path.is_file():
        yield _make_item(name, read_path(path))
    else:  # a pipe or a device is never opened: it would wait for a writer
        yield _make_item(name, NOT_AN_IMAGE if path.exists() else UNREADABLE_FILE)


def read_folder(folder: Path) -> Iterator[Item]:
    """Read the header of every file in a folder and the folders within.

    This process reads them all, some 60,000 JPEG and PNG files a second: with a second
    one 20,000 took longer, and what it imports could be the folder's own.
    """
    for path, reason in find_images(folder):
        source = os.path.basename(path)  # noqa: PTH119 - a tenth of the time
        yield _make_item(source, reason or read_path(path))


def find_images(folder: Path) -> Iterator[Found]:
    """Walk a folder and the folders within, each in the order of names.

    A link to a file is followed, a link to a folder is not: it could lead in a circle.
    Pipes, sockets and devices are never opened. One folder's names are held at a time.
    """
    top = str(folder)
    waiting = [top]
    while waiting:
        here = waiting.pop()
        try:
            folders, files = _list_folder(here)
        except OSError as fault:
            if here == top:
                raise InputError(
                    f"{one_line(folder.name or top)}: the folder cannot be listed "
                    f"({fault.strerror}); give one that exists and that you may read"
                ) from fault
            yield here, UNREADABLE_FOLDER
            continue
        for file in sorted(files):
            yield here + os.sep + file, files[file]
        waiting += (here + os.sep + name for name in sorted(folders, reverse=True))


def _list_folder(folder: str) -> tuple[list[str], dict[str, str]]:
    """Return the folders in one, and the files with the reason not to open each."""
    folders, files = [], {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                files[entry.name] = _refuse(entry)
    return folders, files


def _refuse(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_file():
            return ""
        if entry.is_dir():
            return LINKED_FOLDER
        entry.stat()
    except OSError:  # a link to nowhere, or to itself
        return UNREADABLE_FILE
    return NOT_AN_IMAGE


def _make_item(name: str, answer: Header | str) -> Item:
    # A name on disk may be any bytes; a report is UTF-8, and a place stands on a line.
    source = one_line(name)
    if isinstance(answer, str):
        return Item(source=source, reason=answer)
    return Item(source=source, header=answer)
