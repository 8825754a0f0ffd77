"""Nested values and where each stands, whatever they were written in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt, Scalar, aligned

MAX_DEPTH = 64
MAX_PLACES = 50_000
"""Values beyond are told by the place of what holds them."""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nested values.

    Attributes
    ----------
    value : object
        Made of dict, list, str, int, float, bool and None; what `Scalar` knows its
        place tells it.
    places : mapping of tuple of str to Place
        Line of every value; items of lists by their position.
    form : {"json", "yaml", "toml"}
        What it is written in.
    excerpt : Excerpt or None
        The text; None for a value at hand.
    """

    value: Any
    places: Mapping[Path, Place]
    form: Literal["json", "yaml", "toml"] = "json"
    excerpt: Excerpt | None = None

    def place(self, path: Path, source: str) -> Place:
        """Return where a value stands, or what holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(source=source, line=1))

    def below(self, before: Path) -> dict[Path, Place]:
        """Return where values stand, told from the level at a path."""
        size = len(before)
        return {
            path[size:]: place
            for path, place in self.places.items()
            if path[:size] == before
        }

    def said(self, text: str, path: Path, whole: Excerpt) -> Excerpt:
        """Return a text of it with its places, or the line of what holds it."""
        if isinstance(text, Scalar) and self.excerpt is not None:
            return aligned(text, self.excerpt)
        start = whole.file.start_of(self.place(path, ""))
        size = len(text)
        return Excerpt(text, [start] * size, [start] * size, start, whole.file)


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
    for path, found, expected in _odd(value, ()):
        place = ".".join(path)[:200] or "the whole"
        message = f"{name}: {place}: expected {expected}, got {str(found)[:50]!r}"
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
