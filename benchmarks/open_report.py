"""Write and open the report of a million images of many sizes.

    python benchmarks/open_report.py [--images 1000000] [--sizes 16384]

Makes a log with as many distinct sizes as asked (widths, heights, times, tenants),
measures how long `bucketwise analyze` takes and how large report.html is, then opens it
five times from file:// in a headless Chromium and prints how long that took, from the
navigation's start to the end of the load event, by the browser's own clock.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from playwright.sync_api import sync_playwright

LOADED_MS = "performance.getEntriesByType('navigation')[0].loadEventEnd"
EDIT_MS = """() => {
  const start = performance.now();
  bucketwise.panel.commit({ ...bucketwise.panel.edited, max_pixels: 1048576 });
  return performance.now() - start;
}"""


def write_log(path: Path, images: int, sizes: int) -> None:
    duckdb.execute("SET enable_progress_bar = false")
    duckdb.execute("SELECT setseed(0.5)")
    duckdb.execute(
        f"""CREATE TABLE sizes AS SELECT range AS id,
            CAST(64 + 4000 * power(random(), 2) AS BIGINT) AS width,
            CAST(64 + 4000 * power(random(), 2) AS BIGINT) AS height
            FROM range({sizes})"""
    )
    duckdb.execute(
        f"""COPY (SELECT width, height,
              make_timestamp(1790812800000000 + range * 600000) AS time,
              'tenant-' || (range % 7) AS tenant
            FROM range({images}) JOIN sizes ON id = range % {sizes})
            TO '{path}' (HEADER)"""
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--sizes", type=int, default=16_384)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or sys.exit("no chromium on PATH")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_log(folder / "log.csv", options.images, options.sizes)
        log = str(folder / "log.csv")
        command = [sys.executable, "-m", "bucketwise", "analyze", log]
        start = time.perf_counter()
        subprocess.run(
            [
                *command,
                "--current",
                "1024,16384",
                "--out",
                str(folder / "out"),
                "--quiet",
            ],
            check=True,
        )
        print(f"analyze: {time.perf_counter() - start:.1f} s")
        report = folder / "out" / "report.html"
        print(f"report.html: {report.stat().st_size / 1e6:.2f} MB")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            loads, edits = [], []
            for _ in range(5):
                page = browser.new_page()
                page.goto(report.as_uri())
                loads.append(page.evaluate(LOADED_MS))
                edits.append(page.evaluate(EDIT_MS))
                page.close()
            browser.close()
        print(f"opens in {statistics.median(loads):.0f} ms (median of {len(loads)})")
        print(f"another limit in the panel: {statistics.median(edits):.0f} ms")


if __name__ == "__main__":
    main()
