"""Python expressions -> the values they plainly say. Nothing is ever run."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bucketwise.nouns.document import Path, Unknown
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.python_syntax import (
    Change,
    Name,
    dotted_name,
    is_config_class,
)
from bucketwise.read.configs.documents.tree import MAX_DEPTH, MAX_PLACES

MAX_ITEMS = 4_096
"""Of a list that arithmetic makes; no list of devices is as long."""

MAX_NUMBER = 2**63
MAX_EXPONENT = 64
_LONGEST = 80
_WIDEST = 200

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Div: operator.truediv, ast.Mod: operator.mod,
    ast.LShift: operator.lshift, ast.Pow: operator.pow,
}  # fmt: skip

_OPERANDS = (int, float, str, list, tuple)

MAX_STEPS = 200_000
"""Names of names of names grow without end."""


def calculated(node: ast.BinOp, left: Any, right: Any) -> Any:
    """Return what a calculation makes; `Unknown` where it fails or grows too large."""
    calculate = _ARITHMETIC.get(type(node.op))
    known = all(isinstance(each, _OPERANDS) for each in (left, right))
    if calculate is None or not known or not _is_bounded(node.op, left, right):
        return unknown(node)
    try:
        made = calculate(left, right)
    except (ArithmeticError, TypeError, ValueError):
        return unknown(node)
    if isinstance(made, int | float):
        fits = math.isfinite(made) and abs(made) <= MAX_NUMBER
        return made if fits else unknown(node)
    fits = isinstance(made, str | list | tuple) and len(made) <= MAX_ITEMS
    return made if fits else unknown(node)


def ranged(node: ast.expr, arguments: list[Any]) -> Any:
    """Return the numbers of a range(...); `Unknown` where there are too many."""
    try:
        made = range(*arguments)
        return list(made) if len(made) <= MAX_ITEMS else unknown(node)
    except (ArithmeticError, TypeError, ValueError):
        return unknown(node)


def _is_bounded(kind: ast.operator, left: Any, right: Any) -> bool:
    """Return whether a calculation stays small, before it is done."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        is_power = isinstance(kind, ast.Pow | ast.LShift)
        return not is_power or 0 <= right <= MAX_EXPONENT
    if isinstance(kind, ast.Mult):
        times, repeated = (left, right) if is_whole(left) else (right, left)
        return is_whole(times) and bool(times * len(repeated) <= MAX_ITEMS)
    # % of a text would fill it in, as wide as the text asks for.
    return isinstance(kind, ast.Add)


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number (True is none)."""
    return isinstance(value, int) and not isinstance(value, bool)


def unknown(node: ast.expr) -> Unknown:
    """Return what stands for an expression that only running it would tell."""
    width = (node.end_col_offset or 0) - node.col_offset
    if node.end_lineno != node.lineno or width > _WIDEST:
        return Unknown("an expression")
    text = ast.unparse(node)
    return Unknown(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...")


@dataclass(slots=True)
class _Noted:
    """Where the values of one expression stand, and the nodes that say them."""

    places: dict[Path, Place] = field(default_factory=dict)
    nodes: dict[Path, ast.expr] = field(default_factory=dict)


class Literals:
    """Reads expressions of one text.

    Parameters
    ----------
    names : mapping of str to Name
        Names that stand for one value.
    place_of : callable
        Place of a line.
    words : Vocabulary
        What the engine it is read for calls things.

    Attributes
    ----------
    seen : set of int
        Identities of every node that became part of a value.
    nodes : dict of tuple of str to ast.expr
        The node that says each value of what was read last, names followed.
    """

    def __init__(
        self,
        names: Mapping[str, Name],
        place_of: Callable[[int], Place],
        words: Vocabulary,
    ) -> None:
        self.seen: set[int] = set()
        self.nodes: dict[Path, ast.expr] = {}
        self._names = names
        self._place_of = place_of
        self._words = words
        self._open: list[str] = []
        self._depth = 0
        self._steps = 0

    def read(self, node: ast.expr) -> tuple[Any, dict[Path, Place]]:
        """Return a value, with `Unknown` for what cannot be told, and its places."""
        found = _Noted()
        value = self._value(node, (), found)
        self.nodes = found.nodes
        return value, found.places

    def value(self, node: ast.expr) -> Any:
        """Return a value alone."""
        return self._value(node, (), _Noted())

    def origin(self, node: ast.expr) -> ast.expr:
        """Return the expression that a name stands for; any other one as it is."""
        found = self._names.get(node.id) if isinstance(node, ast.Name) else None
        return found.value if found else node

    def place(self, node: ast.expr) -> Place:
        """Return where an expression stands."""
        return self._place_of(node.lineno)

    def _value(self, node: ast.expr, path: Path, noted: _Noted) -> Any:
        self._steps += 1
        read = _READERS.get(type(node))
        if read is None or self._depth > MAX_DEPTH or self._steps > MAX_STEPS:
            return unknown(node)
        self.seen.add(id(node))
        if len(noted.places) < MAX_PLACES:
            noted.places.setdefault(path, self._place_of(node.lineno))
            noted.nodes[path] = node
        self._depth += 1
        try:
            return read(self, node, path, noted)
        finally:
            self._depth -= 1

    def _constant(self, node: ast.Constant, *_: object) -> Any:
        value = node.value
        if isinstance(value, float) and not math.isfinite(value):
            return unknown(node)
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            return unknown(node)
        known = value is None or isinstance(value, str | int | float)
        return value if known else unknown(node)

    def _name(self, node: ast.Name, path: Path, noted: _Noted) -> Any:
        found = self._names.get(node.id)
        if found is None or node.id in self._open:
            return unknown(node)
        self._open.append(node.id)
        try:
            noted.places.pop(path, None)
            value = self._value(found.value, path, noted)
            for change in found.changes:
                value = self._changed(value, change, found, path, noted)
        finally:
            self._open.pop()
        return value

    def _changed(
        self,
        value: Any,
        change: Change,
        name: Name,
        path: Path,
        noted: _Noted,
    ) -> Any:
        """Return a value after one statement on it, as far as that is plain."""
        keys = [self.value(key) for key in change.keys]
        if not all(isinstance(key, str) for key in keys):
            return unknown(name.value)
        level = value
        for key in keys if change.is_update else keys[:-1]:
            level = level.get(key) if isinstance(level, dict) else None
        if not isinstance(level, dict):
            return unknown(name.value)
        below = (*path, *keys)
        steady = change.value is not None and change.block == name.block
        if change.is_update:
            made = self._value(change.value, below, noted) if steady else None  # type: ignore[arg-type]
            if not isinstance(made, dict):
                return unknown(name.value)
            level |= made
        else:
            level[keys[-1]] = (
                self._value(change.value, below, noted)  # type: ignore[arg-type]
                if steady
                else Unknown(f"{keys[-1]} is set elsewhere")
            )
        return value

    def _list(self, node: ast.List | ast.Tuple, path: Path, noted: _Noted) -> Any:
        items = [
            self._value(item, (*path, str(position)), noted)
            for position, item in enumerate(node.elts)
        ]
        if any(isinstance(item, ast.Starred) for item in node.elts):
            return unknown(node)
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def _dict(self, node: ast.Dict, path: Path, noted: _Noted) -> Any:
        made: dict[str, Any] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            if key_node is None:
                inner = self._value(value_node, path, noted)
                if not isinstance(inner, dict):
                    return unknown(node)
                made |= inner
                continue
            key = self.value(key_node)
            if not isinstance(key, str):
                return unknown(node)
            below = (*path, key)
            made[key] = self._value(value_node, below, noted)
            noted.places[below] = self._place_of(key_node.lineno)
        # What is spread into a mapping has been told of its path too.
        noted.nodes[path] = node
        return made

    def _call(self, node: ast.Call, path: Path, noted: _Noted) -> Any:
        name = dotted_name(node.func).rpartition(".")[2]
        if name == "dict" or is_config_class(name, self._words):
            return self._keywords(node, path, noted)
        arguments = [self.value(each) for each in node.args]
        if node.keywords or any(isinstance(each, Unknown) for each in arguments):
            return unknown(node)
        if name == "range":
            return ranged(node, arguments)
        if (
            name == "str"
            and len(arguments) == 1
            and isinstance(arguments[0], str | int)
        ):
            return str(arguments[0])
        if name in ("list", "tuple", "sorted") and len(arguments) == 1:
            return self._listed(name, arguments[0], node)
        return unknown(node)

    def _listed(self, name: str, items: Any, node: ast.expr) -> Any:
        if not isinstance(items, list | tuple):
            return unknown(node)
        if name != "sorted":
            return list(items) if name == "list" else tuple(items)
        return sorted(items) if all(map(is_whole, items)) else unknown(node)

    def _keywords(self, node: ast.Call, path: Path, noted: _Noted) -> Any:
        made: dict[str, Any] = {}
        for argument in node.args:
            inner = self._value(argument, path, noted)
            if not isinstance(inner, dict):
                return unknown(node)
            made |= inner
        for keyword in node.keywords:
            below = path if keyword.arg is None else (*path, keyword.arg)
            value = self._value(keyword.value, below, noted)
            if keyword.arg is not None:
                made[keyword.arg] = value
                noted.places[below] = self._place_of(keyword.lineno)
            elif isinstance(value, dict):
                made |= value
            else:
                return unknown(node)
        noted.nodes[path] = node
        return made

    def _unary(self, node: ast.UnaryOp, *_: object) -> Any:
        value = self.value(node.operand)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return unknown(node)
        if isinstance(node.op, ast.USub):
            return -value
        return value if isinstance(node.op, ast.UAdd) else unknown(node)

    def _binary(self, node: ast.BinOp, *_: object) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, dict) and isinstance(right, dict):
            return left | right if isinstance(node.op, ast.BitOr) else unknown(node)
        return calculated(node, left, right)

    def _joined(self, node: ast.JoinedStr, *_: object) -> Any:
        parts = []
        for each in node.values:
            plain = isinstance(each, ast.FormattedValue)
            if isinstance(each, ast.FormattedValue) and (
                each.format_spec is not None or each.conversion != -1
            ):
                return unknown(node)
            value = self.value(
                each.value if isinstance(each, ast.FormattedValue) else each
            )
            if isinstance(value, Unknown) or not (plain or isinstance(value, str)):
                return unknown(node)
            parts.append(str(value))
        text = "".join(parts)
        return text if len(text) <= MAX_ITEMS else unknown(node)

    def _subscript(self, node: ast.Subscript, *_: object) -> Any:
        level, key = self.value(node.value), self.value(node.slice)
        if isinstance(level, dict) and isinstance(key, str) and key in level:
            return level[key]
        return unknown(node)


_READERS: dict[type[ast.expr], Callable[..., Any]] = {
    ast.Constant: Literals._constant,  # noqa: SLF001 - its own table
    ast.Name: Literals._name,  # noqa: SLF001
    ast.List: Literals._list,  # noqa: SLF001
    ast.Tuple: Literals._list,  # noqa: SLF001
    ast.Dict: Literals._dict,  # noqa: SLF001
    ast.Call: Literals._call,  # noqa: SLF001
    ast.UnaryOp: Literals._unary,  # noqa: SLF001
    ast.BinOp: Literals._binary,  # noqa: SLF001
    ast.JoinedStr: Literals._joined,  # noqa: SLF001
    ast.Subscript: Literals._subscript,  # noqa: SLF001
}
