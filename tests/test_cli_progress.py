"""The line that says how far reading has come: on a terminal, and only there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import tarfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bucketwise.cli.progress import MOST_BAR, progress_bar, progress_line
from bucketwise.read import read_traffic
from bucketwise.read.images.header import Item
from bucketwise.read.progress import Progress
from tests.commands import bucketwise


def shown(progress: Progress, width: int, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    console.print(progress_bar(progress, 3.0, width))
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return re.sub(r"\x1b\[[^m]*m", "", stream.buffer.getvalue().decode(encoding))


def half_read(name: str = "log.csv") -> Progress:
    progress = Progress(bytes_total=2 << 20)
    progress.begin(name, 2 << 20)
    progress.row_bytes = 64.0
    progress.share = lambda: 0.5
    return progress


def test_half_of_the_bar_is_full_when_half_is_read() -> None:
    line = shown(half_read(), 100)
    assert line.count("━") == MOST_BAR // 2
    assert line.split("  ")[-1].strip() == (
        "reading log.csv, 50.0% of 2.00 MiB, about 16,000 rows, 3 s left"
    )


@pytest.mark.parametrize("width", [30, 60, 80])
def test_the_line_stays_one_line_on_a_narrow_terminal(width: int) -> None:
    for name in ("log.csv", "n" * 200, "a\nb\x1b[2J"):
        for encoding in ("utf-8", "ascii"):
            lines = shown(half_read(name), width, encoding).splitlines()
            assert len(lines) == 1
            assert len(lines[0]) <= width


def test_a_folder_whose_size_nobody_knows_has_a_line_too() -> None:
    progress = Progress()
    progress.begin("photos", 0)
    progress.rows_before = 12_345
    assert "reading photos, 12,345 rows, 3 s" in shown(progress, 100)


def looked_at(*paths: Path) -> list[str]:
    """Return the line after each image that is found."""
    lines = []

    class Looking(Progress):
        def counted(self, items: Iterable[Item]) -> Iterator[Item]:
            for item in super().counted(items):
                lines.append(progress_line(self, 2.0))
                yield item

    progress = Looking()
    read_traffic(paths, progress=progress)
    assert progress.bytes_total in {0, progress.bytes_read}
    return lines


def test_images_one_by_one_tell_how_far_they_are_read(tmp_path: Path) -> None:
    images = [tmp_path / f"{n}.png" for n in range(4)]
    for path in images:
        Image.new("L", (64, 48)).save(path)
    shard = tmp_path / "shard.tar"
    with tarfile.open(shard, "w") as archive:
        for path in images * 9:
            archive.add(path, path.name)
    log = tmp_path / "log.jsonl"
    url = {"url": "data:image/png;base64," + b64encode(images[0].read_bytes()).decode()}
    content = [{"type": "image_url", "image_url": url}]
    request = json.dumps({"messages": [{"role": "user", "content": content}]})
    log.write_text(f"{request}\n" * 2_000)
    for paths in (images, [shard], [log]):
        lines = looked_at(*paths)
        shares = [float(line.split("%")[0].split(" ")[-1]) for line in lines]
        assert shares == sorted(shares)
        assert shares[0] < shares[-1]
    # Of a folder nobody knows how much is left.
    assert looked_at(shard, tmp_path)[0] == "reading shard.tar, 1 rows, 2 s"


def test_what_is_read_whole_and_not_added_up_tells_no_time_left() -> None:
    progress = half_read()
    progress.share = lambda: 1.0
    progress.bytes_total *= 2
    assert progress_line(progress, 9.0).endswith(
        "of 4.00 MiB, about 33,000 rows, adding up"
    )


def test_whoever_looks_may_find_the_connection_closed() -> None:
    progress = Progress(bytes_total=10, watched=True)
    progress.begin("log.csv", 10)
    connection = duckdb.connect()
    progress.watch(connection)
    connection.close()
    assert progress.bytes_read == 0


@pytest.fixture(scope="module")
def slow_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of sizes that takes longer to read than a line waits to be drawn."""
    rows = np.random.default_rng(0).integers(1, 4_000, size=(200_000, 2)).tolist()
    text = "\n".join(f"{a},{b},2026-01-01 at {a}" for a, b in rows)
    path = tmp_path_factory.mktemp("slow") / "log.csv"
    path.write_text(f"w,h,time\n{text}\n")
    return path


def drawn(log: Path, out: Path) -> bytes:
    """Return what analyzing a table writes to a terminal on standard error."""
    main, terminal = pty.openpty()
    command = [sys.executable, "-m", "bucketwise", "analyze", str(log)]
    with (
        os.fdopen(main, "rb") as screen,
        subprocess.Popen(
            [*command, "--format", "none", "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm"},
        ) as running,
    ):
        os.close(terminal)
        shown = b"".join(_read(screen.fileno()))
    assert running.returncode == 0
    return shown


def _read(descriptor: int) -> Iterator[bytes]:
    """Read a terminal until nobody writes to it any more, which is an error there."""
    with contextlib.suppress(OSError):
        while part := os.read(descriptor, 1_000):
            yield part


def test_a_terminal_shows_a_bar_and_is_left_clean(
    slow_log: Path, tmp_path: Path
) -> None:
    shown = drawn(slow_log, tmp_path / "o")
    assert "━".encode() in shown
    assert b"reading log.csv, " in shown
    assert b"Traceback" not in shown
    assert shown.endswith(b"\x1b[2K"), "the line is erased"
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the cursor is back"


@pytest.mark.parametrize(
    ("options", "term", "is_terminal"),
    [
        ((), "xterm", True),
        (("--quiet",), "xterm", True),
        ((), "dumb", True),
        ((), "xterm", False),
    ],
    ids=["drawn", "quiet", "dumb", "no terminal"],
)
def test_nothing_is_drawn_when_quiet_or_on_what_cannot(
    options: tuple[str, ...],
    term: str,
    is_terminal: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bucketwise.cli.progress.FIRST_AFTER_S", 0.0)
    monkeypatch.setenv("TERM", term)
    (tmp_path / "log.csv").write_text("w,h\n640,480\n")
    main, other = pty.openpty() if is_terminal else os.pipe()
    with os.fdopen(main, "rb") as screen, os.fdopen(other, "w") as stderr:
        done = bucketwise(
            *("analyze", "log.csv", *options, "--format", "none"),
            cwd=tmp_path,
            stderr=stderr,
        )
        stderr.close()
        shown = b"".join(_read(screen.fileno()))
    assert done.returncode == 0
    is_drawn = is_terminal and not options and term != "dumb"
    assert (b"\x1b" in shown) == is_drawn
    assert is_drawn or shown == b""
