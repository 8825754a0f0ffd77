"""Python texts, alone or in a notebook -> where every mapping in them stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.literals import Literals
from bucketwise.read.configs.documents.python_names import names_in
from bucketwise.read.configs.documents.python_syntax import Code
from bucketwise.read.configs.edits.nodes import Entry, Node, Style

PYTHON = Style(value=repr, quote='"', trailing_comma=True)
_PREFIX = "rbln_"


def python_roots(code: Code, keys: set[str]) -> Iterator[Node]:
    """Yield every mapping of Python that has these keys alone, names followed."""
    trees = code.trees
    spans = _Spans(code)
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
    code : Code
        The text.
    """

    def __init__(self, code: Code) -> None:
        self._lines = code.excerpt.text.split("\n")
        self._starts = code.starts

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
