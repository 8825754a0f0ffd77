"""Spark: a cluster that this process joins as its driver, or what speaks Spark Connect."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bucketwise.errors import UsageError
from bucketwise.read.elsewhere.session import Rows, plain_words

_FETCHED = 50_000

_QUIET = {
    "spark.app.name": "bucketwise",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Of a driver that lives for one query: it has no page, and leaves the terminal alone."""


_ZONE = "spark.sql.session.timeZone"

_RETRIES = 4
"""Of the first call to a server, within 5 s: what is down longer is not there."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A session of Spark."""

    session: Any
    dialect: str = "spark"

    def names(self, query: str) -> list[str]:
        """Return what the columns of an answer are called."""
        return [*self.session.sql(query).columns]

    def first(self, query: str) -> object:
        """Return a value such as the first of an answer: Spark tells its type without rows."""
        types = _pyspark("sql.types")
        kind = self.session.sql(query).schema[0].dataType
        values = ((types.StringType, ""), (types.NumericType, 0))
        return next((value for each, value in values if isinstance(kind, each)), None)

    def answer(self, query: str) -> Generator[Rows, None, None]:
        """Return an answer, some rows at a time, none of them empty."""
        found = self.session.sql(query)
        names = [*found.columns]
        # One partition of them is here at a time, or one batch of Spark Connect.
        rows = found.toLocalIterator()
        while some := [*islice(rows, _FETCHED)]:
            yield Rows(names, some)


@contextmanager
def connected(url: str) -> Iterator[Spark]:
    """Open a session of its own, and leave one alone that this process has already."""
    opened = _as_client(url) if url.startswith("sc:") else _as_driver(url)
    # Behind the address of Spark Connect stands a token, for one.
    private = re.findall(r"=([^;]+)", url)
    said = plain_words("pyspark", "py4j", "grpc", private=private)
    with said, _no_warnings(), opened as session:
        # Not in SQL: Sail reads no SET TIME ZONE.
        session.conf.set(_ZONE, "UTC")
        yield Spark(session)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """PySpark warns of pandas 3; nothing of pandas is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _as_client(url: str) -> Iterator[Any]:
    connect = _pyspark("sql.connect.session")
    session = connect.SparkSession.builder.remote(url).create()
    try:
        # It would ask a server that is not there for ten minutes, and as long to leave it.
        client, retries = session.client, _pyspark("sql.connect.client.retries")
        patient = client.get_retry_policies()
        client.set_retry_policies([retries.DefaultPolicy(max_retries=_RETRIES)])
        session.conf.get(_ZONE)
        client.set_retry_policies(patient)
        yield session
    finally:
        session.stop()


@contextmanager
def _as_driver(url: str) -> Iterator[Any]:
    sessions = _pyspark("sql").SparkSession
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        message = "--connect spark:// needs Java: apt install openjdk-17-jre-headless"
        raise UsageError(message)
    master = re.sub(r"^spark://(local(\[.*\])?|yarn)$", r"\1", url)
    try:
        running = sessions.active()
    except RuntimeError:  # there is none
        builder = sessions.builder.master(master)
        for name, value in _QUIET.items():
            builder = builder.config(name, value)
        with _nothing_left(), builder.getOrCreate() as session:  # stopped in the end
            yield session
        return
    found = running.sparkContext.master
    if found != master:
        raise UsageError(
            f"--connect: expected {found}, on which this process runs Spark already, got "
            f"{master}; stop that session first"
        )
    yield running.newSession()


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Take away the empty folder that Spark makes where it runs."""
    warehouse = Path("spark-warehouse")
    was_there = warehouse.exists()
    try:
        yield
    finally:
        if not was_there:
            with suppress(OSError):  # there is none, or it holds something
                warehouse.rmdir()


def _pyspark(module: str) -> Any:
    try:
        return importlib.import_module(f"pyspark.{module}")
    except ImportError as error:
        message = "--connect needs PySpark: pip install 'bucketwise[spark]'"
        raise UsageError(message) from error
