"""What the first lines of a delimited text tell: its separator, its header, its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bucketwise.read.tables.columns import Purpose
from bucketwise.read.tables.records import Form, read_records

SEPARATORS = {",": "csv", "\t": "tsv", ";": "csv", "|": "csv"}
"""What may stand between cells, and what the record calls such a file."""

_MOST_PREAMBLE_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the first lines are written.

    Attributes
    ----------
    separator : str
        What stands between cells.
    header : bool
        Whether the first row names the columns.
    names : tuple of str
        Of the columns; their positions where there is no header.
    rows : tuple of tuple of str
        The first rows, cut where the sample is.
    agreement : float
        The share of rows that are as wide as the first.
    preamble : int
        Lines passed over before the header.
    skipped : int
        Lines before the first row.
    spans : bool
        Whether a record among them spans lines.
    """

    separator: str
    header: bool
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    agreement: float
    preamble: int
    skipped: int
    spans: bool

    def cells(self, at: int) -> list[str]:
        """Return the cells of a column that the first rows have."""
        return [row[at] for row in self.rows if len(row) == len(self.names)]


def find_layout(
    lines: Sequence[str], chosen: Mapping[str, str], purpose: Purpose
) -> Layout:
    """Find the header: titles, comments or `sep=;` may stand before it.

    Parameters
    ----------
    lines : sequence of str
        The first lines, with their ends.
    chosen : mapping of str to str
        Role to column name or position, from the user.
    purpose : Purpose
        What the columns are to tell.
    """
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
