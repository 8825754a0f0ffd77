"""Columns of a Parquet file by their place: to SQL no name in it means anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bucketwise.read.database import Connection, Workspace, literal

ROW = "file_row_number"
"""The row in the file, from 0: DuckDB's, also where a column of the file is called so."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a field of a struct.

    Attributes
    ----------
    name : str
        As the file has it.
    sql : str
        How SQL names it.
    kind : DuckDBPyType
        What its cells are.
    """

    name: str
    sql: str
    kind: Any

    @property
    def fields(self) -> tuple[Column, ...]:
        """The fields of a struct, in order; () for anything else."""
        if self.kind.id != "struct":
            return ()
        return tuple(
            Column(name, f"struct_extract_at({self.sql}, {nth})", kind)
            for nth, (name, kind) in enumerate(self.kind.children, start=1)
        )


def open_columns(workspace: Workspace, path: Path) -> tuple[str, tuple[Column, ...]]:
    """Return SQL of all rows of a file, in which `ROW` can be asked for, and its columns.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    path : Path
        A Parquet file.
    """
    # The folder of temporary files may have a `=` in its name, too.
    stored = (
        f"read_parquet({literal(workspace.stage(path))}, hive_partitioning = false)"
    )
    columns = columns_of(workspace.connection, stored)
    return by_place(stored, columns), columns


def columns_of(connection: Connection, table: str) -> tuple[Column, ...]:
    """Return the columns of a table, named by their place as in `by_place`."""
    relation = connection.sql(f"FROM {table} LIMIT 0")
    named = zip(relation.columns, relation.types, strict=True)
    return tuple(Column(name, f"p{at}", kind) for at, (name, kind) in enumerate(named))


def by_place(table: str, columns: Sequence[Column]) -> str:
    """Return SQL of a table whose columns are named by their place."""
    return f"{table} AS stored({', '.join(column.sql for column in columns)})"
