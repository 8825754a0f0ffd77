"""Notebooks, and Markdown with its blocks of code -> cells, each of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import (
    Excerpt,
    File,
    Scalar,
    aligned,
    joined,
    line_starts,
)
from bucketwise.read.configs.documents.tree import Tree

PYTHON, SHELL = "python", "bash"

_FENCE = re.compile(
    r"^(?P<indent>[ \t>]*)(?:(?:[-*+]|\d+[.)])[ \t]+)?(?P<mark>(?P<char>[`~])(?P=char){2,})"
    r"[ \t]*(?P<info>[^\n`]*)\n"
    r"(?P<body>.*?)(?:^[ \t>]*(?P=mark)(?P=char)*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(
    r"(?:^(?:[ ]{2,}|\t)\S.*(?:\n|\Z)|(?<=\n)[ \t]*\n)+", re.MULTILINE
)
_PROMPT = r"(?:\$|>|PS[^>\n]*>)[ ](?=\S)"

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>!|\w+)[ \t]*(?P<rest>.*)\n?")
_SHELL_MAGICS = frozenset({"bash", "sh", "script", "!"})
_COMMAND = re.compile(r"^([ \t]*)([%!?]+)((?:.*\\\n)*.*)$", re.MULTILINE)
_RETURNS = re.compile(r"\r(?=\n)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a text that is of one kind.

    Attributes
    ----------
    kind : str
        A language or a file name; "" where nothing tells.
    excerpt : Excerpt
        What it says.
    """

    kind: str
    excerpt: Excerpt


def has_fences(text: str) -> bool:
    """Return whether a text has blocks of code as Markdown fences them."""
    return _FENCE.search(text) is not None


def markdown_cells(excerpt: Excerpt) -> Iterator[Cell]:
    """Yield the blocks of code of Markdown: fenced ones, else those that are indented.

    Parameters
    ----------
    excerpt : Excerpt
        The text.
    """
    text = excerpt.text
    for match in _FENCE.finditer(text):
        info = re.search(r"\w+", match["info"])
        body = excerpt[match.start("body") : match.end("body")]
        width = match.start("mark") - match.start()
        yield Cell(info[0].lower() if info else "", _dedented(body, width))
    if not has_fences(text):
        for match in _INDENTED.finditer(text):
            block = excerpt[match.start() : match.end()]
            width = len(match[0].lstrip("\n")) - len(match[0].lstrip())
            yield Cell("", _dedented(block, width))


def _dedented(block: Excerpt, width: int) -> Excerpt:
    pattern = rf"^(?:[ \t]*>[ ]?)?[ \t]{{0,{width}}}(?:{_PROMPT})?"
    return block.without(re.compile(pattern, re.MULTILINE)).in_lines()


def is_notebook(value: object) -> bool:
    """Return whether a JSON value is a notebook."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("cells"), list)
        and "nbformat" in value
    )


def notebook_cells(tree: Tree, name: str) -> Iterator[Cell]:
    """Yield the code of a notebook; places name the cell, and the line within it.

    Parameters
    ----------
    tree : Tree
        Its JSON.
    name : str
        What to call it.
    """
    numbered = dict(_code_cells(tree))
    starts: list[int] = []
    places: list[Place] = []
    for number, code in numbered.items():
        for line, start in enumerate(line_starts(code.text), start=1):
            starts.append(code.offset(start))
            places.append(Place(source=f"{name}[cell {number}]", line=line))
    for code in numbered.values():
        file = File(code.file.content, starts, places.__getitem__)
        yield from _parts(replace(code, file=file))


def _code_cells(tree: Tree) -> Iterator[tuple[int, Excerpt]]:
    """Yield the number and the text of each code cell."""
    if tree.excerpt is None:
        return
    for number, cell in enumerate(tree.value["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source: Any = cell.get("source")
        lines = source if isinstance(source, list) else [source]
        texts = [
            aligned(line, tree.excerpt) for line in lines if isinstance(line, Scalar)
        ]
        if texts:
            yield number, joined(texts, texts[0]).without(_RETURNS).in_lines()


def _parts(code: Excerpt) -> Iterator[Cell]:
    """Yield what a cell is made of: Python, shell, or a file that it writes."""
    magic = _CELL_MAGIC.match(code.text)
    if magic:
        kind = SHELL if magic["name"] in _SHELL_MAGICS else ""
        if magic["name"] == "writefile":
            kind = magic["rest"].split()[-1] if magic["rest"].split() else ""
        if kind:
            yield Cell(kind, code[magic.end() :])
        return
    for match in _COMMAND.finditer(code.text):
        yield Cell(SHELL, code[match.start(3) : match.end(3)])
    # A lone 0 does nothing, whatever the line for the notebook was as long as.
    idle = _COMMAND.sub(
        lambda line: line[1] + "0" + re.sub(r"[^\n]", " ", line[2][1:] + line[3]),
        code.text,
    )
    yield Cell(PYTHON, code.as_long(idle))
