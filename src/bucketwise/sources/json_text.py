"""JSON from outside: a value, or nothing where there is none."""

from __future__ import annotations

import json
from typing import Any

MAX_CHARACTERS = 256 * 1024 * 1024
"""A line above this is not taken apart; no server accepts such a request."""


def parse(text: str) -> Any:
    """Return what a JSON text says; None where it is no JSON.

    Parameters
    ----------
    text : str
        Anything.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
