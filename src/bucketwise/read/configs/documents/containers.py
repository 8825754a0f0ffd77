"""YAML, JSON or TOML of other tools -> the commands in it, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.read.configs.documents.excerpt import Excerpt, joined
from bucketwise.read.configs.documents.shell import (
    SERVER,
    SERVER_OPTIONS,
    STARTS,
    Command,
    Given,
    Shell,
    program_of,
)
from bucketwise.read.configs.documents.tree import Tree

COMMANDS = ("entrypoint", "command", "args")
"""Keys of one command, in the order their words are put together: Compose has the first
two, Kubernetes and Argo the last two."""

MAX_WORDS = 10_000
"""A longer list is no command."""

_ENVIRONMENTS = ("env", "environment", "variables", "vars")
_MODELS = ("modelURL", "model", "model_id", "modelId", "model_name", "modelName")
_FILE_NAME = re.compile(r"[\w.-]+\.(?:json|ya?ml|toml|py|sh|bash|md|service|ini)")

Reads = Callable[[Excerpt, str], Iterator[Any]]
"""What reads a file within a file, by its name."""


def commands_in(tree: Tree, at: Excerpt, reads: Reads) -> Iterator[Any]:
    """Yield the commands of a tree that start one of our programs.

    Parameters
    ----------
    tree : Tree
        What another tool is told.
    at : Excerpt
        Where it stands.
    reads : callable
        Reads the files that it holds as texts.

    Raises
    ------
    ConfigError
        When there are none, and what may be one cannot be read.
    """
    walk = _Walk(tree, at, reads)
    found = False
    for each in walk.level(tree.value, (), Shell(), ""):
        found = True
        yield each
    if not found and walk.problems:
        raise ConfigError(*walk.problems)


class _Walk:
    """Goes through a tree.

    Parameters
    ----------
    tree : Tree
        The tree.
    at : Excerpt
        Where it stands.
    reads : callable
        Reads the files that it holds as texts.
    """

    def __init__(self, tree: Tree, at: Excerpt, reads: Reads) -> None:
        self.problems: list[str] = []
        self._tree = tree
        self._at = at
        self._reads = reads

    def level(self, value: Any, path: Path, shell: Shell, model: str) -> Iterator[Any]:
        """Yield the commands in a value; those of mappings know what stands beside."""
        if isinstance(value, str):
            if STARTS.search(value):
                yield from self._tried(shell.commands(self._said(value, path)))
        elif isinstance(value, list):
            if _is_flat(value):
                if _may_start(value):
                    yield from self._tried(self._listed(value, path, shell, model, []))
                return
            for position, item in enumerate(value):
                yield from self.level(item, (*path, str(position)), shell, model)
        elif isinstance(value, dict):
            yield from self._mapping(value, path, shell, model)

    def _mapping(
        self, level: dict[str, Any], path: Path, shell: Shell, model: str
    ) -> Iterator[Any]:
        shell = self._with_environment(level, path, shell)
        named = (level[key] for key in _MODELS if isinstance(level.get(key), str))
        model = next(named, model)
        told = [key for key in COMMANDS if _is_words(level.get(key))]
        if told:
            yield from self._tried(self._command(level, told, path, shell, model))
        beside = list(self._options_beside(level, path))
        for key, value in level.items():
            below = (*path, key)
            if key in told or key.startswith("x-"):
                continue  # x- is what a Compose file refers to elsewhere
            if isinstance(value, str) and _FILE_NAME.fullmatch(key):
                yield from self._tried(self._reads(self._said(value, below), key))
            elif isinstance(value, list) and _is_flat(value) and _may_start(value):
                yield from self._tried(self._listed(value, below, shell, model, beside))
            else:
                yield from self.level(value, below, shell, model)

    def _command(
        self,
        level: Mapping[str, Any],
        told: Sequence[str],
        path: Path,
        shell: Shell,
        model: str,
    ) -> Iterator[Command]:
        """Yield what the keys of one command say together."""
        lines = [self._lines(level[key], (*path, key), shell) for key in told]
        if len(told) == 1 and len(lines[0]) > 1:
            for words in lines[0]:
                yield from shell.started(words)
            return
        words = [given for each in lines for given in chain.from_iterable(each)]
        found = list(shell.started(words))
        if not found and "entrypoint" not in level:
            yield from shell.assumed(words, str(level.get("image", "")), model)
        yield from found

    def _lines(self, value: Any, path: Path, shell: Shell) -> list[list[Given]]:
        if isinstance(value, str):
            return list(shell.lines(self._said(value, path)))
        return [self._words(value, path, shell)]

    def _listed(
        self,
        items: Sequence[Any],
        path: Path,
        shell: Shell,
        model: str,
        beside: list[Given],
    ) -> Iterator[Command]:
        """Yield what a list holds: lines of a script, or the words of one command."""
        if any(
            isinstance(item, str) and " " in item and STARTS.search(item)
            for item in items
        ):
            lines = [
                self._said(item, (*path, str(position)))
                for position, item in enumerate(items)
                if isinstance(item, str)
            ]
            ends = [each for line in lines for each in (line, line[:0].saying("\n"))]
            yield from shell.commands(joined(ends, self._at))
            return
        words = self._words(items, path, shell)
        if program_of(words):
            yield from shell.started(words)
        else:
            yield from shell.assumed([*beside, *words], "", model)

    def _words(self, items: Sequence[Any], path: Path, shell: Shell) -> list[Given]:
        return [
            shell.listed(self._said(_text(item), (*path, str(position))))
            for position, item in enumerate(items)
        ]

    def _options_beside(self, level: Mapping[str, Any], path: Path) -> Iterator[Given]:
        """Yield options of vLLM that a chart has keys of its own for: maxModelLen: 8192."""
        for key, value in level.items():
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).lower().replace("_", "-")
            if name in SERVER_OPTIONS and not isinstance(value, dict | list):
                said = self._said(_text(value), (*path, key))
                yield Given(said[:0].saying(f"--{name}"))
                yield Given(said)

    def _with_environment(
        self, level: Mapping[str, Any], path: Path, shell: Shell
    ) -> Shell:
        """Return what is set for all below a level."""
        pairs = [
            pair
            for key in _ENVIRONMENTS
            for pair in self._environment(level.get(key), (*path, key))
        ]
        if not pairs:
            return shell
        inner = Shell(shell)
        for name, value in pairs:
            given = inner.listed(value)
            if not given.unresolved:
                inner.export(name, given.excerpt)
        return inner

    def _environment(self, value: Any, path: Path) -> Iterator[tuple[str, Excerpt]]:
        items = value.items() if isinstance(value, dict) else ()
        for name, item in items:
            if not isinstance(item, dict | list | None):
                yield name, self._said(_text(item), (*path, name))
        for position, item in enumerate(value if isinstance(value, list) else ()):
            below = (*path, str(position))
            if isinstance(item, str) and "=" in item:
                said = self._said(item, below)
                name, _, _ = item.partition("=")
                yield name, said[len(name) + 1 :]
            elif isinstance(item, dict):
                name, told = item.get("name"), item.get("value")
                if isinstance(name, str) and isinstance(told, str):
                    yield name, self._said(told, (*below, "value"))

    def _said(self, text: str, path: Path) -> Excerpt:
        return self._tree.said(text, path, self._at)

    def _tried(self, found: Iterator[Any]) -> Iterator[Any]:
        """Yield what is found; keep for later why something is not."""
        try:
            yield from found
        except ConfigError as error:
            self.problems += error.problems


def _is_words(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and _is_flat(value) and len(value) <= MAX_WORDS
    )


def _is_flat(value: Sequence[Any]) -> bool:
    return bool(value) and not any(isinstance(item, dict | list) for item in value)


def _may_start(items: Sequence[Any]) -> bool:
    """Return whether a list is worth looking into: most of a file's are not."""
    return len(items) <= MAX_WORDS and any(
        isinstance(item, str)
        and (item[:1] == "-" or item == SERVER or STARTS.search(item) is not None)
        for item in items
    )


def _text(value: Any) -> str:
    """Return a value as a word: YAML's true is written in lower case."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
