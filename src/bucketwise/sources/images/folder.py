"""Image files, alone and in folders."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.printable import one_line
from bucketwise.reasons import (
    LINKED_FOLDER,
    NOT_AN_IMAGE,
    UNREADABLE_FILE,
    UNREADABLE_FOLDER,
)
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.item import Item
from bucketwise.sources.images.read import read_path
from bucketwise.sources.images.worker import Worker

PATIENCE_S = 0.3
"""So long one process reads alone: some 10,000 files; others take as long to start."""

BATCH_FILES = 128
BATCHES_AHEAD = 2
"""What a process is handed at a time. The answers to all of it have to fit into a pipe
(16 KiB is the least in use), or both sides could wait for each other to read."""

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


def read_folder(folder: Path, name: str) -> Iterator[Item]:
    """Read the header of every file in a folder and the folders within.

    What is left after `PATIENCE_S` is read by as many processes as there are processors
    to use. The items come in the order of `find_images` either way, and only a few
    batches are in memory.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str
        Its base name, for messages.

    Yields
    ------
    Item
        One for each file, whatever it holds; `source` is its base name.

    Raises
    ------
    InputError
        When the folder may not be listed, or a reading process is ended from outside.
    """
    for path, answer in _read_all(find_images(folder), name):
        yield _make_item(os.path.basename(path), answer)  # noqa: PTH119 - a tenth of the time


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


def _count_processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # those this process may use, where told
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_all(found: Iterator[Found], name: str) -> Iterator[tuple[str, Header | str]]:
    processes = _count_processors() if sys.executable else 1
    patience_ends = time.monotonic() + PATIENCE_S
    for path, reason in found:
        yield path, reason or read_path(path)
        if processes > 1 and time.monotonic() > patience_ends:
            break
    yield from _read_apart(found, name, processes)


def _read_apart(
    found: Iterator[Found], name: str, processes: int
) -> Iterator[tuple[str, Header | str]]:
    try:
        with ExitStack() as stack:
            workers: list[Worker] = []
            asked: deque[tuple[Worker, list[Found]]] = deque()
            batches = iter(lambda: list(islice(found, BATCH_FILES)), [])
            for number, batch in enumerate(batches):
                if len(workers) < processes:
                    workers.append(stack.enter_context(Worker()))
                if len(asked) == processes * BATCHES_AHEAD:
                    yield from _settle(*asked.popleft())
                worker = workers[number % processes]
                worker.ask([path for path, reason in batch if not reason])
                asked.append((worker, batch))
            while asked:
                yield from _settle(*asked.popleft())
    except (OSError, EOFError) as fault:
        raise InputError(
            f"{name}: a process that read images was ended from outside, most often "
            "for want of memory; close other programs or give a smaller folder"
        ) from fault


def _settle(worker: Worker, batch: list[Found]) -> Iterator[tuple[str, Header | str]]:
    answers = iter(worker.answer())
    for path, reason in batch:
        yield path, reason or next(answers)


def _make_item(name: str, answer: Header | str) -> Item:
    # A name on disk may be any bytes; a report is UTF-8, and a place stands on a line.
    source = one_line(name)
    if isinstance(answer, str):
        return Item(source=source, reason=answer)
    return Item(source=source, header=answer)
