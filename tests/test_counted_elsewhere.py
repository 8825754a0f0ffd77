"""Rows that are counted where they are, and judged here: the same as reading them."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.cli import histogram
from bucketwise.errors import UsageError
from bucketwise.read import read_traffic
from bucketwise.read.dialects import (
    DIALECTS,
    TIME_KINDS,
    Counting,
    TimeKind,
    counting_query,
    printed_query,
)
from bucketwise.read.elsewhere import Elsewhere, count_there, kept, sqlalchemy
from bucketwise.read.scratch import open_scratch
from bucketwise.read.tables.counted import FIRST, LAST, ROWS, WEIGHT
from tests.commands import bucketwise
from tests.counted_tables import (
    COLUMNS,
    LABEL,
    LAW,
    cells_of,
    in_duckdb,
    read,
    same,
    tables,
    types_of,
)  # fmt: skip


@LAW
@given(
    data=st.data(),
    kind=st.sampled_from(TIME_KINDS),
    form=st.sampled_from(["parquet", "csv"]),
    sums=st.booleans(),
    left_out=st.sampled_from([(), ("label",), ("time",), ("count", "label", "time")]),
)
def test_rows_counted_by_another_engine_give_what_reading_them_gives(
    data: st.DataObject,
    kind: TimeKind,
    form: str,
    sums: bool,
    left_out: tuple[str, ...],
) -> None:
    frame = data.draw(tables(kind))
    columns = {role: name for role, name in COLUMNS.items() if role not in left_out}
    named = {**columns, **({"label": LABEL} if "label" in columns else {})}
    counting = Counting(
        columns=named, table="t.x", sums=sums and "count" in columns,
        where="true -- all", time_kind=kind,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole, counted = Path(folder, f"whole.{form}"), Path(folder, f"counted.{form}")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY t.x TO '{whole}'")
        connection.execute(
            f"COPY ({counting_query(counting, 'duckdb')}) TO '{counted}'"
        )
        unread = dict.fromkeys({"count", "label", "time"} - columns.keys(), "")
        expected = same(read(whole, {**columns, **unread}))
        found = read(counted)
        assert same(found) == expected
        assert [each.kind for each in found.inputs] == ["counts"]


@LAW
@given(data=st.data(), kind=st.sampled_from(["text", "number"]))
def test_rows_counted_by_sqlite_give_what_reading_them_gives(
    data: st.DataObject, kind: str
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not here")
    frame = data.draw(tables(kind, finite=True))
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole, there = Path(folder, "whole.parquet"), Path(folder, "x.db")
        connection.execute(f"COPY t.x TO '{whole}'")
        with closing(sqlite3.connect(there)) as filled, filled:
            columns = 'w {}, "h h" {}, n {}, "a""b" {} COLLATE NOCASE, at {}'
            made = columns.format(*types_of(frame, kind))
            filled.execute(f"CREATE TABLE x ({made})")
            filled.executemany("INSERT INTO x VALUES (?, ?, ?, ?, ?)", cells_of(frame))
        with open_scratch() as scratch, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlalchemy, "_FETCHED", 5)
            asked = Elsewhere(f"sqlite:///{there}", table="x")
            found = read(count_there(asked, scratch, COLUMNS).path)
        assert same(found) == same(read(whole, COLUMNS))


ROLES = {"width": "w", "height": "h", "count": "n", "label": "l", "time": "at"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_prints_a_query_that_its_grammar_takes_or_refuses_in_words(
    dialect: str,
) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not here: not parsed")
    hostile = """a`b'c"d\\e;--"""
    quoted = '"' + hostile.replace('"', '""') + '"'
    for kind, sums in product(TIME_KINDS, [True, False]):
        counting = Counting(
            columns={**ROLES, "label": quoted}, table=f"s.{quoted}", where="w > 1 -- all",
            time_kind=kind, sums=sums,
        )  # fmt: skip
        lacks_text = kind == "text" and not DIALECTS[dialect].text
        if lacks_text or (sums and not DIALECTS[dialect].decimal):
            with pytest.raises(UsageError, match=r"expected a timestamp|leave it out"):
                counting_query(counting, dialect)
            continue
        parsed = sqlglot.parse(printed_query(counting, dialect), read=dialect)
        *session, query = [each for each in parsed if each is not None]
        assert len(session) == bool(DIALECTS[dialect].session)
        assert hostile in {each.name for each in query.find_all(sqlglot.exp.Column)}
        assert hostile in {each.name for each in query.find_all(sqlglot.exp.Table)}
        roles = {"width", "height", "count", "label"}
        told = {ROWS, FIRST, LAST, *([WEIGHT] if sums else [])}
        assert {*query.named_selects} == roles | told


def test_text_among_numbers_is_refused_in_words(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not here")
    rows = "SELECT 640.5 AS w, 480 AS h UNION ALL SELECT 'many', 480"
    line = ("--connect", "sqlite://", "--query", rows, "-o", "x.parquet")
    assert "casts it to text" in bucketwise("histogram", *line, cwd=tmp_path).stderr


def test_more_groups_than_are_kept_are_refused_with_what_to_leave_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not here")
    rows = "SELECT 640 AS w, 480 AS h UNION ALL SELECT 64, 48 UNION ALL SELECT 64, 48"
    line = ("--connect", "sqlite://", "--query", rows, "-o", "x.parquet")
    monkeypatch.setattr(kept, "MOST_GROUPS", 2)
    assert not bucketwise("histogram", *line, cwd=tmp_path).returncode
    monkeypatch.setattr(kept, "MOST_GROUPS", 1)
    refused = bucketwise("histogram", *line, cwd=tmp_path)
    assert refused.returncode == 1
    assert "leave out the column that tells each row" in refused.stderr


def test_the_command_line_offers_every_dialect_and_kind_of_time() -> None:
    assert tuple(DIALECTS) == histogram.DIALECTS
    assert histogram.TIME_TYPES == TIME_KINDS


def test_the_printed_query_run_elsewhere_is_an_input_with_k_anonymity(
    tmp_path: Path,
) -> None:
    rows = (
        "SELECT 640 w, 480 h, 'a' l, '2026-10-01T12:59:59.6+09:00' \"at\" FROM range(9)"
    )
    rows += " UNION ALL SELECT 64, 48, 'rare', 'never' FROM range(2)"
    rows += " UNION ALL SELECT -1, 48, 'rare', NULL FROM range(3)"
    columns = "width=w,height=h,label=l,time=at"
    printed = bucketwise(
        "histogram", "--print-sql", "duckdb", "--query", rows, "--columns", columns,
        "--time-type", "text", cwd=tmp_path,
    )  # fmt: skip
    session, query = printed.stdout.split(";", 1)
    counted = tmp_path / "counted.csv"
    query = query.strip().rstrip(";")
    with duckdb.connect() as connection:
        connection.execute(session)
        connection.execute(f"COPY ({query}) TO '{counted}'")
    options = ("--max-bad-rows", "50%", "-o", str(tmp_path / "kept.parquet"))
    done = bucketwise(
        "histogram", str(counted), "--k-anonymity", "5", *options, cwd=tmp_path
    )
    assert "1 of 2 cells were seen fewer than 5 times" in done.stderr
    assert "3 rows rejected, zero or negative" in done.stderr
    kept = read_traffic([tmp_path / "kept.parquet"], max_bad_rows=1)
    assert (kept.labels, kept.count.tolist(), kept.rows_read) == (("a",), [9.0], 14)
    assert kept.slot_start_s.tolist() == [kept.first_s] == [1790823600]
    counted.write_text(counted.read_text().replace(",9,", ",,"))
    assert "whole number from 1 as bw_rows" in bucketwise(
        "histogram", str(counted), *options, cwd=tmp_path
    ).stderr  # fmt: skip


NO_SPARK = [
    (url, "pip install 'bucketwise[spark]'")
    for url in ("sc://host/;token=secret", "spark://local")
    if not find_spec("pyspark")
]


def test_an_address_that_cannot_be_read_is_refused_in_words_without_its_password(
    tmp_path: Path,
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not here")
    for url, told in (
        ("sqlite://", "no such table: t"),
        (f"sqlite:///{tmp_path}/nope.db", "a database that is there, got nope.db"),
        ("nonsense://u:secret@host/x", "--connect:"),
        ("no address: secret", "--connect:"),
        ("postgresql+adbc://u:secret@127.0.0.1:1/x", "--connect"),
        ("oracle+adbc://u:secret@host/x", "expected one of postgresql"),
        *NO_SPARK,
    ):
        done = bucketwise(
            "histogram",
            "--connect",
            url,
            "--table",
            "t",
            "-o",
            "x.parquet",
            cwd=tmp_path,
        )
        assert done.returncode in {1, 2}, done.stderr
        assert told in done.stderr
        assert "secret" not in done.stderr
    assert not [*tmp_path.iterdir()]
