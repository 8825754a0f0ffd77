"""Read one log of requests in every form a table comes in, as whole processes.

    python benchmarks/read_tables.py [--rows 2000000]

Plain CSV is the baseline; the others are told as ratios to it, taken in turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from read_large_csv import measure, run_apart, write_log

PROGRAM = """
import sys
from bucketwise.read import read_traffic
traffic = read_traffic([sys.argv[1]])
assert traffic.rows_read - traffic.rows_used == {faulty}, traffic.rejections
"""

SECONDS = "epoch_us(CAST(timestamp AS TIMESTAMPTZ)) / 1e6"
SPREADSHEET = "strftime(CAST(timestamp AS TIMESTAMP), '%m/%d/%Y %I:%M:%S %p')"
FORMS = {
    "CSV, epoch seconds": (f"* REPLACE ({SECONDS} AS timestamp)", "csv"),
    "CSV, spreadsheet times": (f"* REPLACE ({SPREADSHEET} AS timestamp)", "csv"),
    "CSV, three tenants": ("*, 'tenant-' || hash(request_id) % 3 AS tenant", "csv"),
    "CSV, resolution": (
        "* EXCLUDE (width, height), width || 'x' || height AS resolution",
        "csv",
    ),
    "CSV, one fault": ("*", "csv"),
    "CSV, gzip": ("*", "csv.gz"),
    "JSON Lines": ("*", "json"),
    "Parquet": ("*", "parquet"),
}
"""What the log has for columns, and how it is written."""

FAULT = "2026-10-01T00:00:00Z,req,abc,480,1,0.0,image/jpeg\n"


def write_forms(folder: Path, rows: int) -> None:
    plain = folder / "CSV.csv"
    write_log(plain, rows, hours=24)
    for name, (columns, suffix) in FORMS.items():
        duckdb.execute(
            f"COPY (SELECT {columns} FROM read_csv('{plain}', all_varchar = true)) "
            f"TO '{folder / name}.{suffix}'"
        )
    with (folder / "CSV, one fault.csv").open("a") as file:
        file.write(FAULT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        run_apart(write_forms, Path(folder), options.rows)
        paths = {"CSV": Path(folder) / "CSV.csv"} | {
            name: Path(folder) / f"{name}.{suffix}"
            for name, (_, suffix) in FORMS.items()
        }
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
        for _ in range(options.repeats):
            for name, path in paths.items():
                program = PROGRAM.format(faulty=int("fault" in name))
                runs[name].append(measure(program, path))
    baseline_s = min(seconds for seconds, _ in runs["CSV"])
    for name, measured in runs.items():
        best_s = min(seconds for seconds, _ in measured)
        print(
            f"{name:<22} best {best_s:.2f} s, ratio {best_s / baseline_s:.2f}, "
            f"peak {max(peak for _, peak in measured):.0f} MB"
        )


if __name__ == "__main__":
    main()
