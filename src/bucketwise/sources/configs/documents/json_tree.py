"""JSON, with the line of every value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Path
from bucketwise.sources.configs.documents.tree import (
    MAX_DEPTH,
    MAX_PLACES,
    Tree,
    refuse_odd_values,
)
from bucketwise.sources.configs.json_file import parse_json

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+|\n')


def json_tree(content: str, name: str, first_line: int = 1) -> Tree:
    """Return what a JSON text says.

    Parameters
    ----------
    content : str
        The text.
    name : str
        What to call it.
    first_line : int
        The line it starts on, where it stands within another text.

    Raises
    ------
    ConfigError
        When it is no JSON, nested deeper than `MAX_DEPTH`, or has a key twice.
    """
    value = parse_json(content, name)
    lines = _lines(content, name, first_line)
    refuse_odd_values(value, name)
    return Tree(value, lines)


@dataclass(slots=True)
class _Level:
    """An object or a list that is open: its path, and where in it the reader is."""

    path: Path
    is_object: bool
    key: str | None = None
    position: int = 0


def _lines(content: str, name: str, line: int) -> dict[Path, int]:
    """Return the line of every value of a text that is known to be JSON."""
    found: dict[Path, int] = {}
    levels: list[_Level] = []
    for match in _TOKEN.finditer(content):
        mark = match[0]
        if mark == "\n":
            line += 1
        elif mark in "]}":
            levels.pop()
        elif mark == ",":
            levels[-1].position += 1
            levels[-1].key = None
        elif mark != ":":
            _take(mark, levels, found, line)
        if len(levels) > MAX_DEPTH:
            message = f"{name}: line {line} is nested too deeply for a configuration"
            raise ConfigError(message)
    return found


def _take(mark: str, levels: list[_Level], found: dict[Path, int], line: int) -> None:
    """Note where a key or a value stands, and open what it opens."""
    level = levels[-1] if levels else None
    if level and level.is_object and level.key is None:
        level.key = json.loads(mark)
        _note(found, (*level.path, str(level.key)), line)
        return
    path: Path = ()
    if level:
        path = (*level.path, str(level.key if level.is_object else level.position))
    if not level or not level.is_object:
        _note(found, path, line)
    if mark in "{[":
        levels.append(_Level(path, mark == "{"))


def _note(found: dict[Path, int], path: Path, line: int) -> None:
    if len(found) < MAX_PLACES:
        found[path] = line
