"""A notebook: its code cells are one Python text, and some of them shell."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents.python import documents_in
from bucketwise.sources.configs.documents.python_syntax import parsed
from bucketwise.sources.configs.documents.releases import Release, stated_release
from bucketwise.sources.configs.documents.shell import SERVES, shell_part
from bucketwise.sources.configs.documents.text import Text, few, refuse_long
from bucketwise.traffic import Place

_CELL_MAGIC = re.compile(r"^[ \t]*%%.*$", re.MULTILINE)
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script|!)")
_COMMAND = re.compile(r"^([ \t]*)[%!?](?:.*\\\n)*.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell.

    Attributes
    ----------
    number : int
        Its position among all cells, from 1.
    content : str
        Its text.
    """

    number: int
    content: str


def is_notebook(value: object) -> bool:
    """Return whether a JSON value is a notebook."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("cells"), list)
        and "nbformat" in value
    )


def notebook_documents(value: Any, text: Text) -> tuple[Document, ...]:
    """Return the configurations in a notebook.

    Parameters
    ----------
    value : object
        Its JSON.
    text : Text
        Where it was read.

    Returns
    -------
    tuple of Document
        Places name the cell, and the line within it.

    Raises
    ------
    ConfigError
        When its code is too long, or all that was found only running it would tell.
    """
    cells = tuple(_code_cells(value))
    together = "\n".join(cell.content for cell in cells)
    refuse_long(together, text.name)
    # Requirements stand in %pip lines, and in what cells say.
    said = replace(text, content=together)
    release = stated_release(said)
    shell = few(
        (
            replace(document, source=text.name)
            for cell in cells
            for document in _shell_in(cell, text, release)
        ),
        text.name,
    )
    code = _parsed_cells(cells, text)
    trees, starts, sources = code.trees, code.starts, code.sources
    notes = list(code.notes)

    def place_of(number: int) -> Place:
        cell = bisect_right(starts, number - 1) - 1
        return Place(source=sources[cell], line=number - starts[cell])

    try:
        found = [*documents_in(trees, said, place_of), *shell]
    except ConfigError as error:
        notes += error.problems
        found = [*shell]
    if notes and not found:
        raise ConfigError(*notes)
    if notes:
        found[0] = replace(found[0], notes=(*found[0].notes, *notes))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Code:
    """Cells of Python, their lines counted on from one to the next."""

    cells: list[Cell]
    trees: list[ast.Module]
    starts: list[int]
    sources: list[str]
    notes: list[str]


def _cell_name(text: Text, cell: Cell) -> str:
    return f"{text.name}[cell {cell.number}]"


def python_cells(value: Any, text: Text) -> Code:
    """Return the cells of a notebook that are Python."""
    return _parsed_cells(tuple(_code_cells(value)), text)


def _parsed_cells(cells: Sequence[Cell], text: Text) -> Code:
    code = Code([], [], [], [], [])
    line = 0
    for cell in cells:
        if cell.content.lstrip().startswith("%%"):
            continue
        name = _cell_name(text, cell)
        try:
            tree = parsed(_without_commands(cell.content), name)
        except ConfigError as error:
            code.notes.extend(error.problems)
            continue
        code.cells.append(cell)
        code.trees.append(ast.increment_lineno(tree, line))
        code.starts.append(line)
        code.sources.append(name)
        line += cell.content.count("\n") + 1
    return code


def _code_cells(value: Any) -> Iterator[Cell]:
    for number, cell in enumerate(value["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source")
        lines = source if isinstance(source, list) else [source]
        content = "".join(line for line in lines if isinstance(line, str))
        yield Cell(number, content.replace("\r\n", "\n"))


def _without_commands(content: str) -> str:
    """Return Python with the lines for the notebook itself made to do nothing."""
    return _COMMAND.sub(
        lambda found: f"{found[1]}pass" + "\n" * found[0].count("\n"), content
    )


def _shell_in(cell: Cell, text: Text, release: Release) -> Iterator[Document]:
    content = cell.content
    if not SERVES.search(content):
        return
    named = replace(text, name=_cell_name(text, cell))
    if _SHELL_CELL.match(content):
        yield from shell_part(_CELL_MAGIC.sub("", content, count=1), named, 1, release)
        return
    for match in _COMMAND.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        yield from shell_part(match[0].lstrip(" \t!%"), named, line, release)
