"""The physical lines of a text file, packed or not."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from bucketwise.sources.database import Workspace, literal, rows_in_order

RAW_OPTIONS = (
    "columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, "
    "delim = '\x01', quote = '', escape = ''"
)
"""Options of `read_csv` that make each line one cell, a blank one NULL; line ends of
two kinds are a fault, because DuckDB would count some of them twice."""

_SAMPLE_CHARACTERS = 4_000_000
_LINES_AT_ONCE = 10_000


def read_lines(workspace: Workspace, path: Path, compression: str) -> Iterator[str]:
    """Yield every line with its line end, without the mark at the start of the file.

    Raises
    ------
    UnicodeDecodeError
        When the text is not UTF-8.
    """
    if compression == "zstd":
        yield from raw_lines(workspace, path, compression)
        return
    opened = gzip.open(path) if compression == "gzip" else path.open("rb")  # noqa: SIM115 - closed below
    with opened as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as lines:
        yield from lines


def raw_lines(workspace: Workspace, path: Path, compression: str) -> Iterator[str]:
    """Yield every line as DuckDB unpacks it."""
    query = (
        f"SELECT coalesce(line, '') FROM read_csv({literal(workspace.stage(path))}, "
        f"{RAW_OPTIONS}, strict_mode = false, compression = '{compression}')"
    )
    for rows in rows_in_order(workspace, query, _LINES_AT_ONCE):
        for (line,) in rows:
            yield line + "\n"


def sample(lines: Iterable[str], most: int) -> list[str]:
    """Return the first lines, up to the given number of lines that are not blank."""
    taken: list[str] = []
    filled = characters = 0
    for line in lines:
        taken.append(line)
        filled += bool(line.strip())
        characters += len(line)
        if filled >= most or characters >= _SAMPLE_CHARACTERS:
            break
    return taken
