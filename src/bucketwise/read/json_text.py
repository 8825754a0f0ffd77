"""JSON from outside: a value, or nothing where there is none."""

from __future__ import annotations

import json
import re
from typing import Any

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


def fault_in(line: str, at: int = 0) -> str:
    """Return what is wrong with a line that is no JSON; "" where that is nothing usual.

    Parameters
    ----------
    line : str
        Some of the text.
    at : int
        Where in it no JSON can go on; what is amiss stands there or shortly before.
    """
    near = line[max(at - _NEAR, 0) : at + _NEAR]
    return next((said for how, said in _FAULTS if re.search(how, near)), "")
