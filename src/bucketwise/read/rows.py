"""Every row of a table in its order, for output that keeps one row for each; such output as Parquet."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import FloatArray, IntArray, Traffic
from bucketwise.read.database import Workspace, literal, open_workspace
from bucketwise.read.detect import may_crash
from bucketwise.read.images.header import Item
from bucketwise.read.items import batches, own_columns, reason_of, size_of
from bucketwise.read.opening import open_input, open_plain, plain_faults
from bucketwise.read.paths import Given, Input, open_inputs
from bucketwise.read.rejections import MAX_BAD_ROWS, Tally, check_rejections
from bucketwise.read.tables.cells import parsed_rows
from bucketwise.read.tables.naming import Chosen, learn
from bucketwise.read.tables.table import BATCH, Batch, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of one input, in order.

    Attributes
    ----------
    source : tuple of str
        Base name of the file each stands in.
    line : ndarray of int64, shape (n_rows,)
        Line (row in Parquet) on which each starts.
    height_px, width_px, frames : ndarray of int64, shape (n_rows,)
        Sizes; 0 where the row cannot be used, and `frames` 0 for an image.
    fps : ndarray of float64, shape (n_rows,)
        Frames per second; 0 where not given.
    visual_tokens : ndarray of int64, shape (n_rows,)
        Merged patches where only they are known, the sides being 0; else 0.
    own : mapping of str to ndarray of int64, each of shape (n_rows,)
        `traffic.OWN_COLUMNS`: limits that requests set; empty where the input is none.
    count : ndarray of float64, shape (n_rows,)
        Images the row stands for; 0 where it cannot be used.
    reason : tuple of str
        Why a row cannot be used; "" where it can.
    """

    source: tuple[str, ...]
    line: IntArray
    height_px: IntArray
    width_px: IntArray
    frames: IntArray
    fps: FloatArray
    visual_tokens: IntArray
    count: FloatArray
    reason: tuple[str, ...]
    own: Mapping[str, IntArray] = field(default_factory=dict)


def read_rows(
    inputs: Sequence[Given],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    ignore_orientation: bool = False,
) -> Iterator[Rows]:
    """Yield every row of the inputs in order, unusable ones in their place."""
    refused = Tally()
    rows_read = 0
    with open_inputs(inputs) as opened, open_workspace() as workspace:
        for each in opened.inputs:
            for rows in _rows(workspace, each, columns, ignore_orientation):
                rows_read += len(rows.reason)
                places = zip(rows.source, rows.line.tolist(), rows.reason, strict=True)
                for source, line, reason in places:
                    if reason:
                        refused.add(reason, source, line)
                yield rows
    check_rejections(refused.rejections(), rows_read, max_bad_rows)


def _rows(
    workspace: Workspace, each: Input, columns: Chosen, ignore_orientation: bool
) -> Iterator[Rows]:
    each = each.fetched()
    task = partial(_rows_here, each, ignore_orientation)
    with plain_faults(each.name):
        if not may_crash(each.path):
            yield from task(workspace, columns)
            return
        for rows, naming in workspace.apart.iterate(_rows_apart, task, columns):
            learn(columns, naming)
            yield rows


def _rows_apart(
    task: Callable[[Workspace, Chosen], Iterator[Rows]], columns: Chosen
) -> Iterator[tuple[Rows, Chosen]]:
    with open_workspace() as workspace:
        yield from ((rows, columns) for rows in task(workspace, columns))


def _rows_here(
    each: Input, ignore_orientation: bool, workspace: Workspace, columns: Chosen
) -> Iterator[Rows]:
    with plain_faults(each.name):
        found = open_plain(each) or open_input(workspace, each, columns)
        if isinstance(found, Traffic):
            raise InputError(
                f"{each.name}: a histogram keeps no single rows; give the table it "
                "was made from"
            )
        if isinstance(found, Table):
            for batch in found.stream(workspace):
                yield _parsed(workspace, found, batch)
            return
        for items in batches(found.items):
            yield _told(items, ignore_orientation=ignore_orientation)


def _told(items: Sequence[Item], *, ignore_orientation: bool) -> Rows:
    sizes = [size_of(item, ignore_orientation=ignore_orientation) for item in items]
    sides = np.array(sizes, dtype=np.int64)
    reasons = tuple(reason_of(item) for item in items)
    nothing = np.zeros(len(items), dtype=np.int64)
    return Rows(
        source=tuple(item.source for item in items),
        line=np.array([item.line for item in items], dtype=np.int64),
        height_px=sides[:, 0],
        width_px=sides[:, 1],
        frames=nothing,
        fps=nothing.astype(np.float64),
        visual_tokens=nothing,
        count=np.array([not reason for reason in reasons], dtype=np.float64),
        reason=reasons,
        own=own_columns(items),
    )


def _parsed(workspace: Workspace, table: Table, batch: Batch) -> Rows:
    roles = {role: at for role, at in table.roles.items() if role != "label"}
    connection = workspace.connection
    connection.register(BATCH, batch)
    found = connection.execute(
        f"FROM ({parsed_rows(table.streamed, roles, ('line',), table.forms)}) ORDER BY line"
    ).fetchnumpy()
    connection.unregister(BATCH)
    size = len(found["line"])
    used = np.array(found["reason"] == "", dtype=bool)
    return Rows(
        source=(table.name,) * size,
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


if TYPE_CHECKING:
    import pandas as pd


def write_parquet(tables: Iterator[pd.DataFrame], path: Path) -> None:
    """Write tables of equal columns one below the other."""
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
