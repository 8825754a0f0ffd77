"""Figures of sizes in the plane of width and height."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from bucketwise.report.figures.axes import legend_above, set_x, set_y, write_notes
from bucketwise.report.figures.palette import (
    AXIS,
    BLUE,
    CARD,
    HEAT,
    INK,
    ORANGE,
    VERMILLION,
)
from bucketwise.report.plots import Cells, Contour, HeatPlot, ScatterPlot

MARKERS = {"image": "o", "clip": "s"}
COLOURS = {"image": BLUE, "clip": ORANGE}

CONTOUR_LABEL = "largest size a\nbucket holds"

CLIP_DOT: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 3.2,
    "markerfacecolor": CARD,
    "markeredgecolor": INK,
    "markeredgewidth": 0.6,
}
"""Dark on light or light on dark, it reads on any cell."""

LEGEND_AT = (1.15, 1.02)
"""Corner of the legend, right of the labels of contours, as shares of the axes."""


def draw_scatter(ax: Axes, plot: ScatterPlot) -> None:
    """Draw sizes as marks whose area is their weight, and level curves of buckets."""
    for marks in plot.marks:
        ax.scatter(
            marks.x,
            marks.y,
            s=marks.area,
            marker=MARKERS[marks.shape],
            facecolors=COLOURS[marks.shape],
            edgecolors=CARD,
            linewidths=0.4,
            zorder=2,
        )
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    _draw_contours(ax, plot.contours, below=1.0)
    write_notes(ax, plot.notes)
    for shape, label in plot.shapes:
        ax.plot(
            [],
            [],
            linestyle="",
            marker=MARKERS[shape],
            color=COLOURS[shape],
            label=label,
        )
    if plot.contours:
        ax.plot([], [], color=VERMILLION, label=CONTOUR_LABEL.replace("\n", " "))
    legend_above(ax)


def draw_heat(ax: Axes, plot: HeatPlot) -> None:
    """Draw cells by what they hold, the more the further from the paper."""
    ax.set_box_aspect(1)
    ax.set_anchor("W")
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    ax.grid(visible=False)
    handles: list[Patch | Line2D] = []
    for colour, level in zip(heat_colours(len(plot.levels)), plot.levels, strict=True):
        look: dict[str, Any] = {
            "facecolor": colour,
            "edgecolor": AXIS,
            "linewidth": 0.3,
        }
        ax.add_patch(PathPatch(_outlines(level), **look))
        handles.insert(0, Patch(label=level.label, **look))
    if plot.clips is not None:
        handles += ax.plot(
            plot.clips.x, plot.clips.y, label=plot.clips.name, **CLIP_DOT
        )
    _draw_contours(ax, plot.contours, below=2.0)
    if plot.contours:
        handles.append(Line2D([], [], color=VERMILLION, label=CONTOUR_LABEL))
    ax.legend(
        handles=handles,
        title=plot.counted,
        loc="upper left",
        bbox_to_anchor=LEGEND_AT,
        frameon=False,
        alignment="left",
    )


def heat_colours(n_levels: int) -> tuple[str, ...]:
    """Return so many of the colours, spread from the first to the last."""
    if n_levels == 1:
        return (HEAT[len(HEAT) // 2],)
    step = (len(HEAT) - 1) / (n_levels - 1)
    return tuple(HEAT[round(index * step)] for index in range(n_levels))


def _outlines(cells: Cells) -> Path:
    corners: list[tuple[float, float]] = []
    for left, right, bottom, top in zip(
        cells.left, cells.right, cells.bottom, cells.top, strict=True
    ):
        corners += [(left, bottom), (right, bottom), (right, top), (left, top)]
        corners.append((left, bottom))
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners, codes * len(cells.left))


def _draw_contours(ax: Axes, contours: tuple[Contour, ...], below: float) -> None:
    """Draw lines that read on any cell, each named at its right end.

    `below` is the order they are drawn in, under what has a higher one.
    """
    for contour in contours:
        ax.plot(contour.x, contour.y, color=CARD, linewidth=3.0, zorder=below)
    for contour in contours:
        ax.plot(contour.x, contour.y, color=VERMILLION, linewidth=1.4, zorder=below)
        ax.annotate(
            contour.label,
            (contour.x[-1], contour.y[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            color=VERMILLION,
            va="bottom",
            annotation_clip=False,
        )
