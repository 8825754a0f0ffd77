"""What the figures draw: numbers and finished labels, no decisions left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal[
    "right",
    "left",
    "above",
    "below",
    "above right",
    "above left",
    "below right",
    "below left",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis: its label, its ends and its ticks."""

    label: str
    low: float
    high: float
    log: bool
    ticks: tuple[Tick, ...]

    def fraction(self, value: float) -> float:
        """Return where a value lies, 0 at the low end and 1 at the high one."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        return math.log(value / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line across the plot at a value; `row` keeps its label clear of others."""

    at: float
    label: str
    row: int
    style: Literal["proposed", "today", "limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text beside a point, on the side where there is room.

    One that found it only further off is `far`: a line leads to it.
    """

    text: str
    x: float
    y: float
    side: Side
    strong: bool = False
    far: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsPlot:
    """One stacked bar a bucket: useful compute, then padding."""

    names: tuple[str, ...]
    useful: tuple[float, ...]
    padding: tuple[float, ...]
    notes: tuple[str, ...]
    x: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramPlot:
    """Weights in bins between consecutive `bounds`, with lines across."""

    bounds: tuple[float, ...]
    weights: tuple[float, ...]
    edges: tuple[Edge, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsPlot:
    """A share that grows in steps; `share[i]` holds from `at[i]` on."""

    at: tuple[float, ...]
    share: tuple[float, ...]
    edges: tuple[Edge, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Marks of one shape and one area (points squared)."""

    shape: Literal["image", "clip"]
    area: float
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contour:
    """A named line through the plane."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterPlot:
    """Few sizes in the plane of width and height: one mark each."""

    marks: tuple[Marks, ...]
    contours: tuple[Contour, ...]
    shapes: tuple[tuple[Literal["image", "clip"], str], ...]
    notes: tuple[Note, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells of the plane that hold about as much: bounds in each direction."""

    label: str
    left: tuple[float, ...]
    right: tuple[float, ...]
    bottom: tuple[float, ...]
    top: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points of one name; those of one plot differ in shape and colour."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatPlot:
    """Many sizes in the plane of width and height, counted in cells.

    `levels` ascend; `clips` are the middles of cells that hold clips, None where there
    are no clips or nothing else.
    """

    levels: tuple[Cells, ...]
    clips: Points | None
    contours: tuple[Contour, ...]
    counted: str
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Time without a gap: `value[i]` holds from `at[i]` to `at[i + 1]`."""

    at: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A line along the plot at a height."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KneePlot:
    """A falling curve, one point chosen, and below it what each step saves.

    `saved[i]` is the step to point i; that to the first is not drawn. Points in
    `allowed`, its ends included, were there to choose from; `rule` is the least that
    a step had to save. Each is None where it was not asked.
    """

    at: tuple[int, ...]
    value: tuple[float, ...]
    labels: tuple[str, ...]
    chosen: int
    saved: tuple[float, ...]
    saved_labels: tuple[str, ...]
    rule: Level | None
    allowed: tuple[int, int] | None
    x: Axis
    y: Axis
    y_saved: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPlot:
    """What each answer costs in two ways, and those that no other beats in both.

    `front` runs from left to right; `chosen` is ringed.
    """

    points: tuple[Points, ...]
    front: tuple[tuple[float, float], ...]
    chosen: tuple[float, float]
    notes: tuple[Note, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalsPlot:
    """Amounts between consecutive `bounds`, stacked, and their shares below.

    `amounts[series][slot]`; a slot of nothing is a gap.
    """

    bounds: tuple[float, ...]
    series: tuple[str, ...]
    amounts: tuple[tuple[float, ...], ...]
    x: Axis
    y: Axis
    y_share: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesPlot:
    """One bar of shares a row, `shares[series][row]`, each row with its name."""

    rows: tuple[str, ...]
    series: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    x: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlot:
    """What was active over time and, below it, what waited, in stretches with gaps.

    `y_waiting` is None where nothing ever waited.
    """

    active: tuple[Stretch, ...]
    waiting: tuple[Stretch, ...]
    level: Level | None
    x: Axis
    y: Axis
    y_waiting: Axis | None


Plot = (
    BarsPlot
    | HistogramPlot
    | StepsPlot
    | ScatterPlot
    | HeatPlot
    | KneePlot
    | FrontPlot
    | ArrivalsPlot
    | SharesPlot
    | LoadPlot
)
