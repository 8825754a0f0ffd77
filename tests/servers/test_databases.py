"""Databases on loopback count alike rows, and give what reading their tables here gives."""

from __future__ import annotations

import getpass
import importlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.read.dialects import (
    DIALECTS,
    TIME_KINDS,
    Counting,
    TimeKind,
    counting_query,
)
from bucketwise.read.elsewhere import Elsewhere, count_there
from bucketwise.read.scratch import open_scratch
from tests.counted_tables import (
    COLUMNS,
    LABEL,
    LAW,
    cells_of,
    in_duckdb,
    moment,
    read,
    same,
    tables,
    types_of,
)  # fmt: skip
from tests.servers.loopback import absent, free_port

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Start a server whose own zone is not UTC; its address, after the scheme."""
    drivers = all(map(find_spec, ("psycopg", "adbc_driver_postgresql")))
    can_start = POSTGRES and (os.geteuid() != 0 or shutil.which("su"))
    if not (drivers and can_start):
        absent("postgres", "Debian's postgresql, psycopg and ADBC are not all here")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        port = free_port()

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
            yield f"tester@127.0.0.1:{port}/postgres"
        finally:
            run(f"pg_ctl -D {folder}/d -m immediate -w stop")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    """Start a server whose own zone is not UTC, on no tables; its address."""
    server = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if not (server and find_spec("pymysql")):
        absent("mariadb", "Debian's mariadb-server-core and PyMySQL are not both here")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder, "data", "test").mkdir(parents=True)
        port = free_port()
        line = [
            server, "--no-defaults", "--skip-grant-tables", f"--user={getpass.getuser()}",
            f"--datadir={folder}/data", f"--socket={folder}/socket", f"--port={port}",
            "--bind-address=127.0.0.1", f"--pid-file={folder}/pid",
            "--default-time-zone=+09:00", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
            try:
                while not Path(folder, "pid").exists():
                    assert process.poll() is None
                    time.sleep(0.05)
                yield f"root@127.0.0.1:{port}/test"
            finally:
                process.kill()


def all_of(url: str, table: str) -> Elsewhere:
    """Return what asks for all rows of a table, or of a query in its place."""
    query = "" if table else "SELECT * FROM x -- all\n"
    # Drivers look for parameters in such a condition.
    return Elsewhere(url, table, query, where="'100%' LIKE '1%' AND ':a' <> ''")


def law(frame: pd.DataFrame, kind: TimeKind, *all_asked: Elsewhere) -> None:
    """Check that what was counted there is what is read here."""
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole = Path(folder, "whole.parquet")
        connection.execute(f"COPY t.x TO '{whole}'")
        expected = same(read(whole, COLUMNS))
    for asked in all_asked:
        with open_scratch() as scratch:
            assert same(read(count_there(asked, scratch, COLUMNS).path)) == expected


def filled(there: Any, frame: pd.DataFrame, types: Sequence[str], quote: str) -> None:
    """Make the table x of a frame, over a connection."""
    label = 'a"b' if quote == "`" else 'a""b'
    names = ["w", "h h", "n", label, "at"]
    made = [
        f"{quote}{name}{quote} {kind}" for name, kind in zip(names, types, strict=True)
    ]
    with there.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS x")
        cursor.execute(f"CREATE TABLE x ({', '.join(made)})")
        cursor.executemany("INSERT INTO x VALUES (%s, %s, %s, %s, %s)", cells_of(frame))
    there.commit()


@settings(LAW, max_examples=10)
@given(
    data=st.data(),
    kind=st.sampled_from(["timestamp", "number"]),
    as_query=st.booleans(),
    zoned=st.booleans(),
)
def test_rows_counted_by_postgres_give_what_reading_them_gives(
    postgres: str, data: st.DataObject, kind: TimeKind, as_query: bool, zoned: bool
) -> None:
    psycopg: Any = importlib.import_module("psycopg")
    frame = data.draw(tables(kind))
    sql = {"VARCHAR": "text", "DOUBLE": "double precision"}
    sql["TIMESTAMP"] = "timestamptz" if zoned else "timestamp"
    types = [sql[each] for each in types_of(frame, kind)]
    types[3] = "text COLLATE alike"
    with psycopg.connect(f"postgresql://{postgres}") as there:
        there.execute("SET TIME ZONE 'UTC'")
        there.execute(
            "CREATE COLLATION IF NOT EXISTS alike "
            "(provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
        )
        filled(there, frame, types, '"')
    table = "" if as_query else "public.x"
    urls = [f"postgresql+{way}://{postgres}" for way in ("psycopg", "adbc")]
    law(frame, kind, *(all_of(url, table) for url in urls))


@settings(LAW, max_examples=10)
@given(
    data=st.data(),
    kind=st.sampled_from(["timestamp", "number"]),
    as_query=st.booleans(),
    zoned=st.booleans(),
)
def test_rows_counted_by_mariadb_give_what_reading_them_gives(
    mariadb: str, data: st.DataObject, kind: TimeKind, as_query: bool, zoned: bool
) -> None:
    pymysql: Any = importlib.import_module("pymysql")
    # Its TIMESTAMP ends in 2038.
    ends = (moment("1970-01-02"), moment("2038-01-01")) if zoned else ()
    frame = data.draw(tables(kind, *ends, finite=True))
    sql = {"VARCHAR": "text", "DOUBLE": "double"}
    sql["TIMESTAMP"] = "timestamp(6) NULL" if zoned else "datetime(6)"
    text = "text CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
    types = [sql[each].replace("text", text) for each in types_of(frame, kind)]
    port = int(mariadb.partition(":")[2].partition("/")[0])
    in_utc = {"init_command": DIALECTS["mysql"].session}
    with closing(
        pymysql.connect(port=port, host="127.0.0.1", database="test", **in_utc)
    ) as there:
        filled(there, frame, types, "`")
    table = "" if as_query else "test.x"
    law(frame, kind, all_of(f"mysql+pymysql://{mariadb}", table))


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Any]:
    """Start ClickHouse in this process, in a zone that is not UTC."""
    if not find_spec("chdb"):
        absent("clickhouse", "chdb is not here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        with closing(importlib.import_module("chdb.session").Session()) as session:
            yield session


@settings(LAW, max_examples=10)
@given(
    data=st.data(),
    kind=st.sampled_from(TIME_KINDS),
    sums=st.booleans(),
    zone=st.sampled_from(["UTC", "Asia/Seoul"]),
)
def test_rows_counted_by_clickhouse_give_what_reading_them_gives(
    clickhouse: Any, data: st.DataObject, kind: TimeKind, sums: bool, zone: str
) -> None:
    since = moment("1900-01-02")  # where what its type holds begins
    frame = data.draw(tables(kind, since))
    sql = {"VARCHAR": "Nullable(String)", "DOUBLE": "Nullable(Float64)"}
    sql["TIMESTAMP"] = f"Nullable(DateTime64(6, '{zone}'))"
    names = [DIALECTS["clickhouse"].quoted(name) for name in COLUMNS.values()]
    made = ", ".join(
        f"{name} {sql[each]}"
        for name, each in zip(names, types_of(frame, kind), strict=True)
    )
    counting = Counting(
        columns={**COLUMNS, "label": LABEL}, table="default.x", time_kind=kind,
        where="'100%' LIKE '1%' -- all", sums=sums,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole, counted = Path(folder, "whole.parquet"), Path(folder, "counted.parquet")
        connection.execute(f"COPY t.x TO '{whole}'")
        for line in (
            DIALECTS["clickhouse"].session,
            "DROP TABLE IF EXISTS x",
            f"CREATE TABLE x ({made}) ENGINE = Memory",
            f"INSERT INTO x SELECT * FROM file('{whole}')",
        ):
            clickhouse.query(line)
        answer = clickhouse.query(counting_query(counting, "clickhouse"), "Parquet")
        counted.write_bytes(answer.bytes())
        assert same(read(counted)) == same(read(whole, COLUMNS))
