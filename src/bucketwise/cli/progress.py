"""A line on the terminal that says how far reading has come."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bucketwise.words.numbers import memory, number, percent
from bucketwise.words.text import one_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from bucketwise.read.progress import Progress

FIRST_AFTER_S = 0.5
"""What is read sooner needs no line."""

PER_SECOND = 5
MOST_NAME = 40
MOST_BAR = 24
LEAST_BAR = 6


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Show progress on standard error while a block reads, and only on a terminal."""
    from bucketwise.read.progress import Progress

    progress = Progress()
    live = None if quiet or not sys.stderr.isatty() else _live(progress)
    if live is None:
        yield progress
        return
    progress.watched = True
    timer = threading.Timer(FIRST_AFTER_S, live.start)
    timer.daemon = True
    timer.start()
    try:
        yield progress
    finally:
        timer.cancel()
        timer.join()
        live.stop()


def _live(progress: Progress) -> Live | None:
    """Return what redraws the line; None on a terminal that cannot move its cursor."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    started_s = time.monotonic()

    def line() -> Table:
        return progress_bar(progress, time.monotonic() - started_s, console.width)

    return Live(
        console=console,
        get_renderable=line,
        refresh_per_second=PER_SECOND,
        transient=True,
        # What a command prints must reach where it was sent: rich would take it over.
        redirect_stdout=False,
        redirect_stderr=False,
    )


def progress_bar(progress: Progress, elapsed_s: float, width: int) -> Table:
    """Return the line with a bar before it, which moves where no share is known."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    words = progress_line(progress, elapsed_s)
    room = min(width - len(words) - 2, MOST_BAR)
    bar = ProgressBar(
        total=progress.bytes_total or None,
        completed=progress.bytes_read,
        width=room,
        animation_time=elapsed_s,
    )
    line = Table.grid(padding=(0, 2, 0, 0))
    # Cut, not dotted: not every terminal has the sign for that.
    text = Text(words, no_wrap=True, overflow="crop")
    line.add_row(*([bar] if room >= LEAST_BAR else []), text)
    return line


def progress_line(progress: Progress, elapsed_s: float) -> str:
    """Return one line: what is read, how much of it, how long it will take."""
    parts = [f"reading {one_line(progress.name)[:MOST_NAME]}"]
    read, total = progress.bytes_read, progress.bytes_total
    share = read / total if total else 0.0
    if total:
        parts.append(f"{percent(share)} of {memory(total)}")
    if rows := progress.rows:
        estimated = progress.row_bytes > 0
        parts.append(
            f"about {round(rows, -3):,} rows" if estimated else f"{number(rows)} rows"
        )
    if share:
        left_s = elapsed_s * (1 - share) / share
        # How long that takes, its rows do not tell.
        is_read = progress.share() >= 1
        parts.append("adding up" if is_read else f"{left_s:.0f} s left")
    else:
        parts.append(f"{elapsed_s:.0f} s")
    return ", ".join(parts)
