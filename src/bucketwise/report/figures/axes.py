"""What all figures share: colours, axes, edge lines and legends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bucketwise.report.plots import Axis, Edge

# Okabe and Ito's palette: colour-blind readers tell it apart, and so does grey print.
BLUE, ORANGE, VERMILLION = "#0072b2", "#e69f00", "#d55e00"
SKY, GREEN, PURPLE = "#56b4e9", "#009e73", "#cc79a7"
INK, GREY = "#1c1c1c", "#5f6368"

SERIES = (ORANGE, SKY, GREEN, PURPLE, VERMILLION, BLUE)
HATCHES = ("", "//", "..", "xx", "\\\\", "--")

EDGE_LOOKS: dict[str, dict[str, Any]] = {
    "proposed": {"color": VERMILLION, "linestyle": "-", "linewidth": 1.4},
    "today": {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.2},
    "limit": {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.4},
}
MARKERS = {"image": "o", "clip": "s"}

LABEL_ROW = 0.07
"""Height of one row of edge labels, as a share of the axes; ROW_IN of it, in inches."""

ROW_IN = 0.18

EDGE_NAMES = {"today": "lengths of today", "proposed": "proposed lengths"}


def set_x(ax: Axes, axis: Axis) -> None:
    """Give the horizontal axis its scale, ends, ticks and label."""
    ax.set_xscale("log" if axis.log else "linear")
    ax.set_xlim(axis.low, axis.high)
    ax.set_xticks([tick.at for tick in axis.ticks], [tick.label for tick in axis.ticks])
    # A logarithmic axis brings minor labels of its own, in powers.
    ax.set_xticks([], minor=True)
    ax.set_xlabel(axis.label)


def set_y(ax: Axes, axis: Axis) -> None:
    """Give the vertical axis its scale, ends, ticks, label and grid lines."""
    ax.set_yscale("log" if axis.log else "linear")
    ax.set_ylim(axis.low, axis.high)
    ax.set_yticks([tick.at for tick in axis.ticks], [tick.label for tick in axis.ticks])
    ax.set_yticks([], minor=True)
    ax.set_ylabel(axis.label)
    ax.grid(visible=True, axis="y", color="#dddddd")


def draw_edges(ax: Axes, edges: Iterable[Edge]) -> None:
    """Draw lines across the plot, each up to its label."""
    for edge in edges:
        look = EDGE_LOOKS[edge.style]
        height = 1.0 + (edge.row + 1) * LABEL_ROW
        # The line runs up to its label, whichever row that stands in.
        ax.plot(
            [edge.at, edge.at],
            [0, height],
            transform=ax.get_xaxis_transform(),
            clip_on=False,
            **look,
        )
        ax.annotate(
            edge.label,
            (edge.at, height),
            xycoords=ax.get_xaxis_transform(),
            xytext=(3, 1),
            textcoords="offset points",
            ha="left",
            va="top",
            color=look["color"],
            annotation_clip=False,
        )


def edge_legend(ax: Axes, edges: tuple[Edge, ...]) -> None:
    """Name the lines below the axis where two kinds of them must be told apart."""
    styles = [style for style in EDGE_NAMES if any(e.style == style for e in edges)]
    if len(styles) > 1:
        handles = [
            Line2D([], [], label=EDGE_NAMES[style], **EDGE_LOOKS[style])
            for style in styles
        ]
        ax.legend(
            handles=handles,
            loc="upper right",
            bbox_to_anchor=(1, -0.15),
            ncols=2,
            frameon=False,
        )


def beside(ax: Axes, text: str, at: tuple[float, float]) -> None:
    """Write a note right of the end of a bar."""
    ax.annotate(
        text, at, xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
    )


def legend_above(ax: Axes) -> None:
    """Put the legend above the plot, where no data is."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=6,
        columnspacing=1.4,
        frameon=False,
        borderpad=0.2,
    )
