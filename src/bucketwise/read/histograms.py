"""The histogram file: a reduction kept as Parquet, and read back without loss."""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bucketwise.errors import BucketwiseError, InputError, OutputError
from bucketwise.nouns.together import Together
from bucketwise.nouns.traffic import (
    CELL_COLUMNS,
    MAX_CELLS,
    OWN_COLUMNS,
    SIZE_COLUMNS,
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

TOGETHER_KEY = "bucketwise_together"
"""Key of what was sent together, packed; versions that do not know it read single images."""

_ARRAYS = (*CELL_COLUMNS, "count")
_TOGETHER = ("requests", "calls")
_MOST_TOGETHER_BYTES = 256 * 1024 * 1024
"""Far above what is ever written, so that a file made to do harm does not fill memory."""


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
    found = dict(
        workspace.connection.execute(
            f"SELECT key, value FROM parquet_kv_metadata({staged})"
        ).fetchall()
    )
    if KEY.encode() not in found:
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
        said = json.loads(found[KEY.encode()])
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
        arrays |= _unpacked(found.get(TOGETHER_KEY.encode(), b""))
        return Traffic(**arrays, **_restored(said["traffic"]))
    except (
        KeyError,
        OverflowError,
        TypeError,
        ValueError,
        zlib.error,
        BucketwiseError,
    ) as error:
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
        if each.name not in (*_ARRAYS, *_TOGETHER)
    }
    metadata = json.dumps({"schema": schema, "traffic": said}, sort_keys=True)
    packed = _packed(traffic)
    together = f", {TOGETHER_KEY}: {literal(packed)}" if packed else ""
    connection.execute(
        f"COPY (SELECT {', '.join(kept)} FROM kept) TO "
        # By a link, which a file beside it that DuckDB writes first would replace.
        f"{literal(workspace.stage(path))} "
        "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, "
        f"KV_METADATA {{{KEY}: {literal(metadata)}{together}}})"
    )


def _packed(traffic: Traffic) -> str:
    """Return what was sent together; "" where nothing tells."""
    said = {
        name: {
            "columns": {key: each.tolist() for key, each in sent.columns.items()},
            **{key: getattr(sent, key).tolist() for key in ("size", "ends", "count")},
            "told": sent.told,
            "is_too_much": sent.is_too_much,
        }
        for name in _TOGETHER
        if (sent := getattr(traffic, name)).told or sent.is_too_much
    }
    text = json.dumps(said, sort_keys=True).encode()
    return base64.b64encode(zlib.compress(text)).decode() if said else ""


def _unpacked(packed: bytes) -> dict[str, Together]:
    if not packed:
        return {}
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(base64.b64decode(packed), _MOST_TOGETHER_BYTES)
    if unpacking.unconsumed_tail:
        message = "what was sent together is too long"
        raise ValueError(message)
    said = json.loads(text)
    return {
        name: Together(
            columns={
                key: np.array(said[name]["columns"][key], dtype=kind)
                for key, kind in SIZE_COLUMNS.items()
                if said[name]["columns"]
            },
            size=np.array(said[name]["size"], dtype=np.int64),
            ends=np.array(said[name]["ends"], dtype=np.int64),
            count=np.array(said[name]["count"], dtype=np.float64),
            told=tuple(said[name]["told"]),
            is_too_much=said[name]["is_too_much"] is True,
        )
        for name in _TOGETHER
        if name in said
    }


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
