"""The histogram file: a reduction kept as Parquet, and read back without loss."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bucketwise.errors import BucketwiseError, InputError, OutputError
from bucketwise.nouns.traffic import (
    CELL_COLUMNS,
    MAX_CELLS,
    OWN_COLUMNS,
    InputRecord,
    Place,
    Rejection,
    Traffic,
)
from bucketwise.read.database import (
    DATA_FAULTS,
    ROW,
    Workspace,
    literal,
    one_number,
    open_columns,
    open_workspace,
)
from bucketwise.system.atomic import replacing

SCHEMA = "bucketwise.histogram/1"
WITH_OWN = "bucketwise.histogram/2"
"""Has limits that requests set, which versions that read only the first would drop."""

KEY = "bucketwise"
"""Key of the metadata by which a Parquet file is known to be a histogram."""

_ARRAYS = (*CELL_COLUMNS, "count")


def write_histogram(traffic: Traffic, path: Path) -> None:
    """Write traffic to a file that every command reads back.

    Parameters
    ----------
    traffic : Traffic
        What to keep.
    path : Path
        Where; it is replaced whole or not at all.

    Raises
    ------
    OutputError
        When nothing can be written there.
    """
    if not path.parent.is_dir():
        raise OutputError(
            f"{path}: there is no folder {path.parent}; give a file in one that exists"
        )
    try:
        with replacing(path) as part, open_workspace() as workspace:
            _copy(workspace, traffic, part)
    except (OSError, *DATA_FAULTS) as error:
        raise OutputError(
            f"{path}: the histogram cannot be written ({_first_line(error)}); give a "
            "file in a folder that exists and can be written to"
        ) from error


def read_histogram(workspace: Workspace, path: Path, name: str) -> Traffic | None:
    """Return the traffic in a histogram file, or None when it is another Parquet file."""
    staged = literal(workspace.stage(path))
    found = workspace.connection.execute(
        f"SELECT value FROM parquet_kv_metadata({staged}) WHERE key = ?", [KEY.encode()]
    ).fetchall()
    if not found:
        return None
    source, stored = open_columns(workspace, path)
    cells = one_number(workspace.connection, f"SELECT count(*) FROM {source}")
    if cells > MAX_CELLS:
        raise InputError(
            f"{name}: a histogram of {cells:,} cells; up to {MAX_CELLS:,} are read: make "
            "it anew with `bucketwise histogram`"
        )
    kept = [f"{each.sql} AS {each.name}" for each in stored if each.name in _ARRAYS]
    columns = workspace.connection.execute(
        f"SELECT {', '.join([*kept, ROW])} FROM {source} ORDER BY {ROW}"
    ).fetchnumpy()
    try:
        said = json.loads(found[0][0])
        if said["schema"] not in {SCHEMA, WITH_OWN}:
            raise InputError(
                f"{name}: a histogram of schema {said['schema']!r}; this version "
                f"reads up to {WITH_OWN!r}: make it anew with `bucketwise histogram`"
            )
        arrays: dict[str, Any] = {
            column: np.asarray(columns[column])
            for column in _ARRAYS
            if column in columns or column not in OWN_COLUMNS
        }
        return Traffic(**arrays, **_restored(said["traffic"]))
    except (KeyError, TypeError, ValueError, BucketwiseError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name}: a damaged histogram ({_first_line(error)}); make it anew with "
            "`bucketwise histogram`"
        ) from error


def _copy(workspace: Workspace, traffic: Traffic, path: Path) -> None:
    connection = workspace.connection
    connection.execute("SET preserve_insertion_order = true")
    # One writer: row groups in the order of the cells, and so the same bytes.
    connection.execute("SET threads = 1")
    kept = (*traffic.kept_columns, "count")
    connection.register("kept", {name: getattr(traffic, name) for name in kept})
    schema = WITH_OWN if set(OWN_COLUMNS) & set(kept) else SCHEMA
    # Everything that is not a column of cells.
    said = {
        each.name: _plain(getattr(traffic, each.name))
        for each in dataclasses.fields(traffic)
        if each.name not in _ARRAYS
    }
    metadata = json.dumps({"schema": schema, "traffic": said}, sort_keys=True)
    connection.execute(
        f"COPY (SELECT {', '.join(kept)} FROM kept) TO "
        # By a link, which a file beside it that DuckDB writes first would replace.
        f"{literal(workspace.stage(path))} "
        "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, "
        f"KV_METADATA {{{KEY}: {literal(metadata)}}})"
    )


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _restored(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **said,
        "labels": tuple(said["labels"]),
        "notes": tuple(said["notes"]),
        "inputs": tuple(
            InputRecord(**{**each, "notes": tuple(each["notes"])})
            for each in said["inputs"]
        ),
        "rejections": tuple(
            Rejection(
                reason=each["reason"],
                count=each["count"],
                places=tuple(Place(**place) for place in each["places"]),
            )
            for each in said["rejections"]
        ),
    }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
