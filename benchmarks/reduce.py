"""Read one log in each form with bucketwise and with DuckDB's own GROUP BY, in one run.

    python benchmarks/reduce.py [--rows 10000000] [--files 200] [--large 100000000]

Whole processes in turns, children included; told as a table of CPU time, its ratio to
DuckDB's and peak memory. Polars and pandas are measured once, where they are installed.
Which images came together is not looked for by request; of files of up to half a million
rows it is by time, where times are finer than a second.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from read_large_csv import BY_HOUR, DUCKDB, FIRST_AND_LAST, run_apart, write_log

FORMS = {
    "log.csv": "CSV",
    "log.csv.gz": "CSV, gzip",
    "log.parquet": "Parquet",
    "parts/*.csv": "{files} CSV files, times to the second",
    "fine/*.csv": "{files} CSV files, what came together gathered by finer times",
    "parts/*.parquet": "{files} Parquet files, times to the second",
    "days.csv": "CSV, 5,000 sizes in each of 120 hours",
    "days.parquet": "Parquet, 5,000 sizes in each of 120 hours",
    "large.parquet": "Parquet, {large:,} rows",
}

OURS = """
import glob, sys
from bucketwise.read import read_traffic
read_traffic(sorted(glob.glob(sys.argv[1])), columns={'request': ''})
"""

POLARS = """
import sys, polars as pl
scan = pl.scan_parquet if sys.argv[1].endswith('parquet') else pl.scan_csv
when = pl.col('timestamp')
when = when if scan is pl.scan_parquet else when.str.to_datetime(time_zone='UTC')
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


def write_forms(folder: Path, rows: int, files: int, large: int) -> None:
    write_log(folder / "log.csv", rows, hours=24)
    write_log(folder / "days.csv", rows, hours=120)
    copy(folder, "log.csv", "log.csv.gz", "SELECT *", as_text=True)
    copy(folder, "log.csv", "log.parquet", "SELECT *")
    copy(folder, "days.csv", "days.parquet", "SELECT *")
    for kind in ("parts", "fine"):
        (folder / kind).mkdir()
    with (folder / "log.csv").open() as lines:
        header = next(lines)
        for at in range(files):
            name = f"{at:04}.csv"
            own = list(islice(lines, rows // files))
            (folder / "fine" / name).write_text(header + "".join(own))
            own = [re.sub(r"\.\d+Z", "Z", line, count=1) for line in own]
            (folder / "parts" / name).write_text(header + "".join(own))
            copy(folder / "parts", name, f"{at:04}.parquet", "SELECT *")
    if large:
        write_log(folder / "large.csv", large, hours=24)
        copy(folder, "large.csv", "large.parquet", "SELECT *")
        (folder / "large.csv").unlink()


def copy(
    folder: Path, source: str, target: str, query: str, *, as_text: bool = False
) -> None:
    duckdb.execute("SET enable_progress_bar = false")
    duckdb.execute(
        f"COPY ({query} FROM read_csv('{folder}/{source}', all_varchar = {as_text})) "
        f"TO '{folder}/{target}'"
    )


def cpu_s(program: str, path: str) -> tuple[float, float]:
    """Return CPU seconds, those of children included, and peak MB."""
    child = subprocess.Popen([sys.executable, "-c", program, path])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the run failed with status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def programs_of(path: str) -> dict[str, str]:
    """Return what reads a path, by tool; the first is the baseline."""
    is_parquet = path.endswith("parquet")
    theirs = DUCKDB.format(more=BY_HOUR + FIRST_AND_LAST)
    if is_parquet:
        theirs = theirs.replace("read_csv", "read_parquet")
    programs = {"DuckDB": theirs, "bucketwise": OURS}
    if find_spec("polars"):
        programs["polars"] = POLARS
    if find_spec("pandas") and (not is_parquet or find_spec("pyarrow")):
        programs["pandas"] = PANDAS
    if path.endswith(".csv"):
        programs["wc -l"] = LINES
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--large", type=int, default=0, help="rows of a large Parquet")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        sizes = (options.rows, options.files, options.large)
        run_apart(write_forms, Path(name), *sizes)
        tools = list(programs_of("log.csv"))
        print(f"| log | {' | '.join(tools)} |\n|---{'|---' * len(tools)}|")
        for each, form in FORMS.items():
            if each.startswith("large") and not options.large:
                continue
            programs = programs_of(f"{name}/{each}")
            if not each.startswith("log"):
                # It holds all rows: what that costs, three forms tell.
                programs.pop("pandas", None)
            told = measured(programs, f"{name}/{each}", options.repeats)
            cells = [
                form.format(**vars(options)),
                *(told.get(tool, "") for tool in tools),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


def measured(programs: dict[str, str], path: str, repeats: int) -> dict[str, str]:
    """Return CPU seconds, ratio to DuckDB and peak memory of each tool, from runs in turns."""
    runs: dict[str, list[tuple[float, float]]] = {tool: [] for tool in programs}
    for nth in range(repeats):
        for tool, program in programs.items():
            if nth == 0 or tool in {"DuckDB", "bucketwise"}:
                runs[tool].append(cpu_s(program, path))
    told = {}
    for tool, own in runs.items():
        pairs = zip(own, runs["DuckDB"], strict=False)
        ratio = statistics.median(one / base for (one, _), (base, _) in pairs)
        spent = statistics.median(seconds for seconds, _ in own)
        peak = max(most for _, most in own)
        told[tool] = f"{spent:.1f} s, {peak:.0f} MB"
        if tool != "DuckDB":
            told[tool] = f"**{ratio:.2f}**, {told[tool]}"
    return told


if __name__ == "__main__":
    main()
