"""Rows of a table to cells: one pass over the file, in SQL, and a second look where rows were rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from bucketwise.nouns.traffic import (
    MAX_PLACES,
    OWN_COLUMNS,
    SLOT_LADDER_S,
    Place,
    Rejection,
)
from bucketwise.read.database import (
    DATA_FAULTS,
    Connection,
    NoSuchTable,
    Workspace,
    one_number,
)
from bucketwise.read.tables.cells import (
    WEIGHT_TYPE,
    blank,
    by_tokens,
    parsed_rows,
    weighed,
)
from bucketwise.read.tables.table import BATCH, BATCH_ROWS, FLOATS, TIMES, Table
from bucketwise.read.tables.times import microseconds, microseconds_of
from bucketwise.words.reject_reasons import RAGGED

_KEYS = (
    "height", "width", "frames", "fps", "tokens", *OWN_COLUMNS, "label", "slot",
)  # fmt: skip
_CELL_TYPES = {
    "reason": "VARCHAR",
    "height": "INTEGER",
    "width": "INTEGER",
    "frames": "BIGINT",
    "fps": "DOUBLE",
    "tokens": "INTEGER",
    **dict.fromkeys(OWN_COLUMNS, "BIGINT"),
    "label": "VARCHAR",
    "slot": "INTEGER",
    "n": "BIGINT",
    "weight": WEIGHT_TYPE,
    "first_us": "BIGINT",
    "last_us": "BIGINT",
}
_COUNTED = ("slot", "n", "total", "first_us", "last_us")
_UNLIKE = "prompt"
"""A role whose cells differ from row to row: counting equal rows would hold most of them
in memory."""

_REJECTED = "INSERT INTO cells (reason, n) VALUES (?, ?)"
_SLOT_US = SLOT_LADDER_S[0] * 1_000_000

_FEW_ROWS = 2_000
"""To walk through so few costs less than a query."""
_MANY_BATCHES = 4
"""Of tables with more, the first batch is a small part."""

HELD = "held"
"""The temporary table of rows that are looked at more than once."""

_ALL_TEXT: Mapping[int, str] = MappingProxyType({})

Judged = Callable[[str, Sequence[str]], str]
"""A relation and columns to pass on -> SQL of its rows with their `reason`."""


def fill_cells(workspace: Workspace, table: Table) -> bool:
    """Aggregate the rows of a table into the temporary table `cells`.

    Returns whether all were read at once.
    """
    connection = workspace.connection
    forget_rejects(connection)
    make_cells(connection)
    if _filled_at_once(connection, table):
        return True
    connection.execute("DELETE FROM cells")
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        connection.execute(_insert(table, table.streamed))
        connection.unregister(BATCH)
    regroup(connection)
    return False


def make_cells(connection: Connection) -> None:
    """Make the table `cells` anew, without a row."""
    types = ", ".join(f"{name} {kind}" for name, kind in _CELL_TYPES.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE cells ({types})")


def slot_of(time_us: str) -> str:
    """Return SQL for the slot a time falls into."""
    return f"CAST({floor_divide(time_us, _SLOT_US)} AS INTEGER)"


def regroup(connection: Connection, **changed: str) -> None:
    """Merge equal cells."""
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


def _filled_at_once(connection: Connection, table: Table) -> bool:
    """Try the fast reader; mixed line ends, overlong lines and the like stop it."""
    rows_due = table.rows_due()
    if rows_due is None:
        return False
    connection.execute("SET preserve_insertion_order = false")
    try:
        connection.execute(_insert(table, table.stored or table.relation, table.kinds))
    except DATA_FAULTS:
        return False
    ragged = rows_set_aside(connection)
    if ragged:
        connection.execute(_REJECTED, [RAGGED, ragged])
    read = one_number(connection, "SELECT coalesce(sum(n), 0) FROM cells")
    return ragged is not None and read == rows_due


def _insert(table: Table, relation: str, kinds: Mapping[int, str] = _ALL_TEXT) -> str:
    return f"INSERT INTO cells {cells_of(table, relation, kinds)}"


def cells_of(
    table: Table,
    relation: str,
    kinds: Mapping[int, str] = _ALL_TEXT,
    kept: Sequence[str] = (),
) -> str:
    """Return SQL of the cells of a relation, told apart by its columns `kept`, too."""
    roles = _counted(table)
    alike = _alike(table, relation, kinds, kept)
    rows = parsed_rows(alike, roles, (*_COUNTED, *kept), table.forms)
    return (
        f"SELECT {', '.join([*kept, 'reason', *_keys(table)])}, "
        f"CAST(sum(n) AS BIGINT) AS n, sum(total) AS weight, min(first_us) AS first_us, "
        f"max(last_us) AS last_us FROM ({rows}) GROUP BY ALL"
    )


def _keys(table: Table) -> list[str]:
    """Return SQL of what tells cells apart; of what no column tells, as it is then."""
    roles = _counted(table)
    sides = set() if by_tokens(roles) else {"height", "width"}
    tokens = set() if sides else {"tokens"}
    present = {*sides, *tokens, *(role for role in roles if role in _KEYS), "slot"}
    if "frames" not in roles:
        present -= {"fps"}
    absent = dict.fromkeys(_KEYS, "0") | {"label": "NULL"}
    return [key if key in present else f"{absent[key]} AS {key}" for key in _KEYS]


def _counted(table: Table) -> dict[str, int]:
    """Return the roles that cells are told by: requests would leave each row its own."""
    return {role: at for role, at in table.roles.items() if role != "request"}


def _alike(
    table: Table, relation: str, kinds: Mapping[int, str], kept: Sequence[str]
) -> str:
    """Return SQL that counts rows of equal cells by slot, so that each is judged once."""
    roles = _counted(table)
    places = sorted({at for role, at in roles.items() if role != "time"})
    keys = {name: name for name in (*kept, *(f"c{at}" for at in places))}
    # To a group 0 is -0 and NaN is -NaN; their text is not the same.
    keys |= {f"s{at}": f"signbit(c{at})" for at in places if kinds.get(at) in FLOATS}
    total = f"CAST(NULL AS {WEIGHT_TYPE})"
    if "count" in roles:
        at = roles["count"]
        form = table.forms.get("count")
        fine, total = weighed(f"c{at}", kinds.get(at), form)
        is_number = kinds.get(at) not in TIMES
        if is_number and list(roles.values()).count(at) == 1:
            # Counts that are fine are all alike: what they add up to is kept.
            one = "1" if at in kinds else "'1'"
            keys[f"c{at}"] = f"CASE WHEN {fine} THEN {one} ELSE c{at} END"
    chosen = ", ".join(f"{sql} AS {key}" for key, sql in keys.items())
    rows = (
        f"(SELECT {chosen}, ragged, {total} AS total, {_time_us(table, kinds)} AS time_us "
        f"FROM {relation})"
    )
    grouped = ", ".join([*keys, "ragged", f"{slot_of('time_us')} AS slot"])
    if _UNLIKE in roles:
        each = "1 AS n, total, time_us AS first_us, time_us AS last_us"
        groups = f"(SELECT {grouped}, {each} FROM {rows})"
    else:
        groups = (
            f"(SELECT {grouped}, count(*) AS n, sum(total) AS total, "
            f"min(time_us) AS first_us, max(time_us) AS last_us FROM {rows} GROUP BY ALL)"
        )
    return _as_text(groups, kinds.keys() & set(places))


def _as_text(relation: str, places: Iterable[int]) -> str:
    """Return SQL of a relation with the cells of some columns as text."""
    texts = ", ".join(f"CAST(c{at} AS VARCHAR) AS c{at}" for at in sorted(places))
    return f"(SELECT * REPLACE ({texts}) FROM {relation})" if texts else relation


def _time_us(table: Table, kinds: Mapping[int, str]) -> str:
    if "time" not in table.roles:
        return "CAST(NULL AS BIGINT)"
    at = table.roles["time"]
    samples, name = table.samples_of("time"), table.named["time"]
    if at in kinds:
        return microseconds_of(f"c{at}", kinds[at], samples, name)
    return microseconds(f"c{at}", samples, name)


def hold(connection: Connection, table: Table, relation: str) -> None:
    """Judge the rows of a relation, and keep them as `HELD` to look at more than once."""
    timed = f"(SELECT *, {_time_us(table, table.kinds)} AS time_us FROM {relation})"
    keyed = f"(SELECT *, {request_of(table)} AS request FROM {_as_text(timed, table.kinds)})"
    kept = ("file", "time_us", "request")
    rows = parsed_rows(keyed, _counted(table), kept, table.forms)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {HELD} AS {rows}")


def cells_of_held(table: Table) -> str:
    """Return SQL of the cells of the rows that are `HELD`; they have no weights."""
    return (
        f"SELECT file, reason, {', '.join(_keys(table))}, count(*) AS n, "
        f"CAST(NULL AS {WEIGHT_TYPE}) AS weight, min(time_us) AS first_us, "
        f"max(time_us) AS last_us FROM (SELECT *, {slot_of('time_us')} AS slot "
        f"FROM {HELD}) GROUP BY ALL"
    )


def request_of(table: Table) -> str:
    """Return SQL for the request of a row: its id becomes a hash."""
    if "request" not in table.roles:
        return "CAST(NULL AS UBIGINT)"
    cell = f"c{table.roles['request']}"
    return f"CASE WHEN NOT {blank(cell)} THEN hash(trim({cell})) END"


def forget_rejects(connection: Connection) -> None:
    """Drop what earlier queries set aside."""
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")


def rows_set_aside(connection: Connection) -> int | None:
    """Return how many rows are ragged; None where the reader lost track of rows."""
    found = set_aside_by_file(connection)
    return None if None in found.values() else sum(filter(None, found.values()))


def set_aside_by_file(connection: Connection) -> dict[int, int | None]:
    """Return the same for each file that has such rows."""
    try:
        found = connection.execute(
            "SELECT file_id, count(*) FILTER (error_type NOT IN ('MISSING COLUMNS', "
            "'TOO MANY COLUMNS')), count(DISTINCT line_byte_position) FROM reject_errors "
            "GROUP BY file_id"
        )
    except NoSuchTable:
        return {}
    return {file: None if lost else count for file, lost, count in found.fetchall()}


def find_places(
    workspace: Workspace,
    table: Table,
    rejected: Mapping[str, int],
    judged: Judged | None = None,
) -> tuple[Rejection, ...]:
    """Return the rejections with the first places of each.

    Rows are judged by their sizes, unless one says how else.
    """
    if not rejected:
        return ()
    judged = judged or (
        lambda relation, kept: parsed_rows(relation, table.roles, kept, table.forms)
    )
    lines = _near_the_start(workspace, table, rejected, judged)
    lines = lines or _at_once(workspace, table, rejected, judged)
    lines = lines or _one_by_one(workspace, table, rejected, judged)
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


def _near_the_start(
    workspace: Workspace, table: Table, rejected: Mapping[str, int], judged: Judged
) -> dict[str, list[int]] | None:
    """Look at the first rows alone, where the places are likely to be; None else."""
    rows = table.rows_due() or 0
    due = rows * MAX_PLACES / BATCH_ROWS
    is_likely = rows > _MANY_BATCHES * BATCH_ROWS and min(rejected.values()) > 2 * due
    if not rows or not (is_likely or rows <= _FEW_ROWS):
        return None
    lines = _one_by_one(workspace, table, rejected, judged, batches=1)
    return lines if _is_enough(lines, rejected) else None


def _at_once(
    workspace: Workspace, table: Table, rejected: Mapping[str, int], judged: Judged
) -> dict[str, list[int]] | None:
    """Read lines as rows; None where the two are not the same."""
    if table.rows_due() is None:
        return None
    connection = workspace.connection
    rows = judged(table.numbered, ("line", "quoted"))
    try:
        connection.execute("SET preserve_insertion_order = true")
        found = connection.execute(
            f"SELECT reason, CASE WHEN reason <> '' THEN min(line, {MAX_PLACES}) END, "
            f"count(*), bool_or(quoted) FROM ({rows}) GROUP BY reason"
        ).fetchall()
    except DATA_FAULTS:
        return None
    counts = {reason: count for reason, _, count, _ in found if reason}
    if any(quoted for *_, quoted in found) or counts != dict(rejected):
        return None
    return {reason: sorted(lines) for reason, lines, *_ in found if reason}


def _one_by_one(
    workspace: Workspace,
    table: Table,
    rejected: Mapping[str, int],
    judged: Judged,
    batches: int | None = None,
) -> dict[str, list[int]]:
    """Walk through the file until every reason has its places."""
    connection = workspace.connection
    rows = judged(table.streamed, ("line",))
    lines: dict[str, list[int]] = {reason: [] for reason in rejected}
    for batch in islice(table.stream(workspace), batches):
        connection.register(BATCH, batch)
        found = connection.execute(
            f"SELECT reason, min(line, {MAX_PLACES}) FROM ({rows}) "
            "WHERE reason <> '' GROUP BY reason"
        ).fetchall()
        connection.unregister(BATCH)
        for reason, more in found:
            lines[reason] = (lines.get(reason, []) + sorted(more))[:MAX_PLACES]
        if _is_enough(lines, rejected):
            break
    return lines


def _is_enough(lines: Mapping[str, Sequence[int]], rejected: Mapping[str, int]) -> bool:
    return all(
        len(lines[reason]) >= min(MAX_PLACES, count)
        for reason, count in rejected.items()
    )
