"""JSON, with the place of every value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt, Scalar
from bucketwise.read.configs.documents.tree import (
    MAX_DEPTH,
    MAX_PLACES,
    Tree,
    refuse_odd_values,
)
from bucketwise.read.configs.json_file import parse_json

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def json_tree(excerpt: Excerpt, name: str) -> Tree:
    """Return what a JSON text says.

    Parameters
    ----------
    excerpt : Excerpt
        The text.
    name : str
        What to call it.

    Raises
    ------
    ConfigError
        When it is no JSON, nested deeper than `MAX_DEPTH`, or has a key twice.
    """
    parse_json(excerpt.text, name)
    reader = _Reader(excerpt, name)
    for match in _TOKEN.finditer(excerpt.text):
        reader.take(match)
    refuse_odd_values(reader.value, name)
    return Tree(reader.value, reader.places, "json", excerpt)


@dataclass(slots=True)
class _Level:
    """An object or a list that is open: its path, and the key the reader is at."""

    path: Path
    value: Any
    key: str | None = None


class _Reader:
    """Puts the tokens of a text that is known to be JSON together.

    Parameters
    ----------
    excerpt : Excerpt
        The text.
    name : str
        What to call it.
    """

    def __init__(self, excerpt: Excerpt, name: str) -> None:
        self.value: Any = None
        self.places: dict[Path, Place] = {}
        self._excerpt = excerpt
        self._name = name
        self._levels: list[_Level] = []

    def take(self, match: re.Match[str]) -> None:
        """Take one token."""
        mark = match[0]
        level = self._levels[-1] if self._levels else None
        if mark in "]}":
            self._levels.pop()
        elif level and mark == ",":
            level.key = None
        elif level and isinstance(level.value, dict) and level.key is None:
            level.key = _text(mark)
            self._note((*level.path, level.key), match)
        elif mark != ":":
            self._add(level, match)

    def _add(self, level: _Level | None, match: re.Match[str]) -> None:
        mark = match[0]
        path: Path = ()
        made: Any = [] if mark == "[" else {} if mark == "{" else _plain(match)
        if level is None:
            self.value = made
        elif isinstance(level.value, dict):
            path = (*level.path, str(level.key))
            level.value[level.key] = made
        else:
            path = (*level.path, str(len(level.value)))
            level.value.append(made)
        if level is None or isinstance(level.value, list):
            self._note(path, match)
        if mark in "{[":
            self._levels.append(_Level(path, made))
        if len(self._levels) > MAX_DEPTH:
            message = (
                f"{self._excerpt.where(match.start())} is nested too deeply for a "
                "configuration"
            )
            raise ConfigError(message)

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
