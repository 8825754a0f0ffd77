"""Tables of anything, and what must be the same of them wherever their rows were counted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from hypothesis import strategies as st

from bucketwise.nouns.traffic import Traffic
from bucketwise.read.database import open_workspace
from bucketwise.read.opening import open_input
from bucketwise.read.paths import Input
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.counts import reduce_counts
from bucketwise.read.tables.reduce import reduce_table
from bucketwise.read.tables.table import Table

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
TIMES = st.none() | st.datetimes(moment("0800-01-01 00:00:00"), moment("2200-01-01 00:00:00")) | (
    st.sampled_from(
        [
            moment("1970-01-01 00:00:00"),
            moment("1970-01-01 00:00:00.000001"),
            moment("1969-12-31 23:59:59.999999"),
            moment("2026-10-01 12:59:59.600000"),
            moment("2026-10-01 12:59:59.999999"),
            moment("2026-10-01 13:00:00"),
        ]
    )
)  # fmt: skip
COLUMNS = {"width": "w", "height": "h h", "count": "n", "label": 'a"b', "time": "at"}
LABEL = '"a""b"'
"""How that name is written where SQL is made of it."""


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.sampled_from([JUNK, NUMBERS]))
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(size),
                st.sampled_from(size),
                st.sampled_from(WEIGHTS),
                ANY_LABEL,
                TIMES,
            ),
            min_size=1,
            max_size=25,
        )
    )
    usable = (size[0], size[0], 1.0, "a", moment("2026-10-01 12:00:00"))
    again = rows * draw(st.sampled_from([1, 2]))
    frame = pd.DataFrame([usable, *again], columns=list(COLUMNS.values()))
    kind = "object" if size is JUNK else "float64"
    types = {"w": kind, "h h": kind, "n": "float64", 'a"b': "object"}
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


SQL_TYPES = {"object": "VARCHAR", "float64": "DOUBLE", "str": "VARCHAR"}


def cells_of(frame: pd.DataFrame) -> list[list[Any]]:
    """Return rows as drivers take them: NaN of a number is no NULL in them."""
    columns = [
        [None if pd.isna(each) else each for each in frame[name].astype(object)]
        if kind != "float64"
        else frame[name].tolist()
        for name, kind in zip(frame.columns, map(str, frame.dtypes), strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def in_duckdb(frame: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Make the table `t.x` of a frame."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Seoul'; CREATE SCHEMA t")
    types = [SQL_TYPES.get(str(each), "TIMESTAMP") for each in frame.dtypes[:4]]
    names = ['"' + name.replace('"', '""') + '"' for name in frame.columns]
    made = ", ".join(
        f"{n} {k}" for n, k in zip(names, [*types, "TIMESTAMP"], strict=True)
    )
    connection.execute(f"CREATE TABLE t.x ({made})")
    for cells in cells_of(frame):
        connection.execute("INSERT INTO t.x VALUES (?, ?, ?, ?, ?)", cells)
    return connection
