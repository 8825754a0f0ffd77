"""Python text -> its syntax trees."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bucketwise.errors import ConfigError
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt, joined, line_starts


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A Python file, or the cells of a notebook, which share their names.

    Attributes
    ----------
    trees : tuple of ast.Module
        Their lines are counted on from one to the next.
    excerpt : Excerpt
        Their text, one after the other.
    starts : sequence of int
        Where lines begin in it.
    """

    trees: tuple[ast.Module, ...]
    excerpt: Excerpt
    starts: Sequence[int]

    def place_of(self, line: int) -> Place:
        """Return where a line of the trees stands."""
        return self.excerpt.place(self.starts[line - 1])


def code_of(cells: Iterable[Excerpt]) -> tuple[Code | None, list[str]]:
    """Return the code of cells, and what is wrong with those that are no Python.

    Parameters
    ----------
    cells : iterable of Excerpt
        Their texts.

    Returns
    -------
    code : Code or None
        None where no cell is Python.
    problems : list of str
    """
    trees: list[ast.Module] = []
    parts: list[Excerpt] = []
    problems: list[str] = []
    lines = 0
    for cell in cells:
        try:
            tree = parsed(cell)
        except ConfigError as error:
            problems += error.problems
            continue
        trees.append(ast.increment_lineno(tree, lines))
        parts += [cell, cell[len(cell.text) :].saying("\n")]
        lines += cell.text.count("\n") + 1
    if not trees:
        return None, problems
    together = joined(parts[:-1], parts[0])
    return Code(tuple(trees), together, line_starts(together.text)), problems


def parsed(excerpt: Excerpt) -> ast.Module:
    """Return the syntax tree of a Python text.

    Parameters
    ----------
    excerpt : Excerpt
        The text.

    Raises
    ------
    ConfigError
        When it is no Python, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(excerpt.text)
    except (RecursionError, MemoryError) as error:
        message = f"{excerpt.name}: nested too deeply for a script"
        raise ConfigError(message) from error
    except (SyntaxError, ValueError) as error:
        # A null byte is a ValueError in older releases of Python 3.11.
        line = getattr(error, "lineno", None)
        starts = line_starts(excerpt.text)
        place = (
            excerpt.where(starts[min(line, len(starts)) - 1]) if line else excerpt.name
        )
        message = f"{place}: not Python ({getattr(error, 'msg', error)})"
        raise ConfigError(message) from error
