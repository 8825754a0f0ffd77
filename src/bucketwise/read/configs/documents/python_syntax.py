"""Python text -> its syntax trees, its names, and which of them stand for one value alone."""

from __future__ import annotations

import ast
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bucketwise.errors import ConfigError
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.excerpt import Excerpt, joined, line_starts
from bucketwise.read.configs.documents.names import CONFIG_SUFFIX


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
    """Return the code of cells, and what is wrong with those that are no Python."""
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
    """Return the syntax tree of a Python text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(excerpt.text)
    except (RecursionError, MemoryError) as error:
        raise ConfigError(f"{excerpt.name}: nested too deeply for a script") from error
    except (SyntaxError, ValueError) as error:
        # A null byte is a ValueError in older releases of Python 3.11.
        line = getattr(error, "lineno", None)
        starts = line_starts(excerpt.text)
        place = (
            excerpt.where(starts[min(line, len(starts)) - 1]) if line else excerpt.name
        )
        raise ConfigError(
            f"{place}: not Python ({getattr(error, 'msg', error)})"
        ) from error


def dotted_name(node: ast.expr) -> str:
    """Return names joined by dots: "AutoProcessor.from_pretrained"."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.insert(0, node.id)
    return ".".join(names)


def is_config_class(name: str, words: Vocabulary) -> bool:
    """Return whether a class holds a configuration."""
    return name.startswith(words.class_prefix) and name.endswith(CONFIG_SUFFIX)


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that changes what a name stands for.

    Attributes
    ----------
    keys : tuple of ast.expr
        Subscripts that lead to what is changed.
    value : ast.expr or None
        What it becomes; None where that cannot be told.
    is_update : bool
        Whether the value is laid over what stands there (`dict.update`).
    block : int
        Which sequence of statements it stands in.
    """

    keys: tuple[ast.expr, ...]
    value: ast.expr | None
    is_update: bool
    block: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is given a value once.

    Attributes
    ----------
    value : ast.expr
        The value.
    block : int
        Which sequence of statements gives it.
    changes : tuple of Change
        What is done to it, in order.
    """

    value: ast.expr
    block: int
    changes: tuple[Change, ...]


def names_in(trees: Sequence[ast.Module]) -> dict[str, Name]:
    """Return the names that are given a value once, by a plain assignment."""
    times: dict[str, int] = {}
    values: dict[str, tuple[ast.expr, int]] = {}
    changes: dict[str, list[Change]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            for name in _bound(node):
                times[name] = times.get(name, 0) + 1
    for block, statement in _statements(trees):
        name, value = _assigned(statement)
        if name and value:
            values[name] = value, block
        for name, change in _changes(statement, block):
            changes.setdefault(name, []).append(change)
    return {
        name: Name(value, block, tuple(changes.get(name, ())))
        for name, (value, block) in values.items()
        if times[name] == 1
    }


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names a node gives a value."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    elif isinstance(node, ast.Global | ast.Nonlocal):
        # Whoever declares it may give it another value.
        yield from node.names


def _statements(trees: Sequence[ast.Module]) -> Iterator[tuple[int, ast.stmt]]:
    """Yield every statement with the number of its block; 0 is the top of the text."""
    blocks = 0
    left = deque((0, tree.body) for tree in trees)
    while left:
        block, body = left.popleft()
        for statement in body:
            yield block, statement
            for inner in _inner(statement):
                blocks += 1
                left.append((blocks, inner))


def _inner(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for holder in (statement, *getattr(statement, "handlers", ())):
        for part in ("body", "orelse", "finalbody"):
            inner = getattr(holder, part, None)
            if isinstance(inner, list):
                yield inner
    for case in getattr(statement, "cases", ()):
        yield case.body


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return "", None
    [target] = targets if len(targets) == 1 else [None]
    return (target.id if isinstance(target, ast.Name) else ""), statement.value


def _changes(statement: ast.stmt, block: int) -> Iterator[tuple[str, Change]]:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield from _called(statement.value, block)
        return
    targets: list[ast.expr] = []
    value = None
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Delete):
        targets = statement.targets
    for target in targets:
        name, keys = _rooted(target)
        if name and keys:
            yield name, Change(keys, value, is_update=False, block=block)


def _called(call: ast.Call, block: int) -> Iterator[tuple[str, Change]]:
    """Yield what a method does to the name it is called on."""
    if not isinstance(call.func, ast.Attribute):
        return
    name, keys = _rooted(call.func.value)
    if not name or call.func.attr in ("get", "items", "keys", "values", "copy"):
        return
    if call.func.attr == "update" and len(call.args) == 1 and not call.keywords:
        yield name, Change(keys, call.args[0], is_update=True, block=block)
    else:
        yield name, Change(keys, None, is_update=True, block=block)


def _rooted(node: ast.expr) -> tuple[str, tuple[ast.expr, ...]]:
    """Return the name under subscripts, and the subscripts from the outside in."""
    keys: list[ast.expr] = []
    while isinstance(node, ast.Subscript):
        keys.insert(0, node.slice)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else ""), tuple(keys)
