"""Text for a terminal: what users named may hold what steers it."""

from __future__ import annotations

import click


def printable(text: str) -> str:
    """Return text with everything but letters, signs and line ends made visible."""
    return "".join(
        each if each.isprintable() or each == "\n" else repr(each)[1:-1]
        for each in text
    )


def say(text: str, *, err: bool = False) -> None:
    """Print text, safe for a terminal.

    Parameters
    ----------
    text : str
        What to say.
    err : bool
        Whether it goes to standard error.
    """
    click.echo(printable(text), err=err)
