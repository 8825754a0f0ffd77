"""Figures made of bars: buckets, histograms, shares."""

from __future__ import annotations

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    beside,
    draw_edges,
    edge_legend,
    legend_above,
    set_x,
    set_y,
)
from bucketwise.report.figures.palette import (
    BLUE,
    GRID,
    HATCHES,
    ORANGE,
    OUTLINE,
    SERIES,
    SKY,
)
from bucketwise.report.plots import BarsPlot, HistogramPlot, SharesPlot

BAR_HEIGHT = 0.5
"""Of a row of shares; the rest is for its name."""


def draw_bars(ax: Axes, plot: BarsPlot) -> None:
    """Draw useful compute and padding of each bucket, the smallest on top."""
    rows = range(len(plot.names))
    ax.barh(rows, plot.useful, color=BLUE, label="useful")
    ax.barh(
        rows,
        plot.padding,
        left=plot.useful,
        color=ORANGE,
        edgecolor=OUTLINE,
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
    ax.grid(visible=True, axis="x", color=GRID)
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
        facecolor=SKY,
        edgecolor=BLUE,
        linewidth=0.6,
    )
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    draw_edges(ax, plot.edges)
    edge_legend(ax, plot.edges)


def draw_shares(ax: Axes, plot: SharesPlot) -> None:
    """Draw one bar of shares a row, the first on top, each below its name.

    Names come from outside, in any script: beside the bars those wider than this
    figure's font would be cut.
    """
    rows = range(len(plot.rows))
    left = [0.0] * len(plot.rows)
    for index, name in enumerate(plot.series):
        ax.barh(
            rows,
            plot.shares[index],
            left=left,
            height=BAR_HEIGHT,
            color=SERIES[index],
            edgecolor=OUTLINE,
            linewidth=0.5,
            hatch=HATCHES[index],
            label=name,
        )
        left = [
            end + share for end, share in zip(left, plot.shares[index], strict=True)
        ]
    for row, name in enumerate(plot.rows):
        ax.annotate(
            name,
            (0, row - BAR_HEIGHT / 2),
            xytext=(0, 2),
            textcoords="offset points",
            va="bottom",
        )
    ax.set_yticks([])
    ax.set_ylim(len(plot.rows) - 1 + BAR_HEIGHT, -1 + BAR_HEIGHT / 2)
    ax.spines["left"].set_visible(False)
    set_x(ax, plot.x)
    legend_above(ax, "bucket:")
