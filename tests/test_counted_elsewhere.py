"""Rows that are counted where they are, and judged here: the same as reading them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bucketwise.errors import UsageError
from bucketwise.read import read_traffic
from bucketwise.read.dialects import (
    DIALECTS,
    TIME_KINDS,
    Counting,
    counting_query,
    printed_query,
)
from bucketwise.read.elsewhere import Elsewhere, count_there
from bucketwise.read.scratch import open_scratch
from bucketwise.read.tables.counted import FIRST, LAST, WEIGHT
from tests.commands import bucketwise
from tests.counted_tables import COLUMNS, LABEL, cells_of, in_duckdb, read, same, tables


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
        connection.execute(
            f"COPY ({counting_query(counting, 'duckdb')}) TO '{counted}'"
        )
        unread = dict.fromkeys({"count", "label", "time"} - columns.keys(), "")
        expected = same(read(whole, {**columns, **unread}))
        found = read(counted)
        assert same(found) == expected
        assert [each.kind for each in found.inputs] == ["counts"]


POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
NO_POSTGRES = "Debian's postgresql, SQLAlchemy and psycopg are not all here"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Start a server on loopback whose own zone is not UTC; its address."""
    pytest.importorskip("sqlalchemy", reason=NO_POSTGRES)
    pytest.importorskip("psycopg", reason=NO_POSTGRES)
    if not POSTGRES or (os.geteuid() == 0 and not shutil.which("su")):
        pytest.skip(NO_POSTGRES)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def run(line: str) -> None:
            line = f"{POSTGRES[-1]}/{line}"
            command = (
                ["su", "postgres", "-c", line]
                if os.geteuid() == 0
                else ["sh", "-c", line]
            )
            subprocess.run(command, check=True, capture_output=True, cwd=folder)

        server = f"-p {port} -c listen_addresses=127.0.0.1 -c timezone=Asia/Seoul"
        server += f" -c unix_socket_directories={folder} -c fsync=off"
        run(f"initdb -D {folder}/d -U tester -A trust -E UTF8 --no-sync")
        run(f"pg_ctl -D {folder}/d -o '{server}' -l {folder}/log -w start")
        try:
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        finally:
            run(f"pg_ctl -D {folder}/d -m immediate -w stop")


@settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
)
@given(frame=tables(), as_query=st.booleans(), zoned=st.booleans())
def test_rows_counted_by_postgres_give_what_reading_them_gives(
    postgres: str, frame: pd.DataFrame, as_query: bool, zoned: bool
) -> None:
    import psycopg
    from sqlalchemy import make_url

    at = make_url(postgres)
    assert at.host
    assert at.port
    with (
        psycopg.connect(
            host=at.host, port=at.port, user="tester", dbname="postgres"
        ) as there,
        there.cursor() as cursor,
    ):
        kinds = [
            {"object": "text"}.get(str(each), "double precision")
            for each in frame.dtypes
        ]
        kinds[3], kinds[4] = "text", "timestamptz" if zoned else "timestamp"
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("DROP TABLE IF EXISTS x")
        cursor.execute(
            'CREATE TABLE x (w {}, "h h" {}, n {}, "a""b" {}, at {})'.format(*kinds)
        )
        cursor.executemany("INSERT INTO x VALUES (%s, %s, %s, %s, %s)", cells_of(frame))
    condition = "'100%' LIKE '1%' AND ':a' <> ''"
    asked = Elsewhere(
        postgres,
        table="" if as_query else "public.x",
        query="SELECT * FROM x -- all\n" if as_query else "",
        where=condition,
    )
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame) as connection:
        whole = Path(folder, "whole.parquet")
        connection.execute(f"COPY t.x TO '{whole}'")
        with open_scratch() as scratch:
            found = read(count_there(asked, scratch, COLUMNS).path)
        assert same(found) == same(read(whole, COLUMNS))


TOLD = {FIRST, LAST, WEIGHT}
ROLES = {"width": "w", "height": "h", "count": "n", "label": "l", "time": "at"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_prints_a_query_that_its_grammar_takes_or_refuses_in_words(
    dialect: str,
) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not here: not parsed")
    hostile = """a`b'c"d\\e;--"""
    quoted = '"' + hostile.replace('"', '""') + '"'
    for kind in TIME_KINDS:
        counting = Counting(
            columns={**ROLES, "label": quoted}, table=f"s.{quoted}", where="w > 1 -- all",
            time_kind=kind, sums=True,
        )  # fmt: skip
        if kind == "text" and not DIALECTS[dialect].text:
            with pytest.raises(UsageError, match="expected a timestamp"):
                counting_query(counting, dialect)
            continue
        parsed = sqlglot.parse(printed_query(counting, dialect), read=dialect)
        *session, query = [each for each in parsed if each is not None]
        assert len(session) == bool(DIALECTS[dialect].session)
        assert hostile in {each.name for each in query.find_all(sqlglot.exp.Column)}
        assert hostile in {each.name for each in query.find_all(sqlglot.exp.Table)}
        roles = {"width", "height", "count", "label"}
        assert {*query.named_selects} == roles | {"bw_rows", *TOLD}


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


def test_an_address_that_cannot_be_read_is_refused_in_words_without_its_password(
    tmp_path: Path,
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not here")
    for url, told in (
        ("sqlite://", "expected one of bigquery"),
        ("nonsense://u:secret@host/x", "--connect:"),
        ("no address: secret", "--connect:"),
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
