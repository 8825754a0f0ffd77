"""A configuration put right in the text it was read from, as a diff that patch applies."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Path
from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents import documents_of
from bucketwise.sources.configs.documents.notebook import is_notebook
from bucketwise.sources.configs.documents.shell_words import quoted_words
from bucketwise.sources.configs.documents.text import Text
from bucketwise.sources.configs.edits.forms import (
    JSON,
    YAML,
    json_roots,
    toml_edited,
    yaml_roots,
)
from bucketwise.sources.configs.edits.nodes import (
    Edit,
    Level,
    Node,
    Style,
    edited,
    mappings,
)
from bucketwise.sources.configs.edits.python import notebook_edited, python_edited

Renames = Mapping[Path, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One configuration of a text, and what it becomes.

    Attributes
    ----------
    document : Document
        As it was read.
    config : mapping
        What it becomes.
    renames : mapping of tuple of str to str
        Path of each key that is renamed, and its new name.
    """

    document: Document
    config: Mapping[str, Any]
    renames: Renames


def corrected(text: Text, corrections: Sequence[Correction]) -> str | None:
    """Return a text with its configurations put right; None where it has no place.

    What comes out is read again: it holds what was asked for and nothing else changed.

    Parameters
    ----------
    text : Text
        As it was read.
    corrections : sequence of Correction
        Of configurations of this text.
    """
    content: str | None = text.content
    for correction in corrections:
        if content is not None:
            content = _corrected_once(_with(text, content), correction)
    return content


def diff(before: str, after: str, name: str) -> str:
    """Return a unified diff that `patch -p0` applies to the file of that name.

    Parameters
    ----------
    before, after : str
        The texts, with their own line ends.
    name : str
        The file, as it is called where patch runs.
    """
    # patch takes what follows a tab for a date, and a name with blanks needs one.
    header = f"{name}\t" if " " in name else name
    lines = difflib.unified_diff(
        _lines(before), _lines(after), fromfile=header, tofile=header
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    )


def _lines(text: str) -> list[str]:
    """Return lines as patch counts them: ended by newlines alone."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]


def _with(text: Text, content: str) -> Text:
    return Text(name=text.name, content=content, folder=text.folder, path=text.path)


def _corrected_once(text: Text, correction: Correction) -> str | None:
    try:
        before = documents_of(text)
    except ConfigError:
        return None
    for attempt in ATTEMPTS:
        try:
            for content in attempt(text, correction):
                if _is_right(before, _with(text, content), correction):
                    return content
        except (ConfigError, ValueError, KeyError, LookupError):
            continue
    return None


def _is_right(before: Sequence[Document], text: Text, correction: Correction) -> bool:
    """Return whether a text holds what was asked for, and else what it held."""
    try:
        after = documents_of(text)
    except ConfigError:
        return False
    at = correction.document.position
    return len(after) == len(before) and all(
        new.config == (correction.config if index == at else old.config)
        and new.limits == old.limits
        for index, (old, new) in enumerate(zip(before, after, strict=True))
    )


def _braced(
    content: str, roots: Sequence[Node], style: Style, correction: Correction
) -> Iterator[str]:
    """Yield a text changed at each mapping that has the configuration's keys."""
    old = correction.document.config
    level = Level(content, style, correction.renames)
    for root in roots:
        for node in mappings(root):
            if {entry.key for entry in node.entries or ()} == set(old):
                changed = level.changed(node, old, correction.config)
                if changed is not None:
                    yield changed


def _json(text: Text, correction: Correction) -> Iterator[str]:
    value = json.loads(text.content)
    if is_notebook(value):
        yield from notebook_edited(
            text,
            correction.document.config,
            correction.config,
            dict(correction.renames),
        )
    else:
        yield from _braced(text.content, json_roots(text.content), JSON, correction)


def _python(text: Text, correction: Correction) -> Iterator[str]:
    yield from python_edited(
        text, correction.document.config, correction.config, dict(correction.renames)
    )


def _shell(text: Text, correction: Correction) -> Iterator[str]:
    """Yield a script changed in each quoted word that holds JSON."""
    for word in quoted_words(text.content):
        try:
            roots = json_roots(word.text)
            json.loads(word.text)
        except (ValueError, LookupError):
            continue
        for changed in _braced(word.text, roots, JSON, correction):
            edit = Edit(word.start, word.end, word.quoted(changed))
            yield edited(text.content, [edit])


def _toml(text: Text, correction: Correction) -> Iterator[str]:
    yield from toml_edited(
        text.content,
        correction.document.config,
        correction.config,
        dict(correction.renames),
    )


def _yaml(text: Text, correction: Correction) -> Iterator[str]:
    yield from _braced(text.content, yaml_roots(text.content), YAML, correction)


ATTEMPTS: tuple[Callable[[Text, Correction], Iterator[str]], ...] = (
    _json,
    _python,
    _shell,
    _toml,
    _yaml,
)
"""One a form; that of another form fails, or makes what reading it again refuses."""


def name_for_patch(path: str) -> tuple[str, str]:
    """Return the name a diff's header has, and the folder where patch runs.

    patch refuses names that lead up or begin at the root.

    Parameters
    ----------
    path : str
        The file as it was given.

    Returns
    -------
    name : str
    folder : str
        "" for the working folder.
    """
    relative = os.path.relpath(path)
    if relative.startswith(os.pardir + os.sep):
        return os.path.basename(path), os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH119, PTH120
    return relative, ""
