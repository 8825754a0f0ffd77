"""A Dockerfile, a systemd unit or a file of supervisor -> the commands that it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bucketwise.errors import ConfigError
from bucketwise.read.configs.documents.excerpt import Excerpt, joined
from bucketwise.read.configs.documents.shell import Command, Given, Shell
from bucketwise.read.configs.documents.shell_words import POSIX
from bucketwise.read.configs.documents.tree import json_tree

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


@dataclass
class _Stage:
    """What an image is made of so far."""

    base: str = ""
    shell: Shell = field(default_factory=Shell)
    starts: dict[str, Excerpt] = field(default_factory=dict)
    is_own: bool = False


def dockerfile_commands(excerpt: Excerpt) -> Iterator[Command]:
    """Yield the commands of a Dockerfile.

    Parameters
    ----------
    excerpt : Excerpt
        The text.

    Raises
    ------
    ConfigError
        When a quote is not closed.
    """
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
        listed = _listed(rest, stage.shell)
        if listed is None:
            yield from () if words else stage.shell.commands(rest, POSIX)
            return
        words += listed
    found = list(stage.shell.started(words))
    yield from found
    if not found and "ENTRYPOINT" not in stage.starts:
        yield from stage.shell.assumed(words, stage.base)


def _listed(rest: Excerpt, shell: Shell) -> list[Given] | None:
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


_SECTION = re.compile(r"^\[.+\][ \t]*$", re.MULTILINE)
_SETTING = re.compile(
    r"^(?P<name>[A-Za-z]\w*)[ \t]*=[ \t]*"
    # systemd goes on after a backslash, supervisor where a line is indented.
    r"(?P<value>(?:.*\\\n(?:[#;].*\n)*)*.*(?:\n[ \t]+\S.*)*)$",
    re.MULTILINE,
)
_BETWEEN_PAIRS = re.compile(r",(?=\s*\w+=)")
_NOT_IN_SHELL = re.compile(r"^[#;].*\n", re.MULTILINE)


def unit_commands(excerpt: Excerpt) -> Iterator[Command]:
    """Yield the commands that a unit starts.

    Parameters
    ----------
    excerpt : Excerpt
        The text.

    Raises
    ------
    ConfigError
        When a quote is not closed.
    """
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
