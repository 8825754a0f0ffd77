"""Tables of anything, and what must be the same of them wherever their rows were counted."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from bucketwise.nouns.traffic import Traffic
from bucketwise.read.database import open_workspace
from bucketwise.read.opening import open_input
from bucketwise.read.paths import Input
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.counts import reduce_counts
from bucketwise.read.tables.reduce import reduce_table
from bucketwise.read.tables.table import Table

LAW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=20,
    phases=[Phase.generate],
)
"""Nothing is shrunk: a table is small, and an engine slow."""

moment = datetime.fromisoformat
JUNK = (
    "640", " 480 ", "640.0", "0", "-3", "1e3", "640d", "1e5f", "0x10", "nan", " NULL ", "",
    "n/a", "inf", "-0.0", "1_000", "2000001", "12.5", "1,280", "x", "\u0664\u0665", "1e400",
    None,
)  # fmt: skip
"""What engines cast differently."""
NUMBERS = (640.0, 480.0, -0.0, 0.0, float("nan"), float("inf"), 12.5, -1.0, 2e6, None)
WEIGHTS = (1.0, 0.1, 3.0, -1.0, 1e16, 1e15, -0.0, 1e14 + 0.7, 1e-7, float("nan"), None)
LABELS = st.none() | st.sampled_from(("a", " a ", "A", "https://x", "me@x.org", "null"))
ANY_LABEL = LABELS | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=8
)
SINCE, UNTIL = moment("0800-01-01 00:00:00"), moment("2200-01-01 00:00:00")
EDGES = [
    moment(each)
    for each in (
        "0999-12-31 23:59:59", "1969-12-31 22:59:59.999999", "1969-12-31 23:00:00",
        "1970-01-01 00:00:00", "1970-01-01 00:00:00.000001", "2026-10-01 12:59:59.600000",
        "2026-10-01 12:59:59.999999", "2026-10-01 13:00:00",
    )
]  # fmt: skip
EPOCHS = (
    0.0, -1.0, -3600.0, -3600.000001, 1e30, -1e21, float("nan"), float("inf"), 1790859599.6,
    1790859599.999999, 1790859600.0, 1790859599600.5, 1790859599999999.0,
    -1790859599999998464.0, 9e16, None,
)  # fmt: skip
"""Numbers that are times, in each unit, or none. The earliest lies between two microseconds."""
JUNK_TIMES = (
    "never", "", "now", "NULL", "2026-02-31T00:00:00Z", "2026-10-01T25:00:00Z", "12:59:59",
    "2026", None,
)  # fmt: skip
TIME_TYPES = {"timestamp": "TIMESTAMP", "text": "VARCHAR", "number": "DOUBLE"}
ALIKE_LABELS = ("A", "\u00e1", "\uff41", "a\u200b")
ALIKE_SIZES = ("\u0666\u0664\u0660", "640\u200b", "\uff16\uff14\uff10")
"""What a collation takes for `a`, and for `640`."""


@st.composite
def times(draw: st.DrawFn, kind: str, since: datetime, until: datetime) -> Any:
    """Return a time as a column of some kind holds it, or what is none."""
    if kind == "number":
        return draw(st.sampled_from(EPOCHS))
    if draw(st.booleans()):
        return draw(st.sampled_from(JUNK_TIMES if kind == "text" else [None]))
    at = draw(st.datetimes(since, until) | st.sampled_from(edges(since, until)))
    zone = draw(st.sampled_from(("", "Z", "+09:00", "-03:30")))
    separator = draw(st.sampled_from("T "))
    return at if kind == "timestamp" else at.isoformat(separator) + zone


def edges(since: datetime, until: datetime) -> list[datetime]:
    """Return the times that an engine may have in an hour of its own."""
    return [each for each in EDGES if since <= each <= until]


COLUMNS = {"width": "w", "height": "h h", "count": "n", "label": 'a"b', "time": "at"}
LABEL = '"a""b"'
"""How that name is written where SQL is made of it."""


@st.composite
def tables(
    draw: st.DrawFn,
    kind: str = "timestamp",
    since: datetime = SINCE,
    until: datetime = UNTIL,
    *,
    finite: bool = False,
) -> pd.DataFrame:
    """Return a table whose rows are alike but for one cell, beside rows of anything.

    `finite` where an engine has no NaN and no infinity.
    """

    def is_held(each: object) -> bool:
        return not (finite and isinstance(each, float)) or math.isfinite(each)

    size = [*filter(is_held, draw(st.sampled_from([JUNK, NUMBERS])))]
    is_text = isinstance(size[0], str)
    coarse: Any = {"text": "2026-10-01T12:00:00", "number": 1790856000.0}
    first = (
        size[0],
        size[0],
        1.0,
        "a",
        coarse.get(kind, moment("2026-10-01 12:00:00")),
    )
    at: Any = EPOCHS if kind == "number" else edges(since, until)
    if kind == "text":
        at = [*(f"{each}Z" for each in at), *JUNK_TIMES]
    alike = [
        first,
        *((*first[:3], label, first[4]) for label in ALIKE_LABELS),
        *((each, *first[1:]) for each in ALIKE_SIZES if is_text),
        *((*first[:4], each) for each in at if is_held(each)),
    ]
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(size),
                st.sampled_from(size),
                st.sampled_from(WEIGHTS).filter(is_held),
                ANY_LABEL,
                times(kind, since, until).filter(is_held),
            ),
            max_size=15,
        )
    )
    again = rows * draw(st.sampled_from([1, 2]))
    frame = pd.DataFrame([*alike, *again], columns=list(COLUMNS.values()))
    # The one has no NaN beside its NULL, the other has nothing else.
    number = "Float64" if finite else "float64"
    sides = "object" if is_text else number
    stamped = number if kind == "number" else "object"
    types = {"w": sides, "h h": sides, "n": number, 'a"b': "object", "at": stamped}
    return frame.astype(types)


def same(traffic: Traffic) -> dict[str, Any]:
    """Return what must not depend on where rows were counted."""
    return {
        "sha256": traffic.sha256(),
        "rejected": {each.reason: each.count for each in traffic.rejections},
        "rows": (traffic.rows_read, traffic.rows_used),
        "labels": traffic.labels,
        "times": (traffic.first_s, traffic.last_s),
        "count": traffic.count.tolist(),
        "weighted": traffic.weighted,
    }


def read(path: Path, columns: dict[str, str] | None = None) -> Traffic:
    """Read a table in this process: one of its own for each file takes long."""
    with open_workspace() as workspace:
        found = open_input(workspace, Input(path, path.name), columns)
        assert isinstance(found, Table)
        reduced = reduce_counts if ROWS in found.roles else reduce_table
        return reduced(workspace, found)


SQL_TYPES = {"object": "VARCHAR", "float64": "DOUBLE", "Float64": "DOUBLE"}


def types_of(frame: pd.DataFrame, kind: str) -> list[str]:
    """Return the type of each column in SQL."""
    return [SQL_TYPES[str(each)] for each in frame.dtypes[:4]] + [TIME_TYPES[kind]]


def cells_of(frame: pd.DataFrame) -> list[list[Any]]:
    """Return rows as drivers take them: NaN of a number is no NULL in them."""
    columns = [
        [None if pd.isna(each) else each for each in frame[name].astype(object)]
        if kind != "float64"
        else frame[name].tolist()
        for name, kind in zip(frame.columns, map(str, frame.dtypes), strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def in_duckdb(
    frame: pd.DataFrame, kind: str = "timestamp"
) -> duckdb.DuckDBPyConnection:
    """Make the table `t.x` of a frame."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Seoul'; CREATE SCHEMA t")
    names = ['"' + name.replace('"', '""') + '"' for name in frame.columns]
    types = types_of(frame, kind)
    types[3] += " COLLATE NOCASE"
    made = ", ".join(f"{n} {k}" for n, k in zip(names, types, strict=True))
    connection.execute(f"CREATE TABLE t.x ({made})")
    for cells in cells_of(frame):
        connection.execute("INSERT INTO t.x VALUES (?, ?, ?, ?, ?)", cells)
    return connection
