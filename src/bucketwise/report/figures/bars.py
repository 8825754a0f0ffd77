"""Figures made of bars: buckets, strategies, histograms."""

from __future__ import annotations

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    BLUE,
    HATCHES,
    INK,
    ORANGE,
    SERIES,
    SKY,
    beside,
    draw_edges,
    edge_legend,
    legend_above,
    set_x,
    set_y,
)
from bucketwise.report.plots import BarsPlot, GroupedPlot, HistogramPlot


def draw_bars(ax: Axes, plot: BarsPlot) -> None:
    """Draw useful compute and padding of each bucket, the smallest on top."""
    rows = range(len(plot.names))
    ax.barh(rows, plot.useful, color=BLUE, label="useful")
    ax.barh(
        rows,
        plot.padding,
        left=plot.useful,
        color=ORANGE,
        edgecolor=INK,
        linewidth=0.5,
        hatch="///",
        label="padding",
    )
    for row, note in enumerate(plot.notes):
        end = plot.useful[row] + plot.padding[row]
        beside(ax, note, (end, row))
    ax.set_yticks(rows, plot.names)
    ax.invert_yaxis()
    set_x(ax, plot.x)
    ax.grid(visible=True, axis="x", color="#dddddd")
    ax.tick_params(axis="y", length=0)
    legend_above(ax)


def draw_histogram(ax: Axes, plot: HistogramPlot) -> None:
    """Draw weights in bins, and lines across them."""
    widths = [
        high - low for low, high in zip(plot.bounds, plot.bounds[1:], strict=False)
    ]
    ax.bar(
        plot.bounds[:-1],
        plot.weights,
        width=widths,
        align="edge",
        color=SKY,
        edgecolor="white",
        linewidth=0.5,
    )
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    draw_edges(ax, plot.edges)
    edge_legend(ax, plot.edges)


def draw_grouped(ax: Axes, plot: GroupedPlot) -> None:
    """Draw bars in groups, the first group on top."""
    height = 0.8 / len(plot.series)
    for index, name in enumerate(plot.series):
        rows = [
            group + (index - (len(plot.series) - 1) / 2) * height
            for group in range(len(plot.groups))
        ]
        ax.barh(
            rows,
            plot.values[index],
            height=height,
            color=SERIES[index % len(SERIES)],
            edgecolor=INK,
            linewidth=0.5,
            hatch=HATCHES[index % len(HATCHES)],
            label=name,
        )
        for row, value, label in zip(
            rows, plot.values[index], plot.labels[index], strict=True
        ):
            beside(ax, label, (value, row))
    ax.set_yticks(range(len(plot.groups)), plot.groups)
    ax.invert_yaxis()
    set_x(ax, plot.x)
    ax.tick_params(axis="y", length=0)
    legend_above(ax)
