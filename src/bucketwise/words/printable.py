"""Text from outside, made safe to show: it may hold what steers a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text with everything but letters, signs and line ends made visible."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else repr(each)[1:-1]
        for each in text
    )


def one_line(text: str) -> str:
    """Return text with line ends made visible too."""
    return printable(text).replace("\n", "\\n")
