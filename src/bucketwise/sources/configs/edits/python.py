"""Python texts, alone or in a notebook -> where every mapping in them stands."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from bucketwise.lint.finding import Path
from bucketwise.sources.configs.documents.literals import Literals
from bucketwise.sources.configs.documents.notebook import python_cells
from bucketwise.sources.configs.documents.python_names import names_in
from bucketwise.sources.configs.documents.python_syntax import parsed
from bucketwise.sources.configs.documents.text import Text
from bucketwise.sources.configs.edits.forms import json_roots
from bucketwise.sources.configs.edits.nodes import (
    Edit,
    Entry,
    Level,
    Node,
    NoEdit,
    Style,
    edited,
)
from bucketwise.traffic import Place

PYTHON = Style(value=repr, quote='"', trailing_comma=True)
_PREFIX = "rbln_"


def python_edited(
    text: Text, old: Mapping[str, Any], new: Mapping[str, Any], renames: dict[Path, str]
) -> Iterator[str]:
    """Yield the text changed at each mapping that has the keys of a configuration."""
    tree = parsed(text.content, text.name)
    level = Level(text.content, PYTHON, renames)
    for node in _roots([tree], text.content, set(old)):
        changed = level.changed(node, old, new)
        if changed is not None:
            yield changed


def notebook_edited(
    text: Text, old: Mapping[str, Any], new: Mapping[str, Any], renames: dict[Path, str]
) -> Iterator[str]:
    """Yield a notebook changed at each mapping of its code with those keys."""
    code = python_cells(json.loads(text.content), text)
    content = "\n".join(cell.content for cell in code.cells)
    starts = [0, *accumulate(len(cell.content) + 1 for cell in code.cells)]
    level = Level(content, PYTHON, renames)
    for node in _roots(code.trees, content, set(old)):
        try:
            edits = list(level.edits(node, old, new))
        except NoEdit:
            continue
        changes = []
        for cell, start in zip(code.cells, starts, strict=False):
            end = start + len(cell.content)
            own = [
                Edit(each.start - start, each.end - start, each.text)
                for each in edits
                if start <= each.start <= end
            ]
            if own:
                source = _source_node(text.content, cell.number)
                before = text.content[source.start : source.end]
                after = _source_text(before, edited(cell.content, own))
                changes.append(Edit(source.start, source.end, after))
        yield edited(text.content, changes)


def _source_node(content: str, number: int) -> Node:
    """Return where the source of a cell stands in the JSON of its notebook."""
    [root] = json_roots(content)
    cells = next(entry.node for entry in root.entries or () if entry.key == "cells")
    cell = (cells.items or ())[number - 1]
    return next(entry.node for entry in cell.entries or () if entry.key == "source")


def _source_text(before: str, source: str) -> str:
    """Return a cell's source as JSON, in the form and with the strings it had."""
    old = json.loads(before)
    if not isinstance(old, list):
        return json.dumps(source, ensure_ascii="\\u" in before)
    written = dict(
        zip(
            old, (before[item.start : item.end] for item in _items(before)), strict=True
        )
    )
    lines = [
        written.get(line) or json.dumps(line, ensure_ascii="\\u" in before)
        for line in source.splitlines(keepends=True)
    ]
    items = _items(before)
    first, last = items[0], items[-1]
    between = ", "
    if len(items) > 1:
        between = before[first.end : items[1].start]
    return before[: first.start] + between.join(lines) + before[last.end :]


def _items(content: str) -> tuple[Node, ...]:
    [root] = json_roots(content)
    return root.items or ()


def _roots(trees: Sequence[ast.Module], content: str, keys: set[str]) -> Iterator[Node]:
    """Yield every mapping with these keys, names followed."""
    spans = _Spans(content)
    literals = Literals(names_in(trees), lambda line: Place(source="", line=line))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.Dict | ast.Call):
            value, _ = literals.read(node)
            if isinstance(value, dict) and keys >= set(value):
                root = spans.node(literals.nodes, ())
                yield from (each for each in (root,) if each.entries is not None)
    for node in nodes:
        if isinstance(node, ast.Call) and (settings := spans.settings(node, literals)):
            yield settings


class _Spans:
    """Turns nodes of a syntax tree into places of a text.

    Parameters
    ----------
    content : str
        The text.
    """

    def __init__(self, content: str) -> None:
        self._lines = content.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]

    def node(self, nodes: Mapping[Path, ast.expr], path: Path) -> Node:
        """Return a value and, of a mapping, its own entries."""
        found = nodes[path]
        start, end = self._span(found)
        keyed = [
            (key, at, (*path, key))
            for key, at in self._keys(found)
            if (*path, key) in nodes
        ]
        if not isinstance(found, ast.Dict | ast.Call):
            return Node(start, end)
        entries = tuple(
            Entry(key, *at, self.node(nodes, below)) for key, at, below in keyed
        )
        is_call = isinstance(found, ast.Call)
        return Node(start, end, entries, is_call=is_call)

    def settings(self, call: ast.Call, literals: Literals) -> Node | None:
        """Return the single settings of a call: rbln_batch_size=8 and the like."""
        entries = []
        for keyword in call.keywords:
            name = keyword.arg or ""
            if not name.startswith(_PREFIX) or name == f"{_PREFIX}config":
                continue
            literals.read(keyword.value)
            start = self._at(keyword.lineno, keyword.col_offset)
            value = self.node(dict(literals.nodes), ())
            key = name.removeprefix(_PREFIX)
            entries.append(Entry(key, start, start + len(name), value))
        if not entries:
            return None
        start, end = self._span(call)
        return Node(start, end, tuple(entries), is_call=True, prefix=_PREFIX)

    def _keys(self, node: ast.expr) -> Iterator[tuple[str, tuple[int, int]]]:
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, self._span(key)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg:
                    start = self._at(keyword.lineno, keyword.col_offset)
                    yield keyword.arg, (start, start + len(keyword.arg))

    def _span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or 1, node.end_col_offset or 0
        return (
            self._at(node.lineno, node.col_offset),
            self._at(end_line, end_column),
        )

    def _at(self, line: int, column: int) -> int:
        """Return the position of a column, which the tree counts in bytes."""
        before = self._lines[line - 1].encode()[:column]
        return self._starts[line - 1] + len(before.decode(errors="ignore"))
