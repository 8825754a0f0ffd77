"""JSON from outside: a value, or nothing where there is none; of a small file, or what is wrong with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bucketwise.errors import ConfigError

MAX_CHARACTERS = 256 * 1024 * 1024
"""A line above this is not taken apart; no server accepts such a request."""

_NEAR = 200

_FAULTS = (
    (
        r"'[^'\"]*'\s*[:,}\]]|:\s*(None|True|False)\b",
        "it is written as Python prints a dict ('a': None); JSON is what json.dumps writes",
    ),
    (r"[{,]\s*[A-Za-z_$][\w$.-]*\s*:", 'a key without quotes; JSON has "key": value'),
    (r"[\[{,\n]\s*(//|/\*|#)", "a comment; JSON has none"),
    (r",\s*[}\]]", "a comma before a closing bracket; JSON has none there"),
    (r"\bnan\b|\bNaN\b|\bundefined\b", "a value that is none; JSON has null"),
)
"""How a fault looks where something is written that is all but JSON, and its name."""

MAX_FILE_BYTES = 16 * 2**20
"""Configurations hold a few hundred kilobytes; more is none."""


def parse(text: str) -> Any:
    """Return what a JSON text says; None where it is no JSON."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def fault_in(line: str, at: int = 0) -> str:
    """Return what is wrong with a line that is no JSON; "" where that is nothing usual."""
    near = line[max(at - _NEAR, 0) : at + _NEAR]
    return next((said for how, said in _FAULTS if re.search(how, near)), "")


def load_json(file: Path) -> Any:
    """Return what a JSON file holds."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file.name}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{file.name}: expected at most {MAX_FILE_BYTES} bytes, got more"
        )
    return parse_json(content, file.name)


def parse_json(text: str | bytes, name: str) -> Any:
    """Return what a JSON text says."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply for a configuration") from error
    except ValueError as error:
        # Bad UTF-8, bad JSON and integers of thousands of digits all end here.
        raise ConfigError(f"{name}: not JSON ({error})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in pairs:
        if key in found:
            raise ValueError(f"the key {key[:100]!r} appears twice in one object")
        found[key] = item
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
