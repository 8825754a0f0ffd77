"""Text for a terminal: what users named may hold what steers it."""

from __future__ import annotations

import click

from bucketwise.printable import printable


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
