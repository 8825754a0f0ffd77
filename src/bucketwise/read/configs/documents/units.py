"""systemd units and supervisor's files -> the commands that they start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bucketwise.read.configs.documents.dialects import POSIX
from bucketwise.read.configs.documents.excerpt import Excerpt, joined
from bucketwise.read.configs.documents.shell import Command, Shell

_SECTION = re.compile(r"^\[.+\][ \t]*$", re.MULTILINE)
_SETTING = re.compile(
    r"^(?P<name>[A-Za-z]\w*)[ \t]*=[ \t]*"
    # systemd goes on after a backslash, supervisor where a line is indented.
    r"(?P<value>(?:.*\\\n(?:[#;].*\n)*)*.*(?:\n[ \t]+\S.*)*)$",
    re.MULTILINE,
)
_BETWEEN_PAIRS = re.compile(r",(?=\s*\w+=)")
_NOT_IN_SHELL = re.compile(r"^[#;].*\n", re.MULTILINE)


def unit_commands(excerpt: Excerpt) -> Iterator[Command]:
    """Yield the commands that a unit starts.

    Parameters
    ----------
    excerpt : Excerpt
        The text.

    Raises
    ------
    ConfigError
        When a quote is not closed.
    """
    starts = [match.start() for match in _SECTION.finditer(excerpt.text)] or [0]
    for start, end in zip(starts, [*starts[1:], len(excerpt.text)], strict=True):
        yield from _section(excerpt[start:end])


def _section(section: Excerpt) -> Iterator[Command]:
    shell = Shell()
    settings = list(_SETTING.finditer(section.text))
    for match in settings:
        if match["name"].lower() == "environment":
            pairs = _on_one_line(section[match.start("value") : match.end("value")])
            # supervisor parts pairs by commas.
            pairs = pairs.as_long(_BETWEEN_PAIRS.sub(" ", pairs.text))
            list(shell.lines(joined([pairs.saying("ENV ", 0, 0), pairs], pairs), POSIX))
    for match in settings:
        if match["name"].startswith("ExecStart") or match["name"] == "command":
            value = section[match.start("value") : match.end("value")]
            yield from shell.commands(_on_one_line(value), POSIX)


def _on_one_line(value: Excerpt) -> Excerpt:
    """Return a value whose lines a shell would take for one."""
    text = _NOT_IN_SHELL.sub(lambda found: " " * len(found[0]), value.text)
    text = re.sub(r"\\?\n", lambda found: " " * len(found[0]), text)
    return value.as_long(text)
