"""Parquet: typed columns, read as the text they print as."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bucketwise.errors import InputError
from bucketwise.sources.database import (
    Connection,
    Workspace,
    identifier,
    literal,
    rows_in_order,
)
from bucketwise.sources.detect import File
from bucketwise.sources.tables.columns import FOR_SIZES, Purpose, match_columns
from bucketwise.sources.tables.table import BATCH, BATCH_ROWS, Batch, Table

_SAMPLE_ROWS = 50
_DEPTH = 2
"""Levels of nested columns that are looked at unasked, as in JSON Lines."""


def tells_sizes(
    workspace: Workspace, file: File, chosen: Mapping[str, str] | None
) -> bool:
    """Return whether the columns of a Parquet file tell sizes or visual tokens."""
    source = f"read_parquet({literal(workspace.stage(file.path))})"
    names = [".".join(path) for path in _paths(workspace.connection, source, chosen)]
    try:
        match_columns(names, chosen, file.name)
    except InputError:
        return False
    return True


def open_parquet(
    workspace: Workspace,
    file: File,
    chosen: Mapping[str, str] | None,
    purpose: Purpose = FOR_SIZES,
) -> Table:
    """Open a Parquet file: find its columns, nested ones one level down, or deeper where named.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        What to open.
    chosen : mapping of str to str, optional
        Role to column name, dotted when nested, from the user.
    purpose : Purpose
        What its columns are to tell.

    Raises
    ------
    InputError
        When it has no row, or its columns do not serve the purpose.
    """
    connection = workspace.connection
    source = (
        f"read_parquet({literal(workspace.stage(file.path))}, file_row_number = true)"
    )
    paths = _paths(connection, source, chosen)
    match = purpose.match([".".join(path) for path in paths], chosen, file.name)
    used = {at: paths[at] for at in sorted(set(match.roles.values()))}
    cells = ", ".join(
        f"CAST({'.'.join(map(identifier, path))} AS VARCHAR) AS c{at}"
        for at, path in used.items()
    )
    relation = (
        f"(SELECT {cells}, false AS ragged, CAST(file_row_number AS VARCHAR) AS text, "
        f"file_row_number + 1 AS line FROM {source})"
    )
    first = connection.execute(f"FROM {relation} LIMIT {_SAMPLE_ROWS}").fetchall()
    if not first:
        raise InputError(f"{file.name}: columns and no rows; one row at least is right")
    return Table(
        kind="parquet",
        name=file.name,
        roles=match.roles,
        relation=relation,
        numbered=relation,
        quote="false",
        streamed=BATCH,
        stream=lambda space: _stream(space, relation, list(used)),
        samples={
            at: tuple(row[nth] for row in first if row[nth] is not None)
            for nth, at in enumerate(used)
        },
        row_bytes=file.path.stat().st_size / _n_rows(connection, source),
        notes=match.notes,
        units_s=match.units_s,
    )


def _paths(
    connection: Connection, source: str, chosen: Mapping[str, str] | None
) -> list[tuple[str, ...]]:
    """Return the path of every column, two levels deep, and of deeper ones named."""
    columns = connection.sql(f"FROM {source} LIMIT 0")
    named = {*(chosen or {}).values()}
    paths: list[tuple[str, ...]] = []
    for name, kind in zip(columns.columns, columns.types, strict=True):
        if name != "file_row_number":
            paths += _within((name,), kind, named)
    return paths


def _within(
    path: tuple[str, ...], kind: Any, named: Collection[str]
) -> Iterator[tuple[str, ...]]:
    inner = kind.children if kind.id == "struct" else []
    is_listed = len(path) <= _DEPTH or ".".join(path) in named
    if is_listed and (not inner or len(path) == _DEPTH):
        yield path
    for name, child in inner:
        yield from _within((*path, name), child, named)


def _stream(
    workspace: Workspace, relation: str, used: Sequence[int]
) -> Iterator[Batch]:
    names = [f"c{at}" for at in used]
    for rows in rows_in_order(workspace, f"FROM {relation}", BATCH_ROWS):
        yield _batch(names, rows)


def _batch(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Batch:
    columns = list(zip(*rows, strict=True))
    batch: Batch = {
        name: np.array(column, dtype=object)
        for name, column in zip(names, columns, strict=False)
    }
    batch["ragged"] = np.zeros(len(rows), dtype=bool)
    batch["line"] = np.array(columns[-1], dtype=np.int64)
    return batch


def _n_rows(connection: Connection, source: str) -> int:
    [(n_rows,)] = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    return max(int(n_rows), 1)
