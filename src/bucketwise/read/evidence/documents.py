"""JSON documents of a bounded size: one in a text, or one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bucketwise.errors import InputError
from bucketwise.read.json_text import parse

MAX_CHARACTERS = 64 * 1024 * 1024
"""Some three million samples; what Prometheus answers, 11,000 a series, is less."""


def bounded(lines: Iterable[str], name: str) -> list[str]:
    """Return all lines of a text that fits into memory.

    Raises
    ------
    InputError
        When it is too large.
    """
    kept: list[str] = []
    characters = 0
    for line in lines:
        characters += len(line)
        if characters > MAX_CHARACTERS:
            raise InputError(
                f"{name}: more than {MAX_CHARACTERS >> 20} MiB of samples or entries; "
                "ask for a longer step or a shorter range"
            )
        kept.append(line)
    return kept


def documents(lines: Sequence[str], name: str, right: str) -> Iterator[Any]:
    """Yield every document of a text.

    Parameters
    ----------
    lines : sequence of str
        All of it.
    name : str
        Base name of the file.
    right : str
        What messages say is right.

    Raises
    ------
    InputError
        When there is something else than JSON.
    """
    whole = parse("".join(lines))
    if whole is not None:
        yield whole
        return
    for at, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        document = parse(line)
        if document is None:
            raise InputError(
                f"{name}: neither the whole nor line {at:,} is JSON; expected the "
                f"answer of {right}, or one such answer a line"
            )
        yield document
