"""Rows that are counted where they are, and judged here: the same as reading them."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import read_traffic
from bucketwise.read.database import open_workspace
from bucketwise.read.opening import open_input
from bucketwise.read.paths import Input
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.counts import reduce_counts
from bucketwise.read.tables.reduce import reduce_table
from bucketwise.read.tables.table import Table
from bucketwise.read.dialects import DIALECTS, Counting, counting_query, printed_query

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
TIMES = st.none() | st.datetimes(dt.datetime(800, 1, 1), dt.datetime(2200, 1, 1)) | (
    st.sampled_from(
        [
            dt.datetime(1970, 1, 1),
            dt.datetime(1970, 1, 1, 0, 0, 0, 1),
            dt.datetime(1969, 12, 31, 23, 59, 59, 999_999),
            dt.datetime(2026, 10, 1, 12, 59, 59, 600_000),
            dt.datetime(2026, 10, 1, 12, 59, 59, 999_999),
            dt.datetime(2026, 10, 1, 13),
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
    usable = (size[0], size[0], 1.0, "a", dt.datetime(2026, 10, 1, 12))
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


def in_duckdb(frame: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Make the table `t.x` of a frame; NaN is no NULL in it."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Seoul'; CREATE SCHEMA t")
    types = [SQL_TYPES.get(str(each), "TIMESTAMP") for each in frame.dtypes[:4]]
    names = ['"' + name.replace('"', '""') + '"' for name in frame.columns]
    made = ", ".join(
        f"{n} {k}" for n, k in zip(names, [*types, "TIMESTAMP"], strict=True)
    )
    connection.execute(f"CREATE TABLE t.x ({made})")
    for row in frame.astype(object).itertuples(index=False):
        cells = [None if each is None or each is pd.NaT else each for each in row]
        connection.execute("INSERT INTO t.x VALUES (?, ?, ?, ?, ?)", cells)
    return connection


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(
    frame=tables(),
    form=st.sampled_from(["parquet", "csv"]),
    sums=st.booleans(),
    left_out=st.sets(st.sampled_from(["count", "label", "time"])),
)
def test_rows_counted_by_another_engine_give_what_reading_them_gives(
    frame: pd.DataFrame, form: str, sums: bool, left_out: set[str]
) -> None:
    columns = {role: name for role, name in COLUMNS.items() if role not in left_out}
    named = {**columns, **({"label": LABEL} if "label" in columns else {})}
    sums = sums and "count" in columns
    counting = Counting(columns=named, table="t.x", sums=sums, where="true -- all")
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame) as connection:
        whole, counted = Path(folder, f"whole.{form}"), Path(folder, f"counted.{form}")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY t.x TO '{whole}'")
        connection.execute(f"COPY ({counting_query(counting, 'duckdb')}) TO '{counted}'")
        unread = dict.fromkeys({"count", "label", "time"} - columns.keys(), "")
        expected = same(read(whole, {**columns, **unread}))
        found = read(counted)
        assert same(found) == expected
        assert [each.kind for each in found.inputs] == ["counts"]
