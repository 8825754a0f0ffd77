"""What it costs to merge histograms of parts: processor seconds, peak memory, bytes a cell.

    python benchmarks/merge_parts.py [--parts 1000]

A part is one hour of 800 sizes and ten labels, of 60,000 rows; 40 are made, and read again
and again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

MADE = 40
ROWS = """
SELECT 64 + 5 * (hash(i) % 800)::INT AS width, 480 AS height, (hash(-i) % 10)::TEXT AS label,
  TIMESTAMP '2026-10-01' + to_hours({0}) + to_seconds((i % 3600)::INT) AS time
FROM range({0} * 60000, ({0} + 1) * 60000) t(i)
"""


def run(inputs: list[Path], path: Path) -> tuple[float, int]:
    """Return the processor seconds and the peak bytes of a histogram of inputs."""
    command = [sys.executable, "-m", "bucketwise", "histogram", *map(str, inputs)]
    child = subprocess.Popen([*command, "-o", str(path)], stdout=-3, stderr=-3)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"it ended with status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=1_000)
    n_parts = parser.parse_args().parts
    with TemporaryDirectory() as name:
        made = [Path(name, f"{at}.parquet") for at in range(MADE)]
        for at, path in enumerate(made):
            log = Path(name, "log.csv")
            duckdb.execute(f"COPY ({ROWS.format(at)}) TO '{log}'")
            run([log], path)
        parts = []
        for at in range(n_parts):
            parts.append(Path(name, f"part{at:05}.parquet"))
            parts[-1].symlink_to(made[at % MADE])
        whole = Path(name, "whole.parquet")
        spent_s, peak_bytes = run(parts, whole)
        [[cells]] = duckdb.execute(f"SELECT count(*) FROM '{whole}'").fetchall()
        print(
            f"{n_parts:,} parts of {made[0].stat().st_size / 1e3:.0f} kB: {spent_s:.0f} CPU s, "
            f"{peak_bytes / 1e6:.0f} MB, {cells:,} cells of "
            f"{whole.stat().st_size / cells:.1f} bytes"
        )


if __name__ == "__main__":
    main()
