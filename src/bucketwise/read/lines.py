"""The physical lines of a text file, packed or not."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bucketwise.read.packing import Compression, open_unpacked

RAW_OPTIONS = (
    "columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, "
    "delim = '\x01', quote = '', escape = ''"
)
"""Options of `read_csv` that make each line one cell, a blank one NULL; of line ends of
two kinds DuckDB would count some twice, and miss others."""

NOT_UTF8 = "\ufffd"
"""Stands for bytes that are no text."""

MAX_LINE_BYTES = 128 << 20
"""Longer lines are none that a serving stack accepts: OpenAI's API takes requests of 50
MB (API reference, "Images and vision"), vLLM reads bodies whole."""

_CHUNK_BYTES = 65_536
_SAMPLE_CHARACTERS = 4_000_000


class OverlongLineError(ValueError):
    """A line that is too long to be held."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is longer than {MAX_LINE_BYTES >> 20} MiB")


def read_lines(path: Path, compression: Compression) -> Iterator[str]:
    """Yield every line with its line end, without the mark at the start of the file.

    Bytes that are not UTF-8 become U+FFFD: a log that cuts what users wrote after so
    many bytes has halves of characters, and they are seldom in a cell that is read.

    Raises
    ------
    OverlongLineError
        When a line is longer than `MAX_LINE_BYTES`.
    """
    packed = open_unpacked(path, compression)
    text = io.TextIOWrapper(packed, "utf-8-sig", "replace", newline="")
    # Lines with images in them are long: a fifth of their time went by in small reads.
    text._CHUNK_SIZE = _CHUNK_BYTES  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public sets it
    with packed, text as lines:
        nth = 1
        while line := lines.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES and not line.endswith(("\n", "\r")):
                raise OverlongLineError(nth)
            yield line
            nth += 1


def mean_bytes(lines: Sequence[str], compression: str) -> float:
    """Return the mean size of lines in their file; 0 where it is packed."""
    if compression != "none" or not lines:
        return 0.0
    return sum(len(line.encode()) for line in lines) / len(lines)


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
