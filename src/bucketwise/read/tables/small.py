"""Small tables, many at a time: asking a database costs more than their rows do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from bucketwise.nouns.traffic import NO_TIME_S, SLOT_LADDER_S, Traffic, group_cells
from bucketwise.read.database import Workspace
from bucketwise.read.rejections import Tally
from bucketwise.read.tables.aggregate import slot_of
from bucketwise.read.tables.cells import by_tokens, parsed_rows
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.reduce import MAX_LABELS, notes_of, recorded
from bucketwise.read.tables.sent import may_tell
from bucketwise.read.tables.table import BATCH, Batch, Table
from bucketwise.read.tables.times import microseconds

SMALL_BYTES = 32 << 10
MOST_ROWS = MAX_LABELS
"""So few rows have neither too many labels nor too many cells."""

MOST_TABLES = 256
"""Read together: some MB of rows at most."""

_FILE_SHIFT = 32
"""A line of a small file needs fewer bits; above them stands which table it is of."""

_SIDES = {
    "height_px": "height", "width_px": "width", "frames": "frames", "fps": "fps",
    "visual_tokens": "tokens",
}  # fmt: skip


@dataclass(slots=True)
class SmallTables:
    """Tables of one layout that wait to be read together."""

    workspace: Workspace
    _query: str = ""
    _waiting: list[tuple[Table, Batch]] = field(default_factory=list)

    def add(self, table: object, size_bytes: int) -> bool:
        """Take a table that is small, and like those waiting; say whether it is."""
        if not isinstance(table, Table) or len(self._waiting) == MOST_TABLES:
            return False
        if (
            size_bytes > SMALL_BYTES
            or table.kind == "parquet"
            or may_tell(table)
            or ROWS in table.roles
        ):
            return False
        query = _query_of(table)
        if self._waiting and query != self._query:
            return False
        batches = list(islice(table.stream(self.workspace), 2))
        if len(batches) != 1 or len(batches[0]["line"]) > MOST_ROWS:
            return False
        [rows] = batches
        rows["line"] = rows["line"] + (len(self._waiting) << _FILE_SHIFT)
        self._query = query
        self._waiting.append((table, rows))
        return True

    def read(self) -> Iterator[Traffic]:
        """Yield the histogram of each table that waits, in order, and forget them."""
        if not self._waiting:
            return
        batches = [rows for _, rows in self._waiting]
        together = {
            name: np.concatenate([rows[name] for rows in batches])
            for name in batches[0]
        }
        connection = self.workspace.connection
        connection.register(BATCH, together)
        found = connection.execute(self._query).fetchnumpy()
        connection.unregister(BATCH)
        starts = np.arange(len(self._waiting) + 1) << _FILE_SHIFT
        edges = np.searchsorted(found["line"], starts)
        tables = [table for table, _ in self._waiting]
        self._waiting.clear()
        for table, first, end in zip(tables, edges[:-1], edges[1:], strict=True):
            yield _reduced(
                table, {name: each[first:end] for name, each in found.items()}
            )


def _query_of(table: Table) -> str:
    time_us = "CAST(NULL AS BIGINT)"
    if "time" in table.roles:
        samples, name = table.samples_of("time"), table.named["time"]
        time_us = microseconds(f"c{table.roles['time']}", samples, name)
    rows = f"(SELECT *, {time_us} AS time_us FROM {table.streamed})"
    judged = parsed_rows(rows, table.roles, ("line", "time_us"), table.forms)
    if "count" in table.roles:
        judged = _weighed(table, judged)
    return f"FROM ({judged}) ORDER BY line"


def _weighed(table: Table, judged: str) -> str:
    """Return SQL that gives the sum of a cell's weights to one of its rows.

    The database adds them, because it adds decimals: no order of rows changes the sum.
    """
    sides = {"tokens"} if by_tokens(table.roles) else {"height", "width"}
    sides |= {"frames", "fps"} if "frames" in table.roles else set()
    keys = sorted(sides | ({"label"} & set(table.roles)))
    cell = ", ".join([f"line >> {_FILE_SHIFT}", "reason", slot_of("time_us"), *keys])
    total = "CAST(sum(weight) OVER cell AS DOUBLE)"
    return (
        f"SELECT *, CASE WHEN row_number() OVER cell = 1 THEN {total} ELSE 0 END "
        f"AS total FROM ({judged}) WINDOW cell AS (PARTITION BY {cell})"
    )


def _reduced(table: Table, rows: dict[str, Any]) -> Traffic:
    used = np.asarray(rows["reason"] == "", dtype=bool)
    times_us = np.ma.masked_array(rows["time_us"])[used]
    width_s = SLOT_LADDER_S[0]
    known_us = times_us.compressed()
    slots = times_us // (width_s * 1_000_000) * width_s
    labels: tuple[str, ...] = ()
    label = np.full(int(used.sum()), -1, np.int64)
    if "label" in table.roles:
        told = np.ma.masked_array(rows["label"])[used].tolist()
        labels = tuple(sorted({each for each in told if each is not None}))
        index = {each: at for at, each in enumerate(labels)}
        label = np.array([index.get(each, -1) for each in told], np.int64)
    sizes = {
        key: np.ma.filled(np.ma.masked_array(rows[name])[used], 0)
        if name in rows
        else np.zeros(label.size)
        for key, name in _SIDES.items()
    }
    keys = {"label": label, "slot_start_s": np.ma.filled(slots, NO_TIME_S), **sizes}
    ordered, count = group_cells(
        [
            each.astype(np.float64 if key == "fps" else np.int64)
            for key, each in keys.items()
        ],
        np.ma.filled(rows["total"][used], 0.0)
        if "total" in rows
        else np.ones(label.size),
    )
    refused = Tally()
    for reason, line in zip(rows["reason"][~used], rows["line"][~used], strict=True):
        refused.add(reason, table.name, int(line) & ((1 << _FILE_SHIFT) - 1))
    columns: dict[str, Any] = dict(zip(keys, ordered, strict=True))
    traffic = Traffic(
        **columns,
        count=count,
        labels=labels,
        rows_read=used.size,
        rows_used=label.size,
        rejections=refused.rejections(),
        weighted="count" in table.roles,
        first_s=int(known_us.min()) / 1e6 if known_us.size else None,
        last_s=int(known_us.max()) / 1e6 if known_us.size else None,
    )
    return recorded(
        traffic,
        kind=table.kind,
        name=table.name,
        roles=table.roles,
        notes=notes_of(table),
        rows_without_time=label.size - known_us.size,
    )
