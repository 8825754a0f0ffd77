"""A database that has an ADBC driver: its answer comes in columns, which costs less than rows."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from bucketwise.errors import UsageError
from bucketwise.read.database import Connection
from bucketwise.read.dialects import DIALECTS
from bucketwise.read.elsewhere.session import Arrow, plain_words
from bucketwise.read.tables.table import BATCH

_DRIVERS = {"postgresql": ("postgres", "postgresql://"), "snowflake": ("snowflake", "")}
"""What stands before `+adbc` -> its dialect, and what its driver wants before the rest."""


@dataclass(frozen=True, slots=True)
class Adbc:
    """A session through ADBC. Without pyarrow: DuckDB takes the streams as they are."""

    cursor: Any
    dialect: str

    def names(self, query: str) -> list[str]:
        """Return what the columns of an answer are called."""
        with self._read(query) as here:
            return [name for name, *_ in here.description or ()]

    def first(self, query: str) -> object:
        """Return the first value of an answer; None where there is no row."""
        with self._read(query) as here:
            # Python has no word for some times.
            [column] = here.fetchnumpy().values()
        return column[0] if len(column) else None

    def answer(self, query: str) -> Generator[Arrow, None, None]:
        """Return an answer as one stream."""
        self.cursor.execute(query)
        yield self.cursor.fetch_arrow()

    @contextmanager
    def _read(self, query: str) -> Iterator[Connection]:
        with duckdb.connect(":memory:") as here:
            here.register(BATCH, next(self.answer(query)))
            yield here.execute(f"FROM {BATCH}")


@contextmanager
def connected(url: str) -> Iterator[Adbc]:
    """Open a session at an address such as postgresql+adbc://host/name."""
    scheme, _, rest = url.partition("://")
    name = scheme.partition("+")[0]
    if name not in _DRIVERS:
        raise UsageError(
            f"--connect: expected one of {', '.join(_DRIVERS)} before +adbc, got {name}"
        )
    dialect, before = _DRIVERS[name]
    try:
        driver: Any = importlib.import_module(f"adbc_driver_{name}.dbapi")
    except ImportError as error:
        message = f"--connect {scheme}: pip install adbc-driver-{name}"
        raise UsageError(message) from error
    with (
        plain_words("adbc_driver_manager"),
        closing(driver.connect(before + rest)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        if session := DIALECTS[dialect].session:
            cursor.execute(session)
        yield Adbc(cursor, dialect)
