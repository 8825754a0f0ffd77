"""Text for a terminal: what users named may hold what steers it."""

from __future__ import annotations

import shutil
import sys

import click

from bucketwise.printable import printable


def say(text: str, *, err: bool = False) -> None:
    """Print text, safe for a terminal; what its encoding lacks is spelled out.

    Parameters
    ----------
    text : str
        What to say.
    err : bool
        Whether it goes to standard error.
    """
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    safe = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    click.echo(safe, err=err)


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
