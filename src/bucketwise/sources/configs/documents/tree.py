"""Nested values and where each stands, whatever they were written in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Path

MAX_DEPTH = 64
MAX_PLACES = 50_000
"""Values beyond are told by the place of what holds them."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nested values.

    Attributes
    ----------
    value : object
        Made of dict, list, str, int, float, bool and None.
    lines : mapping of tuple of str to int
        Line of every value, from 1; items of lists by their position.
    """

    value: Any
    lines: Mapping[Path, int]


def refuse_odd_values(value: object, name: str) -> None:
    """Refuse what JSON cannot say.

    Parameters
    ----------
    value : object
        As some parser gave it, no deeper than `MAX_DEPTH`.
    name : str
        What to call the text.

    Raises
    ------
    ConfigError
        On keys that are no text, NaN, infinity, dates and what else a format knows.
    """
    for path, found, right in _odd(value, ()):
        place = ".".join(path)[:200] or "the whole"
        message = f"{name}: {place} is {str(found)[:50]!r}; {right} is right"
        raise ConfigError(message)


def _odd(value: Any, path: Path) -> Iterator[tuple[Path, object, str]]:
    """Yield what JSON cannot say, and what it could."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield (*path, "a key"), key, "text"
            yield from _odd(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _odd(item, (*path, str(position)))
    elif not (
        isinstance(value, str | int | None)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        yield path, value, "text, a finite number, true, false or null"
