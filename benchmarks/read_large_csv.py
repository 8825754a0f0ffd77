"""Read a large CSV with bucketwise and with DuckDB's plain GROUP BY, in one run.

    python benchmarks/read_large_csv.py [--rows 10000000] [--hours 24]

Writes a log of 10 million requests (about 870 MB, 5,000 distinct sizes, timestamps) to
a temporary folder, then runs both as whole processes, imports included, in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

DUCKDB = """
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(
    "CREATE TABLE t AS SELECT width, height, count(*) AS n{more} "
    f"FROM read_csv('{{sys.argv[1]}}') GROUP BY ALL"
)
"""

BY_HOUR = ", date_trunc('hour', timestamp) AS hour"
FIRST_AND_LAST = ", min(timestamp) AS first, max(timestamp) AS last"

OURS = """
import sys
from bucketwise.read import read_traffic
traffic = read_traffic([sys.argv[1]], columns={columns})
assert traffic.rows_read == traffic.rows_used
"""

PROGRAMS = {
    "duckdb, sizes": DUCKDB.format(more=""),
    "bucketwise, sizes": OURS.format(columns={"time": ""}),
    "duckdb, by hour": DUCKDB.format(more=BY_HOUR),
    "duckdb, first, last": DUCKDB.format(more=BY_HOUR + FIRST_AND_LAST),
    "bucketwise, by hour": OURS.format(columns={}),
}
"""The first is the baseline; each of ours does what the one above it does, and judges
every row."""


def write_log(path: Path, rows: int, hours: int) -> None:
    duckdb.execute("SET enable_progress_bar = false")
    step_us = hours * 3_600_000_000 // rows
    duckdb.execute(
        f"""COPY (
            SELECT strftime(make_timestamp(1790812800000000 + range * {step_us}),
                            '%Y-%m-%dT%H:%M:%S.%gZ') AS timestamp,
                   format('req-{{:016x}}-{{:04d}}', range, range % 1350) AS request_id,
                   200 + hash(range) % 5000 % 50 * 41 AS width,
                   200 + hash(range) % 5000 // 50 * 29 AS height,
                   1 + range % 20000 AS tokens,
                   round(hash(range) % 100000 / 100, 2) AS latency_ms,
                   'image/jpeg' AS kind
            FROM range({rows})) TO '{path}' (HEADER)"""
    )


def run_apart(work: Callable[..., None], *arguments: object) -> None:
    """Run in a process of its own: children begin with the peak memory of this one."""
    process = get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("the log could not be written")


def measure(program: str, path: Path) -> tuple[float, float]:
    """Return seconds and peak MB of one whole process."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", program, str(path)])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the run failed with status {status}")
    return time.perf_counter() - start, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--hours", type=int, default=24, help="span of the log")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        run_apart(write_log, path, options.rows, options.hours)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
        for _ in range(options.repeats):
            for name, program in PROGRAMS.items():
                runs[name].append(measure(program, path))
    baseline = next(iter(runs.values()))
    best_of_baseline = min(seconds for seconds, _ in baseline)
    for name, measured in runs.items():
        best = min(seconds for seconds, _ in measured)
        ratios = [
            ours / theirs
            for (ours, _), (theirs, _) in zip(measured, baseline, strict=True)
        ]
        print(
            f"{name:<19} best {best:.2f} s, peak {max(peak for _, peak in measured):.0f} "
            f"MB, ratio of the best {best / best_of_baseline:.2f}, "
            f"median ratio {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
