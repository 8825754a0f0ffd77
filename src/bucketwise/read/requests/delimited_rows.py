"""Rows of a delimited text as records: a cell may hold an image, or a whole request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bucketwise.read.detect import File
from bucketwise.read.lines import read_lines, sample
from bucketwise.read.requests.opened import opened
from bucketwise.read.requests.payloads import holds_image
from bucketwise.read.requests.reader import Record
from bucketwise.read.tables.columns import FOR_SIZES, Purpose
from bucketwise.read.tables.layout import find_layout
from bucketwise.read.tables.records import Form, read_records

_SAMPLE_LINES = 20
_LONGEST_NAME = 64


def read_delimited(file: File) -> Iterator[Record]:
    """Yield each row as an object, by the names of its columns; None where it is ragged.

    Parameters
    ----------
    file : File
        A delimited text.
    """
    first = sample(read_lines(file.path, file.compression), _SAMPLE_LINES)
    layout = find_layout(first, {}, _FOR_IMAGES)
    form = Form(
        separator=layout.separator,
        width=len(layout.names),
        is_row=lambda cells: any(map(_is_telling, cells)),
    )
    lines = islice(read_lines(file.path, file.compression), layout.skipped, None)
    for at, cells in read_records(lines, form):
        if cells is None or form.is_ragged(cells):
            if cells != []:
                yield layout.skipped + at, None
        else:
            yield layout.skipped + at, dict(zip(layout.names, cells, strict=False))


def _is_telling(cell: str) -> bool:
    return holds_image(cell) or opened(cell) is not cell


def _is_name(cell: str) -> bool:
    return 0 < len(cell) <= _LONGEST_NAME and not _is_telling(cell)


_FOR_IMAGES = Purpose(
    match=FOR_SIZES.match,
    is_heading=_is_name,
    is_value=_is_telling,
    sought="the images",
    columns="width=1,height=2",
    line=FOR_SIZES.line,
)
"""A header is short, and what tells images is not."""
