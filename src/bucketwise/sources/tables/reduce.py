"""Rows of one table to its histogram: one aggregated pass, then only small things."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bucketwise.numbers import plural, verb
from bucketwise.sources.database import Connection, Workspace, one_number
from bucketwise.sources.tables.aggregate import (
    fill_cells,
    floor_divide,
    regroup,
)
from bucketwise.sources.tables.cells import parsed_rows
from bucketwise.sources.tables.places import find_places
from bucketwise.sources.tables.table import Table
from bucketwise.sources.tables.times import said_of_times
from bucketwise.traffic import (
    MAX_CELLS,
    NO_TIME_S,
    SLOT_LADDER_S,
    InputRecord,
    Rejection,
    Traffic,
    group_cells,
)

MAX_LABELS = 1_000
"""More distinct values than this are no groups of customers; they identify rows."""


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
    fill_cells(workspace, table)
    forms = table.forms
    return reduce_cells(
        workspace,
        kind=table.kind,
        name=table.name,
        roles=table.roles,
        notes=(
            *table.notes,
            *(form.said for form in forms.values() if form.said),
            *said_of_times(table.samples_of("time"), table.named.get("time", "")),
        ),
        rejections=lambda rejected: find_places(
            workspace,
            table,
            rejected,
            lambda relation, kept: parsed_rows(relation, table.roles, kept, forms),
        ),
        max_cells=max_cells,
    )


def reduce_cells(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    roles: Container[str],
    notes: Sequence[str],
    rejections: Callable[[Mapping[str, int]], tuple[Rejection, ...]],
    max_cells: int = MAX_CELLS,
) -> Traffic:
    """Make a histogram of the temporary table `cells`.

    Parameters
    ----------
    workspace : Workspace
        Holds the table.
    kind, name : str
        Of the input, for the record.
    roles : container of str
        What was read: "count", "time" and "label" matter.
    notes : sequence of str
        What was noticed before.
    rejections : callable
        Rows by reason -> the same with their places.
    max_cells : int
        Past this the slots widen, then labels merge.
    """
    connection = workspace.connection
    totals = _totals(connection)
    said = _drop_identifying_labels(connection) if "label" in roles else []
    slot_width_s, widened = _fit(connection, max_cells)
    cells = _collect(connection, slot_width_s, weighted="count" in roles)
    traffic = Traffic(
        **cells,
        slot_width_s=slot_width_s,
        rows_read=totals.rows_used + sum(totals.rejected.values()),
        rows_used=totals.rows_used,
        rejections=rejections(totals.rejected),
        first_s=None if totals.first_us is None else totals.first_us / 1e6,
        last_s=None if totals.last_us is None else totals.last_us / 1e6,
        weighted="count" in roles,
        notes=tuple(widened),
    )
    if traffic.weighted:
        said.append(
            "the count column was read as weights: "
            f"{plural(traffic.rows_used, 'row')} for {plural(traffic.images, 'image')}"
        )
    if "time" in roles and totals.rows_without_time:
        n_rows = totals.rows_without_time
        has = verb(n_rows, "has", "have")
        said.append(f"{plural(n_rows, 'usable row')} {has} no readable time")
    record = InputRecord(
        kind=kind,
        name=name,
        rows=traffic.rows_read,
        sha256=traffic.sha256(),
        notes=(*notes, *said),
    )
    return replace(traffic, inputs=(record,))


def _drop_identifying_labels(connection: Connection) -> list[str]:
    distinct = one_number(connection, "SELECT count(DISTINCT label) FROM cells")
    if distinct <= MAX_LABELS:
        return []
    regroup(connection, label="NULL")
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
            wider = floor_divide("slot", factor) if width_s else "NULL"
            regroup(connection, slot=wider)
            said = f"{width_s // 3600} h" if width_s else "the whole span"
            notes = [
                f"more than {max_cells:,} cells: time slots were widened to {said}"
            ]
        elif one_number(connection, "SELECT count(label) FROM cells"):
            regroup(connection, label="NULL")
            notes.append(f"more than {max_cells:,} cells: labels were merged into one")
        else:
            break
    return width_s, notes


def _next_width(width_s: int) -> tuple[int, int]:
    wider_s = SLOT_LADDER_S[SLOT_LADDER_S.index(width_s) + 1]
    return wider_s // width_s, wider_s


def _distinct_cells(connection: Connection) -> int:
    return one_number(connection, "SELECT count(*) FROM cells WHERE reason = ''")


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
        "SELECT height, width, frames, fps, tokens, "
        f"coalesce(CAST(slot AS BIGINT) * {slot_width_s}, {NO_TIME_S}) AS slot_start_s, "
        "coalesce(position, -1) AS label_at, "
        f"CAST({'weight' if weighted else 'n'} AS DOUBLE) AS count "
        "FROM cells LEFT JOIN labels USING (label) WHERE reason = ''"
    ).fetchnumpy()
    keys = {
        "label": np.asarray(columns["label_at"], np.int64),
        "slot_start_s": np.asarray(columns["slot_start_s"], np.int64),
        "height_px": np.asarray(columns["height"], np.int64),
        "width_px": np.asarray(columns["width"], np.int64),
        "frames": np.asarray(columns["frames"], np.int64),
        "fps": np.asarray(columns["fps"], np.float64),
        "visual_tokens": np.asarray(columns["tokens"], np.int64),
    }
    count = np.asarray(columns["count"], np.float64)
    ordered, count = group_cells(list(keys.values()), count)
    return {
        **dict(zip(keys, ordered, strict=True)),
        "count": count,
        "labels": tuple(labels),
    }
