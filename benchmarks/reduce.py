"""Read one log in each form with bucketwise and with DuckDB's own GROUP BY, in one run.

    python benchmarks/reduce.py [--rows 10000000] [--files 200]

Whole processes in turns, children included; told as ratios of their CPU time. Polars and
pandas are measured where they are installed. Which images came together is not looked
for by request; of up to half a million rows it still is by time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from read_large_csv import BY_HOUR, DUCKDB, FIRST_AND_LAST, run_apart, write_log

READERS = {"csv": "read_csv", "csv.gz": "read_csv", "parquet": "read_parquet"}

OURS = """
import glob, sys
from bucketwise.read import read_traffic
read_traffic(sorted(glob.glob(sys.argv[1])), columns={'request': ''})
"""

POLARS = """
import sys, polars as pl
scan = pl.scan_parquet if sys.argv[1].endswith('parquet') else pl.scan_csv
when = pl.col('timestamp')
when = when if scan is pl.scan_parquet else when.str.to_datetime()
(scan(sys.argv[1]).with_columns(when)
 .group_by('width', 'height', pl.col('timestamp').dt.truncate('1h').alias('hour'))
 .agg(pl.len(), pl.col('timestamp').min().alias('first'),
      pl.col('timestamp').max().alias('last')).collect(engine='streaming'))
"""

PANDAS = """
import glob, sys, pandas as pd
read = pd.read_parquet if sys.argv[1].endswith('parquet') else pd.read_csv
columns = ['timestamp', 'width', 'height']
key = 'columns' if read is pd.read_parquet else 'usecols'
t = pd.concat(read(each, **{key: columns}) for each in glob.glob(sys.argv[1]))
t['timestamp'] = pd.to_datetime(t['timestamp'], format='ISO8601')
t.groupby(['width', 'height', t['timestamp'].dt.floor('h').rename('hour')])[
    'timestamp'].agg(['size', 'min', 'max'])
"""

LINES = "import glob, subprocess, sys; subprocess.run(['wc', '-l', *glob.glob(sys.argv[1])], stdout=-3)"


def write_forms(folder: Path, rows: int, files: int) -> None:
    plain = folder / "log.csv"
    write_log(plain, rows, hours=24)
    for suffix, as_text in (("csv.gz", "true"), ("parquet", "false")):
        duckdb.execute(
            f"COPY (FROM read_csv('{plain}', all_varchar = {as_text})) "
            f"TO '{folder}/log.{suffix}'"
        )
    with plain.open() as lines:
        header = next(lines)
        for at in range(files):
            with (folder / f"part{at:04}.csv").open("w") as part:
                part.write(header)
                for _, line in zip(range(rows // files), lines, strict=False):
                    part.write(line)


def cpu_s(program: str, path: str) -> tuple[float, float]:
    """Return CPU seconds, those of children included, and peak MB."""
    child = subprocess.Popen([sys.executable, "-c", program, path])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the run failed with status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        run_apart(write_forms, Path(name), options.rows, options.files)
        inputs = ("log.csv", "log.csv.gz", "log.parquet", "part*.csv")
        for each in inputs:
            path = f"{name}/{each}"
            theirs = DUCKDB.format(more=BY_HOUR + FIRST_AND_LAST).replace(
                "read_csv", READERS[each.partition(".")[2]]
            )
            programs = {"duckdb": theirs, "bucketwise": OURS}
            programs |= {
                tool: program
                for tool, program in (("polars", POLARS), ("pandas", PANDAS))
                if find_spec(tool)
                and (tool != "pandas" or "parquet" not in each or find_spec("pyarrow"))
            }
            if each.endswith(".csv"):
                programs["wc -l"] = LINES
            runs: dict[str, list[tuple[float, float]]] = {tool: [] for tool in programs}
            for _ in range(options.repeats):
                for tool, program in programs.items():
                    runs[tool].append(cpu_s(program, path))
            for tool, measured in runs.items():
                ratio = statistics.median(
                    one / base
                    for (one, _), (base, _) in zip(
                        measured, runs["duckdb"], strict=True
                    )
                )
                spent = statistics.median(seconds for seconds, _ in measured)
                peak = max(most for _, most in measured)
                print(
                    f"{each:<12} {tool:<11} {spent:6.2f} CPU s, ratio {ratio:.2f}, "
                    f"peak {peak:.0f} MB"
                )


if __name__ == "__main__":
    main()
