"""TOML, with the place of every key as far as plain lines tell."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.tree import (
    MAX_DEPTH,
    Tree,
    refuse_odd_values,
)

_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\\\n]*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_DEEP = re.compile(
    rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{MAX_DEPTH},}}+"
)
_LONG_TEXT = re.compile(r'"{3}.*?"{3}|\'{3}.*?\'{3}', re.DOTALL)
_TABLE = re.compile(rf"[ \t]*\[[ \t]*({_KEY})[ \t]*\]")
_PAIR = re.compile(rf"[ \t]*({_KEY})[ \t]*=")


def toml_tree(excerpt: Excerpt, name: str) -> Tree:
    """Return what a TOML text says.

    Parameters
    ----------
    excerpt : Excerpt
        The text.
    name : str
        What to call it.

    Raises
    ------
    ConfigError
        When it is no TOML, nested too deeply, or holds dates, infinity or NaN.
    """
    content = excerpt.text
    too_deep = f"{name}: nested too deeply for a configuration"
    # The parser takes time and memory by the square of a key's parts.
    if _DEEP.search(content):
        raise ConfigError(too_deep)
    try:
        value = tomllib.loads(content)
    except RecursionError as error:
        raise ConfigError(too_deep) from error
    except ValueError as error:
        message = f"{name}: not TOML ({error})"
        raise ConfigError(message) from error
    _refuse_depth(value, name)
    refuse_odd_values(value, name)
    return Tree(value, _places(excerpt, value), "toml", excerpt)


def _refuse_depth(value: dict[str, Any], name: str) -> None:
    levels: list[tuple[Any, int]] = [(value, 0)]
    while levels:
        level, depth = levels.pop()
        if depth > MAX_DEPTH:
            message = f"{name}: nested too deeply for a configuration"
            raise ConfigError(message)
        items = level.values() if isinstance(level, dict) else level
        levels += [(each, depth + 1) for each in items if isinstance(each, dict | list)]


def _places(excerpt: Excerpt, value: dict[str, Any]) -> dict[Path, Place]:
    """Return the lines of keys that a line begins with; the rest is in what holds it."""
    found: dict[Path, Place] = {(): excerpt.place()}
    content = _LONG_TEXT.sub(lambda text: re.sub(r"[^\n]", " ", text[0]), excerpt.text)
    table: Path = ()
    at = 0
    for text in content.splitlines(keepends=True):
        place = excerpt.place(at)
        at += len(text)
        if match := _TABLE.match(text):
            table = _parts(match[1])
            path = table
        elif match := _PAIR.match(text):
            path = table + _parts(match[1])
        else:
            continue
        for length in range(1, len(path) + 1):
            # A line of a list over several lines may look like a key that there is not.
            if _is_in(path[:length], value):
                found.setdefault(path[:length], place)
    return found


def _parts(key: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _is_in(path: Path, value: Any) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
