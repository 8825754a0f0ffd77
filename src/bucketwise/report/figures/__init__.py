"""Plot data onto axes, and axes into SVG that is the same to the byte every time."""

from __future__ import annotations

import html
import io
import re
from typing import Any, assert_never

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.axes import GREY, INK, ROW_IN
from bucketwise.report.figures.bars import draw_bars, draw_grouped, draw_histogram
from bucketwise.report.figures.lines import draw_curve, draw_scatter, draw_steps
from bucketwise.report.figures.load import draw_load
from bucketwise.report.plots import (
    BarsPlot,
    CurvePlot,
    GroupedPlot,
    HistogramPlot,
    LoadPlot,
    Plot,
    ScatterPlot,
    StepsPlot,
)

__all__ = ["draw", "lay_out", "to_svg"]

FONT_STACK = "'DejaVu Sans', Arial, Helvetica, sans-serif"
"""Fonts a reader may have; none is wider than the one labels were laid out with."""

STYLE: dict[Any, Any] = {
    # The font matplotlib ships, so that no machine lays labels out differently.
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
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
    with mpl.rc_context():
        # The user's matplotlibrc must not reach the report.
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        mpl.rcParams["svg.hashsalt"] = drawing.id
        figure = lay_out(drawing.plot)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    return _inline(text.getvalue(), drawing)


def draw(ax: Axes, plot: Plot) -> None:
    """Draw any plot onto axes."""
    match plot:
        case BarsPlot():
            draw_bars(ax, plot)
        case HistogramPlot():
            draw_histogram(ax, plot)
        case StepsPlot():
            draw_steps(ax, plot)
        case ScatterPlot():
            draw_scatter(ax, plot)
        case CurvePlot():
            draw_curve(ax, plot)
        case GroupedPlot():
            draw_grouped(ax, plot)
        case LoadPlot():
            draw_load(ax, plot)
        case _:
            assert_never(plot)


def lay_out(plot: Plot) -> Figure:
    """Return a figure with the plot drawn and every label inside."""
    figure = Figure(figsize=(WIDTH_IN, height_in(plot)), layout="constrained")
    draw(figure.add_subplot(), plot)
    # Labels above the axes move as the axes shrink; further passes settle them.
    for _ in range(LAYOUT_PASSES):
        figure.draw_without_rendering()
    return figure


def height_in(plot: Plot) -> float:
    """Return the height in inches that leaves every bar and mark its room."""
    if isinstance(plot, BarsPlot):
        return 1.3 + 0.42 * len(plot.names)
    if isinstance(plot, GroupedPlot):
        return 1.3 + 0.22 * len(plot.groups) * (len(plot.series) + 0.7)
    if isinstance(plot, (HistogramPlot, StepsPlot)):
        return 3.2 + ROW_IN * (max((edge.row for edge in plot.edges), default=0) + 1)
    if isinstance(plot, LoadPlot) and plot.y_waiting is not None:
        return 4.4
    return 4.4 if isinstance(plot, ScatterPlot) else 3.3


def _inline(text: str, drawing: Drawing) -> str:
    """Cut the file's head off, name the picture, and make its ids its own."""
    body = text[text.index("<svg") :]
    # matplotlib's style rule is written for a file of its own and would reach the page.
    body = re.sub(r"\s*<style\b.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{drawing.id}-", body)
    body = body.replace("'DejaVu Sans'", FONT_STACK)
    head, inside = body.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    attributes = " ".join(
        (
            'xmlns="http://www.w3.org/2000/svg"',
            'xmlns:xlink="http://www.w3.org/1999/xlink"',
            box.group() if box else "",
            f'role="img" aria-labelledby="{drawing.id}-title {drawing.id}-desc"',
        )
    )
    title = f'<title id="{drawing.id}-title">{html.escape(drawing.title)}</title>'
    said = html.escape(drawing.description)
    desc = f'<desc id="{drawing.id}-desc">{said}</desc>'
    return f"<svg {attributes}>\n{title}\n{desc}{inside.rstrip()}\n"
