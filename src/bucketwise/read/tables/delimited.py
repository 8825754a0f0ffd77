"""CSV and its kin: any separator, with or without a header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np

from bucketwise.errors import InputError
from bucketwise.read.database import FILE, Workspace, literal
from bucketwise.read.detect import File
from bucketwise.read.lines import (
    NOT_UTF8,
    RAW_OPTIONS,
    LineEnds,
    find_line_ends,
    mean_bytes,
    read_lines,
    sample,
)
from bucketwise.read.tables.columns import FOR_SIZES, Match, Purpose
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.records import Form, Record, read_records
from bucketwise.read.tables.table import BATCH, BATCH_ROWS, Batch, Table, unpacked
from bucketwise.words.numbers import plural

SEPARATORS = {",": "csv", "\t": "tsv", ";": "csv", "|": "csv"}
"""What may stand between cells, and what the record calls such a file."""

_MOST_PREAMBLE_LINES = 20

_SAMPLE_LINES = 50
_PAIR = re.compile(r"\s*\d+\s*[xX*\u00d7]\s*\d+\s*")
_SHOWN = 40
"""Characters of a broken name that a message shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the first lines are written."""

    separator: str
    """What stands between cells."""
    header: bool
    """Whether the first row names the columns."""
    names: tuple[str, ...]
    """Of the columns; their positions where there is no header."""
    rows: tuple[tuple[str, ...], ...]
    """The first rows, cut where the sample is."""
    agreement: float
    """The share of rows that are as wide as the first."""
    preamble: int
    """Lines passed over before the header."""
    skipped: int
    """Lines before the first row."""
    spans: bool
    """Whether a record among them spans lines."""

    def cells(self, at: int) -> list[str]:
        """Return the cells of a column that the first rows have."""
        return [row[at] for row in self.rows if len(row) == len(self.names)]


def find_layout(
    lines: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> Layout:
    """Find the header: titles, comments or `sep=;` may stand before it."""
    at_once = _after(0, lines, chosen, purpose)
    by_place = any(column.isdecimal() for column in chosen.values())
    if not at_once.header or by_place or _is_header(at_once.names, chosen, purpose):
        return at_once
    for preamble in range(1, min(len(lines), _MOST_PREAMBLE_LINES + 1)):
        layout = _after(preamble, lines, chosen, purpose)
        if not _is_header(layout.names, chosen, purpose):
            continue
        # Prose has such words too, but no rows as wide after them.
        if layout.agreement > 1 / 2:
            return layout
    return at_once


def _after(
    preamble: int, all_lines: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> Layout:
    lines = all_lines[preamble:]
    leading = next((at for at, line in enumerate(lines) if line.strip("\r\n")), 0)
    separator, sampled = max(
        ((each, _sampled(lines[leading:], each, purpose)) for each in SEPARATORS),
        key=lambda each: each[1].agreement,
    )
    first = sampled.first
    header = not _is_data(first, chosen, purpose)
    names = first if header else tuple(str(at + 1) for at in range(len(first)))
    return Layout(
        separator=separator,
        header=header,
        names=tuple(name.strip() for name in names),
        rows=sampled.rows if header else (first, *sampled.rows),
        agreement=sampled.agreement,
        preamble=preamble,
        skipped=preamble + leading + (sampled.first_lines if header else 0),
        spans=sampled.spans,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sampled:
    """The first lines as one separator parts them."""

    first: tuple[str, ...]
    first_lines: int
    rows: tuple[tuple[str, ...], ...]
    spans: bool

    @property
    def agreement(self) -> float:
        """The share of rows that are as wide as the first."""
        width = len(self.first)
        if width < 2:  # noqa: PLR2004 - one column: nothing is separated
            return 0.0
        alike = 1 + sum(len(row) == width for row in self.rows)
        return alike / (1 + len(self.rows))


def _sampled(lines: Sequence[str], separator: str, purpose: Purpose) -> _Sampled:
    def form(width: int) -> Form:
        return Form(
            separator=separator,
            width=width,
            is_row=lambda cells: any(map(purpose.is_value, cells)),
        )

    first_line = form(1).split_open(lines[0]) if lines else []
    records = read_records(lines, form(len(first_line)), cut=True)
    # A name may hold a line break; one with a stray quote still names its column.
    first = next(records, (0, None))[1] or first_line
    second = next(records, (len(lines) + 1, None))[0]
    rest = list(read_records(lines[second - 1 :], form(len(first)), cut=True))
    return _Sampled(
        first=tuple(first),
        first_lines=second - 1,
        rows=tuple(tuple(record) for _, record in rest if record),
        spans=second - 1 + len(rest) < len(lines),
    )


def _is_data(first: Sequence[str], chosen: Mapping[str, str], purpose: Purpose) -> bool:
    """Say whether the first row has values where a header has names."""
    if _is_header(first, chosen, purpose):
        return False
    named = [column for column in chosen.values() if column]
    places = [int(column) - 1 for column in named if column.isdecimal()]
    looked_at = [first[at] for at in places if 0 <= at < len(first)] or first
    return any(purpose.is_value(cell) for cell in looked_at)


def _is_header(
    first: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> bool:
    """Say whether the first row has a name that is known, or that the user gave."""
    given = {column for column in chosen.values() if not column.isdecimal()} - {""}
    return not given.isdisjoint(first) or any(map(purpose.is_heading, first))


def open_delimited(
    workspace: Workspace, file: File, chosen: Chosen, purpose: Purpose = FOR_SIZES
) -> Table:
    """Open a CSV file: find separator, header and columns in its first lines."""
    lines = read_lines(file.path, file.compression)
    first = sample(lines, _SAMPLE_LINES)
    layout = find_layout(first, chosen or {}, purpose)
    broken = next((name for name in layout.names if NOT_UTF8 in name), None)
    if broken is not None:
        raise InputError(
            f"{file.name}: the header is not UTF-8; found {broken[:_SHOWN]!r}; save it "
            "as UTF-8 (iconv -f LATIN1 -t UTF-8, if it is Latin-1)"
        )
    match = _match(layout, chosen, file.name, purpose)
    if not layout.rows:
        raise InputError(
            f"{file.name}: expected one row at least, got a header alone; found "
            f"columns {', '.join(map(repr, layout.names))}"
        )
    row_bytes = mean_bytes(first, file.compression)
    width = len(layout.names)
    used = sorted(set(match.roles.values()))
    whole = [row for row in layout.rows if len(row) == width]
    samples = {at: tuple(row[at] for row in whole) for at in used}
    form = Form(
        separator=layout.separator, width=width, is_row=_is_row(samples, purpose)
    )
    file, ends = unpacked(workspace, file) if purpose is FOR_SIZES else (file, None)
    source = literal(workspace.stage(file.path))
    before = sum(bool(line.strip("\r\n")) for line in first[: layout.skipped])
    return Table(
        kind=SEPARATORS[layout.separator],
        name=file.name,
        roles=match.roles,
        rows_due=cache(lambda: _rows_due(file, layout, form, before, ends)),
        relation=_relation(source, file, layout),
        numbered=_numbered(source, file, layout, used),
        streamed=BATCH,
        stream=lambda _: _stream(file, layout, form, used),
        samples=samples,
        row_bytes=row_bytes,
        notes=match.notes,
        units_s=match.units_s,
        named=match.named,
        path=file.path,
        source=source,
    )


def _is_row(
    samples: Mapping[int, Sequence[str]], purpose: Purpose
) -> Callable[[Sequence[str]], bool]:
    """Return a test of cells: values stand where most of the first rows have them."""
    telling = [
        at
        for at, cells in samples.items()
        if 2 * sum(map(purpose.is_value, cells)) > len(cells)
    ]
    return lambda cells: all(purpose.is_value(cells[at]) for at in telling)


def _match(layout: Layout, chosen: Chosen, source: str, purpose: Purpose) -> Match:
    if not layout.header and not chosen:
        first = ", ".join(layout.rows[0])
        pairs = [
            at for at, cell in enumerate(layout.rows[0], 1) if _PAIR.fullmatch(cell)
        ]
        columns = purpose.columns
        if pairs and purpose is FOR_SIZES:
            columns = f"resolution={pairs[0]}"
        raise InputError(
            f"{source}: no header; the first row is {first}; say which columns hold "
            f"{purpose.sought}, by position: --columns {columns}"
        )
    match = purpose.match(layout.names, chosen, source, layout.cells)
    said = []
    if not layout.header:
        said.append("no header: every row was read as data")
    if layout.preamble:
        lines = plural(layout.preamble, "line")
        said.append(f"passed over {lines} before the header")
    return replace(match, notes=(*match.notes, *said))


def _relation(source: str, file: File, layout: Layout) -> str:
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(layout.names)))
    blank = "WHERE trim(c0) <> ''" if len(layout.names) == 1 else ""
    return (
        f"(SELECT *, {FILE} AS file, false AS ragged FROM read_csv({source}, "
        f"columns = {{{columns}}}, auto_detect = false, header = false, "
        f"skip = {layout.skipped}, delim = {literal(layout.separator)}, "
        f"quote = '\"', escape = '\"', store_rejects = true, "
        f"compression = '{file.compression}') {blank})"
    )


def _numbered(source: str, file: File, layout: Layout, used: Sequence[int]) -> str:
    width = len(layout.names)
    split = f"string_split(line, {literal(layout.separator)})"
    cells = ", ".join(f"cells[{at + 1}] AS c{at}" for at in used)
    # Surplus empty cells are let through, as DuckDB does.
    surplus = f"array_to_string(cells[{width + 1}:], '') <> ''"
    ragged = f"len(cells) < {width} OR (len(cells) > {width} AND {surplus})"
    filled = (
        "trim(array_to_string(cells, '')) <> ''" if width == 1 else "line IS NOT NULL"
    )
    return (
        f"(SELECT {cells}, {ragged} AS ragged, nth AS line, contains(line, '\"') AS quoted "
        f"FROM (SELECT line, {split} AS cells, "
        f"row_number() OVER () + {layout.skipped} AS nth "
        f"FROM read_csv({source}, {RAW_OPTIONS}, "
        f"skip = {layout.skipped}, compression = '{file.compression}')) "
        f"WHERE {filled})"
    )


def _rows_due(
    file: File, layout: Layout, form: Form, before: int, ends: LineEnds | None
) -> int | None:
    """Return how many rows DuckDB must find; None where it would read amiss."""
    ends = ends or find_line_ends(file.path, file.compression)
    if ends.kind == "other":
        return None
    if not layout.spans:
        return ends.filled - before
    rows = 0
    for _, record in _records(file, layout, form):
        if record is None:
            return None
        rows += 1
    return rows


def _records(file: File, layout: Layout, form: Form) -> Iterator[Record]:
    """Yield every record that is not blank."""
    lines = islice(read_lines(file.path, file.compression), layout.skipped, None)
    for line, record in read_records(lines, form):
        # A blank line in a file of one column is no row, as in a file of many.
        if record is None or (any(record) if form.width == 1 else record):
            yield layout.skipped + line, record


def _stream(
    file: File, layout: Layout, form: Form, used: Sequence[int]
) -> Iterator[Batch]:
    """Yield batches of the used cells as Python's reader finds them."""
    width = form.width
    nothing = (None,) * len(used)
    starts: list[int] = []
    ragged: list[bool] = []
    rows: list[tuple[str | None, ...]] = []
    for line, record in _records(file, layout, form):
        starts.append(line)
        if record is None:
            ragged.append(True)
            rows.append(nothing)
        elif len(record) == width:
            ragged.append(False)
            rows.append(tuple([record[at] for at in used]))
        else:
            ragged.append(form.is_ragged(record))
            rows.append(tuple(record[at] if at < len(record) else None for at in used))
        if len(rows) == BATCH_ROWS:
            yield _batch(starts, ragged, rows, used)
            starts, ragged, rows = [], [], []
    if rows:
        yield _batch(starts, ragged, rows, used)


def _batch(
    starts: Sequence[int],
    ragged: Sequence[bool],
    rows: Sequence[Sequence[str | None]],
    used: Sequence[int],
) -> Batch:
    batch: Batch = {
        f"c{at}": np.array(cells, dtype=object)
        for at, cells in zip(used, zip(*rows, strict=True), strict=True)
    }
    batch["ragged"] = np.array(ragged)
    batch["line"] = np.array(starts, dtype=np.int64)
    return batch
