"""What all figures share: axes, edge lines, notes and legends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bucketwise.report.figures.palette import AXIS, GRID, INK, VERMILLION
from bucketwise.report.plots import Axis, Edge, Level, Note, Side

EDGE_LOOKS: dict[str, dict[str, Any]] = {
    "proposed": {"color": VERMILLION, "linestyle": "-", "linewidth": 1.4},
    "today": {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.2},
    "limit": {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.4},
}

SIDES: dict[Side, tuple[int, int]] = {
    "right": (1, 0),
    "left": (-1, 0),
    "above": (0, 1),
    "below": (0, -1),
    "above right": (1, 1),
    "above left": (-1, 1),
    "below right": (1, -1),
    "below left": (-1, -1),
}
"""Where a note stands from its point: to the right and up."""

NOTE_GAP_PT = 7.0
FAR_PT = 22.0
"""From a point to a note straight beside it, and to one further off, in points."""

DIAGONAL = 0.7
"""Share of either that a note goes each way where it goes two."""

LEADER: dict[str, Any] = {"arrowstyle": "-", "color": AXIS, "linewidth": 0.6}

LABEL_ROW = 0.07
"""Height of one row of edge labels, as a share of the axes; ROW_IN of it, in inches."""

ROW_IN = 0.18

LEGEND_CHARACTERS, HANDLE_CHARACTERS = 80, 7
"""Characters that a row of a legend has room for, and how many a mark takes of them."""

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
    ax.grid(visible=True, axis="y", color=GRID)


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


def panel_below(ax: Axes, heights: tuple[int, int]) -> Axes:
    """Cut axes in two, so high to each other, and return the lower ones.

    Both are to have one horizontal axis, of which the lower one shows the labels.
    """
    place = ax.get_subplotspec()
    if place is None:
        message = "axes outside a grid cannot be cut; add them as a subplot"
        raise ValueError(message)
    panels = place.subgridspec(2, 1, height_ratios=heights)
    ax.set_subplotspec(panels[0])
    return ax.figure.add_subplot(panels[1])


def without_x_labels(ax: Axes) -> None:
    """Leave the labels of the horizontal axis to the panel below."""
    ax.set_xlabel("")
    ax.tick_params(axis="x", labelbottom=False)


def beside(ax: Axes, text: str, at: tuple[float, float]) -> None:
    """Write a note right of the end of a bar."""
    ax.annotate(text, at, xytext=(4, 0), textcoords="offset points", va="center")


def write_notes(ax: Axes, notes: Iterable[Note]) -> None:
    """Write notes beside their points, each on its side."""
    for note in notes:
        right, up = SIDES[note.side]
        gap = FAR_PT if note.far else NOTE_GAP_PT
        gap *= 1 if 0 in {right, up} else DIAGONAL
        ax.annotate(
            note.text,
            (note.x, note.y),
            xytext=(gap * right, gap * up),
            textcoords="offset points",
            ha={1: "left", 0: "center", -1: "right"}[right],
            va={1: "bottom", 0: "center", -1: "top"}[up],
            fontweight="bold" if note.strong else "normal",
            arrowprops={**LEADER, "shrinkA": 0, "shrinkB": 3} if note.far else None,
            annotation_clip=False,
        )


def draw_level(ax: Axes, level: Level) -> None:
    """Draw a named line along the plot."""
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


def legend_above(ax: Axes, of: str = "") -> None:
    """Put the legend above the plot, where no data is; `of` says what it names."""
    handles, labels = ax.get_legend_handles_labels()
    width = sum(len(label) + HANDLE_CHARACTERS for label in labels)
    n_rows = -(-width // LEGEND_CHARACTERS) or 1
    if of and n_rows == 1:
        handles, labels = [Line2D([], [], linestyle=""), *handles], [of, *labels]
    ax.legend(
        handles=handles,
        labels=labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=-(-len(labels) // n_rows),
        title=of if n_rows > 1 else None,
        alignment="left",
        columnspacing=1.4,
        frameon=False,
        borderpad=0.2,
    )
