"""Every row of a table in its order, for output that keeps one row for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.sources.cells import parsed_rows
from bucketwise.sources.database import Workspace, open_workspace
from bucketwise.sources.detect import recognise
from bucketwise.sources.histograms import read_histogram
from bucketwise.sources.inputs import Input, open_inputs
from bucketwise.sources.table import BATCH, Batch, Table
from bucketwise.sources.tables import (
    MAX_BAD_ROWS,
    check_rejections,
    open_table,
    plain_faults,
)
from bucketwise.traffic import MAX_PLACES, FloatArray, IntArray, Place, Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of one input, in order.

    Attributes
    ----------
    source : str
        Base name of the file.
    line : ndarray of int64, shape (n_rows,)
        Line (row in Parquet) on which each starts.
    height_px, width_px, frames : ndarray of int64, shape (n_rows,)
        Sizes; 0 where the row cannot be used, and `frames` 0 for an image.
    fps : ndarray of float64, shape (n_rows,)
        Frames per second; 0 where not given.
    visual_tokens : ndarray of int64, shape (n_rows,)
        Merged patches where only they are known, the sides being 0; else 0.
    count : ndarray of float64, shape (n_rows,)
        Images the row stands for; 0 where it cannot be used.
    reason : tuple of str
        Why a row cannot be used; "" where it can.
    """

    source: str
    line: IntArray
    height_px: IntArray
    width_px: IntArray
    frames: IntArray
    fps: FloatArray
    visual_tokens: IntArray
    count: FloatArray
    reason: tuple[str, ...]


def read_rows(
    inputs: Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
) -> Iterator[Rows]:
    """Yield every row of the inputs in order, unusable ones in their place.

    Parameters
    ----------
    inputs : sequence of str or Path
        As for `read_traffic`, without histograms.
    columns : mapping of str to str, optional
        As for `read_traffic`.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1); looked at after the last.

    Yields
    ------
    Rows
        Up to some ten thousand at a time.

    Raises
    ------
    InputError
        When an input cannot be read, or more rows than allowed are unusable.
    """
    counts: dict[str, int] = {}
    places: dict[str, list[Place]] = {}
    rows_read = 0
    with open_inputs(inputs) as found:
        for each in found:
            for rows in _rows(each, columns):
                rows_read += len(rows.reason)
                _tally(rows, counts, places)
                yield rows
    rejections = [
        Rejection(reason=reason, count=count, places=tuple(places[reason]))
        for reason, count in sorted(counts.items())
    ]
    check_rejections(rejections, rows_read, max_bad_rows)


def _tally(rows: Rows, counts: dict[str, int], places: dict[str, list[Place]]) -> None:
    for line, reason in zip(rows.line.tolist(), rows.reason, strict=True):
        if reason:
            counts[reason] = counts.get(reason, 0) + 1
            known = places.setdefault(reason, [])
            if len(known) < MAX_PLACES:
                known.append(Place(source=rows.source, line=line))


def _rows(each: Input, columns: Mapping[str, str] | None) -> Iterator[Rows]:
    with plain_faults(each.name), open_workspace() as workspace:
        file = recognise(workspace, each.path, each.name)
        if file.kind == "parquet" and read_histogram(workspace, file.path, each.name):
            raise InputError(
                f"{each.name}: a histogram keeps no single rows; give the table it "
                "was made from"
            )
        table = open_table(workspace, file, columns)
        for batch in table.stream(workspace):
            yield _parsed(workspace, table, batch)


def _parsed(workspace: Workspace, table: Table, batch: Batch) -> Rows:
    roles = {
        role: at for role, at in table.roles.items() if role not in {"time", "label"}
    }
    connection = workspace.connection
    connection.register(BATCH, batch)
    found = connection.execute(
        f"FROM ({parsed_rows(table.streamed, roles, (), kept=('line',))}) ORDER BY line"
    ).fetchnumpy()
    connection.unregister(BATCH)
    size = len(found["line"])
    used = np.array(found["reason"] == "", dtype=bool)
    return Rows(
        source=table.name,
        line=np.asarray(found["line"], dtype=np.int64),
        height_px=_filled(found.get("height", np.zeros(size)), np.int64),
        width_px=_filled(found.get("width", np.zeros(size)), np.int64),
        frames=_filled(found.get("frames", np.zeros(size)), np.int64),
        fps=_filled(found.get("fps", np.zeros(size)), np.float64),
        visual_tokens=_filled(found.get("tokens", np.zeros(size)), np.int64),
        count=_filled(found.get("weight", used), np.float64),
        reason=tuple(str(reason) for reason in found["reason"]),
    )


def _filled(column: Any, kind: type[np.generic]) -> NDArray[Any]:
    """Return a column with 0 where the row has none."""
    return np.ma.filled(np.ma.asarray(column), 0).astype(kind)
