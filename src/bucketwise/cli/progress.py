"""A line on the terminal that says how far reading has come."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bucketwise.numbers import memory, number, percent
from bucketwise.printable import printable

if TYPE_CHECKING:
    from bucketwise.sources.progress import Progress

FIRST_AFTER_S = 0.5
"""What is read sooner needs no line."""

EVERY_S = 0.2
_CLEAR = "\r\x1b[2K"


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Show progress on standard error while a block reads, and only on a terminal.

    Parameters
    ----------
    quiet : bool
        Whether nothing is to be shown at all.

    Yields
    ------
    Progress
        To be handed to the reader.
    """
    from bucketwise.sources.progress import Progress

    if quiet or not sys.stderr.isatty():
        yield Progress()
        return
    progress = Progress(watched=True)
    done = threading.Event()
    thread = threading.Thread(target=_draw, args=(progress, done), daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()


def _draw(progress: Progress, done: threading.Event) -> None:
    started_s = time.monotonic()
    drawn = False
    pause_s = FIRST_AFTER_S
    while not done.wait(pause_s):
        pause_s = EVERY_S
        line = progress_line(progress, time.monotonic() - started_s)
        sys.stderr.write(f"{_CLEAR}{line}")
        sys.stderr.flush()
        drawn = True
    if drawn:
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()


def progress_line(progress: Progress, elapsed_s: float) -> str:
    """Return one line: what is read, how much of it, how long it will take.

    Parameters
    ----------
    progress : Progress
        The state.
    elapsed_s : float
        Seconds since reading began.
    """
    parts = [f"reading {printable(progress.name)[:40]}"]
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
        parts.append(f"{left_s:.0f} s left" if share < 1 else "adding up")
    else:
        parts.append(f"{elapsed_s:.0f} s")
    return ", ".join(parts)
