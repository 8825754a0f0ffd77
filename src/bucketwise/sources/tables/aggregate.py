"""Rows of a table to cells: one pass over the file, in SQL."""

from __future__ import annotations

from bucketwise.reasons import RAGGED
from bucketwise.sources.database import (
    DATA_FAULTS,
    Connection,
    Workspace,
    one_number,
)
from bucketwise.sources.tables.cells import (
    UNUSABLE,
    WEIGHT_TYPE,
    by_tokens,
    parsed_rows,
)
from bucketwise.sources.tables.rejects import forget_rejects, rows_set_aside
from bucketwise.sources.tables.table import BATCH, Table
from bucketwise.sources.tables.times import quick_microseconds
from bucketwise.traffic import MAX_SIDE_PX, SLOT_LADDER_S

_KEYS = ("height", "width", "frames", "fps", "tokens", "label", "slot")
_CELL_TYPES = {
    "reason": "VARCHAR",
    "height": "INTEGER",
    "width": "INTEGER",
    "frames": "BIGINT",
    "fps": "DOUBLE",
    "tokens": "INTEGER",
    "label": "VARCHAR",
    "slot": "INTEGER",
    "n": "BIGINT",
    "weight": WEIGHT_TYPE,
    "first_us": "BIGINT",
    "last_us": "BIGINT",
}
_REJECTED = "INSERT INTO cells (reason, n) VALUES (?, ?)"
_SLOT_US = SLOT_LADDER_S[0] * 1_000_000


def fill_cells(workspace: Workspace, table: Table) -> None:
    """Aggregate the rows of a table into the temporary table `cells`.

    Parameters
    ----------
    workspace : Workspace
        Where the table `cells` is made.
    table : Table
        What to read.
    """
    connection = workspace.connection
    forget_rejects(connection)
    make_cells(connection)
    if _filled_quickly(connection, table):
        return
    connection.execute("DELETE FROM cells")
    forget_rejects(connection)
    if _filled_at_once(connection, table):
        return
    connection.execute("DELETE FROM cells")
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        connection.execute(_insert(table, table.streamed))
        connection.unregister(BATCH)
    regroup(connection)


def make_cells(connection: Connection) -> None:
    """Make the table `cells` anew, without a row."""
    types = ", ".join(f"{name} {kind}" for name, kind in _CELL_TYPES.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE cells ({types})")


def slot_of(time_us: str) -> str:
    """Return SQL for the slot a time falls into."""
    return f"CAST({floor_divide(time_us, _SLOT_US)} AS INTEGER)"


def regroup(connection: Connection, **changed: str) -> None:
    """Merge equal cells.

    Parameters
    ----------
    connection : Connection
        Holds the table `cells`.
    **changed : str
        SQL that takes the place of a key, such as a wider slot.
    """
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


def floor_divide(number: str, by: int) -> str:
    """Return SQL that rounds down; `//` rounds towards zero."""
    return f"CASE WHEN {number} >= 0 THEN {number} // {by} ELSE -((-1 - {number}) // {by}) - 1 END"


def _filled_quickly(connection: Connection, table: Table) -> bool:
    """Try the common case: plain sizes, times of one form, and no fault anywhere.

    Nothing is judged here; whatever is out of the ordinary leaves the file to the
    readers that do.
    """
    query = _quick(table)
    if query is None:
        return False
    connection.execute("SET preserve_insertion_order = false")
    try:
        connection.execute(query)
    except DATA_FAULTS:
        return False
    timeless = " OR slot IS NULL" if "time" in table.roles else ""
    odd = one_number(
        connection,
        "SELECT count(*) FROM cells WHERE height IS NULL OR width IS NULL OR "
        f"least(height, width) < 1 OR greatest(height, width) > {MAX_SIDE_PX}{timeless}",
    )
    return not odd and rows_set_aside(connection) == 0


def _quick(table: Table) -> str | None:
    """Return the query of the common case, or None where it cannot be that."""
    roles = table.roles
    if table.numbers is None or set(roles) - {"height", "width", "time"}:
        return None
    time_us: str | None = "NULL"
    if "time" in roles:
        time_us = quick_microseconds(f"c{roles['time']}", table.samples_of("time"))
    if "height" not in roles or time_us is None:
        return None
    # Judged after the grouping, where there is little left to judge: a fraction and a
    # time up to 1970 become NULL, which the caller finds.
    height, width = (
        f"CASE WHEN {side} = floor({side}) THEN {side} END"
        for side in ("height", "width")
    )
    slot = "CASE WHEN first_us > 0 THEN slot END"
    return (
        f"INSERT INTO cells SELECT '' AS reason, {height}, {width}, 0, 0, 0, NULL, {slot}, "
        "n, NULL, first_us, last_us FROM (SELECT height, width, "
        f"time_us // {_SLOT_US} AS slot, count(*) AS n, min(time_us) AS first_us, "
        f"max(time_us) AS last_us FROM (SELECT c{roles['height']} AS height, "
        f"c{roles['width']} AS width, {time_us} AS time_us FROM {table.numbers}) "
        "GROUP BY ALL)"
    )


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


def _structural_counted(connection: Connection) -> bool:
    """Add the rows the CSV reader set aside, once each; False when it lost track."""
    count = rows_set_aside(connection)
    if count:
        connection.execute(_REJECTED, [RAGGED, count])
    return count is not None


def _give_reasons(connection: Connection, table: Table) -> None:
    """Ask why rows are unusable, in a pass of its own and only when some are."""
    unusable = f"SELECT count(*) FROM cells WHERE reason = '{UNUSABLE}'"
    if not one_number(connection, unusable):
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
    rows = parsed_rows(
        relation, roles, table.samples_of("time"), with_reasons=with_reasons
    )
    sides = set() if by_tokens(roles) else {"height", "width"}
    tokens = set() if sides else {"tokens"}
    present = {*sides, *tokens, *(role for role in roles if role in _KEYS)}
    if "frames" not in roles:
        present -= {"fps"}
    absent = dict.fromkeys(_KEYS, "0") | {"label": "NULL", "slot": "NULL"}
    keys = [key for key in _KEYS if key in present]
    chosen = [key if key in present else f"{absent[key]} AS {key}" for key in _KEYS]
    times = ["NULL AS first_us", "NULL AS last_us"]
    if "time" in roles:
        keys.append("slot")
        chosen[-1] = f"{slot_of('time_us')} AS slot"
        times = ["min(time_us) AS first_us", "max(time_us) AS last_us"]
    weight = "sum(weight)" if "count" in roles else "NULL"
    return (
        f"INSERT INTO cells SELECT reason, {', '.join(chosen)}, count(*) AS n, "
        f"{weight} AS weight, {', '.join(times)} FROM ({rows}) "
        f"GROUP BY reason, {', '.join(keys)}"
    )
