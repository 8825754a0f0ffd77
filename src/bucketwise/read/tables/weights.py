"""A column of counts that is called something else: its cells must be counts, too."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bucketwise.read.tables.misnomers import Cells
from bucketwise.read.tables.names import LOAD, SIZES

LOOSE_NAMES = (
    "requests", "num_requests", "request_count", "hits", "images", "num_images",
    "image_count", "total", "qty", "quantity", "occurrences",
    "doc_count",
)  # fmt: skip
"""What a sum over rows is called; in a log of single requests such names say other
things."""

_OF_IMAGES = frozenset({"images", "num_images", "image_count"})
"""Those that count images alone: beside the tokens of a text it tells what that text held."""

_OF_SUMS = frozenset({None, "time", "path", "replica", "engine"})
"""Roles of a load by which requests are summed up; the others are of one request."""


def loose_count(
    names: Sequence[str],
    taken: Collection[int],
    cells: Cells,
    *,
    of_texts: bool = False,
) -> int | None:
    """Return the column that counts what is sized without being named so, or None.

    Parameters
    ----------
    names : sequence of str
        The columns.
    taken : collection of int
        Those that tell something else.
    cells : callable
        Some of the cells of a column.
    of_texts : bool
        Whether the rows are texts.
    """
    if not {LOAD.role_of(name) for name in names} <= _OF_SUMS:
        return None
    for loose in LOOSE_NAMES:
        if of_texts and loose in _OF_IMAGES:
            continue
        for at, name in enumerate(names):
            if loose in SIZES.plain(name) and at not in taken and _is_count(cells(at)):
                return at
    return None


def _is_count(cells: Sequence[str]) -> bool:
    """Say whether cells are whole numbers, and not all of them 0 or 1."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    whole = all(
        re.fullmatch(r"\d{1,3}([, ]?\d{3})*|\d+(\.0+)?", each) for each in filled
    )
    return whole and not all(each in {"0", "1"} for each in filled)
