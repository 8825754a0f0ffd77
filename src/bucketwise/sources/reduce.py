"""Rows of one table to its histogram: one aggregated pass, then only small things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bucketwise.sources.cells import RAGGED, UNUSABLE, WEIGHT_TYPE, parsed_rows
from bucketwise.sources.database import DATA_FAULTS, Connection, Workspace
from bucketwise.sources.places import find_places
from bucketwise.sources.table import BATCH, Table
from bucketwise.traffic import (
    MAX_CELLS,
    NO_TIME_S,
    SLOT_LADDER_S,
    FloatArray,
    InputRecord,
    IntArray,
    Traffic,
)

MAX_LABELS = 1_000
"""More distinct values than this are no groups of customers; they identify rows."""

_KEYS = ("height", "width", "frames", "fps", "label", "slot")
_CELL_TYPES = {
    "reason": "VARCHAR",
    "height": "INTEGER",
    "width": "INTEGER",
    "frames": "BIGINT",
    "fps": "DOUBLE",
    "label": "VARCHAR",
    "slot": "INTEGER",
    "n": "BIGINT",
    "weight": WEIGHT_TYPE,
    "first_us": "BIGINT",
    "last_us": "BIGINT",
}
_REJECTED = "INSERT INTO cells (reason, n) VALUES (?, ?)"
_SLOT_US = SLOT_LADDER_S[0] * 1_000_000


@dataclass(frozen=True, slots=True)
class _Totals:
    """What the cells add up to."""

    rejected: Mapping[str, int]
    rows_used: int
    rows_without_time: int
    first_us: int | None
    last_us: int | None


def reduce_table(
    workspace: Workspace, table: Table, max_cells: int = MAX_CELLS
) -> Traffic:
    """Reduce a table to the histogram of its sizes.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    table : Table
        What to read.
    max_cells : int
        Past this the slots widen, then labels merge.

    Returns
    -------
    Traffic
        With every row either used or rejected for a reason.
    """
    connection = workspace.connection
    _fill_cells(workspace, table)
    totals = _totals(connection)
    notes = _drop_identifying_labels(connection, table)
    slot_width_s, widened = _fit(connection, max_cells)
    cells = _collect(connection, slot_width_s, weighted="count" in table.roles)
    traffic = Traffic(
        **cells,
        slot_width_s=slot_width_s,
        rows_read=totals.rows_used + sum(totals.rejected.values()),
        rows_used=totals.rows_used,
        rejections=find_places(workspace, table, totals.rejected),
        first_s=None if totals.first_us is None else totals.first_us / 1e6,
        last_s=None if totals.last_us is None else totals.last_us / 1e6,
        weighted="count" in table.roles,
        notes=tuple(widened),
    )
    return replace(traffic, inputs=(_record(table, traffic, totals, notes),))


def _fill_cells(workspace: Workspace, table: Table) -> None:
    """Aggregate the rows into the temporary table `cells`."""
    connection = workspace.connection
    types = ", ".join(f"{name} {kind}" for name, kind in _CELL_TYPES.items())
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE cells ({types})")
    if _filled_at_once(connection, table):
        return
    connection.execute("DELETE FROM cells")
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        connection.execute(_insert(table, table.streamed))
        connection.unregister(BATCH)
    _regroup(connection)


def _filled_at_once(connection: Connection, table: Table) -> bool:
    """Try the fast reader; mixed line ends, overlong lines and the like stop it."""
    connection.execute("SET preserve_insertion_order = false")
    try:
        connection.execute(_insert(table, table.relation, with_reasons=False))
        whole = _structural_counted(connection)
        _give_reasons(connection, table)
    except DATA_FAULTS:
        return False
    return whole


def _give_reasons(connection: Connection, table: Table) -> None:
    """Ask why rows are unusable, in a pass of its own and only when some are."""
    unusable = f"SELECT count(*) FROM cells WHERE reason = '{UNUSABLE}'"
    if not _one(connection, unusable):
        return
    connection.execute(f"DELETE FROM cells WHERE reason = '{UNUSABLE}'")
    reasons = connection.execute(
        f"SELECT reason, count(*) FROM ({parsed_rows(table.relation, table.roles, ())})"
        " GROUP BY reason"
    ).fetchall()
    for reason, count in reasons:
        if reason:
            connection.execute(_REJECTED, [reason, count])


def _insert(table: Table, relation: str, *, with_reasons: bool = True) -> str:
    roles = table.roles
    rows = parsed_rows(relation, roles, table.time_samples, with_reasons=with_reasons)
    present = {"height", "width", *(role for role in roles if role in _KEYS)}
    if "frames" not in roles:
        present -= {"fps"}
    absent = {"frames": "0", "fps": "0", "label": "NULL", "slot": "NULL"}
    keys = [key for key in _KEYS if key in present]
    chosen = [key if key in present else f"{absent[key]} AS {key}" for key in _KEYS]
    times = ["NULL AS first_us", "NULL AS last_us"]
    if "time" in roles:
        keys.append("slot")
        slot = _floor_divide("time_us", _SLOT_US)
        chosen[-1] = f"CAST({slot} AS INTEGER) AS slot"
        times = ["min(time_us) AS first_us", "max(time_us) AS last_us"]
    weight = "sum(weight)" if "count" in roles else "NULL"
    return (
        f"INSERT INTO cells SELECT reason, {', '.join(chosen)}, count(*) AS n, "
        f"{weight} AS weight, {', '.join(times)} FROM ({rows}) "
        f"GROUP BY reason, {', '.join(keys)}"
    )


def _structural_counted(connection: Connection) -> bool:
    """Add the rows the CSV reader set aside, once each; False when it lost track."""
    known = _one(
        connection,
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'",
    )
    if not known:
        return True
    [(lost, count)] = connection.execute(
        "SELECT count(*) FILTER (error_type NOT IN ('MISSING COLUMNS', "
        "'TOO MANY COLUMNS')), count(DISTINCT line_byte_position) FROM reject_errors"
    ).fetchall()
    if count and not lost:
        connection.execute(_REJECTED, [RAGGED, count])
    return not lost


def _drop_identifying_labels(connection: Connection, table: Table) -> list[str]:
    if "label" not in table.roles:
        return []
    distinct = _one(connection, "SELECT count(DISTINCT label) FROM cells")
    if distinct <= MAX_LABELS:
        return []
    _regroup(connection, label="NULL")
    return [
        (
            f"the label column has {distinct:,} distinct values, more than "
            f"{MAX_LABELS:,}: labels were not kept"
        )
    ]


def _totals(connection: Connection) -> _Totals:
    rejected = dict(
        connection.execute(
            "SELECT reason, CAST(sum(n) AS BIGINT) FROM cells WHERE reason <> '' "
            "GROUP BY reason ORDER BY reason"
        ).fetchall()
    )
    [(used, timeless, first_us, last_us)] = connection.execute(
        "SELECT CAST(coalesce(sum(n), 0) AS BIGINT), "
        "CAST(coalesce(sum(n) FILTER (slot IS NULL), 0) AS BIGINT), "
        "min(first_us), max(last_us) FROM cells WHERE reason = ''"
    ).fetchall()
    return _Totals(rejected, used, timeless, first_us, last_us)


def _fit(connection: Connection, max_cells: int) -> tuple[int, list[str]]:
    """Widen the slots, then merge the labels, until the cells fit."""
    notes: list[str] = []
    width_s = SLOT_LADDER_S[0]
    while _distinct_cells(connection) > max_cells:
        if width_s:
            factor, width_s = _next_width(width_s)
            wider = _floor_divide("slot", factor) if width_s else "NULL"
            _regroup(connection, slot=wider)
            said = f"{width_s // 3600} h" if width_s else "the whole span"
            notes = [
                f"more than {max_cells:,} cells: time slots were widened to {said}"
            ]
        elif _one(connection, "SELECT count(label) FROM cells"):
            _regroup(connection, label="NULL")
            notes.append(f"more than {max_cells:,} cells: labels were merged into one")
        else:
            break
    return width_s, notes


def _next_width(width_s: int) -> tuple[int, int]:
    wider_s = SLOT_LADDER_S[SLOT_LADDER_S.index(width_s) + 1]
    return wider_s // width_s, wider_s


def _distinct_cells(connection: Connection) -> int:
    return _one(connection, "SELECT count(*) FROM cells WHERE reason = ''")


def _regroup(connection: Connection, **changed: str) -> None:
    keys = ", ".join(
        f"{changed[key]} AS {key}" if key in changed else key for key in _KEYS
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE wider AS SELECT reason, {keys}, "
        "CAST(sum(n) AS BIGINT) AS n, sum(weight) AS weight, "
        "min(first_us) AS first_us, max(last_us) AS last_us FROM cells "
        "GROUP BY ALL"
    )
    connection.execute("DROP TABLE cells")
    connection.execute("ALTER TABLE wider RENAME TO cells")


def _floor_divide(number: str, by: int) -> str:
    """Return SQL that rounds down; `//` rounds towards zero."""
    return f"CASE WHEN {number} >= 0 THEN {number} // {by} ELSE -((-1 - {number}) // {by}) - 1 END"


def _one(connection: Connection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _collect(
    connection: Connection, slot_width_s: int, *, weighted: bool
) -> dict[str, Any]:
    """Fetch the cells in their canonical order."""
    labels = [
        label
        for (label,) in connection.execute(
            "SELECT DISTINCT label FROM cells WHERE reason = '' "
            "AND label IS NOT NULL ORDER BY label"
        ).fetchall()
    ]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE labels (label VARCHAR, position BIGINT)"
    )
    for at, label in enumerate(labels):
        connection.execute("INSERT INTO labels VALUES (?, ?)", [label, at])
    columns = connection.execute(
        "SELECT height, width, frames, fps, "
        f"coalesce(CAST(slot AS BIGINT) * {slot_width_s}, {NO_TIME_S}) AS slot_start_s, "
        "coalesce(position, -1) AS label_at, "
        f"CAST({'weight' if weighted else 'n'} AS DOUBLE) AS count "
        "FROM cells LEFT JOIN labels USING (label) WHERE reason = '' "
        "ORDER BY label_at, slot_start_s, height, width, frames, fps"
    ).fetchnumpy()
    return {
        "height_px": _integers(columns["height"]),
        "width_px": _integers(columns["width"]),
        "frames": _integers(columns["frames"]),
        "fps": _floats(columns["fps"]),
        "slot_start_s": _integers(columns["slot_start_s"]),
        "label": _integers(columns["label_at"]),
        "count": _floats(columns["count"]),
        "labels": tuple(labels),
    }


def _integers(column: Any) -> IntArray:
    return np.asarray(column, dtype=np.int64)


def _floats(column: Any) -> FloatArray:
    return np.asarray(column, dtype=np.float64)


def _record(
    table: Table, traffic: Traffic, totals: _Totals, notes: list[str]
) -> InputRecord:
    said = [*table.notes, *notes]
    if traffic.weighted:
        said.append(
            f"the count column was read as weights: {traffic.rows_used:,} rows stand "
            f"for {traffic.images:,.12g} images"
        )
    if "time" in table.roles and totals.rows_without_time:
        said.append(f"{totals.rows_without_time:,} usable rows have no readable time")
    return InputRecord(
        kind=table.kind,
        name=table.name,
        rows=traffic.rows_read,
        sha256=traffic.sha256(),
        notes=tuple(said),
    )
