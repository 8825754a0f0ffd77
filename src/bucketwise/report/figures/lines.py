"""Figures made of lines and marks: shares, curves, sizes."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bucketwise.report.figures.axes import (
    BLUE,
    MARKERS,
    ORANGE,
    VERMILLION,
    draw_edges,
    legend_above,
    set_x,
    set_y,
)
from bucketwise.report.plots import CurvePlot, ScatterPlot, StepsPlot


def draw_steps(ax: Axes, plot: StepsPlot) -> None:
    """Draw a cumulative share, and the chosen edges across it."""
    ax.step(plot.at, plot.share, where="post", color=BLUE, linewidth=1.8)
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    draw_edges(ax, plot.edges)


def draw_scatter(ax: Axes, plot: ScatterPlot) -> None:
    """Draw sizes as marks whose area is their weight, and level curves of buckets."""
    for marks in plot.marks:
        ax.scatter(
            marks.x,
            marks.y,
            s=marks.area,
            marker=MARKERS[marks.shape],
            facecolors=BLUE if marks.shape == "image" else ORANGE,
            edgecolors="white",
            linewidths=0.4,
            alpha=0.75,
        )
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    for contour in plot.contours:
        ax.plot(contour.x, contour.y, color=VERMILLION, linewidth=1.2)
        ax.annotate(
            contour.label,
            (contour.x[-1], contour.y[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            color=VERMILLION,
            va="bottom",
            annotation_clip=False,
        )
    _scatter_legend(ax, plot)


def draw_curve(ax: Axes, plot: CurvePlot) -> None:
    """Draw labelled points joined by a line, and ring the chosen one."""
    ax.plot(plot.at, plot.value, color=BLUE, marker="o", linewidth=1.6)
    ax.scatter(
        [plot.at[plot.chosen]],
        [plot.value[plot.chosen]],
        s=170,
        facecolors="none",
        edgecolors=VERMILLION,
        linewidths=2,
        zorder=3,
        label=plot.chosen_label,
    )
    for at, value, label in zip(plot.at, plot.value, plot.labels, strict=True):
        ax.annotate(
            label,
            (at, value),
            xytext=(5, 7),
            textcoords="offset points",
        )
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    legend_above(ax)


def _scatter_legend(ax: Axes, plot: ScatterPlot) -> None:
    handles: list[Line2D] = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=MARKERS[shape],
            color=BLUE if shape == "image" else ORANGE,
            label=label,
        )
        for shape, label in plot.shapes
    ]
    if plot.contours:
        handles.append(
            Line2D([], [], color=VERMILLION, label="largest size a bucket holds")
        )
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        borderpad=0.2,
    )
