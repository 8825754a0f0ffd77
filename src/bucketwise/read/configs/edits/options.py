"""Settings that options of a command give one by one -> the edits that change them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.lint.finding import Path
from bucketwise.lint.subject import Document
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.options import (
    Pair,
    compiler_pairs,
    server_pairs,
    settings_in,
)
from bucketwise.read.configs.documents.shell import COMPILER, Command
from bucketwise.read.configs.edits.nodes import Edit, NoEdit, in_file

_BEFORE = re.compile(r"(?:\s|[\\`^]\n)+--\Z")


def option_edits(
    command: Command,
    document: Document,
    new: Mapping[str, Any],
    renames: Mapping[Path, str],
) -> list[Edit]:
    """Return the edits of a file that make settings of a command others.

    Parameters
    ----------
    command : Command
        The command.
    document : Document
        What it hands over.
    new : mapping
        What that becomes.
    renames : mapping of tuple of str to str
        Path of each key that is renamed, and its new name.

    Raises
    ------
    NoEdit
        When they are not given one by one, or the text has no place for a change.
    """
    settings = dict(_settings(command, document))
    if not settings:
        message = "no option gives one of its settings alone"
        raise NoEdit(message)
    old, left = dict(_leaves(document.config)), dict(_leaves(new))
    edits: list[Edit] = []
    for path, pair in settings.items():
        names = [renames.get(path[: at + 1], key) for at, key in enumerate(path)]
        target = tuple(names)
        if target not in left:
            edits.append(_removed(pair))
            continue
        value = left.pop(target)
        if target != path:
            edits += _renamed(pair, path, target)
        if value != old.get(path):
            edits += _changed(pair, value)
    last_path, last = list(settings.items())[-1]
    stem = last.name.text[: -len(".".join(last_path))]
    added = "".join(
        f" --{stem}{'.'.join(_typed(last, path))} {_text(value, '')}"
        for path, value in left.items()
        # What a command adds of itself stands nowhere.
        if path not in old or value != old[path]
    )
    return [*edits, Edit(_end(last), _end(last), added)]


def values_of(command: Command) -> Iterator[Excerpt]:
    """Yield the value of every option of a command."""
    pairs = compiler_pairs(command.words)
    if command.program != COMPILER:
        _, pairs = server_pairs(command.words)
    yield from (pair.told.excerpt for pair in pairs if pair.told)


def _settings(command: Command, document: Document) -> Iterator[tuple[Path, Pair]]:
    """Yield the path of each setting, and the option that gives it; the last one counts."""
    if command.program == COMPILER:
        for pair, keys in settings_in(compiler_pairs(command.words)):
            yield tuple(keys), pair
        return
    channel = document.serve.channel if document.serve else ""
    before = channel.removeprefix("--").split()
    for pair in server_pairs(command.words)[1]:
        first, *rest = pair.keys
        keys = [first.replace("_", "-"), *rest]
        size = len(before)
        if before and keys[:size] == before and len(keys) > size:
            yield tuple(keys[size:]), pair


def _leaves(level: Mapping[str, Any], before: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in level.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*before, key))
        else:
            yield (*before, key), value


def _typed(pair: Pair, path: Path) -> list[str]:
    """Return keys with dashes where the option is written so."""
    dashes = "-" in pair.name.text.split(".")[-1]
    return [key.replace("_", "-") if dashes else key for key in path]


def _renamed(pair: Pair, path: Path, target: Path) -> Iterator[Edit]:
    size = len(".".join(path))
    start = len(pair.name.text) - size
    name = ".".join(_typed(pair, target))
    yield from in_file(pair.name, [Edit(start, start + size, name)])


def _changed(pair: Pair, value: Any) -> Iterator[Edit]:
    if pair.told is None:
        end = pair.name.ends[-1]
        yield Edit(end, end, f" {_text(value, '')}")
        return
    text = pair.told.text
    edit = Edit(0, len(text), _text(value, text))
    yield from in_file(pair.told.excerpt, [edit])


def _text(value: Any, before: str) -> str:
    """Return a value as an option takes it, a list as the one before it was written."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and before[:1] != "[" and "," in before:
        return ",".join(json.dumps(item) for item in value)
    return json.dumps(value, separators=(",", ":"))


def _removed(pair: Pair) -> Edit:
    start = pair.name.offset(0)
    before = _BEFORE.search(pair.name.file.content, 0, start)
    if before is None:
        message = f"--{pair.name.text} stands with others in one word"
        raise NoEdit(message)
    return Edit(before.start(), _end(pair), "")


def _end(pair: Pair) -> int:
    """Return where an option ends, the quote behind its value too."""
    excerpt = pair.told.excerpt if pair.told else pair.name
    start, end = excerpt.offset(0), excerpt.offset(len(excerpt.text))
    content = excerpt.file.content
    quoted = content[start - 1 : start] == content[end : end + 1] != ""
    return end + 1 if quoted and content[end] in "'\"" else end
