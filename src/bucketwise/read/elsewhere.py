"""A table in a database: its alike rows are counted there, and judged here."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bucketwise.errors import InputError, UsageError
from bucketwise.read.database import identifier, literal
from bucketwise.read.dialects import (
    DIALECTS,
    Counting,
    TimeKind,
    counting_query,
    source_of,
)
from bucketwise.read.scratch import Scratch
from bucketwise.read.tables.columns import match_columns
from bucketwise.read.tables.counted import COUNTED
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.table import BATCH
from bucketwise.words.text import one_line

NAME = "database"
"""What messages and records call the answer to a query: its text may say too much."""

MOST_GROUPS = 50_000_000
"""Distinct rows in an hour; more are rows of junk, or a column that tells each row."""

_FETCHED = 50_000
_MOST_SHOWN = 400

_CALLED = {
    "postgresql": "postgres", "awsathena": "athena", "clickhousedb": "clickhouse",
    "databricks": "spark", "hive": "spark",
}  # fmt: skip
"""What SQLAlchemy calls a dialect that has another name here."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A table or a query in a database, in the place of an input.

    Attributes
    ----------
    url : str
        The database as SQLAlchemy names it, such as postgresql+psycopg://host/name.
    table : str
        The table; or else `query`, one SELECT.
    query : str
    where : str
        A condition in the database's own words; "" for all rows.
    """

    url: str
    table: str = ""
    query: str = ""
    where: str = ""

    def __str__(self) -> str:
        """Return what to call it: never the address, which may hold a password."""
        return self.table or NAME


@dataclass(frozen=True, slots=True)
class Counted:
    """A file of counts, and what was read as what."""

    path: Path
    notes: tuple[str, ...]


def count_there(asked: Elsewhere, scratch: Scratch, chosen: Chosen) -> Counted:
    """Have a database count alike rows, and keep what it answers as Parquet."""
    with _plain_words(), _connected(asked.url) as (connection, dialect):
        source = source_of(
            Counting(columns={}, table=asked.table, query=asked.query, where=asked.where),
            dialect,
        )  # fmt: skip
        # Names alone: no row leaves for them.
        names = _run(connection, f"SELECT * FROM {source('1 = 0')}").keys()
        match = match_columns([*names], chosen, str(asked))
        columns = {
            role: identifier(name)
            for role, name in match.named.items()
            if role in match.roles and role != "request"
        }

        def first_of(role: str) -> object:
            if role not in columns:
                return None
            column = DIALECTS[dialect].quoted(match.named[role])
            rows = source(f"{column} IS NOT NULL")
            found = _run(connection, f"SELECT {column} FROM {rows} LIMIT 1").fetchone()
            return found[0] if found else None

        counting = Counting(
            columns=columns,
            table=asked.table,
            query=asked.query,
            where=asked.where,
            time_kind=_time_kind(first_of("time")),
            sums=_is_number(first_of("count")),
        )
        path = scratch.new("counted")
        connection.execution_options(stream_results=True)
        with closing(_run(connection, counting_query(counting, dialect))) as answer:
            _keep(answer, path)
    said = f"{dialect} counted alike rows; sizes, counts and hours of them left it"
    return Counted(path, (said, *match.notes))


@contextmanager
def _connected(url: str) -> Iterator[tuple[Any, str]]:
    """Open a session in UTC, and tell which of our dialects it speaks."""
    try:
        sqlalchemy: Any = importlib.import_module("sqlalchemy")
    except ImportError as error:
        message = "--connect needs SQLAlchemy: pip install 'bucketwise[sql]'"
        raise UsageError(message) from error
    try:
        engine = sqlalchemy.create_engine(url)
    except ImportError as error:
        message = f"--connect: {error}; install the driver that the address names"
        raise UsageError(message) from error
    called = engine.dialect.name
    dialect = _CALLED.get(called, called)
    try:
        if dialect not in DIALECTS:
            raise UsageError(
                f"--connect: expected one of {', '.join(DIALECTS)}, got {called}; for "
                "another, --print-sql the nearest, run it there, and read its answer"
            )
        with engine.connect() as connection:
            # A driver looks for parameters behind each % of a condition without it.
            connection.execution_options(no_parameters=True)
            if DIALECTS[dialect].session:
                _run(connection, DIALECTS[dialect].session)
            yield connection, dialect
    finally:
        engine.dispose()


def _run(connection: Any, query: str) -> Any:
    return connection.exec_driver_sql(query)


@contextmanager
def _plain_words() -> Iterator[None]:
    """Say what a database says, in a line and without its address."""
    try:
        yield
    except (InputError, UsageError, OSError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "sqlalchemy":
            raise
        said = one_line(str(getattr(error, "orig", None) or error).partition("\n")[0])
        raise InputError(f"--connect: {said[:_MOST_SHOWN]}") from None


def _time_kind(value: object) -> TimeKind:
    if isinstance(value, str):
        return "text"
    return "number" if _is_number(value) else "timestamp"


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)


def _keep(answer: Any, path: Path) -> None:
    """Write the rows of an answer as Parquet: numbers as numbers, all else as text."""
    names = [*answer.keys()]
    kinds: list[str] = []
    groups = 0
    with duckdb.connect(":memory:") as connection:
        while rows := answer.fetchmany(_FETCHED):
            groups += len(rows)
            if groups > MOST_GROUPS:
                raise InputError(
                    f"--connect: expected at most {MOST_GROUPS:,} distinct rows in an "
                    "hour, got more; leave out the column that tells each row"
                )
            columns = [*zip(*rows, strict=True)]
            kinds = kinds or [
                _kind(name, cells) for name, cells in zip(names, columns, strict=True)
            ]
            batch = {
                f"c{at}": _cells(kind, cells)
                for at, (kind, cells) in enumerate(zip(kinds, columns, strict=True))
            }
            if groups == len(rows):
                made = ", ".join(
                    f"{identifier(name)} {kind}"
                    for name, kind in zip(names, kinds, strict=True)
                )
                connection.execute(f"CREATE TABLE counted ({made})")
            connection.register(BATCH, batch)
            connection.execute(f"INSERT INTO counted FROM {BATCH}")
            connection.unregister(BATCH)
        if not groups:
            raise InputError("--connect: expected one row at least, got none")
        connection.execute(f"COPY counted TO {literal(path)} (FORMAT parquet)")


def _kind(name: str, cells: Sequence[object]) -> str:
    first = next((cell for cell in cells if cell is not None), None)
    return "DOUBLE" if name not in COUNTED and _is_number(first) else "VARCHAR"


def _cells(kind: str, cells: Sequence[Any]) -> Any:
    if kind == "DOUBLE":
        return np.array([np.nan if each is None else float(each) for each in cells])
    return np.array([None if each is None else _text(each) for each in cells], object)


def _text(cell: object) -> str:
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, dt.date | dt.datetime):
        return cell.isoformat()
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
