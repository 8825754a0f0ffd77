"""YAML and TOML, with the place of every value; nothing in it makes an object."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

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

MAX_VALUES = 100_000
"""Counted with every repetition: an alias of aliases grows without end."""

_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
_AS_TEXT = frozenset({"str", "timestamp", "value"})

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - a build of PyYAML without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\\\n]*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_DEEP = re.compile(
    rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{MAX_DEPTH},}}+"
)
_LONG_TEXT = re.compile(r'"{3}.*?"{3}|\'{3}.*?\'{3}', re.DOTALL)
_TABLE = re.compile(rf"[ \t]*\[[ \t]*({_KEY})[ \t]*\]")
_PAIR = re.compile(rf"[ \t]*({_KEY})[ \t]*=")


def yaml_trees(excerpt: Excerpt, name: str) -> tuple[Tree, ...]:
    """Return the documents of a YAML text that are mappings or lists."""
    try:
        # Events, not nodes: composing nodes goes as deep as the text asks for.
        events = yaml.parse(excerpt.text, Loader=_Loader)
        trees = tuple(_documents(events, excerpt))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = excerpt.where(mark.index) if mark else name
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ConfigError(f"{place}: neither JSON nor YAML ({what})") from error
    for tree in trees:
        refuse_odd_values(tree.value, name)
    return tuple(tree for tree in trees if isinstance(tree.value, dict | list))


def _documents(events: Iterator[Any], excerpt: Excerpt) -> Iterator[Tree]:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            reader = _Reader(events, excerpt)
            value = reader.value(next(events), (), 0)
            yield Tree(value, reader.places, "yaml", excerpt)


class _Reader:
    """Makes one document's events into values.

    Parameters
    ----------
    events : iterator of yaml.Event
        What the parser says.
    excerpt : Excerpt
        The text.
    """

    def __init__(self, events: Iterator[Any], excerpt: Excerpt) -> None:
        self.places: dict[Path, Place] = {}
        self._events = events
        self._excerpt = excerpt
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._resolver = Resolver()
        self._constructor = SafeConstructor()

    def value(self, event: Any, path: Path | None, depth: int) -> Any:
        """Return the value an event begins; its place is noted where it has a path."""
        at = event.start_mark.index
        self._note(path, at)
        if depth > MAX_DEPTH:
            self._refuse(at, "nested too deeply for a configuration")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, at)
        before = self._values
        self._count(1, at)
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_tag(event, "map", at)
            made: Any = self._mapping(path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(event, "seq", at)
            made = self._sequence(path, depth)
        else:
            made = self._scalar(event, at)
        if event.anchor:
            self._anchors[event.anchor] = made, self._values - before
        return made

    def _mapping(self, path: Path | None, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: list[tuple[int, Any]] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at = event.start_mark.index
            key = self.value(event, None, depth + 1)
            if self._is_merge(event):
                merged.append((at, self.value(next(self._events), None, depth + 1)))
                continue
            if isinstance(key, bool):
                key = event.value  # on: of a workflow
            if not isinstance(key, str):
                self._refuse(at, f"expected a key that is text, got {str(key)[:50]!r}")
            if key in made:
                self._refuse(at, f"the key {key[:100]!r} appears twice")
            below = _below(path, key)
            self._note(below, at)
            made[key] = self.value(next(self._events), below, depth + 1)
        for at, found in merged:
            self._merge(made, found, at)
        return made

    def _merge(self, made: dict[str, Any], found: Any, at: int) -> None:
        for level in found if isinstance(found, list) else [found]:
            if not isinstance(level, dict):
                self._refuse(at, "<< takes mappings alone")
            # What stands here wins over what is merged into it.
            made |= {key: level[key] for key in level if key not in made}

    def _sequence(self, path: Path | None, depth: int) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self.value(event, _below(path, str(len(made))), depth + 1))
        return made

    def _scalar(self, event: Any, at: int) -> Any:
        tag = self._tag(event)
        kind = tag.removeprefix(_CORE)
        if kind in _AS_TEXT or tag == _MERGE:
            return Scalar(event.value, at, event.end_mark.index)
        node = yaml.ScalarNode(tag, event.value)
        try:
            if kind == "int":
                return self._constructor.construct_yaml_int(node)
            if kind == "float":
                return self._constructor.construct_yaml_float(node)
            if kind == "bool":
                return self._constructor.construct_yaml_bool(node)
        except (ValueError, KeyError):
            self._refuse(at, f"{event.value[:50]!r} is no {kind}")
        if kind != "null":
            self._refuse(at, f"expected plain values, got the tag {tag[:100]!r}")
        return None

    def _alias(self, event: Any, at: int) -> Any:
        if event.anchor not in self._anchors:
            self._refuse(at, f"*{event.anchor[:50]} names nothing before it")
        value, values = self._anchors[event.anchor]
        self._count(values, at)
        return value

    def _tag(self, event: Any) -> str:
        if event.tag in (None, "!"):
            tag: str = self._resolver.resolve(  # type: ignore[no-untyped-call]
                yaml.ScalarNode, event.value, event.implicit
            )
            return tag
        return str(event.tag)

    def _is_merge(self, event: Any) -> bool:
        return isinstance(event, yaml.ScalarEvent) and self._tag(event) == _MERGE

    def _refuse_tag(self, event: Any, kind: str, at: int) -> None:
        if event.tag not in (None, "!", f"{_CORE}{kind}"):
            what = f"expected plain values, got the tag {event.tag[:100]!r}"
            self._refuse(at, what)

    def _note(self, path: Path | None, at: int) -> None:
        if path is not None and len(self.places) < MAX_PLACES:
            self.places.setdefault(path, self._excerpt.place(at))

    def _count(self, values: int, at: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._refuse(at, f"expected at most {MAX_VALUES:,} values, got more")

    def _refuse(self, at: int, what: str) -> NoReturn:
        raise ConfigError(f"{self._excerpt.where(at)}: {what}")


def _below(path: Path | None, key: str) -> Path | None:
    return None if path is None else (*path, key)


def toml_tree(excerpt: Excerpt, name: str) -> Tree:
    """Return what a TOML text says."""
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
        raise ConfigError(f"{name}: not TOML ({error})") from error
    _refuse_depth(value, name)
    refuse_odd_values(value, name)
    return Tree(value, _places(excerpt, value), "toml", excerpt)


def _refuse_depth(value: dict[str, Any], name: str) -> None:
    levels: list[tuple[Any, int]] = [(value, 0)]
    while levels:
        level, depth = levels.pop()
        if depth > MAX_DEPTH:
            raise ConfigError(f"{name}: nested too deeply for a configuration")
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
