"""The figure of a load over time: what was active, and what waited below it."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    draw_level,
    panel_below,
    set_x,
    set_y,
    without_x_labels,
)
from bucketwise.report.figures.palette import (
    BLUE,
    GAP,
    GAP_HATCH,
    ORANGE,
    SKY,
    VERMILLION,
)
from bucketwise.report.plots import LoadPlot, Stretch

PANELS = (3, 2)
"""Heights of what was active and of what waited, to each other."""


def draw_load(ax: Axes, plot: LoadPlot) -> None:
    """Draw each stretch of time as steps, and what waited on axes of its own.

    A queue may be a hundred times the slots: on one axis nothing active would be seen.
    """
    if plot.y_waiting is not None:
        below = panel_below(ax, PANELS)
        _shade_gaps(below, plot.waiting)
        for stretch in plot.waiting:
            below.stairs(
                stretch.value,
                stretch.at,
                fill=True,
                facecolor=ORANGE,
                edgecolor=VERMILLION,
                linewidth=0.8,
            )
        set_x(below, plot.x)
        set_y(below, plot.y_waiting)
    _shade_gaps(ax, plot.active)
    for stretch in plot.active:
        ax.stairs(stretch.value, stretch.at, fill=True, color=SKY)
        ax.stairs(stretch.value, stretch.at, color=BLUE, linewidth=0.8)
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    if plot.y_waiting is not None:
        without_x_labels(ax)
    if plot.level is not None:
        draw_level(ax, plot.level)


def _shade_gaps(ax: Axes, stretches: tuple[Stretch, ...]) -> None:
    """Shade what lies between stretches: blank, it would look like idle time."""
    for before, after in pairwise(stretches):
        ax.axvspan(
            before.at[-1],
            after.at[0],
            facecolor=GAP,
            edgecolor=GAP_HATCH,
            linewidth=0,
            hatch="xx",
        )
