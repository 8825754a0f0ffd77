"""Requests to end: clean up, and not in the middle of a step that has to be whole."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REQUESTS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def end_cleanly_on_request() -> None:
    """Have a request to end leave every `with` block, as Ctrl-C does."""
    for number in REQUESTS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for each in REQUESTS:  # the first one is being followed
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and requests to end wait until a short step is done."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: waiting.append(number))
        for number in (*REQUESTS, signal.SIGINT)
        if signal.getsignal(number) is not None  # one that Python did not set
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
