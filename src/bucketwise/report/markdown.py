"""Text and tables as GitHub Flavored Markdown that renders as it reads."""

from __future__ import annotations

import re

from bucketwise.report.blocks import Callout, Column, Table
from bucketwise.words.text import one_line

_SIGNS = re.compile(r"([\\`*\[\]<>|~$#]|(?<![^\W_])_|_(?![^\W_]))")
"""What has a meaning inside a line: CommonMark 0.31, and GitHub's tables and math.

An underscore between letters has none; parentheses have none behind escaped brackets.
"""

_LINE_START = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=]))")
_LINKS = re.compile(r"(?<=[A-Za-z])(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_RUN = re.compile(r"`+")


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    flat = " ".join(one_line(text).split())
    flat = _SIGNS.sub(r"\\\1", flat)
    flat = _LINE_START.sub(lambda found: f"{found[1]}\\", flat)
    flat = _LINKS.sub(r"\\", flat)
    flat = _ENTITY.sub("&amp;", flat)
    # A host tells the people so named, and looks for them after it has unescaped.
    return flat.replace("@", "@<!-- -->")


def code(text: str) -> str:
    """Return text as a code span that nothing in it can end."""
    flat = one_line(text)
    longest = max((len(run) for run in _RUN.findall(flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def quoted(block: Callout) -> str:
    """Return a callout as a quotation."""
    return f"> **{escaped(block.mark)}** {escaped(block.text)}"


def rows_of(table: Table) -> str:
    """Return a table, its caption left out."""
    rule = ["---:" if each.style == "number" else "---" for each in table.head]
    rows = [
        [_cell(text, head) for text, head in zip(row.cells, table.head, strict=True)]
        for row in table.rows
    ]
    heads = [escaped(column.text) for column in table.head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _cell(text: str, column: Column) -> str:
    # Readers of tables differ on a pipe inside code; escaped text all of them take.
    return code(text) if column.style == "code" and "|" not in text else escaped(text)
