"""Plot data onto axes, and axes into SVG that is the same to the byte every time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

from bucketwise.report.figures.as_shipped import import_matplotlib

import_matplotlib()

# ruff: noqa: E402 - not before that
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.axes import ROW_IN
from bucketwise.report.figures.bars import draw_bars, draw_histogram, draw_shares
from bucketwise.report.figures.lines import draw_front, draw_knee, draw_steps
from bucketwise.report.figures.load import draw_load
from bucketwise.report.figures.mix import draw_arrivals
from bucketwise.report.figures.palette import AXIS, INK
from bucketwise.report.figures.sizes import draw_heat, draw_scatter
from bucketwise.report.figures.svg import inline
from bucketwise.report.plots import (
    ArrivalsPlot,
    BarsPlot,
    FrontPlot,
    HeatPlot,
    HistogramPlot,
    KneePlot,
    LoadPlot,
    Plot,
    ScatterPlot,
    SharesPlot,
    StepsPlot,
)

__all__ = ["draw", "lay_out", "to_svg"]

STYLE: dict[Any, Any] = {
    # The font matplotlib ships, so that no machine lays labels out differently.
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": AXIS,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    # The card that figures stand on shows through.
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "hatch.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
}

WIDTH_IN = 7.6
LAYOUT_PASSES = 2

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


DRAW: dict[type[Plot], Callable[[Axes, Any], None]] = {
    ArrivalsPlot: draw_arrivals,
    BarsPlot: draw_bars,
    FrontPlot: draw_front,
    HeatPlot: draw_heat,
    HistogramPlot: draw_histogram,
    KneePlot: draw_knee,
    LoadPlot: draw_load,
    ScatterPlot: draw_scatter,
    SharesPlot: draw_shares,
    StepsPlot: draw_steps,
}


def to_svg(drawing: Drawing) -> str:
    """Draw one figure as an SVG element to stand inside a page.

    Parameters
    ----------
    drawing : Drawing
        Its `id` keeps the ids inside the figure apart from those of others.

    Returns
    -------
    str
        One `<svg>` element; equal drawings give equal bytes in every process.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        # A reader's fonts show letters that this one lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # The user's matplotlibrc must not reach the report.
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        mpl.rcParams["svg.hashsalt"] = drawing.id
        figure = lay_out(drawing.plot)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    return inline(text.getvalue(), drawing)


def draw(ax: Axes, plot: Plot) -> None:
    """Draw any plot onto axes."""
    DRAW[type(plot)](ax, plot)


def lay_out(plot: Plot) -> Figure:
    """Return a figure with the plot drawn and every label inside."""
    layout = ConstrainedLayoutEngine()
    figure = Figure(figsize=(WIDTH_IN, height_in(plot)), layout=layout)
    draw(figure.add_subplot(), plot)
    # Labels above the axes move as the axes shrink; further passes settle them.
    for _ in range(LAYOUT_PASSES):
        layout.execute(figure)
    return figure


def height_in(plot: Plot) -> float:
    """Return the height in inches that leaves every bar and mark its room."""
    if isinstance(plot, BarsPlot):
        return 1.3 + 0.42 * len(plot.names)
    if isinstance(plot, SharesPlot):
        return 1.0 + 0.44 * len(plot.rows)
    if isinstance(plot, (HistogramPlot, StepsPlot)):
        return 3.2 + ROW_IN * (max((edge.row for edge in plot.edges), default=0) + 1)
    if isinstance(plot, LoadPlot) and plot.y_waiting is None:
        return 3.3
    return 4.8 if isinstance(plot, HeatPlot) else 4.4
