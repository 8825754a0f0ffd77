"""An input to what it holds: a histogram, a table, or images one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import truediv
from typing import TypeVar

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.database import (
    SQL_FAULTS,
    AnyFault,
    Workspace,
    open_workspace,
    usual_faults,
)
from bucketwise.read.detect import EXPECTED, File, is_image, may_crash, recognise
from bucketwise.read.documents import ROOT, roots, stage_list
from bucketwise.read.histograms import read_histogram
from bucketwise.read.images.header import Item
from bucketwise.read.images.read import read_folder, read_image
from bucketwise.read.isolated import CrashError
from bucketwise.read.json_text import MAX_CHARACTERS
from bucketwise.read.lines import (
    OverlongLineError,
    PackingError,
    Position,
    find_line_ends,
    read_lines,
)
from bucketwise.read.paths import Input
from bucketwise.read.progress import Progress, told_progress
from bucketwise.read.tables.columns import FOR_SIZES, Purpose
from bucketwise.read.tables.delimited import open_delimited
from bucketwise.read.tables.documents import (
    find_list,
    objects_in,
    open_document,
    serving,
)
from bucketwise.read.tables.jsonlines import first_objects, open_json_lines
from bucketwise.read.tables.names import LENGTH, SIZES
from bucketwise.read.tables.naming import Chosen, Naming, learn
from bucketwise.read.tables.parquet import open_parquet
from bucketwise.read.tables.table import Table

Found = TypeVar("Found")

_FIRST_ROWS = 50
"""Looked at, to know whether rows that tell no size hold images."""

TABLES: Mapping[str, Callable[[Workspace, File, Chosen, Purpose], Table]] = {
    "delimited": open_delimited,
    "jsonlines": open_json_lines,
    "json": open_document,
    "parquet": open_parquet,
}
"""Readers of rows, by what a file is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Images that stand in an input, still to be gone through."""

    kind: str
    name: str
    """Of the input, for the record."""
    items: Iterable[Item]
    """What is found, once."""
    notes: Callable[[], tuple[str, ...]] = tuple
    """What else was noticed, once all items are read."""
    position: Position = field(default_factory=Position)
    """How far they are read."""


def open_plain(each: Input) -> Images | None:
    """Open a folder or an image file, for which no database is needed."""
    if each.items is not None:
        kind = "folder" if each.path.is_dir() else "image"
        return Images(kind=kind, name=each.name, items=each.items, notes=each.said)
    if each.path.is_dir():
        items = read_folder(each.path)
        return Images(kind="folder", name=each.name, items=items)
    if is_image(each.path):
        items = read_image(each.path, each.name)
        return Images(kind="image", name=each.name, items=items)
    return None


def open_images(files: Sequence[Input]) -> Images:
    """Open several image files as one input."""
    position = Position()

    def items() -> Iterator[Item]:
        for nth, each in enumerate(files):
            position.share = partial(truediv, nth, len(files))
            if each.items is None:
                yield from read_image(each.path, each.name)
            else:
                yield from each.items

    name = f"{len(files):,} image files"
    return Images(kind="image", name=name, items=items(), position=position)


def open_input(
    workspace: Workspace, each: Input, columns: Chosen
) -> Traffic | Table | Images:
    """Open an input with the reader for what it holds."""
    file = recognise(workspace, each.path, each.name)
    naming = Naming.of(columns)
    if file.kind == "parquet":
        stored = read_histogram(workspace, file.path, each.name)
        if stored is not None:
            # Token counts are read from it as sizes are: it has no column for a name.
            naming.mark_role(LENGTH)
            return stored
    # Whoever names the column of token counts has no images beside them.
    lengths = bool(naming.get(naming.wanted(SIZES).get(LENGTH, "")))
    if file.kind in IMAGES and not (file.kind in TABLES and lengths):
        images = IMAGES[file.kind](workspace, file, columns)
        if images is not None:
            return images
    try:
        return open_table(workspace, file, columns, FOR_SIZES)
    except InputError:
        images = None if lengths else _in_rows(workspace, file, columns)
        if images is None:
            raise
        return images


def open_table(
    workspace: Workspace, file: File, columns: Chosen, purpose: Purpose
) -> Table:
    """Open a table; where its first lines are amiss, damage is looked for first."""
    try:
        return TABLES[file.kind](workspace, file, columns, purpose)
    except InputError:
        if file.compression != "none":
            find_line_ends(file.path, file.compression)
        raise


def _in_tar(_: Workspace, file: File, __: Chosen) -> Images:
    from bucketwise.read.images.tar import read_tar  # noqa: PLC0415 - see IMAGES

    position = Position()
    items = read_tar(file.path, file.name, file.compression, position)
    return Images(kind="tar", name=file.name, items=items, position=position)


def _in_requests(_: Workspace, file: File, columns: Chosen) -> Images | None:
    from bucketwise.read.requests.reader import looks_like_requests, read_requests  # noqa: PLC0415 - see IMAGES

    if not looks_like_requests(first_objects(file)):
        return None
    position = Position()
    lines = read_lines(file.path, file.compression, position)
    log = read_requests(lines, file.name, columns)
    return Images(
        kind="requests", name=file.name, items=log, notes=log.notes, position=position
    )


def _in_document(workspace: Workspace, file: File, columns: Chosen) -> Images | None:
    """Read requests that a document lists, or one that it consists of."""
    from bucketwise.read.requests.reader import looks_like_requests  # noqa: PLC0415 - see IMAGES

    tells_sizes = serving(file, columns, FOR_SIZES)
    path, objects = find_list(
        file, lambda objects: looks_like_requests(objects) or tells_sizes(objects)
    ) or (ROOT, objects_in(roots(file, MAX_CHARACTERS)))
    if not objects or not looks_like_requests(objects):
        return None
    return _in_requests(workspace, stage_list(workspace, file, path)[0], columns)


def _in_rows(workspace: Workspace, file: File, columns: Chosen) -> Images | None:
    """Return what images stand in rows that tell no sizes: files, base64, requests."""
    from bucketwise.read.requests.reader import RequestLog, looks_like_requests  # noqa: PLC0415 - see IMAGES
    from bucketwise.read.requests.rows import has_images, read_delimited, read_parquet  # noqa: PLC0415 - see IMAGES

    def records() -> Iterator[tuple[int, object]]:
        if file.kind == "parquet":
            return read_parquet(workspace, file, columns)
        return read_delimited(file)

    if file.kind not in {"delimited", "parquet"}:
        return None
    kind = "requests"
    if file.kind == "parquet" and has_images(workspace, file):
        kind = "parquet images"
    else:
        first = (row for _, row in islice(records(), _FIRST_ROWS))
        if not looks_like_requests([row for row in first if isinstance(row, dict)]):
            return None
    log = RequestLog(records(), file.name, columns)
    return Images(kind=kind, name=file.name, items=log, notes=log.notes)


IMAGES: Mapping[str, Callable[[Workspace, File, Chosen], Images | None]] = {
    "tar": _in_tar,
    "jsonlines": _in_requests,
    "json": _in_document,
}
"""Readers of images, by what a file is; None where it holds rows. Each imports what it
needs when it is asked: most inputs are tables."""

_SAID: Mapping[type[Exception], str] = {
    OverlongLineError: "{error}; {expected}",
    CrashError: "damaged Parquet ({error}); write it anew from what it was made of",
    UnicodeDecodeError: "a name or text in it is not UTF-8; write it anew as UTF-8",
    MemoryError: "it does not fit into memory; cut it into parts or free some",
    PackingError: "{error}; pack it anew",
    **dict.fromkeys((OSError, AnyFault), "cannot be read ({error}); {expected}"),
}
"""What the file, not the program, is to blame for; of a kind and its base, the kind is
first."""


def read_apart(
    workspace: Workspace,
    each: Input,
    columns: Chosen,
    task: Callable[[Workspace, Chosen, Progress], Found],
    progress: Progress | None = None,
) -> Found:
    """Run a reader of what may crash in another process, and learn what it met there.

    Of any other file it runs here.
    """
    progress = progress or Progress()
    if not may_crash(each.path):
        return task(workspace, columns, progress)
    asked = (each.name, columns, task, progress.watched)
    found: Found
    found, naming = workspace.apart.run(_apart, *asked, hear=progress.follow())
    learn(columns, naming)
    return found


def _apart(
    name: str,
    columns: Chosen,
    task: Callable[[Workspace, Chosen, Progress], Found],
    watched: bool,
) -> tuple[Found, Chosen]:
    with (
        plain_faults(name),
        open_workspace() as workspace,
        told_progress(watched=watched) as progress,
    ):
        return task(workspace, columns, progress), columns


@contextmanager
def plain_faults(name: str, expected: str = EXPECTED) -> Iterator[None]:
    """Turn what goes wrong with a file into words about that file."""
    try:
        with usual_faults():
            yield
    except SQL_FAULTS:
        raise
    except tuple(_SAID) as error:
        said = next(said for kind, said in _SAID.items() if isinstance(error, kind))
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        # DuckDB names the link that it was shown.
        why = re.sub(r"""(["'])/.*?\1|/\S*/input\b""", lambda _: name, why)
        told = said.format(error=why, expected=expected)
        raise InputError(f"{name}: {told}") from error
