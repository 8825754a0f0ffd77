"""Tables of results as Parquet."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bucketwise.read.database import literal, open_workspace

if TYPE_CHECKING:
    import pandas as pd


def write_parquet(tables: Iterator[pd.DataFrame], path: Path) -> None:
    """Write tables of equal columns one below the other.

    Parameters
    ----------
    tables : iterator of pandas.DataFrame
        The parts, in order; at least one.
    path : Path
        A file that is there; overwritten.

    Raises
    ------
    OSError
        When it cannot be written, as where the disk is full.
    """
    with open_workspace() as workspace:
        connection = workspace.connection
        connection.execute("SET preserve_insertion_order = true")
        for index, table in enumerate(tables):
            connection.register("part", table)
            verb = "INSERT INTO whole" if index else "CREATE TABLE whole AS"
            connection.execute(f"{verb} SELECT * FROM part")
            connection.unregister("part")
        try:
            staged = literal(workspace.stage(path))
            connection.execute(
                f"COPY whole TO {staged} (FORMAT parquet, USE_TMP_FILE false)"
            )
        except duckdb.IOException as error:
            raise OSError(errno.EIO, str(error).splitlines()[0]) from error
