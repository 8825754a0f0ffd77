"""Rows of one table to its histogram: one aggregated pass, then only small things."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.traffic import (
    BITS_LADDER,
    EXACT,
    MAX_CELLS,
    NO_TIME_S,
    OWN_COLUMNS,
    SLOT_LADDER_S,
    InputRecord,
    Rejection,
    Traffic,
    grouped,
    rounded_together,
    said_of_labels,
    said_of_rounding,
    said_of_slots,
)
from bucketwise.read.database import Connection, Workspace, one_number
from bucketwise.read.tables.aggregate import (
    fill_cells,
    find_places,
    floor_divide,
    regroup,
)
from bucketwise.read.tables.cells import said_of_pairs
from bucketwise.read.tables.names import LENGTH
from bucketwise.read.tables.sent import NOTHING_SENT, Sent, sent_together
from bucketwise.read.tables.table import Table
from bucketwise.read.tables.times import said_of_times
from bucketwise.words.numbers import plural, verb

MAX_LABELS = 1_000
"""More distinct values than this are no groups of customers; they identify rows."""

_SIZE_KEYS = ("height", "width", "frames", "fps", "tokens", *OWN_COLUMNS)
_DISTINCT_SIZES = (
    f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(_SIZE_KEYS)} FROM cells "
    "WHERE reason = '')"
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the cells of an input add up to."""

    rejected: Mapping[str, int]
    rows_used: int
    rows_without_time: int
    first_us: int | None
    last_us: int | None


def reduce_table(
    workspace: Workspace, table: Table, max_cells: int = MAX_CELLS
) -> Traffic:
    """Reduce a table to the histogram of its sizes."""
    at_once = fill_cells(workspace, table)
    return reduce_cells(
        workspace,
        kind=table.kind,
        name=table.name,
        roles=table.roles,
        notes=notes_of(table),
        rejections=lambda rejected: find_places(workspace, table, rejected),
        sent=sent_together(workspace, table, at_once=at_once),
        max_cells=max_cells,
    )


def notes_of(table: Table) -> tuple[str, ...]:
    """Return what was read as what."""
    named = table.named.get("time", "")
    pairs = [
        said
        for role in ("resolution", "shape")
        if role in table.roles
        for said in said_of_pairs(role, table.named[role], table.samples_of(role))
    ]
    return (
        *table.notes,
        *pairs,
        *(form.said for form in table.forms.values() if form.said),
        *said_of_times(table.samples_of("time"), named),
    )


def reduce_cells(
    workspace: Workspace,
    *,
    kind: str,
    name: str,
    roles: Container[str],
    notes: Sequence[str],
    rejections: Callable[[Mapping[str, int]], tuple[Rejection, ...]],
    sent: Sent = NOTHING_SENT,
    max_cells: int = MAX_CELLS,
) -> Traffic:
    """Make a histogram of the temporary table `cells`, with what was `sent` together."""
    connection = workspace.connection
    totals = _totals(connection)
    said: list[str] = []
    if "label" in roles:
        distinct = one_number(connection, "SELECT count(DISTINCT label) FROM cells")
        if distinct > MAX_LABELS:
            regroup(connection, label="NULL")
            told = f"the label column has {distinct:,} distinct values, more than "
            said = [f"{told}{MAX_LABELS:,}: labels were not kept"]
    size_bits, slot_width_s, fitted = _fit(connection, max_cells)
    columns, count, labels = collect(
        connection, slot_width_s=slot_width_s, weighted="count" in roles
    )
    return histogram(
        {**grouped(columns, count), "labels": labels},
        totals,
        kind=kind,
        name=name,
        roles=roles,
        notes=(*notes, *said),
        rejections=rejections(totals.rejected),
        sent=sent,
        slot_width_s=slot_width_s,
        size_bits=size_bits,
        fitted=fitted,
    )


def histogram(  # noqa: PLR0913 - what a record is made of
    cells: Mapping[str, Any],
    totals: Totals,
    *,
    kind: str,
    name: str,
    roles: Container[str],
    notes: Sequence[str],
    rejections: tuple[Rejection, ...],
    sent: Sent = NOTHING_SENT,
    slot_width_s: int = SLOT_LADDER_S[0],
    size_bits: int = EXACT,
    fitted: Sequence[str] = (),
) -> Traffic:
    """Return the histogram of one input, with the record of it."""
    traffic = Traffic(
        **cells,
        slot_width_s=slot_width_s,
        size_bits=size_bits,
        rows_read=totals.rows_used + sum(totals.rejected.values()),
        rows_used=totals.rows_used,
        rejections=rejections,
        first_s=None if totals.first_us is None else totals.first_us / 1e6,
        last_s=None if totals.last_us is None else totals.last_us / 1e6,
        weighted="count" in roles,
        requests=rounded_together(sent.requests, size_bits),
        calls=rounded_together(sent.calls, size_bits),
        notes=tuple(fitted),
    ).noting_what_is_lost()
    rows_without_time = totals.rows_without_time
    said = []
    if traffic.weighted:
        noun = "text" if LENGTH in roles else "image"
        said.append(
            "the count column was read as weights: "
            f"{plural(traffic.rows_used, 'row')} for {plural(traffic.images, noun)}"
        )
    if "time" in roles and rows_without_time:
        has = verb(rows_without_time, "has", "have")
        said.append(f"{plural(rows_without_time, 'usable row')} {has} no readable time")
    record = InputRecord(
        kind=kind,
        name=name,
        rows=traffic.rows_read,
        sha256=traffic.sha256(),
        notes=(*notes, *said),
    )
    return replace(traffic, inputs=(record,))


def _totals(connection: Connection) -> Totals:
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
    return Totals(rejected, used, timeless, first_us, last_us)


def _fit(connection: Connection, max_cells: int) -> tuple[int, int, list[str]]:
    """Round the sizes if they alone are too many, widen the slots, merge the labels.

    As `merge_traffic` does; there it is done to arrays, which so many cells would fill
    the memory with.
    """
    bits, width_s = EXACT, SLOT_LADDER_S[0]
    rounding: list[str] = []
    while (
        _distinct_cells(connection) > max_cells
        and bits != BITS_LADDER[-1]
        and one_number(connection, _DISTINCT_SIZES) > max_cells
    ):
        bits = BITS_LADDER[BITS_LADDER.index(bits) + 1]
        regroup(connection, **{name: _rounded(name, bits) for name in _SIZE_KEYS})
        rounding = [said_of_rounding(bits, max_cells)]
    widening: list[str] = []
    timed = one_number(connection, "SELECT count(slot) FROM cells WHERE reason = ''")
    while timed and width_s and _distinct_cells(connection) > max_cells:
        wider_s = SLOT_LADDER_S[SLOT_LADDER_S.index(width_s) + 1]
        wider = floor_divide("slot", wider_s // width_s) if wider_s else "NULL"
        width_s = wider_s
        regroup(connection, slot=wider)
        widening = [said_of_slots(width_s, max_cells)]
    merging: list[str] = []
    if _distinct_cells(connection) > max_cells and one_number(
        connection, "SELECT count(label) FROM cells"
    ):
        regroup(connection, label="NULL")
        merging = [said_of_labels(max_cells)]
    return bits, width_s, [*rounding, *widening, *merging]


def _rounded(name: str, bits: int) -> str:
    """Return SQL for a number of so many bits: up, and down for a rate."""
    step = f"pow(2, floor(log2({name})) - {bits - 1})"
    how, kind = ("floor", "DOUBLE") if name == "fps" else ("ceil", "BIGINT")
    rounded = f"CAST({how}({name} / {step}) * {step} AS {kind})"
    return f"CASE WHEN {name} > 0 THEN {rounded} ELSE {name} END"


def _distinct_cells(connection: Connection) -> int:
    return one_number(connection, "SELECT count(*) FROM cells WHERE reason = ''")


def collect(
    connection: Connection,
    *,
    slot_width_s: int = SLOT_LADDER_S[0],
    weighted: bool,
    kept: Sequence[str] = (),
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64], tuple[str, ...]]:
    """Fetch the cells: their columns after those of `kept`, what they count, the labels."""
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
        f"SELECT {', '.join([*kept, *_SIZE_KEYS])}, "
        f"coalesce(CAST(slot AS BIGINT) * {slot_width_s}, {NO_TIME_S}) AS slot_start_s, "
        "coalesce(position, -1) AS label_at, "
        f"CAST({'weight' if weighted else 'n'} AS DOUBLE) AS count "
        "FROM cells LEFT JOIN labels USING (label) WHERE reason = ''"
    ).fetchnumpy()

    def column(name: str, kind: type[np.generic] = np.int64) -> NDArray[Any]:
        found = np.asarray(columns.pop(name), kind)
        # Zeros that are never written take no memory.
        return found if found.any() else np.zeros(found.size, kind)

    keys = {
        **{name: column(name) for name in kept},
        "label": column("label_at"),
        "slot_start_s": column("slot_start_s"),
        "height_px": column("height"),
        "width_px": column("width"),
        "frames": column("frames"),
        "fps": column("fps", np.float64),
        "visual_tokens": column("tokens"),
        **{name: column(name) for name in OWN_COLUMNS},
    }
    return keys, column("count", np.float64), tuple(labels)
