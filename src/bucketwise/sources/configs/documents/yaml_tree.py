"""YAML, with the line of every value; nothing in it makes an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Path
from bucketwise.sources.configs.documents.tree import (
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


def yaml_trees(content: str, name: str) -> tuple[Tree, ...]:
    """Return the documents of a YAML text that are mappings.

    Parameters
    ----------
    content : str
        The text.
    name : str
        What to call it.

    Raises
    ------
    ConfigError
        When it is no YAML, nested too deeply, too large once aliases are followed, has
        a key twice, or a tag that makes anything but a plain value.
    """
    try:
        # Events, not nodes: composing nodes goes as deep as the text asks for.
        trees = tuple(_documents(yaml.parse(content, Loader=_Loader), name))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}: line {mark.line + 1}" if mark else name
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        message = f"{place}: neither JSON nor YAML ({what})"
        raise ConfigError(message) from error
    for tree in trees:
        refuse_odd_values(tree.value, name)
    return tuple(tree for tree in trees if isinstance(tree.value, dict))


def _documents(events: Iterator[Any], name: str) -> Iterator[Tree]:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            reader = _Reader(events, name)
            value = reader.value(next(events), (), 0)
            yield Tree(value, reader.lines)


class _Reader:
    """Makes one document's events into values.

    Parameters
    ----------
    events : iterator of yaml.Event
        What the parser says.
    name : str
        What to call the text.
    """

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self.lines: dict[Path, int] = {}
        self._events = events
        self._name = name
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._resolver = Resolver()
        self._constructor = SafeConstructor()

    def value(self, event: Any, path: Path | None, depth: int) -> Any:
        """Return the value an event begins; its place is noted where it has a path."""
        line = event.start_mark.line + 1
        self._note(path, line)
        if depth > MAX_DEPTH:
            self._refuse(line, "nested too deeply for a configuration")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        before = self._values
        self._count(1, line)
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_tag(event, "map", line)
            made: Any = self._mapping(path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(event, "seq", line)
            made = self._sequence(path, depth)
        else:
            made = self._scalar(event, line)
        if event.anchor:
            self._anchors[event.anchor] = made, self._values - before
        return made

    def _mapping(self, path: Path | None, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: list[tuple[int, Any]] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self.value(event, None, depth + 1)
            if self._is_merge(event):
                merged.append((line, self.value(next(self._events), None, depth + 1)))
                continue
            if not isinstance(key, str):
                self._refuse(
                    line, f"the key {str(key)[:50]!r} is no text; text is right"
                )
            if key in made:
                self._refuse(line, f"the key {key[:100]!r} appears twice")
            below = _below(path, key)
            self._note(below, line)
            made[key] = self.value(next(self._events), below, depth + 1)
        for line, found in merged:
            self._merge(made, found, line)
        return made

    def _merge(self, made: dict[str, Any], found: Any, line: int) -> None:
        for level in found if isinstance(found, list) else [found]:
            if not isinstance(level, dict):
                self._refuse(line, "<< takes mappings alone")
            # What stands here wins over what is merged into it.
            made |= {key: level[key] for key in level if key not in made}

    def _sequence(self, path: Path | None, depth: int) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self.value(event, _below(path, str(len(made))), depth + 1))
        return made

    def _scalar(self, event: Any, line: int) -> Any:
        tag = self._tag(event)
        kind = tag.removeprefix(_CORE)
        if kind in _AS_TEXT or tag == _MERGE:
            return event.value
        node = yaml.ScalarNode(tag, event.value)
        try:
            if kind == "int":
                return self._constructor.construct_yaml_int(node)
            if kind == "float":
                return self._constructor.construct_yaml_float(node)
            if kind == "bool":
                return self._constructor.construct_yaml_bool(node)
        except (ValueError, KeyError):
            self._refuse(line, f"{event.value[:50]!r} is no {kind}")
        if kind != "null":
            self._refuse(line, f"the tag {tag[:100]!r} found; plain values are right")
        return None

    def _alias(self, event: Any, line: int) -> Any:
        if event.anchor not in self._anchors:
            self._refuse(line, f"*{event.anchor[:50]} names nothing before it")
        value, values = self._anchors[event.anchor]
        self._count(values, line)
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

    def _refuse_tag(self, event: Any, kind: str, line: int) -> None:
        if event.tag not in (None, "!", f"{_CORE}{kind}"):
            what = f"the tag {event.tag[:100]!r} found; plain values are right"
            self._refuse(line, what)

    def _note(self, path: Path | None, line: int) -> None:
        if path is not None and len(self.lines) < MAX_PLACES:
            self.lines.setdefault(path, line)

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._refuse(
                line, f"more than {MAX_VALUES:,} values found; fewer are right"
            )

    def _refuse(self, line: int, what: str) -> NoReturn:
        message = f"{self._name}: line {line}: {what}"
        raise ConfigError(message)


def _below(path: Path | None, key: str) -> Path | None:
    return None if path is None else (*path, key)
