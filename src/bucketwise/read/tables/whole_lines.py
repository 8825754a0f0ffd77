"""A text as a table of whole lines, for what takes each of them apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from bucketwise.read.database import Workspace, literal
from bucketwise.read.detect import File
from bucketwise.read.line_ends import find_line_ends
from bucketwise.read.lines import RAW_OPTIONS, mean_bytes, read_lines, sample
from bucketwise.read.tables.table import BATCH, BATCH_ROWS, Batch, Table

SAMPLE_LINES = 1_000
_BATCH_CHARACTERS = 4_000_000
"""Lines with images in them are few to a batch."""

_FILLED = "text IS NOT NULL AND (text >= '!' OR trim(text, ' \t\r\n') <> '')"
"""Most lines start with no blank; only the others are worth a closer look."""


def open_whole_lines(workspace: Workspace, file: File) -> Table:
    """Open a text as a table of one column, `line`, blank lines left out.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        What to open.
    """
    raw = raw_lines(workspace, file)
    # Told that a file is plain, DuckDB 2.0 reads it with one thread.
    fast = raw.replace(", compression = 'none'", "")
    cell = "(SELECT {} AS c0, false AS ragged, {} FROM {} WHERE " + _FILLED + ")"
    lines = first_lines(file)
    return Table(
        kind="text",
        name=file.name,
        roles={"line": 0},
        rows_due=cache(lambda: lines_due(file)),
        relation=cell.format("text", "text", f"(SELECT line AS text FROM {fast})"),
        numbered=cell.format("text", "text, line", numbered_lines(raw)),
        quote="false",
        streamed=cell.format("rtrim(text, '\r\n')", "text, line", BATCH),
        stream=lambda _: stream_lines(file),
        samples={0: tuple(line for line in lines if not line.isspace())},
        row_bytes=mean_bytes(lines, file.compression),
        notes=(),
        units_s={},
        named={"line": "line"},
    )


def raw_lines(workspace: Workspace, file: File) -> str:
    """Return SQL of the lines of a text, each a `line`, a blank one NULL."""
    return (
        f"read_csv({literal(workspace.stage(file.path))}, {RAW_OPTIONS}, "
        f"compression = '{file.compression}')"
    )


def numbered_lines(raw: str) -> str:
    """Return SQL of lines as `text`, with the number of each as `line`."""
    return f"(SELECT line AS text, row_number() OVER () AS line FROM {raw})"


def first_lines(file: File) -> list[str]:
    """Return the first lines of a text."""
    return sample(read_lines(file.path, file.compression), SAMPLE_LINES)


def lines_due(file: File) -> int | None:
    """Return how many lines are not blank; None where DuckDB would read them amiss."""
    ends = find_line_ends(file.path, file.compression)
    return None if ends.kind == "other" else ends.filled


def stream_lines(file: File) -> Iterator[Batch]:
    """Yield all lines in batches of a bounded size, as `text` with its `line`."""
    texts: list[str] = []
    first = 1
    characters = 0
    for text in read_lines(file.path, file.compression):
        texts.append(text)
        characters += len(text)
        if len(texts) == BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield _batch(texts, first)
            first += len(texts)
            characters = 0
            texts.clear()
    if texts:
        yield _batch(texts, first)


def _batch(texts: list[str], first: int) -> Batch:
    return {
        "text": np.array(texts, dtype=object),
        "line": np.arange(first, first + len(texts), dtype=np.int64),
    }
