"""Figures made of lines and points: shares, the knee, the front."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    EDGE_LOOKS,
    draw_edges,
    legend_above,
    panel_below,
    set_x,
    set_y,
    without_x_labels,
    write_notes,
)
from bucketwise.report.figures.palette import (
    BLUE,
    GAP,
    GREEN,
    INK,
    ORANGE,
    OUTLINE,
    PURPLE,
    SKY,
    VERMILLION,
)
from bucketwise.report.plots import FrontPlot, KneePlot, StepsPlot

PANELS = (5, 4)
"""Heights of the curve and of what each step saves, to each other."""

NAME_ROOM = 0.16
"""Share of the lower panel's height that the name of a bar takes."""

CHOSEN: dict[str, Any] = {
    "s": 170,
    "facecolors": "none",
    "edgecolors": VERMILLION,
    "linewidths": 2,
    "zorder": 4,
    "clip_on": False,
}
"""The ring around what was chosen."""

LOOKS = (
    *(("o", BLUE), ("^", ORANGE), ("s", GREEN), ("v", PURPLE), ("D", SKY)),
    *(("X", VERMILLION), ("*", INK), ("P", ORANGE)),
)
"""Shapes and colours of named points, in their order and then anew."""


def draw_steps(ax: Axes, plot: StepsPlot) -> None:
    """Draw a cumulative share, and the chosen edges across it."""
    ax.step(plot.at, plot.share, where="post", color=BLUE, linewidth=1.8)
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    draw_edges(ax, plot.edges)


def draw_knee(ax: Axes, plot: KneePlot) -> None:
    """Draw the curve with its choice ringed, and what each step saves below it."""
    below = panel_below(ax, PANELS)
    ax.plot(plot.at, plot.value, color=BLUE, marker="o", linewidth=1.6, clip_on=False)
    at, value = plot.at[plot.chosen], plot.value[plot.chosen]
    ax.scatter([at], [value], label=f"chosen: {at}", **CHOSEN)
    for place_at, height, label in zip(plot.at, plot.value, plot.labels, strict=True):
        ax.annotate(label, (place_at, height), (5, 7), textcoords="offset points")
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    without_x_labels(ax)
    _draw_saved(below, plot)
    for each in (ax, below):
        if plot.allowed is not None:
            first, last = plot.allowed
            asked = str(first) if first == last else f"{first} to {last}"
            label = f"asked for: {asked}" if each is ax else "_"
            each.axvspan(first - 0.5, last + 0.5, facecolor=GAP, label=label, zorder=-1)
    if plot.rule is not None:
        ax.plot([], [], label=plot.rule.label, **EDGE_LOOKS["proposed"])
    legend_above(ax)


def draw_front(ax: Axes, plot: FrontPlot) -> None:
    """Draw points by name, the front as a line, and notes beside points."""
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    ax.plot(*zip(*plot.front, strict=True), color=BLUE, linewidth=1.2, zorder=1)
    for points, (marker, colour) in zip(plot.points, cycle(LOOKS), strict=False):
        ax.plot(
            points.x,
            points.y,
            linestyle="",
            marker=marker,
            markersize=9 if marker == "*" else 6.5,
            color=colour,
            markeredgecolor=OUTLINE,
            markeredgewidth=0.5,
            zorder=3 if points is plot.points[0] else 2,
            label=points.name,
            clip_on=False,
        )
    ax.scatter(*([each] for each in plot.chosen), **CHOSEN)
    write_notes(ax, plot.notes)
    legend_above(ax)


def _draw_saved(ax: Axes, plot: KneePlot) -> None:
    """Draw what each step saves; steps past the choice are hollow.

    A name that the line of the rule would cut stands above it.
    """
    room = NAME_ROOM * plot.y_saved.high
    for index in range(1, len(plot.at)):
        taken, top = index <= plot.chosen, plot.saved[index]
        if plot.rule is not None and top < plot.rule.at < top + room:
            top = plot.rule.at
        ax.bar(
            plot.at[index],
            plot.saved[index],
            width=0.5,
            facecolor=BLUE if taken else "none",
            edgecolor=BLUE,
            linewidth=1.0,
        )
        ax.annotate(
            plot.saved_labels[index],
            (plot.at[index], top),
            (0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    set_x(ax, plot.x)
    set_y(ax, plot.y_saved)
    if plot.rule is not None:
        ax.axhline(plot.rule.at, **EDGE_LOOKS["proposed"])
