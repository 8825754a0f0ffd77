"""Text for a terminal: what users named may hold what steers it."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress

import click

from bucketwise.words.text import one_line, printable


def say(text: str, *, err: bool = False) -> None:
    """Print text, safe for a terminal; what its encoding lacks is spelled out."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    safe = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    click.echo(safe, err=err)


def complain(*problems: str) -> None:
    """Print problems to standard error, if that takes them."""
    with suppress(OSError):
        for problem in problems:
            say(problem, err=True)


def refused(error: OSError) -> str:
    """Return what the system refused, in one line."""
    if error.errno == errno.EBADF:
        return "standard output is closed; send it somewhere, as in > FILE"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left where the output goes; free some"
    name = os.fsdecode(error.filename) if error.filename else "a file"
    reason = error.strerror or str(error)
    return f"{one_line(name)}: cannot be used ({reason}); give another in its place"


def open_closed_streams() -> None:
    """Put something in the place of a standard stream that the shell closed.

    The next file opened would take its number, and what is printed would go there. It
    is empty to read; standard output fails to be written to, standard error, which
    whoever closes it does not want to hear, drops what it is told.
    """
    streams = (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
    for number, (name, flags) in enumerate(streams):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            mode = "w" if number else "r"
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115 - as long as the run
        elif number:
            # Help texts and tables are printed by others than `say`.
            getattr(sys, name).reconfigure(errors="backslashreplace")


def drop_unwritten() -> None:
    """Leave nothing for Python to write when it ends; it would fail once more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def terminal_width() -> int:
    """Return the width of standard output in columns; 0 where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def can_print(text: str) -> bool:
    """Return whether the encoding of standard output has every character of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
