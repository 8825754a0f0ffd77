"""Files of other tools, as Dockerfile, unit, YAML, JSON or TOML -> the commands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.excerpt import Excerpt, joined
from bucketwise.read.configs.documents.shell import (
    SERVER,
    SERVER_OPTIONS,
    Command,
    Given,
    Shell,
    may_start,
    program_of,
)
from bucketwise.read.configs.documents.shell_words import POSIX
from bucketwise.read.configs.documents.tree import Tree, json_tree

_INSTRUCTION = re.compile(
    r"^[ \t]*(?P<name>[A-Za-z]+)[ \t]+"
    r"(?P<rest>(?:.*\\[ \t]*\n(?:[ \t]*(?:\#.*)?\n)*)*.*)$",
    re.MULTILINE,
)
_BETWEEN_LINES = re.compile(
    r"(?<=\n)[ \t]*(?:\#.*)?\n|(?<=\\)[ \t]+(?=\n)", re.MULTILINE
)
_CONTINUED = re.compile(r"\\\n")
_SETS = frozenset({"ENV", "ARG"})
_STARTS = frozenset({"ENTRYPOINT", "CMD"})

_SECTION = re.compile(r"^\[.+\][ \t]*$", re.MULTILINE)
_SETTING = re.compile(
    r"^(?P<name>[A-Za-z]\w*)[ \t]*=[ \t]*"
    # systemd goes on after a backslash, supervisor where a line is indented.
    r"(?P<value>(?:.*\\\n(?:[#;].*\n)*)*.*(?:\n[ \t]+\S.*)*)$",
    re.MULTILINE,
)
_BETWEEN_PAIRS = re.compile(r",(?=\s*\w+=)")
_NOT_IN_SHELL = re.compile(r"^[#;].*\n", re.MULTILINE)

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


@dataclass
class _Stage:
    """What an image is made of so far."""

    base: str = ""
    shell: Shell = field(default_factory=Shell)
    starts: dict[str, Excerpt] = field(default_factory=dict)
    is_own: bool = False


def dockerfile_commands(excerpt: Excerpt) -> Iterator[Command]:
    """Yield the commands of a Dockerfile."""
    stages = {"": _Stage()}
    stage = stages[""]
    for match in _INSTRUCTION.finditer(excerpt.text):
        name = match["name"].upper()
        rest = excerpt[match.start("rest") : match.end("rest")].without(_BETWEEN_LINES)
        if name == "FROM":
            yield from _started(stage)
            stage = _from(rest, stages)
        elif name in _SETS:
            _set(name, rest, stage.shell)
        elif name in _STARTS:
            stage.starts[name] = rest
            stage.is_own = True
        elif name == "RUN":
            yield from stage.shell.commands(rest, POSIX)
    yield from _started(stage)


def _from(rest: Excerpt, stages: dict[str, _Stage]) -> _Stage:
    """Return a new stage, which begins as the one that it names."""
    words = [word for word in rest.text.split() if not word.startswith("--")]
    known = stages.get(words[0].lower()) if words else None
    stage = _Stage(
        base=known.base if known else "".join(words[:1]),
        shell=Shell((known or stages[""]).shell),
        starts=dict(known.starts) if known else {},
    )
    if words[1:2] and words[1].lower() == "as":
        stages[words[-1].lower()] = stage
    return stage


def _set(name: str, rest: Excerpt, shell: Shell) -> None:
    """Note what ENV and ARG set: NAME=VALUE, or the older NAME VALUE."""
    old = re.match(r"(\w+)([ \t]+)(?=[^\s=])", rest.text)
    if old:
        between = rest.saying("=", *old.span(2))
        rest = joined([rest[: old.end(1)], between, rest[old.end() :]], rest)
    list(shell.lines(joined([rest.saying(f"{name} ", 0, 0), rest], rest), POSIX))


def _started(stage: _Stage) -> Iterator[Command]:
    """Yield what an image starts with: ENTRYPOINT, which CMD only adds words to."""
    words: list[Given] = []
    for name in ("ENTRYPOINT", "CMD") if stage.is_own else ():
        rest = stage.starts.get(name)
        if rest is None:
            continue
        listed = _listed_words(rest, stage.shell)
        if listed is None:
            yield from () if words else stage.shell.commands(rest, POSIX)
            return
        words += listed
    found = list(stage.shell.started(words))
    yield from found
    if not found and "ENTRYPOINT" not in stage.starts:
        yield from stage.shell.assumed(words, stage.base)


def _listed_words(rest: Excerpt, shell: Shell) -> list[Given] | None:
    """Return the words of a JSON list; None where a shell runs what stands there."""
    try:
        tree = json_tree(rest.without(_CONTINUED), rest.where())
    except ConfigError:
        return None
    if not isinstance(tree.value, list):
        return None
    return [
        shell.listed(tree.said(item, (), rest))
        for item in tree.value
        if isinstance(item, str)
    ]


def unit_commands(excerpt: Excerpt) -> Iterator[Command]:
    """Yield the commands that a unit starts."""
    starts = [match.start() for match in _SECTION.finditer(excerpt.text)] or [0]
    for start, end in zip(starts, [*starts[1:], len(excerpt.text)], strict=True):
        yield from _section(excerpt[start:end])


def _section(section: Excerpt) -> Iterator[Command]:
    shell = Shell()
    settings = list(_SETTING.finditer(section.text))
    for match in settings:
        if match["name"].lower() == "environment":
            pairs = _on_one_line(section[match.start("value") : match.end("value")])
            # supervisor parts pairs by commas.
            pairs = pairs.as_long(_BETWEEN_PAIRS.sub(" ", pairs.text))
            list(shell.lines(joined([pairs.saying("ENV ", 0, 0), pairs], pairs), POSIX))
    for match in settings:
        if match["name"].startswith("ExecStart") or match["name"] == "command":
            value = section[match.start("value") : match.end("value")]
            yield from shell.commands(_on_one_line(value), POSIX)


def _on_one_line(value: Excerpt) -> Excerpt:
    """Return a value whose lines a shell would take for one."""
    text = _NOT_IN_SHELL.sub(lambda found: " " * len(found[0]), value.text)
    text = re.sub(r"\\?\n", lambda found: " " * len(found[0]), text)
    return value.as_long(text)


def commands_in(tree: Tree, at: Excerpt, reads: Reads) -> Iterator[Any]:
    """Yield the commands of a tree that start one of our programs."""
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
            if may_start(value, self._at.file.words):
                yield from self._tried(shell.commands(self._said(value, path)))
        elif isinstance(value, list):
            if _is_flat(value):
                if _is_likely(value, self._at.file.words):
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
            elif (
                isinstance(value, list)
                and _is_flat(value)
                and _is_likely(value, self._at.file.words)
            ):
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
        lines = [
            list(shell.lines(self._said(level[key], (*path, key))))
            if isinstance(level[key], str)
            else [self._words(level[key], (*path, key), shell)]
            for key in told
        ]
        if len(told) == 1 and len(lines[0]) > 1:
            for words in lines[0]:
                yield from shell.started(words)
            return
        words = [given for each in lines for given in chain.from_iterable(each)]
        found = list(shell.started(words))
        if not found and "entrypoint" not in level:
            yield from shell.assumed(words, str(level.get("image", "")), model)
        yield from found

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
            isinstance(item, str)
            and " " in item
            and may_start(item, self._at.file.words)
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


def _is_likely(items: Sequence[Any], words: Vocabulary) -> bool:
    """Return whether a list is worth looking into: most of a file's are not."""
    return len(items) <= MAX_WORDS and any(
        isinstance(item, str)
        and (item[:1] == "-" or item == SERVER or may_start(item, words))
        for item in items
    )


def _text(value: Any) -> str:
    """Return a value as a word: YAML's true is written in lower case."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
