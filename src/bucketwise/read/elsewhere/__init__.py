"""A table in a database: its alike rows are counted there, and judged here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from bucketwise.read.database import identifier
from bucketwise.read.dialects import (
    DIALECTS,
    Counting,
    TimeKind,
    counting_query,
    source_of,
)
from bucketwise.read.elsewhere import adbc, spark, sqlalchemy
from bucketwise.read.elsewhere.kept import is_number, keep
from bucketwise.read.elsewhere.session import Session
from bucketwise.read.scratch import Scratch
from bucketwise.read.tables.columns import match_columns
from bucketwise.read.tables.naming import Chosen

NAME = "database"
"""What messages and records call the answer to a query: its text may say too much."""

Way = Callable[[str], AbstractContextManager[Session]]

WAYS: Mapping[str, Way] = {
    "adbc": adbc.connected, "sc": spark.connected, "spark": spark.connected,
}  # fmt: skip
"""What opens the addresses of a scheme, or of what it has after a +; SQLAlchemy opens all
others."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A table or a query in a database, in the place of an input.

    Attributes
    ----------
    url : str
        The database as SQLAlchemy names it, such as postgresql+psycopg://host/name; Spark as
        sc://host:port (Spark Connect) or spark://host:port (a standalone cluster).
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
    connected = WAYS.get(
        asked.url.partition(":")[0].rpartition("+")[2], sqlalchemy.connected
    )
    with connected(asked.url) as session:
        dialect = session.dialect
        source = source_of(
            Counting(columns={}, table=asked.table, query=asked.query, where=asked.where),
            dialect,
        )  # fmt: skip
        # Names alone: no row leaves for them.
        names = session.names(f"SELECT * FROM {source('1 = 0')}")
        match = match_columns(names, chosen, str(asked))
        columns = {
            role: identifier(name)
            for role, name in match.named.items()
            if role in match.roles and role != "request"
        }

        def first_of(role: str) -> object:
            if role not in columns:
                return None
            engine = DIALECTS[dialect]
            column = engine.quoted(match.named[role])
            rows = source(f"{column} IS NOT NULL")
            return session.first(engine.one.format(column, rows))

        counting = Counting(
            columns=columns,
            table=asked.table,
            query=asked.query,
            where=asked.where,
            time_kind=_time_kind(first_of("time")),
            sums=bool(DIALECTS[dialect].decimal) and is_number(first_of("count")),
        )
        path = scratch.new("counted")
        with closing(session.answer(counting_query(counting, dialect))) as answer:
            keep(answer, path)
    said = f"{dialect} counted alike rows; sizes, counts and hours of them left it"
    return Counted(path, (said, *match.notes))


def _time_kind(value: object) -> TimeKind:
    if isinstance(value, str):
        return "text"
    return "number" if is_number(value) else "timestamp"
