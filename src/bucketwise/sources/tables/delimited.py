"""CSV and its kin: any separator, with or without a header."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from bucketwise.errors import InputError
from bucketwise.numbers import plural
from bucketwise.sources.database import Workspace, literal
from bucketwise.sources.detect import File
from bucketwise.sources.lines import (
    NOT_UTF8,
    RAW_OPTIONS,
    mean_bytes,
    read_lines,
    sample,
)
from bucketwise.sources.tables.columns import FOR_SIZES, Match, Purpose
from bucketwise.sources.tables.table import BATCH, BATCH_ROWS, Batch, Table

SEPARATORS = {",": "csv", "\t": "tsv", ";": "csv", "|": "csv"}
"""What may stand between cells, and what the record calls such a file."""

_SAMPLE_LINES = 50
_MOST_PREAMBLE_LINES = 20
_SHOWN = 40
"""Characters of a broken name that a message shows."""

_MAX_CELL_CHARACTERS = 16_000_000
"""A quote that nobody closed makes one cell of the rest of the file; it ends here, and
the row is ragged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How the first lines are written."""

    separator: str
    header: bool
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    preamble: int
    skipped: int
    line_end: str


def open_delimited(
    workspace: Workspace,
    file: File,
    chosen: Mapping[str, str] | None,
    purpose: Purpose = FOR_SIZES,
) -> Table:
    """Open a CSV file: find separator, header and columns in its first lines.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        What to open.
    chosen : mapping of str to str, optional
        Role to column name or position, from the user.
    purpose : Purpose
        What its columns are to tell.

    Raises
    ------
    InputError
        When it has no data row, or its columns do not serve the purpose.
    """
    lines = read_lines(file.path, file.compression)
    first = sample(lines, _SAMPLE_LINES)
    layout = _layout(first, chosen or {}, purpose)
    broken = next((name for name in layout.names if NOT_UTF8 in name), None)
    if broken is not None:
        raise InputError(
            f"{file.name}: the header is not UTF-8; found {broken[:_SHOWN]!r}; save it "
            "as UTF-8 (iconv -f LATIN1 -t UTF-8, if it is Latin-1)"
        )
    match = _match(layout, chosen, file.name, purpose)
    if not layout.rows:
        raise InputError(
            f"{file.name}: a header and no rows; found columns "
            f"{', '.join(map(repr, layout.names))}; at least one row is right"
        )
    width = len(layout.names)
    used = sorted(set(match.roles.values()))
    whole = [row for row in layout.rows if len(row) == width]
    return Table(
        kind=SEPARATORS[layout.separator],
        name=file.name,
        roles=match.roles,
        relation=_relation(workspace, file, layout),
        numbered=_numbered(workspace, file, layout, used),
        quote="contains(text, '\"')",
        streamed=BATCH,
        stream=lambda _: _stream(file, layout, used),
        samples={at: tuple(row[at] for row in whole) for at in used},
        row_bytes=mean_bytes(first, file.compression),
        notes=match.notes,
        units_s=match.units_s,
        named=match.named,
    )


def _layout(
    lines: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> _Layout:
    """Find the header: titles, comments or `sep=;` may stand before it."""
    at_once = _layout_after(0, lines, chosen, purpose)
    by_place = any(column.isdecimal() for column in chosen.values())
    if not at_once.header or by_place or _is_header(at_once.names, chosen, purpose):
        return at_once
    for preamble, line in enumerate(lines[:_MOST_PREAMBLE_LINES], start=1):
        if '"' in line:
            break
        layout = _layout_after(preamble, lines, chosen, purpose)
        agreeing, _ = _agreement(lines[preamble:], layout.separator)
        # Prose has such words too, but no rows as wide after them.
        if agreeing > 1 / 2 and _is_header(layout.names, chosen, purpose):
            return layout
    return at_once


def _layout_after(
    preamble: int, all_lines: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> _Layout:
    lines = all_lines[preamble:]
    separator = max(SEPARATORS, key=lambda each: _agreement(lines, each))
    # Blank records before the header: DuckDB counts them when it skips.
    records = list(_records(lines, separator))
    leading = next((at for at, record in enumerate(records) if record), 0)
    rows = [tuple(record) for record in records if record]
    first = rows[0] if rows else ()
    header = not _is_data(first, chosen, purpose)
    names = first if header else tuple(str(at + 1) for at in range(len(first)))
    return _Layout(
        separator=separator,
        header=header,
        names=tuple(name.strip() for name in names),
        rows=tuple(rows[1:] if header else rows),
        preamble=preamble,
        skipped=preamble + leading + header,
        line_end=_line_end(lines, separator, rows),
    )


def _line_end(
    lines: Sequence[str], separator: str, rows: Sequence[Sequence[str]]
) -> str:
    """Return how lines end where a cell holds such an end; "" elsewhere.

    DuckDB takes the first it meets for the end of every line, quoted or not.
    """
    if not any({*cell} & {"\r", "\n"} for row in rows for cell in row):
        return ""
    records = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    next(records)
    last = lines[records.line_num - 1]
    return last[len(last.rstrip("\r\n")) :]


def _records(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    """Read sample lines; the last record may be cut, so faults are let through."""
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def _agreement(lines: Sequence[str], separator: str) -> tuple[float, int]:
    """Return how many rows are as wide as the first, and how wide that is."""
    widths = [len(record) for record in _records(lines, separator) if record]
    if not widths or widths[0] < 2:  # noqa: PLR2004 - one column: nothing is separated
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


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


def _match(
    layout: _Layout,
    chosen: Mapping[str, str] | None,
    source: str,
    purpose: Purpose,
) -> Match:
    if not layout.header and not chosen:
        first = ", ".join(layout.rows[0])
        raise InputError(
            f"{source}: no header; the first row is {first}; say which columns hold "
            f"{purpose.sought}, by position: --columns {purpose.columns}"
        )
    match = purpose.match(layout.names, chosen, source)
    said = []
    if not layout.header:
        said.append("no header: every row was read as data")
    if layout.preamble:
        lines = plural(layout.preamble, "line")
        said.append(f"passed over {lines} before the header")
    return replace(match, notes=(*match.notes, *said))


def _relation(workspace: Workspace, file: File, layout: _Layout) -> str:
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(layout.names)))
    # A blank line in a file of one column is no row, as in a file of many.
    blank = "WHERE trim(c0) <> ''" if len(layout.names) == 1 else ""
    return (
        f"(SELECT *, false AS ragged FROM read_csv({_staged(workspace, file)}, "
        f"columns = {{{columns}}}, auto_detect = false, header = false, "
        f"skip = {layout.skipped}, delim = {literal(layout.separator)}, "
        f"quote = '\"', escape = '\"', store_rejects = true, {_ended(layout)}"
        f"compression = '{file.compression}') {blank})"
    )


def _ended(layout: _Layout) -> str:
    escaped = layout.line_end.replace("\r", "\\r").replace("\n", "\\n")
    return f"new_line = {literal(escaped)}, " if escaped else ""


def _numbered(
    workspace: Workspace, file: File, layout: _Layout, used: Sequence[int]
) -> str:
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
        f"(SELECT {cells}, {ragged} AS ragged, nth AS line, line AS text "
        f"FROM (SELECT line, {split} AS cells, "
        f"row_number() OVER () + {layout.skipped} AS nth "
        f"FROM read_csv({_staged(workspace, file)}, {RAW_OPTIONS}, "
        f"skip = {layout.skipped}, compression = '{file.compression}')) "
        f"WHERE {filled})"
    )


def _staged(workspace: Workspace, file: File) -> str:
    return literal(workspace.stage(file.path))


def _stream(file: File, layout: _Layout, used: Sequence[int]) -> Iterator[Batch]:
    """Yield batches of the used cells as Python's reader finds them."""
    rows: list[tuple[int, list[str] | None]] = []
    for row in _numbered_records(file, layout):
        rows.append(row)
        if len(rows) == BATCH_ROWS:
            yield _batch(rows, used, len(layout.names))
            rows.clear()
    if rows:
        yield _batch(rows, used, len(layout.names))


def _numbered_records(
    file: File, layout: _Layout
) -> Iterator[tuple[int, list[str] | None]]:
    """Yield each record and the line it starts on; None for a broken one."""
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    latest = [""]
    lines = read_lines(file.path, file.compression)
    reader = csv.reader(
        _remembered(islice(lines, layout.preamble, None), latest),
        delimiter=layout.separator,
        skipinitialspace=True,
        strict=True,
    )
    width = len(layout.names)
    header_is_due = layout.header
    while True:
        line = layout.preamble + reader.line_num + 1
        record: list[str] | None
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            record = None
        if record is not None and _is_blank(record, one_column=width == 1):
            continue
        if header_is_due:
            header_is_due = False
            continue
        if record is not None and len(record) > width and not any(record[width:]):
            # The reader skips a space; to DuckDB it is a surplus cell that is filled.
            ending = latest[0].rstrip("\r\n")
            record[width:] = ending.rsplit(layout.separator, len(record) - width)[1:]
        yield line, record


def _remembered(lines: Iterable[str], latest: list[str]) -> Iterator[str]:
    for line in lines:
        latest[0] = line
        yield line


def _is_blank(record: Sequence[str], *, one_column: bool) -> bool:
    return not any(record) if one_column else not record


def _batch(
    rows: Sequence[tuple[int, list[str] | None]], used: Sequence[int], width: int
) -> Batch:
    whole = [record for _, record in rows]
    ragged = [
        record is None or len(record) < width or any(record[width:]) for record in whole
    ]
    batch: Batch = {
        f"c{at}": np.array(
            [
                None if record is None or at >= len(record) else record[at]
                for record in whole
            ],
            dtype=object,
        )
        for at in used
    }
    batch["ragged"] = np.array(ragged)
    batch["line"] = np.array([line for line, _ in rows], dtype=np.int64)
    return batch
