"""A database that SQLAlchemy serves."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bucketwise.errors import InputError, UsageError
from bucketwise.read.dialects import DIALECTS
from bucketwise.read.elsewhere.session import Rows, known_dialect, plain_words
from bucketwise.words.text import one_line

_FETCHED = 50_000

_CALLED = {
    "postgresql": "postgres", "awsathena": "athena", "clickhousedb": "clickhouse",
    "databricks": "spark", "hive": "spark", "mariadb": "mysql", "mssql": "tsql",
}  # fmt: skip
"""What SQLAlchemy calls a dialect that has another name here."""


@dataclass(frozen=True, slots=True)
class SqlAlchemy:
    """A session through SQLAlchemy."""

    connection: Any
    dialect: str

    def names(self, query: str) -> list[str]:
        """Return what the columns of an answer are called."""
        return [*self._run(query).keys()]

    def first(self, query: str) -> object:
        """Return the first value of an answer; None where there is no row."""
        found = self._run(query).fetchone()
        return found[0] if found else None

    def answer(self, query: str) -> Generator[Rows, None, None]:
        """Return an answer, some rows at a time, none of them empty."""
        self.connection.execution_options(stream_results=True)
        with closing(self._run(query)) as answer:
            names = [*answer.keys()]
            while rows := answer.fetchmany(_FETCHED):
                yield Rows(names, rows)

    def _run(self, query: str) -> Any:
        return self.connection.exec_driver_sql(query)


@contextmanager
def connected(url: str) -> Iterator[SqlAlchemy]:
    """Open a session."""
    try:
        sqlalchemy: Any = importlib.import_module("sqlalchemy")
    except ImportError as error:
        message = "--connect needs SQLAlchemy: pip install 'bucketwise[sql]'"
        raise UsageError(message) from error
    with plain_words("sqlalchemy"):
        try:
            engine = sqlalchemy.create_engine(url)
        except ImportError as error:
            message = f"--connect: {error}; install the driver that the address names"
            raise UsageError(message) from error
        called = engine.dialect.name
        file = engine.url.database or ""
        # SQLite would make the file that is not there, and leave it.
        if (
            called == "sqlite"
            and not file.startswith("file:")
            and not Path(file).exists()
        ):
            message = f"--connect: expected a database that is there, got {one_line(Path(file).name)}"
            raise InputError(message)
        try:
            dialect = known_dialect(_CALLED.get(called, called))
            with engine.connect() as connection:
                # A driver looks for parameters behind each % of a condition without it.
                connection.execution_options(no_parameters=True)
                if session := DIALECTS[dialect].session:
                    connection.exec_driver_sql(session)
                yield SqlAlchemy(connection, dialect)
        finally:
            engine.dispose()
