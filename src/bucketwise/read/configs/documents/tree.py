"""Nested values and where each stands, whatever they were written in; JSON, with the place of every value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt, Scalar, aligned
from bucketwise.read.json_text import parse_json

MAX_DEPTH = 64
MAX_PLACES = 50_000
"""Values beyond are told by the place of what holds them."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


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
    """Refuse what JSON cannot say."""
    for path, found, expected in _odd(value, ()):
        place = ".".join(path)[:200] or "the whole"
        raise ConfigError(
            f"{name}: {place}: expected {expected}, got {str(found)[:50]!r}"
        )


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


def json_tree(excerpt: Excerpt, name: str) -> Tree:
    """Return what a JSON text says."""
    parse_json(excerpt.text, name)
    reader = _Reader(excerpt)
    value = reader.whole()
    refuse_odd_values(value, name)
    return Tree(value, reader.places, "json", excerpt)


class _Reader:
    """Puts the tokens of a text that is known to be JSON together."""

    def __init__(self, excerpt: Excerpt) -> None:
        self.places: dict[Path, Place] = {}
        self._excerpt = excerpt
        self._tokens = _TOKEN.finditer(excerpt.text)

    def whole(self) -> Any:
        """Return what the text says."""
        first = next(self._tokens)
        self._note((), first)
        return self._value(first, ())

    def _value(self, first: re.Match[str], path: Path) -> Any:
        """Return the value that a token begins."""
        if first[0] not in "[{":
            return _plain(first)
        if len(path) >= MAX_DEPTH:
            place = self._excerpt.where(first.start())
            raise ConfigError(f"{place} is nested too deeply for a configuration")
        made: Any = {} if first[0] == "{" else []
        while (token := next(self._tokens))[0] not in "]}":
            if token[0] == ",":
                continue
            key = _text(token[0]) if first[0] == "{" else str(len(made))
            self._note((*path, key), token)
            if first[0] == "{":
                next(self._tokens)  # the colon
                made[key] = self._value(next(self._tokens), (*path, key))
            else:
                made.append(self._value(token, (*path, key)))
        return made

    def _note(self, path: Path, match: re.Match[str]) -> None:
        if len(self.places) < MAX_PLACES:
            self.places[path] = self._excerpt.place(match.start())


def _text(mark: str) -> str:
    return str(json.loads(mark)) if "\\" in mark else mark[1:-1]


def _plain(match: re.Match[str]) -> Any:
    mark = match[0]
    if mark[0] == '"':
        return Scalar(_text(mark), *match.span())
    return int(mark) if mark.isdecimal() else json.loads(mark)
