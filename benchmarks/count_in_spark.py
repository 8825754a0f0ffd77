"""What one log of Parquet files costs here, in Spark and in Sail: processor seconds of all processes.

    .venv-servers/bin/python benchmarks/count_in_spark.py [--rows 10000000]

Spark is a session of this machine, `spark://local[2]`, its Java counted; Sail's server and
its client are told apart. Every histogram is compared with the one that is read here.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from bucketwise.read import read_traffic

TICKS = os.sysconf("SC_CLK_TCK")
ROWS = """
SELECT 64 + 7 * (hash(i) % 2500)::INT AS width, 480 AS height,
  TIMESTAMP '2026-10-01' + to_seconds((i % 86400)::INT) AS time FROM range({}) t(i)
"""
SAIL = "import sys; sys.path.append({!r}); from pysail.cli import main; main()"  # a PySpark beside it that is newer than it knows is refused


def write_log(folder: Path, rows: int) -> None:
    duckdb.execute(f"CREATE TABLE log AS {ROWS.format(rows)}")
    for at in range(20):
        duckdb.execute(
            f"COPY (FROM log WHERE rowid % 20 = {at}) TO '{folder}/{at:02}.parquet'"
        )


def used_s(session: int) -> float:
    """Return the processor seconds of all processes of a session."""
    used = 0
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[3]) == session:
            used += sum(map(int, fields[11:13]))
    return used / TICKS


def run(command: list[str]) -> float:
    """Return what a command cost, with all that it starts."""
    child = subprocess.Popen(command, start_new_session=True, stdout=-3, stderr=-3)
    used = 0.0
    while child.poll() is None:
        used = max(used, used_s(child.pid))
        time.sleep(0.1)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    bucketwise = [sys.executable, "-m", "bucketwise", "histogram"]
    pysail = find_spec("pysail")
    with TemporaryDirectory() as name:
        log, alone = Path(name, "log"), Path(name, "alone")
        log.mkdir()
        alone.mkdir()
        write_log(log, rows)
        files = [str(each) for each in sorted(log.iterdir())]
        table = ["--table", f'parquet."{log}"']
        ways = {
            "here": files,
            "Spark": ["--connect", "spark://local[2]", *table],
        }
        server = None
        if pysail and pysail.origin:
            (alone / "pysail").symlink_to(Path(pysail.origin).parent)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = str(free.getsockname()[1])
            program = [sys.executable, "-ISc", SAIL.format(str(alone))]
            server = subprocess.Popen(
                [*program, "spark", "server", "--port", port],
                start_new_session=True,
                stderr=-3,
            )
            time.sleep(3)
            ways["Sail's client"] = ["--connect", f"sc://127.0.0.1:{port}", *table]
        expected = read_traffic(files).sha256()
        for way, given in ways.items():
            kept = Path(name, "kept.parquet")
            spent = run([*bucketwise, *given, "-o", str(kept)])
            is_same = read_traffic([kept]).sha256() == expected
            print(f"{way}: {spent:.1f} CPU s, {'the same' if is_same else 'OTHER'}")
        if server:
            print(f"Sail's server: {used_s(server.pid):.1f} CPU s")
            server.kill()


if __name__ == "__main__":
    main()
