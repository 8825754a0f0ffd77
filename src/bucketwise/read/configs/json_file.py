"""A small JSON file from outside: bounded, strict, every fault one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bucketwise.errors import ConfigError

MAX_BYTES = 16 * 2**20
"""Configurations hold a few hundred kilobytes; more is none."""


def load_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Parameters
    ----------
    file : Path
        A regular file.

    Raises
    ------
    ConfigError
        When it cannot be read, is larger than `MAX_BYTES`, or is not JSON: broken,
        nested too deeply, with a key twice in one object, with NaN or Infinity.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"{file.name}: cannot be read ({error.strerror})"
        raise ConfigError(message) from error
    if len(content) > MAX_BYTES:
        message = f"{file.name}: expected at most {MAX_BYTES} bytes, got more"
        raise ConfigError(message)
    return parse_json(content, file.name)


def parse_json(text: str | bytes, name: str) -> Any:
    """Return what a JSON text says.

    Parameters
    ----------
    text : str or bytes
        The text.
    name : str
        What to call it.

    Raises
    ------
    ConfigError
        As `load_json`.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        message = f"{name}: nested too deeply for a configuration"
        raise ConfigError(message) from error
    except ValueError as error:
        # Bad UTF-8, bad JSON and integers of thousands of digits all end here.
        message = f"{name}: not JSON ({error})"
        raise ConfigError(message) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in pairs:
        if key in found:
            message = f"the key {key[:100]!r} appears twice in one object"
            raise ValueError(message)
        found[key] = item
    return found


def _no_constant(name: str) -> Any:
    message = f"{name} is not a JSON number"
    raise ValueError(message)
