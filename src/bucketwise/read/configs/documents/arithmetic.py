"""Calculations that a Python text plainly says, as long as they stay small."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from bucketwise.nouns.document import Unknown

MAX_ITEMS = 4_096
"""Of a list that arithmetic makes; no list of devices is as long."""

MAX_NUMBER = 2**63
MAX_EXPONENT = 64
_LONGEST = 80
_WIDEST = 200

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}

_OPERANDS = (int, float, str, list, tuple)


def calculated(node: ast.BinOp, left: Any, right: Any) -> Any:
    """Return what a calculation makes; `Unknown` where it fails or grows too large.

    Parameters
    ----------
    node : ast.BinOp
        The calculation.
    left, right : object
        Its operands.
    """
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
