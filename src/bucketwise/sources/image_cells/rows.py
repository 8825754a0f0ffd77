"""Parquet with images in its cells: their headers, in the order of the rows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from bucketwise.errors import InputError
from bucketwise.reasons import MISSING, UNREADABLE, UNSIZED
from bucketwise.sources.database import Connection, Workspace, literal
from bucketwise.sources.detect import File
from bucketwise.sources.image_cells.columns import ImageColumn, find_image_columns
from bucketwise.sources.image_cells.prefix import Prefix
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.item import Item
from bucketwise.sources.images.read import read_header
from bucketwise.sources.parquet import ROW, Column, open_columns
from bucketwise.sources.tables.roles import find_name

PREFIX_BYTES = 72 * 1024
"""Read of every image; enough for nearly all JPEG headers, previews included."""

WHOLE_BYTES = 256 * 1024 * 1024
"""An image above this is not read whole."""

_RANGE_BYTES = 128 * 1024 * 1024
_RANGE_ROWS = 20_000
"""Asked for at once: a row group may be as large as its file, and DuckDB holds 2,048
rows of it together."""

_ROWS_AT_ONCE = 64
_MEMORY_LIMITS_MB = (360, 720, 1440, 2880)
"""Tried in turn: a page of a column has to fit, packed and unpacked."""

_HEAD = (
    f"{{{{'head': {{bytes}}[1:{PREFIX_BYTES}], 'size': octet_length({{bytes}}), "
    "'elsewhere': coalesce({path}, '') <> ''}}"
)
_WHOLE = (
    f"CASE WHEN octet_length({{bytes}}) BETWEEN {PREFIX_BYTES + 1} AND {WHOLE_BYTES} "
    "THEN {bytes} END"
)


@dataclass(slots=True)
class _Row:
    """One row: for each image of each column its header, a reason, or None as yet."""

    at: int
    time: str
    label: str
    columns: list[list[Header | str | None]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of one file."""

    source: str
    columns: Sequence[ImageColumn]
    time: str
    label: str

    def rows(self, fields: str, where: str) -> str:
        """Return SQL: the row, time, label and the images of each column."""
        images = ", ".join(column.elements(fields) for column in self.columns)
        return (
            f"SELECT {ROW}, {self.time}, {self.label}, {images} "
            f"FROM {self.source} WHERE {where}"
        )


def has_image_columns(workspace: Workspace, file: File) -> bool:
    """Return whether a Parquet file holds images.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        A Parquet file.
    """
    return bool(find_image_columns(open_columns(workspace, file.path)[1]))


def read_image_columns(
    workspace: Workspace, file: File, chosen: Mapping[str, str] | None = None
) -> Iterator[Item]:
    """Read the header of every image in a Parquet file.

    Of an image its first bytes are looked at; only where its header reaches beyond
    them, as in WebP, all of it. A path beside missing bytes is not followed.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        A Parquet file in which `find_image_columns` finds some.
    chosen : mapping of str to str, optional
        Role ("time", "label") to column name, from the user; "" leaves it unread.

    Yields
    ------
    Item
        One for each image, row by row, `line` being the row, from 1. A missing list
        of images counts as one missing image, an empty one as none.

    Raises
    ------
    InputError
        When a row group does not fit into memory.
    """
    connection = workspace.connection.cursor()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = true")
    # Threads would hold a row group each, and prefetching fetches all of it.
    connection.execute("SET threads = 1")
    connection.execute("SET disable_parquet_prefetching = true")
    source, columns = open_columns(workspace, file.path)
    question = _Question(
        source=source,
        columns=find_image_columns(columns),
        time=_text_of("time", columns, chosen),
        label=_text_of("label", columns, chosen),
    )
    staged = literal(workspace.stage(file.path))
    for first, end in _ranges(_row_groups(connection, staged)):
        for row in _read_range(connection, question, first, end, file.name):
            for known in (known for column in row.columns for known in column):
                yield Item(
                    source=file.name,
                    line=row.at + 1,
                    header=known if isinstance(known, Header) else None,
                    reason=known if isinstance(known, str) else "",
                    time=row.time,
                    label=row.label,
                )


def _is_text(column: Column | None) -> bool:
    return column is not None and bool(column.kind.id == "varchar")


def _text_of(
    role: str, columns: Sequence[Column], chosen: Mapping[str, str] | None
) -> str:
    nested = {"blob", "struct", "list", "array", "map", "union"}
    texts = {each.name: each for each in columns if each.kind.id not in nested}
    if "label" not in (chosen or {}) and not _is_text(texts.get("label")):
        # As a number it is what the picture shows, by class, and not who sent it.
        texts.pop("label", None)
    name = find_name(role, texts, chosen)
    return "''" if name is None else f"coalesce(CAST({texts[name].sql} AS VARCHAR), '')"


def _row_groups(connection: Connection, path: str) -> list[tuple[int, int]]:
    """Return how many rows and bytes each row group has."""
    return connection.execute(
        "SELECT any_value(row_group_num_rows), "
        "CAST(sum(greatest(total_uncompressed_size, 0)) AS BIGINT) "
        f"FROM parquet_metadata({path}) GROUP BY row_group_id ORDER BY row_group_id"
    ).fetchall()


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


def _read_range(
    connection: Connection, question: _Question, first: int, end: int, name: str
) -> list[_Row]:
    """Read some rows, with more memory where they need it."""
    for limit_mb in _MEMORY_LIMITS_MB:
        try:
            connection.execute(f"SET memory_limit = '{limit_mb}MB'")
            return _read_rows(connection, question, first, end)
        except duckdb.OutOfMemoryException:
            continue
    raise InputError(
        f"{name}: rows {first + 1:,} to {end:,} do not fit into "
        f"{_MEMORY_LIMITS_MB[-1]:,} MB; write the file anew with row groups of some "
        "hundred images (row_group_size=100 in PyArrow)"
    )


def _read_rows(
    connection: Connection, question: _Question, first: int, end: int
) -> list[_Row]:
    where = f"{ROW} >= {first} AND {ROW} < {end}"
    rows = [
        _Row(at, time, label, [_read_cell(cell) for cell in cells])
        for batch in _fetch(connection, question.rows(_HEAD, where), _ROWS_AT_ONCE)
        for at, time, label, *cells in batch
    ]
    unclear = {row.at: row for row in rows if any(None in each for each in row.columns)}
    if unclear:
        listed = ", ".join(map(str, unclear))
        where += f" AND {ROW} IN ({listed})"
        for [(at, _, _, *cells)] in _fetch(connection, question.rows(_WHOLE, where), 1):
            _fill(unclear[at], cells)
    return rows


def _fetch(connection: Connection, query: str, size: int) -> Iterator[list[Any]]:
    connection.execute(query)
    while rows := connection.fetchmany(size):
        yield rows


def _read_cell(images: Sequence[Mapping[str, Any]] | None) -> list[Header | str | None]:
    return [MISSING] if images is None else [_read_head(**image) for image in images]


def _read_head(
    head: bytes | None, size: int | None, *, elsewhere: bool
) -> Header | str | None:
    if head is None or size is None:
        return UNSIZED if elsewhere else MISSING
    prefix = Prefix(head)
    found = read_header(prefix)
    if size == len(head) or not prefix.passed:
        return found
    return None if size <= WHOLE_BYTES else UNREADABLE


def _fill(row: _Row, cells: Sequence[Sequence[bytes | None] | None]) -> None:
    for known, images in zip(row.columns, cells, strict=True):
        for at, image in enumerate(images or ()):
            if known[at] is None and image is not None:
                known[at] = read_header(io.BytesIO(image))
