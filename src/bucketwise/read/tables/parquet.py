"""Parquet: typed columns, read as the text they print as."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from bucketwise.errors import InputError
from bucketwise.read.database import (
    FILE,
    ROW,
    Column,
    Workspace,
    literal,
    one_number,
    open_columns,
    rows_in_order,
)
from bucketwise.read.detect import File
from bucketwise.read.tables.columns import FOR_SIZES, Purpose
from bucketwise.read.tables.jsonlines import DEPTH
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.table import (
    BATCH,
    BATCH_ROWS,
    FLOATS,
    TIMES,
    WHOLE,
    Batch,
    Table,
)

_SAMPLE_ROWS = 50


def open_parquet(
    workspace: Workspace, file: File, chosen: Chosen, purpose: Purpose = FOR_SIZES
) -> Table:
    """Open a Parquet file: find its columns, nested ones too."""
    connection = workspace.connection
    source, columns = open_columns(workspace, file.path)
    found = _cells(columns, chosen)
    places = list(found.values())

    def some_cells(at: int) -> list[str]:
        text = f"CAST({places[at].sql} AS VARCHAR)"
        rows = connection.execute(f"SELECT {text} FROM {source} LIMIT {_SAMPLE_ROWS}")
        return [cell for (cell,) in rows.fetchall() if cell is not None]

    match = purpose.match(list(found), chosen, file.name, some_cells)
    used = sorted(set(match.roles.values()))
    cells = ", ".join(f"CAST({places[at].sql} AS VARCHAR) AS c{at}" for at in used)
    relation = (
        f"(SELECT {cells}, {FILE} AS file, false AS ragged, false AS quoted, "
        f"{ROW} + 1 AS line FROM {source})"
    )
    kinds = {
        at: places[at].kind.id
        for at in used
        if places[at].kind.id in {*WHOLE, *FLOATS, *TIMES}
    }
    as_stored = ", ".join(
        f"{places[at].sql if at in kinds else f'CAST({places[at].sql} AS VARCHAR)'} AS c{at}"
        for at in used
    )
    first = connection.execute(f"FROM {relation} LIMIT {_SAMPLE_ROWS}").fetchall()
    if not first:
        raise InputError(f"{file.name}: expected one row at least, got columns alone")
    n_rows = max(one_number(connection, f"SELECT count(*) FROM {source}"), 1)
    return Table(
        kind="parquet",
        name=file.name,
        roles=match.roles,
        rows_due=lambda: n_rows,
        relation=relation,
        numbered=relation,
        streamed=BATCH,
        stream=lambda space: _stream(space, relation, used),
        samples={
            at: tuple(row[nth] for row in first if row[nth] is not None)
            for nth, at in enumerate(used)
        },
        row_bytes=file.path.stat().st_size / n_rows,
        notes=match.notes,
        units_s=match.units_s,
        named=match.named,
        typed=frozenset(at for at in used if places[at].kind.id != "varchar"),
        stored=f"(SELECT {as_stored}, {FILE} AS file, false AS ragged FROM {source})",
        kinds=kinds,
        path=file.path if _is_told_by_names(columns) else None,
        source=literal(workspace.stage(file.path)),
        layout=repr([(column.name, column.kind) for column in columns]),
    )


def _is_told_by_names(columns: Sequence[Column]) -> bool:
    """Return whether DuckDB finds every column of several such files, by its name."""
    return len({column.name.casefold() for column in columns}) == len(columns)


def _cells(columns: Sequence[Column], chosen: Chosen) -> dict[str, Column]:
    """Return every column to read by its name, `outer.inner` for nested ones.

    `DEPTH` levels deep, and deeper where the user names one. Of two that are named alike
    the first is read.
    """
    named = {*(chosen or {}).values()}
    cells: dict[str, Column] = {}
    for column in columns:
        for name, cell in _within(column.name, column, 1, named):
            cells.setdefault(name, cell)
    return cells


def _within(
    name: str, column: Column, depth: int, named: Collection[str]
) -> Iterator[tuple[str, Column]]:
    is_listed = depth <= DEPTH or name in named
    if is_listed and (not column.fields or depth == DEPTH):
        yield name, column
    for field in column.fields:
        yield from _within(f"{name}.{field.name}", field, depth + 1, named)


def _stream(
    workspace: Workspace, relation: str, used: Sequence[int]
) -> Iterator[Batch]:
    names = [f"c{at}" for at in used]
    for rows in rows_in_order(workspace, f"FROM {relation}", BATCH_ROWS):
        columns = list(zip(*rows, strict=True))
        pairs = zip(names, columns, strict=False)
        yield {
            **{name: np.array(column, dtype=object) for name, column in pairs},
            "ragged": np.zeros(len(rows), dtype=bool),
            "line": np.array(columns[-1], dtype=np.int64),
        }
