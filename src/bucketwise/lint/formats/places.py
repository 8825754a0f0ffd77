"""Places as other tools take them: a file and a line."""

from __future__ import annotations

import re

from bucketwise.nouns.traffic import Place

_CELL = re.compile(r"(.*)\[(cell \d+)\]", re.DOTALL)


def file_and_line(place: Place) -> tuple[str, int, str]:
    """Return the file, the line in it (0 for none), and the cell where it is one.

    A line of a cell is none of the notebook's file.
    """
    match = _CELL.fullmatch(place.source)
    if match:
        return match[1], 0, f"{match[2]}, line {place.line}"
    return place.source, place.line, ""
