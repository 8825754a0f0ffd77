"""One table file as DuckDB sees it, whatever its format."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.read.database import Workspace, literal
from bucketwise.read.detect import File
from bucketwise.read.lines import (
    RAW_OPTIONS,
    LineEnds,
    find_line_ends,
    mean_bytes,
    read_lines,
    sample,
)
from bucketwise.read.tables.number_forms import NumberForm, number_forms

Batch = dict[str, NDArray[Any]]
"""Rows in file order: one array a column, and `line`, where each row starts."""

BATCH = "batch"
"""The name under which DuckDB sees the batch at hand."""

BATCH_ROWS = 20_000

WHOLE = frozenset({
    "tinyint", "smallint", "integer", "bigint",
    "utinyint", "usmallint", "uinteger", "ubigint",
})  # fmt: skip
FLOATS = frozenset({"float", "double"})
TIMES = frozenset({"date", "timestamp", "timestamp with time zone"})
"""Types that DuckDB compares faster than their text."""

SAMPLE_LINES = 1_000
_MOST_FORMS = 512
"""Tables whose forms of numbers are kept: each is asked for them more than once."""
_BATCH_CHARACTERS = 4_000_000
"""Lines with images in them are few to a batch."""
_FILLED = "text IS NOT NULL AND (text >= '!' OR trim(text, ' \t\r\n') <> '')"
"""Most lines start with no blank; only the others are worth a closer look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where rows and cells stand in one file.

    Every relation has a text column `c<position>` for each column that is read and a
    boolean `ragged`.
    """

    kind: str
    """Format, for the record."""
    name: str
    """Base name."""
    roles: Mapping[str, int]
    """Position of the column of each role."""
    rows_due: Callable[[], int | None]
    """How many rows `relation` must give, rejected ones too: with more or fewer it has
    read amiss. None where only `stream` reads the file right."""
    relation: str
    """SQL of all rows, in no order, as fast as it goes."""
    numbered: str
    """`relation` with `line`; wrong where a quoted cell holds a line break, as some may
    where one is `quoted`."""
    streamed: str
    """SQL of the rows of one batch."""
    stream: Callable[[Workspace], Iterator[Batch]]
    """Batches in file order; slower, but it reads what DuckDB stumbles over."""
    samples: Mapping[int, tuple[str, ...]]
    """The first cells of each column that is read, by its position."""
    row_bytes: float
    """Mean size of a row in the file, packed as it is; 0 where unknown."""
    notes: tuple[str, ...]
    """What was read as what."""
    units_s: Mapping[str, float]
    """Seconds in one unit of the numbers of a role, where its column tells."""
    named: Mapping[str, str]
    """What the column of each role is called."""
    typed: frozenset[int] = frozenset()
    """Columns whose cells are numbers by their type; others are text."""
    stored: str = ""
    """`relation` with some cells as they are stored, which are cheaper to compare; ""
    where all are text."""
    kinds: Mapping[int, str] = field(default_factory=dict)
    """Types of the cells that `stored` does not have as text, by their position."""
    path: Path | None = None
    """The file, where `relation` and `numbered` read it as it stands; `relation` has a
    column `file` then."""
    source: str = ""
    """SQL of that file in them; in `relation` a list of files may stand there instead,
    and `file` tells which of them a row is of, from 0."""
    layout: str = ""
    """What else files have in common that are read so."""

    def over(self, source: str) -> Table:
        """Return the table of its file under another name, or of a list of files."""
        named = {
            name: getattr(self, name).replace(self.source, source)
            for name in ("relation", "numbered", "stored")
        }
        return replace(self, source=source, **named)

    def samples_of(self, role: str) -> tuple[str, ...]:
        """Return the first cells of the column that plays a role; () without one."""
        return self.samples.get(self.roles.get(role, -1), ())

    @property
    def forms(self) -> dict[str, NumberForm]:
        """How the numbers of each role are written that may have thousands."""
        typed = frozenset(role for role, at in self.roles.items() if at in self.typed)
        return _forms(
            tuple((role, self.samples_of(role)) for role in self.roles), typed
        )


@lru_cache(_MOST_FORMS)
def _forms(
    samples: tuple[tuple[str, tuple[str, ...]], ...], typed: frozenset[str]
) -> dict[str, NumberForm]:
    return number_forms(dict(samples), typed)


def open_whole_lines(workspace: Workspace, file: File) -> Table:
    """Open a text as a table of one column, `line`, blank lines left out."""
    raw = raw_lines(workspace, file)
    cell = "(SELECT {} AS c0, false AS ragged{} FROM {} WHERE " + _FILLED + ")"
    lines = first_lines(file)
    return Table(
        kind="text",
        name=file.name,
        roles={"line": 0},
        rows_due=cache(lambda: lines_due(file)),
        relation=cell.format("text", "", f"(SELECT line AS text FROM {raw})"),
        numbered=cell.format("text", ", line, false AS quoted", numbered_lines(raw)),
        streamed=cell.format("rtrim(text, '\r\n')", ", line", BATCH),
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


def unpacked(workspace: Workspace, file: File) -> tuple[File, LineEnds | None]:
    """Write a packed text out where there is room, and learn its line ends on the way.

    It is read more than once, and unpacking costs as much as reading. Whoever has read it
    drops it.
    """
    if file.compression == "none":
        return file, None
    path = workspace.scratch.own("unpacked")
    room_bytes = workspace.scratch.room_bytes()

    def keep(chunk: bytes) -> None:
        if plain.tell() + len(chunk) > room_bytes:
            raise OSError(errno.ENOSPC, "no room")
        plain.write(chunk)

    try:
        with path.open("wb") as plain:
            ends = find_line_ends(file.path, file.compression, keep)
    except OSError:
        # What cannot be read will say so once more.
        workspace.scratch.drop(path)
        return file, None
    return replace(file, path=path, compression="none"), ends


def first_lines(file: File) -> list[str]:
    """Return the first lines of a text."""
    return sample(read_lines(file.path, file.compression), SAMPLE_LINES)


def lines_due(file: File, ends: LineEnds | None = None) -> int | None:
    """Return how many lines are not blank; None where DuckDB would read them amiss."""
    ends = ends or find_line_ends(file.path, file.compression)
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
