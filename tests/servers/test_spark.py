"""Spark on loopback: a standalone cluster, its server of Spark Connect, and Sail's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.read import read_traffic
from bucketwise.read.dialects import TIME_KINDS, TimeKind
from bucketwise.read.elsewhere import Elsewhere, count_there, spark
from bucketwise.read.scratch import open_scratch
from tests.commands import bucketwise
from tests.counted_tables import COLUMNS, LAW, in_duckdb, read, same, tables
from tests.servers.loopback import absent, free_port

STARTS_WITHIN_S = 90
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Java that compiles little: none of these lives long."""


def until(done: Callable[[], object]) -> None:
    ends = time.monotonic() + STARTS_WITHIN_S
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.05)


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def started(folder: Path, *command: str, **env: str) -> Iterator[Callable[[], None]]:
    """Run a server with all that it starts; what kills them."""
    with Path(folder, "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | env, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    try:
        yield kill
    finally:
        kill()


@dataclass(frozen=True, slots=True)
class Cluster:
    address: str
    connect: str
    session: Any
    """One that runs already, as in a notebook; it serves Spark Connect, too."""
    kill_a_worker: Callable[[], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


def notebook(address: str, settings: dict[str, str]) -> Any:
    """Open the session of somebody else in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas 3
        builder = import_module("pyspark.sql").SparkSession.builder.master(address)
        for name, value in settings.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    pyspark = find_spec("pyspark")
    if not (shutil.which("java") and pyspark and pyspark.origin):
        absent("spark", "PySpark and Java 17 are not both here")
    run = [f"{Path(pyspark.origin).parent}/bin/spark-class", "org.apache.spark.deploy"]
    port, connect = free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    env = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_JAVA_OPTS": LIGHT}
    here = ["--host", "127.0.0.1", "--webui-port", "0"]
    worker = [*here, "--cores", "1", "--memory", "512m", "--work-dir", str(folder)]
    settings = {
        "spark.cores.max": "2",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": LIGHT,
        "spark.executor.extraJavaOptions": LIGHT,
        "spark.executor.memory": "512m",
        "spark.connect.grpc.binding.port": str(connect),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{STARTS_WITHIN_S}s",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.sql.files.openCostInBytes": "128m",
        "spark.sql.session.timeZone": "Asia/Seoul",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        master = [f"{run[1]}.master.Master", *here, "--port", str(port)]
        stack.enter_context(started(folder, run[0], *master, **env))
        until(lambda: answers(port))
        line = [run[0], f"{run[1]}.worker.Worker", *worker, address]
        kill = [stack.enter_context(started(folder, *line, **env)) for _ in range(2)]
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = notebook(address, settings)
        stack.callback(session.stop)
        yield Cluster(address, f"sc://127.0.0.1:{connect}", session, kill[0])


@pytest.fixture(scope="module")
def sail(folder: Path) -> Iterator[str]:
    """Sail takes no PySpark beside it that is newer than it knows."""
    found = find_spec("pysail")
    if not found or not found.origin or not find_spec("pyspark"):
        absent("sail", "pysail and PySpark are not both here")
    alone = folder / "alone"
    alone.mkdir()
    (alone / "pysail").symlink_to(Path(found.origin).parent)
    program = (
        f"import sys; sys.path.append({str(alone)!r}); "
        "from pysail.cli import main; main()"
    )
    port = free_port()
    line = [sys.executable, "-ISc", program, "spark", "server", "--port", str(port)]
    with started(folder, *line):
        until(lambda: answers(port))
        yield f"sc://127.0.0.1:{port}"


@pytest.fixture(params=["standalone", "connect", "sail"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "sail":
        sail: str = request.getfixturevalue("sail")
        return sail
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.address if request.param == "standalone" else cluster.connect


def count(address: str, path: Path, where: str = "") -> Any:
    asked = Elsewhere(address, table=f'parquet."{path}"', where=where)
    with open_scratch() as scratch:
        return same(read(count_there(asked, scratch, COLUMNS).path))


@settings(LAW, max_examples=4)
@given(data=st.data(), kind=st.sampled_from(TIME_KINDS))
def test_rows_counted_by_spark_give_what_reading_them_gives(
    address: str, tmp_path: Path, data: st.DataObject, kind: TimeKind
) -> None:
    whole = tmp_path / "whole.parquet"
    with in_duckdb(data.draw(tables(kind)), kind) as connection:
        connection.execute(f"COPY t.x TO '{whole}'")
    found = count(address, whole, where="'100%' LIKE '1%' -- all")
    assert found == same(read(whole, COLUMNS))


def test_a_worker_killed_in_the_middle_changes_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts"
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE x AS SELECT 600 + i % 7 AS w, 400 AS "h h", 0.1 AS n, '
            'i % 3 AS "a""b", i % 20 AS part, '
            "TIMESTAMP '2026-10-01' + to_minutes(CAST(i AS INTEGER)) AS at "
            "FROM range(400) t(i)"
        )
        connection.execute(f"COPY x TO '{whole}'")
        connection.execute(f"COPY x TO '{parts}' (FORMAT parquet, PARTITION_BY (part))")
    # Each row takes its time, so that a kill lands between the tasks.
    slowly = "java_method('java.lang.Thread', 'sleep', 15L) <> ''"
    found: list[Any] = []
    counting = threading.Thread(
        target=lambda: found.append(count(cluster.address, parts, slowly))
    )
    counting.start()
    tracker = cluster.session.sparkContext.statusTracker()

    def done() -> int:
        stages = map(tracker.getStageInfo, tracker.getActiveStageIds())
        return max((each.numCompletedTasks for each in stages if each), default=0)

    until(lambda: done() > 4 or not counting.is_alive())
    cluster.kill_a_worker()
    assert done() < 20
    assert counting.is_alive()
    counting.join()
    assert found == [same(read(whole, COLUMNS))]
    # Its own zone is still the notebook's.
    zone = cluster.session.sql("SELECT CURRENT_TIMEZONE()").first()
    assert [*zone] == ["Asia/Seoul"]


@pytest.mark.parametrize("kind", TIME_KINDS)
def test_what_spark_saves_of_the_printed_query_is_an_input(
    cluster: Cluster, tmp_path: Path, kind: TimeKind
) -> None:
    cells = {"timestamp": "TIMESTAMP '2026-10-01 12:59:59.6'", "number": "1790859599.6"}
    at = cells.get(kind, "'2026-10-01T21:59:59.6+09:00'")
    rows = f"SELECT 640 w, 480 h, 0.1D n, 'a' l, {at} at FROM RANGE(9)"
    printed = bucketwise(
        "histogram", "--print-sql", "spark", "--query", rows, "--time-type", kind,
        "--sum-count", "--columns", "width=w,height=h,count=n,label=l,time=at",
        cwd=tmp_path,
    ).stdout  # fmt: skip
    session = cluster.session.newSession()
    zone, query = printed.strip().rstrip(";").split(";\n")
    session.sql(zone)
    session.sql(query).coalesce(1).write.parquet(str(tmp_path / "counted"))
    found = read(next((tmp_path / "counted").glob("*.parquet")))
    assert (found.rows_used, found.count.tolist()) == (9, [pytest.approx(0.9)])
    assert (found.first_s, found.labels) == (1790859599.6, ("a",))


def test_a_session_of_its_own_is_stopped_afterwards_and_no_other_is_touched(
    cluster: Cluster, tmp_path: Path
) -> None:
    rows = "SELECT 640 width, 480 height FROM RANGE(9)"
    histogram = tmp_path / "x.parquet"
    line = ["histogram", "--connect", "spark://local[1]", "--query", rows]
    line += ["-o", str(histogram)]
    refused = bucketwise(*line, cwd=tmp_path)
    assert f"expected {cluster.address}, on which this process" in refused.stderr
    cluster.session.stop()
    done = bucketwise(*line, cwd=tmp_path)
    assert "spark counted alike rows" in done.stderr
    assert read_traffic([histogram]).count.tolist() == [9]
    with pytest.raises(RuntimeError, match="NO_ACTIVE_OR_DEFAULT_SESSION"):
        cluster.session.active()


def test_what_an_address_of_spark_connect_holds_is_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not find_spec("pyspark"):
        absent("spark", "PySpark is not here")
    monkeypatch.setattr(spark, "_RETRIES", 1)
    line = ["histogram", "--table", "t", "-o", "x.parquet", "--connect"]
    said = bucketwise(*line, "sc://127.0.0.1;token=secret", cwd=tmp_path).stderr
    assert "error: --connect: " in said
    assert ";token=...:" in said
