"""A configuration put right in the text it was read from, as a diff that patch applies."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, Path
from bucketwise.read.configs.documents import documents_of, parts_of
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.kinds import Part
from bucketwise.read.configs.documents.python_syntax import Code
from bucketwise.read.configs.documents.shell import Command
from bucketwise.read.configs.documents.text import Text
from bucketwise.read.configs.edits.forms import (
    JSON,
    PYTHON,
    YAML,
    json_roots,
    option_edits,
    python_roots,
    toml_edited,
    values_of,
    yaml_roots,
)
from bucketwise.read.configs.edits.nodes import (
    Edit,
    Level,
    Node,
    NoEdit,
    Style,
    edited,
    in_file,
    mappings,
)

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
    """
    content: str | None = text.content
    for correction in corrections:
        if content is not None:
            content = _corrected_once(_with(text, content), correction)
    return content


def diff(before: str, after: str, name: str) -> str:
    """Return a unified diff that `patch -p0` applies to the file of that name."""
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
    return replace(text, content=content)


def _corrected_once(text: Text, correction: Correction) -> str | None:
    try:
        before = documents_of(text)
    except ConfigError:
        return None
    for part in parts_of(text):
        for edits in _attempts(part, correction):
            try:
                content = edited(text.content, edits)
            except NoEdit:
                continue
            if _is_right(before, _with(text, content), correction):
                return content
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


def _attempts(part: Part, correction: Correction) -> Iterator[list[Edit]]:
    """Yield edits that may put a configuration right that stands in a part of a text."""
    if isinstance(part, Code):
        roots = python_roots(part, set(correction.document.config))
        yield from _leveled(part.excerpt, roots, PYTHON, correction)
    elif isinstance(part, Command):
        for excerpt in values_of(part):
            yield from _braced(excerpt, json_roots, JSON, correction)
        try:
            yield option_edits(
                part, correction.document, correction.config, correction.renames
            )
        except NoEdit:
            return
    elif part.excerpt is not None and part.form == "toml":
        for changed in toml_edited(
            part.excerpt.text,
            correction.document.config,
            correction.config,
            dict(correction.renames),
        ):
            edit = Edit(0, len(part.excerpt.text), changed)
            yield list(in_file(part.excerpt, [edit]))
    elif part.excerpt is not None:
        form = (json_roots, JSON) if part.form == "json" else (yaml_roots, YAML)
        yield from _braced(part.excerpt, *form, correction)


def _braced(
    excerpt: Excerpt,
    roots_of: Callable[[str], tuple[Node, ...]],
    style: Style,
    correction: Correction,
) -> Iterator[list[Edit]]:
    """Yield the edits of each mapping that has the configuration's keys."""
    keys = set(correction.document.config)
    try:
        roots = roots_of(excerpt.text)
    except (ValueError, LookupError):
        return
    own = (
        node
        for root in roots
        for node in mappings(root)
        if {entry.key for entry in node.entries or ()} == keys
    )
    yield from _leveled(excerpt, own, style, correction)


def _leveled(
    excerpt: Excerpt, nodes: Iterable[Node], style: Style, correction: Correction
) -> Iterator[list[Edit]]:
    level = Level(excerpt.text, style, correction.renames)
    for node in nodes:
        try:
            edits = level.edits(node, correction.document.config, correction.config)
            yield list(in_file(excerpt, list(edits)))
        except (NoEdit, LookupError):
            continue


def name_for_patch(path: str) -> tuple[str, str]:
    """Return the name a diff's header has, and the folder where patch runs.

    patch refuses names that lead up or begin at the root.
    """
    relative = os.path.relpath(path)
    if relative.startswith(os.pardir + os.sep):
        return os.path.basename(path), os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH119, PTH120
    return relative, ""
