"""Where rejected rows stand: a second look, taken only when something was rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bucketwise.nouns.traffic import MAX_PLACES, Place, Rejection
from bucketwise.read.database import DATA_FAULTS, Connection, NoSuchTable, Workspace
from bucketwise.read.tables.table import BATCH, Table

_FEW = 50
"""Rows that are judged first and then sought by their text, in two thirds of the time."""
Judged = Callable[[str, Sequence[str]], str]
"""A relation and columns to pass on -> SQL of its rows with their `reason`."""


def forget_rejects(connection: Connection) -> None:
    """Drop what earlier queries set aside."""
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")


def rows_set_aside(connection: Connection) -> int | None:
    """Return how many rows are ragged; None where the reader lost track of rows."""
    try:
        found = connection.execute(
            "SELECT count(*) FILTER (error_type NOT IN ('MISSING COLUMNS', "
            "'TOO MANY COLUMNS')), count(DISTINCT line_byte_position) FROM reject_errors"
        )
    except NoSuchTable:
        return 0
    [(lost, count)] = found.fetchall()
    return None if lost else int(count)


def find_places(
    workspace: Workspace, table: Table, rejected: Mapping[str, int], judged: Judged
) -> tuple[Rejection, ...]:
    """Return the rejections with the first places of each.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    table : Table
        The table the rows were rejected from.
    rejected : mapping of str to int
        Rows for each reason.
    judged : callable
        How they were rejected.

    Returns
    -------
    tuple of Rejection
        Sorted by reason.
    """
    if not rejected:
        return ()
    lines = _at_once(workspace, table, rejected, judged)
    if lines is None:
        lines = _one_by_one(workspace, table, rejected, judged)
    return tuple(
        Rejection(
            reason=reason,
            count=count,
            places=tuple(
                Place(source=table.name, line=line) for line in lines.get(reason, [])
            ),
        )
        for reason, count in sorted(rejected.items())
    )


def _at_once(
    workspace: Workspace, table: Table, rejected: Mapping[str, int], judged: Judged
) -> dict[str, list[int]] | None:
    """Read lines as rows; None where the two are not the same."""
    if table.rows_due() is None:
        return None
    connection = workspace.connection
    relation = f"(SELECT *, {table.quote} AS quoted FROM {table.numbered})"
    rows = judged(relation, ("line", "text", "quoted"))
    try:
        connection.execute("SET preserve_insertion_order = true")
        sought = "true"
        if sum(rejected.values()) <= _FEW:
            hashes = _hashes_of(connection, rows)
            if hashes is None:
                return None
            sought = f"hash(text) IN ({', '.join(map(str, hashes))})"
        found = connection.execute(
            f"SELECT reason, CASE WHEN reason <> '' THEN min(line, {MAX_PLACES}) END, "
            f"count(*), bool_or(quoted) FROM ({rows}) WHERE {sought} GROUP BY reason"
        ).fetchall()
    except DATA_FAULTS:
        return None
    counts = {reason: count for reason, _, count, _ in found if reason}
    if any(quoted for *_, quoted in found) or counts != dict(rejected):
        return None
    return {reason: sorted(lines) for reason, lines, *_ in found if reason}


def _hashes_of(connection: Connection, rows: str) -> list[int] | None:
    """Return hashes of the text of rejected rows; None where lines are not rows.

    No line is numbered here, and so the work is shared among threads.
    """
    found = connection.execute(
        f"SELECT hash(text), quoted FROM ({rows}) WHERE reason <> '' OR quoted "
        f"LIMIT {_FEW + 1}"
    ).fetchall()
    if not found or len(found) > _FEW or any(quoted for _, quoted in found):
        return None
    return [each for each, _ in found]


def _one_by_one(
    workspace: Workspace, table: Table, rejected: Mapping[str, int], judged: Judged
) -> dict[str, list[int]]:
    """Walk through the file until every reason has its places."""
    connection = workspace.connection
    rows = judged(table.streamed, ("line",))
    lines: dict[str, list[int]] = {reason: [] for reason in rejected}
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        found = connection.execute(
            f"SELECT reason, min(line, {MAX_PLACES}) FROM ({rows}) "
            "WHERE reason <> '' GROUP BY reason"
        ).fetchall()
        connection.unregister(BATCH)
        for reason, more in found:
            lines[reason] = (lines.get(reason, []) + sorted(more))[:MAX_PLACES]
        if all(
            len(lines[reason]) >= min(MAX_PLACES, count)
            for reason, count in rejected.items()
        ):
            break
    return lines
