"""JSON as it was meant: out of texts, lists of pairs and flattened keys."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bucketwise.read.json_text import parse

_STARTS = frozenset(" \t\r\n\"'[{eW")
_PACKED = re.compile(r'\s*(?:(?P<json>"?[\[{])|(?:eyJ|ewo|W3s|Wwo)[\w+/-]{12})')
"""How JSON starts within a text, as it is or in base64, as Envoy taps (`as_bytes`) and
API Gateway (`isBase64Encoded`) keep bodies."""

_ANY_VALUES = frozenset({
    "stringValue", "boolValue", "intValue", "doubleValue", "bytesValue", "arrayValue",
    "kvlistValue",
})  # fmt: skip
"""How OTLP JSON writes a value (opentelemetry-proto 1.7, AnyValue)."""

_MOST_WRAPPINGS = 16
_MOST_DOTS = 32
_LONGEST_POSITION = 6

_TURNS = frozenset({"messages", "contents", "role"})
_PARTS = ("text", "image", "image_url", "input_text", "input_image")


class _Branch(dict[str, Any]):
    """An object that was made of keys with dots."""


def opened(value: Any) -> Any:
    """Return a value as the object or the list that it stands for.

    JSON within a text is parsed, OTLP's lists of keys and values become objects, and keys
    such as `messages.0.content`, as spans are flattened to, become objects and lists. One
    level is opened at a time.
    """
    for _ in range(_MOST_WRAPPINGS):
        how = _HOW.get(type(value))
        inner = value if how is None else how(value)
        if inner is value:
            break
        value = inner
    return value


def may_open(value: Any) -> bool:
    """Return whether a value may be an object or a list, or stand for one."""
    return value[:1] in _STARTS if isinstance(value, str) else type(value) in _HOW


def opened_prompt(value: Any) -> Any:
    """Return what stands where users write: text stays text unless it holds messages."""
    found = opened(value)
    if not isinstance(value, str) or found is value:
        return found
    if isinstance(found, dict):
        return found if _TURNS & found.keys() else value
    turns = [each for each in found if isinstance(each, dict)]
    are_turns = any("role" in each or each.get("type") in _PARTS for each in turns)
    return found if are_turns else value


def _unpacked(text: str) -> Any:
    found = _PACKED.match(text[:64]) if text[:1] in _STARTS else None
    if found is None:
        return text
    plain = text
    if not found["json"]:
        with suppress(ValueError):
            plain = a2b_base64(text.strip()).decode()
    parsed = parse(plain)
    if parsed is None and text.startswith("['"):
        parsed = parse(text.replace("'", '"'))  # a list as Python writes it
    return parsed if isinstance(parsed, (str, list, dict)) else text


def _paired(value: list[Any]) -> Any:
    """Return a list of keys and values as an object."""
    for pair in value:
        if not (isinstance(pair, dict) and "value" in pair and "key" in pair):
            return value
    return {str(pair["key"]): _plain(pair["value"]) for pair in value} or value


def _plain(value: Any) -> Any:
    """Return what an AnyValue says; anything else as it is."""
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind in _ANY_VALUES:
            return inner.get("values", []) if isinstance(inner, dict) else inner
    return value


def _unwrapped(value: dict[str, Any]) -> Any:
    for key in value:
        if "." in key:
            return _nested(value)
    return _plain(value)


def _nested(flat: dict[str, Any]) -> _Branch:
    root = _Branch()
    for key, value in flat.items():
        *outer, last = key.split(".") if key.count(".") <= _MOST_DOTS else [key]
        at: Any = root
        for name in outer:
            at = at.setdefault(name, _Branch())
            if not isinstance(at, _Branch):
                break
        if isinstance(at, _Branch) and last not in at:
            at[last] = value
        else:
            root[key] = value  # another key holds something of that name itself
    return root


def _listed(branch: _Branch) -> Any:
    """Return a list where the keys are positions."""
    if all(len(key) <= _LONGEST_POSITION and key.isdecimal() for key in branch):
        return [branch[key] for key in sorted(branch, key=int)]
    return branch


_HOW: dict[type, Callable[[Any], Any]] = {
    str: _unpacked,
    list: _paired,
    dict: _unwrapped,
    _Branch: _listed,
}
