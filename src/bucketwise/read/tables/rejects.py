"""Rows that DuckDB's CSV reader set aside, because they are not as wide as the header."""

from __future__ import annotations

from bucketwise.read.database import Connection, NoSuchTable


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
