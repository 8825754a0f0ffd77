"""Rows that were counted where they are: each distinct one is judged here, by the same rules."""

from __future__ import annotations

from collections.abc import Mapping

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import OWN_COLUMNS, Rejection, Traffic
from bucketwise.read.database import (
    DATA_FAULTS,
    Connection,
    Workspace,
    one_number,
)
from bucketwise.read.tables.aggregate import forget_rejects, make_cells, slot_of
from bucketwise.read.tables.cells import WEIGHT_TYPE, parsed_rows
from bucketwise.read.tables.counted import COUNTED, FIRST, LAST, ROWS, WEIGHT
from bucketwise.read.tables.reduce import notes_of, reduce_cells
from bucketwise.read.tables.table import BATCH, Table

KIND = "counts"
"""What the record calls such a table."""

_KEYS = ("height", "width", "frames", "fps", "tokens", "label")


def reduce_counts(workspace: Workspace, table: Table) -> Traffic:
    """Reduce a table of counts to the histogram that its rows would have given."""
    connection = workspace.connection
    _load(workspace, table)
    make_cells(connection)
    roles = {role: at for role, at in table.roles.items() if role not in COUNTED}
    _check(connection, table)
    kept = ("n", "first_us", "last_us", "given")
    judged = parsed_rows(_numbered(table), roles, kept, table.forms)
    # Keys that no column tells are as they are of tables without it.
    absent = [f"0 AS {key}" for key in (*_KEYS[:-1], *OWN_COLUMNS)]
    there = connection.sql(f"{judged} LIMIT 0").columns
    lacking = [each for each in absent if each.rpartition(" ")[2] not in there]
    weight = "coalesce(given, weight * n)" if "count" in roles else "NULL"
    keys = ", ".join(["reason", *(key for key in _KEYS if key in there), *lacking])
    connection.execute(
        f"INSERT INTO cells BY NAME SELECT {keys}, {slot_of('first_us')} AS slot, "
        f"CAST(sum(n) AS BIGINT) AS n, sum(CASE WHEN reason = '' THEN {weight} END) "
        "AS weight, min(first_us) AS first_us, max(last_us) AS last_us "
        f"FROM ({judged}) GROUP BY ALL"
    )
    connection.execute("DROP TABLE counted")
    if FIRST in table.roles:
        roles["time"] = table.roles[FIRST]
    return reduce_cells(
        workspace,
        kind=KIND,
        name=table.name,
        roles=roles,
        notes=notes_of(table),
        rejections=_without_places,
    )


def _load(workspace: Workspace, table: Table) -> None:
    """Keep the rows of a table: at once, or row by row where that reads amiss."""
    connection = workspace.connection
    forget_rejects(connection)
    used = ", ".join([*(f"c{at}" for at in sorted(table.roles.values())), "ragged"])
    made = f"CREATE OR REPLACE TEMP TABLE counted AS SELECT {used} FROM "
    due = table.rows_due()
    if due is not None:
        try:
            connection.execute(made + table.relation)
            if one_number(connection, "SELECT count(*) FROM counted") == due:
                return
        except DATA_FAULTS:
            pass
    connection.execute("DROP TABLE IF EXISTS counted")
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        there = "INSERT INTO counted SELECT {} FROM " if due == -1 else made
        connection.execute(there.format(used) + table.streamed)
        connection.unregister(BATCH)
        due = -1


def _numbered(table: Table) -> str:
    """Return SQL of the rows with how many each is, when they were, and their weight."""

    def told(role: str, sql: str) -> str:
        at = table.roles.get(role)
        return "NULL" if at is None else sql.format(f"c{at}")

    micros = "coalesce(TRY_CAST({0} AS BIGINT), epoch_us(TRY_CAST({0} AS TIMESTAMPTZ)))"
    return (
        f"(SELECT *, {told(ROWS, 'TRY_CAST({} AS BIGINT)')} AS n, "
        f"CAST({told(FIRST, micros)} AS BIGINT) AS first_us, "
        f"CAST({told(LAST, micros)} AS BIGINT) AS last_us, "
        f"CAST({told(WEIGHT, f'TRY_CAST({{}} AS {WEIGHT_TYPE})')} AS {WEIGHT_TYPE}) "
        "AS given FROM counted)"
    )


def _check(connection: Connection, table: Table) -> None:
    """Refuse what is cut or was changed: how many rows it lost, nothing tells."""
    bad = one_number(
        connection,
        f"SELECT count(*) FROM {_numbered(table)} WHERE ragged OR NOT "
        "coalesce(n > 0, false)",
    )
    if bad:
        raise InputError(
            f"{table.name}: expected a whole number from 1 as {ROWS} in every row, got "
            f"{bad:,} without; save the answer of the query of --print-sql anew"
        )


def _without_places(rejected: Mapping[str, int]) -> tuple[Rejection, ...]:
    """Return rejections by reason: rows that were counted elsewhere have no place here."""
    return tuple(
        Rejection(reason=reason, count=count, places=())
        for reason, count in sorted(rejected.items())
    )
