"""What the figures draw: numbers and finished labels, no decisions left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


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
    """Sizes in the plane of width and height."""

    marks: tuple[Marks, ...]
    contours: tuple[Contour, ...]
    shapes: tuple[tuple[Literal["image", "clip"], str], ...]
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePlot:
    """Labelled points joined by a line, one of them chosen."""

    at: tuple[float, ...]
    value: tuple[float, ...]
    labels: tuple[str, ...]
    chosen: int
    chosen_label: str
    x: Axis
    y: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedPlot:
    """Bars in groups: `values[series][group]`, each with its label."""

    groups: tuple[str, ...]
    series: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    labels: tuple[tuple[str, ...], ...]
    x: Axis


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
    | CurvePlot
    | GroupedPlot
    | LoadPlot
)
