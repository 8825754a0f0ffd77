"""The reports under test, each made by the real command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from bucketwise.cli import main

SAMPLES = Path(__file__).parent.parent.parent / "sample_traffic"
SIZES = ((640, 480), (1280, 720), (1920, 1080), (300, 300), (1024, 768), (2000, 3000))
TENANTS = ("search", "chat", "batch")


def run(*words: object) -> str:
    """Run bucketwise and return what it printed; it has to succeed."""
    done = CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def analyze(out: Path, *words: object) -> Path:
    """Run `bucketwise analyze` into a folder and return its report.html."""
    run("analyze", *words, "--out", out, "--quiet")
    return out / "report.html"


def _docs(folder: Path) -> Path:
    """What `make demo` makes: real sizes, a decoder's load, and what runs today."""
    return analyze(
        folder / "out",
        SAMPLES / "docs_screenshots.csv",
        *("--activity", SAMPLES / "azure_conversations.csv.gz", "--batch-size", 8),
        *("--model", "qwen3-vl-2b", "--current", "1024,3136,16384"),
        *("--target", "all"),
    )


def _labels(folder: Path) -> Path:
    """Two days of images of three tenants; one of them begins on the second day."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = ["time,width,height,tenant"]
    for at in range(240):
        width, height = SIZES[at % len(SIZES)]
        tenant = TENANTS[at % (2 if at < 120 else 3)]
        rows.append(
            f"{start + at * timedelta(minutes=12):%FT%TZ},{width},{height},{tenant}"
        )
    return analyze(folder / "out", _table(folder, rows), "--model", "qwen2.5-vl-7b")


def _clips(folder: Path) -> Path:
    """Clips of several lengths beside a few images; one row is broken."""
    rows = ["width,height,frames", "1280,720,", "640,480,", "x,480,"]
    rows += [f"{640 + 160 * (at % 4)},480,{8 + at % 5}" for at in range(40)]
    return analyze(folder / "out", _table(folder, rows), "--model", "qwen3-vl-2b")


def _assumed(folder: Path) -> Path:
    """No model named, one size only, nothing known of today."""
    return analyze(folder / "out", _table(folder, ["width,height", "640,480"]))


def _merged(folder: Path) -> Path:
    """Lengths in the unit of the vendor's guides."""
    rows = ["width,height", *(f"{width},{height}" for width, height in SIZES)]
    unit = ("--bucket-unit", "merged", "--model", "qwen2-vl-7b")
    return analyze(folder / "out", _table(folder, rows), *unit)


def _table(folder: Path, rows: list[str]) -> Path:
    path = folder / "traffic.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


REPORTS: dict[str, Callable[[Path], Path]] = {
    "docs": _docs,
    "labels": _labels,
    "clips": _clips,
    "assumed": _assumed,
    "merged": _merged,
}
"""Name -> what makes the report in an empty folder."""
