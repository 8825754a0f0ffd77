"""Which image limits a Python text sets on the processor."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bucketwise.core.in_service import SOFT_TOKEN_PX, SOFT_TOKENS
from bucketwise.nouns.document import GivenLimits, Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.literals import Literals
from bucketwise.read.configs.documents.python_syntax import dotted_name

LEAST, MOST = "min_pixels", "max_pixels"
_SIZE = {"shortest_edge": LEAST, "longest_edge": MOST}

Said = dict[str, dict[int, Place]]
"""Limit -> its values, and where each was seen first."""


def limits_in(
    trees: Sequence[ast.Module], literals: Literals
) -> tuple[tuple[GivenLimits, ...], tuple[str, ...]]:
    """Return the image limits a text sets, and what is odd about them."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    of_clips = {id(value) for node in nodes for value in _values_of_clips(node)}
    nodes = [node for node in nodes if id(node) not in of_clips]
    for found in (_settings, _constants):
        said: Said = {LEAST: {}, MOST: {}}
        for node in nodes:
            for name, value_node in found(node):
                _note(said, name, *literals.read(value_node))
        if any(said.values()):
            return _together(said)
    return (), ()


def _note(said: Said, name: str, value: Any, places: Mapping[Path, Place]) -> None:
    """Note what one setting says: a number, or both as the edges of a size."""
    if name == SOFT_TOKENS and type(value) is int:
        name, value = MOST, value * SOFT_TOKEN_PX**2
    pairs = [(name, value, places.get((), None))]
    if isinstance(value, dict):
        pairs = [
            (limit, value.get(edge), places.get((edge,)))
            for edge, limit in _SIZE.items()
        ]
    for limit, number, place in pairs:
        if limit in said and type(number) is int and place is not None:
            said[limit].setdefault(number, place)


def _together(said: Said) -> tuple[tuple[GivenLimits, ...], tuple[str, ...]]:
    chosen = {
        name: next(iter(values)) for name, values in said.items() if len(values) == 1
    }
    notes = tuple(
        f"{name} is set to {', '.join(f'{value:,}' for value in sorted(values)[:5])}: "
        "which is in force cannot be told"
        for name, values in said.items()
        if len(values) > 1
    )
    if not chosen:
        return (), notes
    place = min(
        (said[name][value] for name, value in chosen.items()), key=lambda at: at.line
    )
    limits = GivenLimits(
        min_pixels=chosen.get(LEAST), max_pixels=chosen.get(MOST), source=str(place)
    )
    return (limits,), notes


def _settings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what sets a limit on an object; video processors have limits of their own."""
    if isinstance(node, ast.Call):
        name = dotted_name(node.func)
        if "video" not in name.lower():
            yield from _keywords(node, sizes="rocessor" in name)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            owner, _, attribute = dotted_name(target).rpartition(".")
            is_limit = owner and attribute in (LEAST, MOST, "size", SOFT_TOKENS)
            if is_limit and "video" not in owner.lower():
                yield attribute, node.value
    elif isinstance(node, ast.Dict):
        yield from _entries(node)


def _keywords(call: ast.Call, *, sizes: bool) -> Iterator[tuple[str, ast.expr]]:
    names = (LEAST, MOST, "size", SOFT_TOKENS) if sizes else (LEAST, MOST)
    for keyword in call.keywords:
        if keyword.arg and keyword.arg in names:
            yield keyword.arg, keyword.value


def _values_of_clips(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what stands under a key such as videos_kwargs: clips have limits of their own."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and "video" in str(key.value):
                yield value
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg and "video" in keyword.arg:
                yield keyword.value


def _entries(node: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    """Yield the limits in a mapping, such as mm_processor_kwargs or an image's own."""
    named = {
        key.value: value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    if "video" not in named:
        for name in (LEAST, MOST, "size"):
            if name in named:
                yield name, named[name]


def _constants(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            name = target.id.lower() if isinstance(target, ast.Name) else ""
            if name in (LEAST, MOST):
                yield name, node.value
