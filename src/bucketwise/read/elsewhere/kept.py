"""What a database answers, kept as Parquet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from bucketwise.errors import InputError
from bucketwise.read.database import identifier, literal, one_number, open_workspace
from bucketwise.read.elsewhere.session import Arrow, Rows
from bucketwise.read.tables.counted import COUNTED
from bucketwise.read.tables.table import BATCH

MOST_GROUPS = 50_000_000
"""Distinct rows in an hour; more are rows of junk, or a column that tells each row."""


def keep(answer: Iterable[Rows | Arrow], path: Path) -> None:
    """Write an answer as Parquet: of rows, floats as they are and all else as text."""
    kinds: list[str] = []
    groups = 0
    with open_workspace() as workspace:
        connection = workspace.connection
        for batch in answer:
            columns: object = batch
            read = f"FROM {BATCH}"
            if isinstance(batch, Rows):
                kinds = kinds or _kinds(batch)
                columns = _columns(batch, kinds)
                read = f"SELECT {_named(batch.names, kinds)} {read}"
            connection.register(BATCH, columns)
            # A stream is read once.
            made = "INSERT INTO counted" if groups else "CREATE TABLE counted AS"
            connection.execute(f"{made} {read} LIMIT {MOST_GROUPS + 1}")
            connection.unregister(BATCH)
            groups = one_number(connection, "SELECT count(*) FROM counted")
            if groups > MOST_GROUPS:
                raise InputError(
                    f"--connect: expected at most {MOST_GROUPS:,} distinct rows in an "
                    "hour, got more; leave out the column that tells each row"
                )
        if not groups:
            raise InputError("--connect: expected one row at least, got none")
        connection.execute(f"COPY counted TO {literal(path)} (FORMAT parquet)")


def is_number(value: object) -> bool:
    """Tell whether a driver gave a number."""
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)


def _named(names: Sequence[str], kinds: Sequence[str]) -> str:
    return ", ".join(
        f"CAST(c{at} AS {kind}) AS {identifier(name)}"
        for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )


def _kinds(batch: Rows) -> list[str]:
    columns = zip(*batch.rows, strict=True)
    return [
        _kind(name, cells) for name, cells in zip(batch.names, columns, strict=True)
    ]


def _columns(batch: Rows, kinds: Sequence[str]) -> dict[str, Any]:
    columns = zip(*batch.rows, strict=True)
    return {
        f"c{at}": _cells(kind, cells)
        for at, (kind, cells) in enumerate(zip(kinds, columns, strict=True))
    }


def _kind(name: str, cells: Sequence[object]) -> str:
    first = next((cell for cell in cells if cell is not None), None)
    # A whole number has the same text everywhere, also as a label.
    return "DOUBLE" if name not in COUNTED and isinstance(first, float) else "VARCHAR"


def _cells(kind: str, cells: Sequence[Any]) -> Any:
    if kind == "DOUBLE":
        try:
            return np.array([np.nan if each is None else float(each) for each in cells])
        except ValueError as error:
            raise InputError(
                "--connect: expected numbers alone in a column that begins with one, got "
                "text; name a --query that casts it to text"
            ) from error
    return np.array([None if each is None else _text(each) for each in cells], object)


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, dt.date | dt.datetime):
        return cell.isoformat()
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
