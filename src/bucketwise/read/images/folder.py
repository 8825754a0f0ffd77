"""Image files, alone and in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.read.images.header import Header
from bucketwise.read.images.item import Item
from bucketwise.read.images.read import read_path
from bucketwise.words.reasons import (
    LINKED_FOLDER,
    NOT_AN_IMAGE,
    UNREADABLE_FILE,
    UNREADABLE_FOLDER,
)
from bucketwise.words.text import one_line

Found = tuple[str, str]
"""A path, and why it need not be opened; "" for a file to be read."""


def read_image(path: Path, name: str) -> Iterator[Item]:
    """Read one image file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Its base name, for the item.

    Yields
    ------
    Item
        One.
    """
    if path.is_file():
        yield _make_item(name, read_path(path))
    else:  # a pipe or a device is never opened: it would wait for a writer
        yield _make_item(name, NOT_AN_IMAGE if path.exists() else UNREADABLE_FILE)


def read_folder(folder: Path) -> Iterator[Item]:
    """Read the header of every file in a folder and the folders within.

    This process reads them all, some 60,000 JPEG and PNG files a second: with a second
    one 20,000 took longer, and what it imports could be the folder's own.

    Parameters
    ----------
    folder : Path
        Where to look.

    Yields
    ------
    Item
        One for each file, whatever it holds; `source` is its base name.

    Raises
    ------
    InputError
        When the folder may not be listed.
    """
    for path, reason in find_images(folder):
        source = os.path.basename(path)  # noqa: PTH119 - a tenth of the time
        yield _make_item(source, reason or read_path(path))


def find_images(folder: Path) -> Iterator[Found]:
    """Walk a folder and the folders within, each in the order of names.

    A link to a file is followed, a link to a folder is not: it could lead in a circle.
    Pipes, sockets and devices are never opened. One folder's names are held at a time.

    Parameters
    ----------
    folder : Path
        Where to begin.

    Yields
    ------
    tuple of (str, str)
        A path, and "" or the reason not to open it.

    Raises
    ------
    InputError
        When `folder` itself may not be listed. One within it is yielded with a reason.
    """
    top = str(folder)
    waiting = [top]
    while waiting:
        here = waiting.pop()
        try:
            folders, files, refused = _list_folder(here)
        except OSError as fault:
            if here == top:
                raise InputError(
                    f"{one_line(folder.name or top)}: the folder cannot be listed "
                    f"({fault.strerror}); give one that exists and that you may read"
                ) from fault
            yield here, UNREADABLE_FOLDER
            continue
        for file in sorted(files):
            yield here + os.sep + file, refused.get(file, "")
        waiting += (here + os.sep + name for name in sorted(folders, reverse=True))


def _list_folder(folder: str) -> tuple[list[str], list[str], dict[str, str]]:
    folders, files = [], []
    refused = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            files.append(entry.name)
            if reason := _refuse(entry):
                refused[entry.name] = reason
    return folders, files, refused


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
