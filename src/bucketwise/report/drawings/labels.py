"""Where notes stand beside their points, so that none covers a point or a note."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bucketwise.report.plots import Axis, Note, Side

AXES_IN = (6.4, 3.5)
"""Size of axes that fill a figure, in inches; a little less than they have."""

CHARACTER_IN, BOLD = 0.085, 1.12
LINE_IN = 0.17
GAP_IN, FAR_IN = 0.1, 0.31
"""From a point to a note straight beside it, and to one further off."""

DIAGONAL = 0.7
"""Share of either that a note goes each way where it goes two."""

MARK_IN = 0.06
"""Half of a mark's side."""

SIDES: dict[Side, tuple[int, int]] = {
    "above right": (1, 1),
    "right": (1, 0),
    "above": (0, 1),
    "below left": (-1, -1),
    "left": (-1, 0),
    "below": (0, -1),
    "below right": (1, -1),
    "above left": (-1, 1),
}
"""Sides in the order they are tried, each as a step right and up. The free side of a
falling curve comes first."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in inches from the lower left corner of the axes."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Return whether two boxes share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


def place_notes(
    wanted: Sequence[Note],
    points: Sequence[tuple[float, float]],
    x: Axis,
    y: Axis,
    *,
    n_far: int,
) -> tuple[Note, ...]:
    """Give each note the first side on which it covers nothing.

    Parameters
    ----------
    wanted : sequence of Note
        Any sides; the most important first.
    points : sequence of tuple of float
        Every point drawn, noted or not.
    x, y : Axis
        What they lie in.
    n_far : int
        How many of the first notes may stand further off.

    Returns
    -------
    tuple of Note
        Those that found room, in their order.
    """
    taken = [_mark(*point, x, y) for point in points]
    placed: list[Note] = []
    for index, note in enumerate(wanted):
        tried = (
            replace(note, side=side, far=far)
            for far in (False, True)
            for side in SIDES
            if not far or index < n_far
        )
        for each in tried:
            box = box_of(each, x, y)
            if _inside(box) and not any(box.meets(other) for other in taken):
                taken.append(box)
                placed.append(each)
                break
    return tuple(placed)


def box_of(note: Note, x: Axis, y: Axis) -> Box:
    """Return the room a note takes on its side of its point."""
    right, up = SIDES[note.side]
    width, height = len(note.text) * CHARACTER_IN, LINE_IN
    if note.strong:
        width *= BOLD
    centre_x, centre_y = _place(note.x, note.y, x, y)
    gap = FAR_IN if note.far else GAP_IN
    if right and up:
        gap *= DIAGONAL
    left = centre_x + right * gap - (1 - right) / 2 * width
    bottom = centre_y + up * gap - (1 - up) / 2 * height
    return Box(left, bottom, left + width, bottom + height)


def along(
    line: Sequence[tuple[float, float]], x: Axis, y: Axis
) -> list[tuple[float, float]]:
    """Return points so close along a line that no note finds room between them."""
    found: list[tuple[float, float]] = []
    for first, second in pairwise(line):
        start, end = _place(*first, x, y), _place(*second, x, y)
        n_steps = max(int(math.dist(start, end) / (2 * MARK_IN)), 1)
        parts = (step / n_steps for step in range(n_steps))
        found.extend(
            (
                first[0] + part * (second[0] - first[0]),
                first[1] + part * (second[1] - first[1]),
            )
            for part in parts
        )
    return [*found, *line[-1:]]


def _place(at_x: float, at_y: float, x: Axis, y: Axis) -> tuple[float, float]:
    return x.fraction(at_x) * AXES_IN[0], y.fraction(at_y) * AXES_IN[1]


def _mark(at_x: float, at_y: float, x: Axis, y: Axis) -> Box:
    across, up = _place(at_x, at_y, x, y)
    return Box(across - MARK_IN, up - MARK_IN, across + MARK_IN, up + MARK_IN)


def _inside(box: Box) -> bool:
    return (
        box.left >= 0
        and box.bottom >= 0
        and box.right <= AXES_IN[0]
        and box.top <= AXES_IN[1]
    )
