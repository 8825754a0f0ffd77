"""The figure of a load over time: what was active, and what waited below it."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    BLUE,
    EDGE_LOOKS,
    INK,
    ORANGE,
    SKY,
    set_x,
    set_y,
)
from bucketwise.report.plots import Level, LoadPlot, Stretch

PANELS = (3, 2)
"""Heights of what was active and of what waited, to each other."""


def draw_load(ax: Axes, plot: LoadPlot) -> None:
    """Draw each stretch of time as steps, and what waited on axes of its own.

    A queue may be a hundred times the slots: on one axis nothing active would be seen.
    """
    place = ax.get_subplotspec()
    if plot.y_waiting is not None and place is not None:
        panels = place.subgridspec(2, 1, height_ratios=PANELS)
        ax.set_subplotspec(panels[0])
        below = ax.figure.add_subplot(panels[1])
        _shade_gaps(below, plot.waiting)
        for stretch in plot.waiting:
            below.stairs(
                stretch.value,
                stretch.at,
                fill=True,
                facecolor=ORANGE,
                edgecolor=INK,
                linewidth=0.5,
                hatch="///",
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
        ax.set_xlabel("")
        ax.tick_params(axis="x", labelbottom=False)
    if plot.level is not None:
        _draw_level(ax, plot.level)


def _shade_gaps(ax: Axes, stretches: tuple[Stretch, ...]) -> None:
    """Shade what lies between stretches: blank, it would look like idle time."""
    for before, after in pairwise(stretches):
        ax.axvspan(
            before.at[-1],
            after.at[0],
            facecolor="#eeeeee",
            edgecolor="#c4c4c4",
            linewidth=0,
            hatch="xx",
        )


def _draw_level(ax: Axes, level: Level) -> None:
    look = EDGE_LOOKS["proposed"]
    ax.axhline(level.at, **look)
    ax.annotate(
        level.label,
        (1, level.at),
        xycoords=ax.get_yaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=look["color"],
    )
