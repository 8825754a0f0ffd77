"""Columns that are not what their names suggest, as their cells and neighbours tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from bucketwise.read.tables.names import LOAD, SIZES
from bucketwise.read.tables.times import is_date

Cells = Callable[[int], Sequence[str]]
"""Position of a column -> some of its cells."""

_OF_CLIENTS = re.compile(r"(.*[._])?(request|req|http_request|client)\.[^.]*")
_DOMAIN = re.compile(r"(?i)([a-z0-9-]+\.)+(?!local$|internal$|lan$|svc$)[a-z]{2,}")
_BOX = re.compile(r"(.*[._])?(b?box|bounding_box|bounds|region|crop|roi)(es)?\.[^.]*")

_CORNERS = (("x", "y"), ("left", "top"), ("bbox_x", "bbox_y"), ("x_min", "y_min"))
_SIDES = (("w", "h"), ("width", "height"))
"""What a box is told by, the shorter names first: beside them the others are no box's."""


def no_cells(_: int) -> tuple[str, ...]:
    """Stand for the cells of a table of which nothing but the names is known."""
    return ()


def said_against(role: str, names: Sequence[str], at: int, cells: Cells) -> str:
    """Return why a column does not play the role that it is named for; "" where it may.

    Parameters
    ----------
    role : str
        Of sizes or of a load.
    names : sequence of str
        All columns.
    at : int
        The position of this one.
    cells : callable
        Some of the cells of a column.
    """
    test = _TESTS.get(role)
    return test(names, at, cells) if test else ""


def _no_duration(_: Sequence[str], at: int, cells: Cells) -> str:
    return "holds dates" if _most(is_date, cells(at)) else ""


def _no_time(names: Sequence[str], at: int, cells: Cells) -> str:
    """Refuse what is a duration by its name unless it holds dates."""
    is_duration = _last(names[at]) == "request_time"
    return "holds no dates" if is_duration and not _most(is_date, cells(at)) else ""


def _no_replica(names: Sequence[str], at: int, cells: Cells) -> str:
    if _OF_CLIENTS.fullmatch(LOAD.plain(names[at])[0]):
        return "is what a client asked for"
    by_name = _last(names[at]) in {"hostname", "server"}
    if by_name and _most(lambda cell: bool(_DOMAIN.fullmatch(cell)), cells(at)):
        return "holds names that clients ask for"
    return ""


def _no_side(names: Sequence[str], at: int, cells: Cells) -> str:
    plain = [SIZES.plain(name)[1] for name in names]
    if _BOX.fullmatch(plain[at]):
        return "is of a box in an image"
    parent, dot, side = plain[at].rpartition(".")
    for corner, sides in product(_CORNERS, _SIDES):
        box = [f"{parent}{dot}{each}" for each in (*corner, *sides)]
        if set(box) <= set(plain):
            x, y, width, height = (_numbers(cells(plain.index(each))) for each in box)
            in_screen = _all_less(x, width) and _all_less(y, height)
            of_box = side in sides and not in_screen
            beside = f"beside {corner[0]!r} and {corner[1]!r}"
            return f"{beside} is of a box in an image" if of_box else ""
    return ""


_TESTS: Mapping[str, Callable[[Sequence[str], int, Cells], str]] = {
    "duration": _no_duration,
    "time": _no_time,
    "replica": _no_replica,
    "width": _no_side,
    "height": _no_side,
}


def _last(name: str) -> str:
    return LOAD.plain(name)[0].rpartition(".")[2]


def _most(test: Callable[[str], bool], cells: Sequence[str]) -> bool:
    return sum(map(test, cells)) * 2 > len(cells)


def _numbers(cells: Sequence[str]) -> list[float | None]:
    return [
        float(cell) if re.fullmatch(r"\s*-?\d+(\.\d*)?\s*", cell) else None
        for cell in cells
    ]


def _all_less(places: Sequence[float | None], sides: Sequence[float | None]) -> bool:
    """Return whether places lie within sides, as clicks in a screen do."""
    pairs = [
        (place, side)
        for place, side in zip(places, sides, strict=False)
        if place is not None and side is not None
    ]
    return bool(pairs) and all(place <= side for place, side in pairs)
