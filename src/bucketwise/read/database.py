"""The one way to DuckDB: a connection with bounds, quoting of what users named, columns by their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bucketwise.read.isolated import Isolation
from bucketwise.read.scratch import Scratch, open_scratch

Connection = duckdb.DuckDBPyConnection
DATA_FAULTS = (
    duckdb.ConversionException, duckdb.InvalidInputException, duckdb.IOException,
    duckdb.NotImplementedException, duckdb.OutOfMemoryException,
    duckdb.OutOfRangeException, duckdb.SerializationException,
)  # fmt: skip
"""Errors with which DuckDB says that a file is not as it should be."""

AnyFault = duckdb.Error
NoSuchTable = duckdb.CatalogException
SQL_FAULTS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors that are bugs in the SQL, and show their traceback. What is neither, DuckDB
raises over damaged files that it did not expect, such as "TProtocolException"."""

MEMORY_LIMIT = "360MB"

ROW = "file_row_number"
"""The row in the file, from 0: DuckDB's, also where a column of the file is called so."""

FILE = "file_index"
"""Which of several files a row is of, from 0: DuckDB's, too."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A database in memory, the place for what it spills, and a process apart.

    What may crash DuckDB is read in the latter; it starts when it is first needed.
    """

    connection: Connection
    scratch: Scratch
    apart: Isolation

    def stage(self, path: Path, name: str = "input") -> Path:
        """Return a plain name for a file.

        DuckDB takes `*`, `?`, `[` in a path for a glob, `key=value` folders for
        columns and a suffix for a compression; a link has none of them.
        """
        return self.scratch.link(path, name)


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """Open a database that stays local and small, and remove its traces afterwards."""
    with open_scratch() as scratch, Isolation(scratch.folder) as apart:
        # Without a folder nothing is spilled: what does not fit is refused.
        spill = "" if scratch.folder is None else str(scratch.folder / "spill")
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": MEMORY_LIMIT,
                "preserve_insertion_order": "false",
                "temp_directory": spill,
            },
        )
        try:
            connection.execute("SET enable_progress_bar = false")
            # The zone of times that name none; the machine's own is the default.
            connection.execute("SET TimeZone = 'UTC'")
            # A file may say one thing of its cells and hold another.
            connection.execute("SET disabled_optimizers = 'statistics_propagation'")
            yield Workspace(connection, scratch, apart)
        except RuntimeError as error:
            # DuckDB's word for Ctrl-C while a query runs.
            if "interrupt" in str(error).lower():
                raise KeyboardInterrupt from error
            raise
        finally:
            connection.close()


@contextmanager
def usual_faults() -> Iterator[None]:
    """Raise what DuckDB says in its own way as what it is."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except RuntimeError as error:
        # Its word for a name that Python cannot have.
        if "conversion error" not in str(error):
            raise
        message = "a column has a name that is not UTF-8"
        raise duckdb.InvalidInputException(message) from error


def rows_in_order(workspace: Workspace, query: str, size: int) -> Iterator[list[Any]]:
    """Yield the rows of a query in the order of the file, some at a time."""
    cursor = workspace.connection.cursor()
    try:
        cursor.execute("SET preserve_insertion_order = true")
        cursor.execute(query)
        while rows := cursor.fetchmany(size):
            yield rows
    finally:
        cursor.close()


def one_number(connection: Connection, query: str) -> int:
    """Return the only value of a query."""
    return int(connection.execute(query).fetchall()[0][0])


def literal(text: str | Path) -> str:
    """Return text as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a field of a struct."""

    name: str
    """As the file has it."""
    sql: str
    """How SQL names it."""
    kind: Any
    """What its cells are."""

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
    """Return SQL of all rows of a file, in which `ROW` can be asked for, and its columns."""
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
