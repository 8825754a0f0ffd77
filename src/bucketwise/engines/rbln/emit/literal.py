"""A JSON value -> a Python literal over several lines, safe whatever it holds."""

from __future__ import annotations

from typing import Any


def python_literal(value: Any, indent: int = 0) -> str:
    """Return Python source of a JSON value.

    Parameters
    ----------
    value : object
        Made of dict, list, str, int, float, bool and None.
    indent : int
        Spaces before the closing bracket.

    Returns
    -------
    str
        Objects one entry a line, everything else on one line, ASCII only.
    """
    if not isinstance(value, dict) or not value:
        return ascii(value)
    inner = " " * (indent + 4)
    entries = "".join(
        f"{inner}{key!a}: {python_literal(item, indent + 4)},\n"
        for key, item in value.items()
    )
    return "{\n" + entries + " " * indent + "}"
