"""Rows of a delimited text or a Parquet file as records: a cell may hold an image, or a whole request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import duckdb

from bucketwise.errors import InputError
from bucketwise.read.database import (
    ROW,
    Column,
    Connection,
    Workspace,
    literal,
    open_columns,
)
from bucketwise.read.detect import File
from bucketwise.read.lines import read_lines, sample
from bucketwise.read.requests.opened import opened
from bucketwise.read.requests.payloads import holds_image
from bucketwise.read.requests.reader import Record
from bucketwise.read.requests.walk import find_requests
from bucketwise.read.tables.columns import FOR_SIZES
from bucketwise.read.tables.delimited import find_layout
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.records import Form, read_records

_SAMPLE_LINES = 20
_LONGEST_NAME = 64

_RANGE_BYTES = 128 * 1024 * 1024
_RANGE_ROWS = 20_000
"""Asked for at once: a row group may be as large as its file, and DuckDB holds 2,048
rows of it together."""
_MEMORY_LIMITS_MB = (360, 720, 1440, 2880)
"""Tried in turn: a page of a column has to fit, packed and unpacked."""
_STORED = ["blob", "varchar"]
"""Types of the `bytes` and `path` of an image in Hugging Face datasets."""
_WORDS = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")
_IMAGE_WORDS = frozenset({
    "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pic",
    "screenshot", "screenshots", "bytes", "imagebytes", "jpg", "jpeg", "png", "webp",
    "avif", "gif", "bmp", "tif", "tiff", "heic",
})  # fmt: skip
_OTHER_WORDS = frozenset({
    "audio", "video", "videos", "pdf", "sound", "speech", "voice", "wav", "mp3",
    "embedding", "embeddings", "emb", "feature", "features", "latent", "hash", "phash",
    "sha256", "md5", "tokens",
})  # fmt: skip
"""Bytes of other kinds: the features Audio, Video and Pdf of Hugging Face datasets are
stored like its Image (datasets 5.2.0, features/image.py, Image.pa_type)."""


def read_delimited(file: File) -> Iterator[Record]:
    """Yield each row as an object, by the names of its columns; None where it is ragged."""
    first = sample(read_lines(file.path, file.compression), _SAMPLE_LINES)
    layout = find_layout(first, {}, _FOR_IMAGES)
    form = Form(
        separator=layout.separator,
        width=len(layout.names),
        is_row=lambda cells: any(map(_is_telling, cells)),
    )
    lines = islice(read_lines(file.path, file.compression), layout.skipped, None)
    for at, cells in read_records(lines, form):
        if cells is None or form.is_ragged(cells):
            if cells != []:
                yield layout.skipped + at, None
        else:
            yield layout.skipped + at, dict(zip(layout.names, cells, strict=False))


def _is_telling(cell: str) -> bool:
    return holds_image(cell) or opened(cell) is not cell


_FOR_IMAGES = replace(
    FOR_SIZES,
    is_heading=lambda cell: 0 < len(cell) <= _LONGEST_NAME and not _is_telling(cell),
    is_value=_is_telling,
    sought="the images",
)
"""A header is short, and what tells images is not."""


def has_images(workspace: Workspace, file: File) -> bool:
    """Return whether a Parquet file has columns for the bytes of images."""
    stored = open_columns(workspace, file.path)[1]
    empty = {each.name: _marked(each, None) for each in stored}
    return any(request.n_there for request in find_requests(empty))


def read_parquet(
    workspace: Workspace, file: File, chosen: Chosen = None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each row and its cells by column."""
    connection = workspace.connection.cursor()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = true")
    # Threads would hold a row group each, and prefetching fetches all of it.
    connection.execute("SET threads = 1")
    connection.execute("SET disable_parquet_prefetching = true")
    source, stored = open_columns(workspace, file.path)
    columns = [each for each in stored if _is_read(each, chosen or {})]
    cells = ", ".join([ROW, *map(_sql, columns)])
    staged = literal(workspace.stage(file.path))
    groups = connection.execute(
        "SELECT any_value(row_group_num_rows), "
        "CAST(sum(greatest(total_uncompressed_size, 0)) AS BIGINT) "
        f"FROM parquet_metadata({staged}) GROUP BY row_group_id ORDER BY row_group_id"
    ).fetchall()
    for first, end in _ranges(groups):
        where = f"{ROW} >= {first} AND {ROW} < {end}"
        query = f"SELECT {cells} FROM {source} WHERE {where}"
        for at, *row in _fetched(connection, query, (first, end), file.name):
            named = zip(columns, row, strict=True)
            yield at + 1, {each.name: _marked(each, cell) for each, cell in named}


def _is_read(column: Column, chosen: Mapping[str, str]) -> bool:
    kind = column.kind.id
    if column.name == "label" and kind != "varchar" and "label" not in chosen:
        # As a number it is what the picture shows, by class, and not who sent it.
        return False
    return kind != "blob" or _marked(column, None) is not None


def _sql(column: Column) -> str:
    """Return SQL of cells: bytes and what may hold more as they are, all else as text."""
    is_kept = column.kind.id in {"blob", "struct", "list", "array"}
    return column.sql if is_kept else f"CAST({column.sql} AS VARCHAR)"


def _marked(column: Column, cell: Any) -> Any:
    """Return a cell in which whatever holds an image looks like one."""
    return _told(_words(column.name), column.kind, cell)


def _told(words: frozenset[str], kind: Any, cell: Any) -> Any:
    is_image = not words & _OTHER_WORDS
    if kind.id == "blob":
        return {"bytes": cell} if is_image and words & _IMAGE_WORDS else None
    if kind.id in {"list", "array"}:
        inner = kind.children[0][1]
        return [
            _told(words, inner, each) for each in ([None] if cell is None else cell)
        ]
    if kind.id != "struct":
        return None if kind.id == "map" else cell
    fields = dict(kind.children)
    if [getattr(fields.get(name), "id", "") for name in ("bytes", "path")] == _STORED:
        return (cell or {"bytes": None}) if is_image else None
    return {
        name: _told(words | _words(name), inner, (cell or {}).get(name))
        for name, inner in fields.items()
    }


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORDS.split(name.casefold()))


def _ranges(groups: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows, half open, that are small enough to be read at once."""
    first = end = held = 0
    for rows, size in groups:
        if held + size > _RANGE_BYTES or end + rows - first > _RANGE_ROWS:
            if end > first:
                yield first, end
            first, held = end, 0
        end += rows
        held += size
        step = min(_RANGE_ROWS, max(1, rows * _RANGE_BYTES // max(size, 1)))
        while end - first > step:
            yield first, first + step
            first += step
    if end > first:
        yield first, end


def _fetched(
    connection: Connection, query: str, rows: tuple[int, int], name: str
) -> list[Any]:
    """Return the rows of a query, read with more memory where they need it."""
    for limit_mb in _MEMORY_LIMITS_MB:
        try:
            connection.execute(f"SET memory_limit = '{limit_mb}MB'")
            return connection.execute(query).fetchall()
        except duckdb.OutOfMemoryException:
            continue
    first, end = rows
    raise InputError(
        f"{name}: rows {first + 1:,} to {end:,} do not fit into "
        f"{_MEMORY_LIMITS_MB[-1]:,} MB; write the file anew with row groups of some "
        "hundred images (row_group_size=100 in PyArrow)"
    )
