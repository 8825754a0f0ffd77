"""Which images were sent together: grouped in SQL, and forgotten who sent them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.together import (
    MOST_ROWS,
    STEP_MS,
    Together,
    Told,
    places_of,
)
from bucketwise.nouns.traffic import OWN_COLUMNS, SIZE_COLUMNS
from bucketwise.read.database import Connection, Workspace, one_number
from bucketwise.read.tables.aggregate import HELD, request_of
from bucketwise.read.tables.cells import by_tokens, parsed_rows
from bucketwise.read.tables.table import BATCH, Table
from bucketwise.read.tables.times import microseconds

_STEP_US = STEP_MS * 1_000
_SECOND_US = 1_000_000

_SIZES = {
    "height_px": "height", "width_px": "width", "frames": "frames", "fps": "fps",
    "visual_tokens": "tokens", **{name: name for name in OWN_COLUMNS},
}  # fmt: skip
_TYPES = {
    "request": "UBIGINT", "time_us": "BIGINT",
    **{
        _SIZES[name]: "BIGINT" if kind is np.int64 else "DOUBLE"
        for name, kind in SIZE_COLUMNS.items()
    },
}  # fmt: skip
_COLUMNS = ", ".join(_TYPES)

SENT = "sent"
"""The temporary table of images one by one: which request, when, and how large."""

# A time on a full second is taken for one that knows no finer.
_IS_FINE = f"time_us % {_SECOND_US} <> 0"

SOME_ARE_FINE = (
    f"coalesce(bool_or({_IS_FINE.replace('time_us', 'first_us')} OR "
    f"{_IS_FINE.replace('time_us', 'last_us')}), false)"
)
"""SQL of cells: some of their first and last times are finer than a second."""

_FINER = re.compile(r"[.,]\d*[1-9]|\d{12}")
"""What times finer than a second have: a fraction, or more digits than seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What was sent together in one input."""

    requests: Together = field(default_factory=Together)
    calls: Together = field(default_factory=Together)


NOTHING_SENT = Sent()


def may_tell(table: Table) -> bool:
    """Return whether the first rows of a table tell which images came together."""
    return "request" in table.roles or any(
        _FINER.search(each) for each in table.samples_of("time")
    )


def make_sent(connection: Connection) -> None:
    """Make the table `sent` anew, without a row."""
    types = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {SENT} ({types})")


def has_fine_times(connection: Connection) -> bool:
    """Return whether some times in `sent` are finer than a second."""
    return bool(one_number(connection, f"SELECT count(*) FROM {SENT} WHERE {_IS_FINE}"))


def sent_together(workspace: Workspace, table: Table, *, at_once: bool) -> Sent:
    """Return which rows of a table, whose `cells` are filled, came together.

    Rows with a weight stand for many images, and tell nothing.
    """
    connection, roles = workspace.connection, table.roles
    requested = "request" in roles
    fine = _fine_rows(connection) if "time" in roles else 0
    timed = fine > 0
    if "count" in roles or not (timed or requested):
        return Sent()
    if one_number(connection, "SELECT sum(n) FROM cells") > MOST_ROWS:
        lost = Together(is_too_much=True)
        return Sent(requests=lost if requested else Together(), calls=lost)
    if at_once:
        rows = _rows(table, table.relation, timed=timed)
        return gathered(
            connection, rows, requested=requested, timed=timed, sizes=_told(roles)
        )
    make_sent(connection)
    query = _rows(table, table.streamed, timed=timed)
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        connection.execute(f"INSERT INTO {SENT} BY NAME {query}")
        connection.unregister(BATCH)
    return gathered(
        connection,
        f"FROM {SENT}",
        requested=requested,
        timed=timed,
        sizes=_told(roles),
    )


def gathered(
    connection: Connection,
    rows: str,
    *,
    requested: bool,
    timed: bool,
    sizes: Collection[str] = tuple(_SIZES.values()),
) -> Sent:
    """Return what came together of rows with the columns of `sent`, those of `sizes`."""
    requests = Together()
    if requested:
        requests = _groups(connection, rows, ("request",), ("requests",), sizes)
    if not timed:
        return Sent(requests=requests, calls=requests)
    if requested:
        # All images of a request come when its first does.
        first = "CASE WHEN request IS NULL THEN time_us ELSE min(time_us) OVER same END"
        rows = (
            f"SELECT * REPLACE ({first} AS time_us) FROM ({rows}) "
            "WINDOW same AS (PARTITION BY request)"
        )
    step = f"CAST(floor(time_us / {_STEP_US}) AS BIGINT)"
    told: tuple[Told, ...] = ("arrivals", *requests.told)
    keys = [f"CASE WHEN {_IS_FINE} THEN {step} END"]
    if requested:
        keys.append(f"CASE WHEN ({_IS_FINE}) IS NOT TRUE THEN request END")
    return Sent(requests=requests, calls=_groups(connection, rows, keys, told, sizes))


def _fine_rows(connection: Connection) -> int:
    """Return the usable rows where some have a time finer than a second; else 0."""
    fine = f"CASE WHEN {SOME_ARE_FINE} THEN sum(n) ELSE 0 END"
    return one_number(
        connection,
        f"SELECT coalesce(CAST({fine} AS BIGINT), 0) FROM cells WHERE reason = ''",
    )


def sent_by_file(
    connection: Connection, table: Table, fine: Mapping[int, bool]
) -> dict[int, Sent]:
    """Return what came together in each file of the rows that are `HELD`.

    They are of tables like this one; `fine` says of which files some times are.
    """
    requested = "request" in table.roles
    return {
        file: gathered(
            connection,
            f"FROM {HELD} WHERE file = {file} AND reason = ''",
            requested=requested,
            timed=timed,
            sizes=_told(table.roles),
        )
        for file, timed in fine.items()
        if timed or requested
    }


def _rows(table: Table, relation: str, *, timed: bool) -> str:
    """Return SQL of the usable rows with the columns of `sent`; ids become hashes."""
    roles = {
        role: at
        for role, at in table.roles.items()
        if role not in {"request", "time", "label"}
    }
    time_us = "CAST(NULL AS BIGINT)"
    if timed:
        samples, name = table.samples_of("time"), table.named["time"]
        time_us = microseconds(f"c{table.roles['time']}", samples, name)
    keys = f"{time_us} AS time_us, {request_of(table)} AS request"
    keyed = f"(SELECT *, {keys} FROM {relation})"
    rows = parsed_rows(keyed, roles, ("time_us", "request"), table.forms)
    columns = ", ".join(["request", "time_us", *_told(roles)])
    return f"SELECT {columns} FROM ({rows}) WHERE reason = ''"


def _told(roles: Mapping[str, int]) -> list[str]:
    """Return the columns that tell a size."""
    there = {"tokens"} if by_tokens(roles) else {"height", "width"}
    if "frames" in roles:
        there |= {"frames"} | ({"fps"} & roles.keys())
    return [name for name in _SIZES.values() if name in there]


def _groups(
    connection: Connection,
    rows: str,
    keys: Sequence[str],
    told: tuple[Told, ...],
    sizes: Collection[str],
) -> Together:
    """Gather rows by the key that is not NULL; where each is, they came alone."""
    named = [f"key{at}" for at in range(len(keys))]
    keyed = ", ".join(f"{key} AS {name}" for key, name in zip(keys, named, strict=True))
    found = connection.execute(
        f"SELECT {', '.join([*named, *sizes])} FROM "
        f"(SELECT *, {keyed} FROM ({rows})) WHERE coalesce({', '.join(named)}) IS NOT NULL"
    ).fetchnumpy()
    by: dict[str, NDArray[Any]] = {}
    for name in named:
        # Steps and hashes of requests fill their 64 bits: which it is stands beside.
        key = np.ma.masked_array(found[name])
        by[name] = np.ma.filled(key, 0).view(np.int64)
        by[f"no {name}"] = np.ma.getmaskarray(key).astype(np.int64)
    group, distinct = places_of(by)
    nothing = np.zeros(group.size)
    columns = {
        column: np.asarray(found.get(name, nothing), SIZE_COLUMNS[column])
        for column, name in _SIZES.items()
    }
    return Together.of(columns, group, np.ones(distinct["key0"].size), told)
