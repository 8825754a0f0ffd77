"""Read the decoder's load from a large request log, and choose from it.

    python benchmarks/read_request_log.py [--requests 1000000]

Writes a log of a million requests (ISO start times, latencies, tokens) to a temporary
folder, then measures whole processes, imports included: reading it as a request log and
choosing graphs, and reading the same arrivals with their tokens, replayed until graphs
and load fit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

PROGRAM = """
import sys
import bucketwise
traffic = bucketwise.read_traffic([sys.argv[1]])
evidence = bucketwise.read_evidence([sys.argv[2]])
plan = bucketwise.analyze(traffic, evidence=evidence, batch_size=16).plan
print(f"  {evidence.kind}: {evidence.samples:,} records, "
      f"decoder_batch_sizes {list(plan.decoder.decoder_batch_sizes)}")
"""


def write_logs(folder: Path, requests: int) -> tuple[Path, Path, Path]:
    duckdb.execute("SET enable_progress_bar = false")
    duckdb.execute("SELECT setseed(0.5)")
    duckdb.execute(
        f"""CREATE TABLE log AS SELECT
            make_timestamp(1790812800000000 + range * 250000
                + CAST(random() * 250000 AS BIGINT)) AS start_time,
            round(0.2 + 3 * random() * random(), 3) AS latency_s,
            CAST(200 + 2000 * random() AS BIGINT) AS prompt_tokens,
            CAST(1 + 200 * random() AS BIGINT) AS output_tokens
            FROM range({requests}) ORDER BY start_time"""
    )
    sizes, log, arrivals = (folder / name for name in ("s.csv", "log.csv", "a.csv"))
    sizes.write_text("width,height\n640,480\n")
    duckdb.execute(f"COPY log TO '{log}' (HEADER)")
    duckdb.execute(
        f"COPY (SELECT * EXCLUDE latency_s FROM log) TO '{arrivals}' (HEADER)"
    )
    return sizes, log, arrivals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        sizes, *logs = write_logs(Path(folder), options.requests)
        for path in logs:
            print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB", flush=True)
            start = time.perf_counter()
            child = subprocess.Popen([sys.executable, "-c", PROGRAM, sizes, path])
            _, status, used = os.wait4(child.pid, 0)
            if status:
                sys.exit(f"the run failed with status {status}")
            print(
                f"  {time.perf_counter() - start:.2f} s, peak "
                f"{used.ru_maxrss * 1024 / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()
