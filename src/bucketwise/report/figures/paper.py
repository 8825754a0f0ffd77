"""The paper that figures are drawn on: its size, style, axes, legends and labels.

Margins are fixed in points and labels are measured once, so that nothing is laid out
twice. Only the room above the upper panel grows, by the rows that stand there.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.figures.as_shipped import import_matplotlib

import_matplotlib()

# ruff: noqa: E402 - not before that
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import (
    EngFormatter,
    Formatter,
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullLocator,
)
from matplotlib.transforms import Bbox

from bucketwise.report.figures.palette import (
    AXIS,
    GAP,
    GAP_HATCH,
    GRID,
    INK,
    LINES,
)
from bucketwise.report.figures.spans import Edge, Form, Span

STYLE: dict[Any, Any] = {
    # The font matplotlib ships, so that no machine lays labels out differently.
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": AXIS,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    # The card that figures stand on shows through.
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": GRID,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.borderpad": 0.2,
    "legend.columnspacing": 1.4,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
}

WIDTH_PT, LEFT_PT, AXES_PT, BOTTOM_PT, TOP_PT = 547.0, 62.0, 461.0, 40.0, 8.0
"""Of a figure, what is left of its axes, their width, what is below and above them."""

BETWEEN_PT, ROW_PT = 16.0, 13.0
"""Between panels; of a row of names above lines."""

TITLE_PT, TITLE_GAP_PT = 11.0, 6.0
"""Letters of a title, and the room below it."""

PLAIN_BELOW = 1e7
"""Ticks from there on carry a letter, as in "20 M"."""

SUBS = ((1.3, (1, 2, 3, 5, 7)), (2.6, (1, 2, 5)), (4.0, (1, 3)), (np.inf, (1,)))
"""Leading digits of ticks on axes of up to so many decades."""

DATES = ("%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S")
DATES_FROM = ("%Y", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M")
"""Dates by the unit that ticks step in, and of those that begin a larger unit, too:
digits, since the names of months follow the settings of whoever draws."""

SIDES = (
    *((1, 1), (-1, -1), (1, 0), (0, 1)),
    *((-1, 0), (0, -1), (1, -1), (-1, 1)),
)
"""Steps right and up from a point to its note, as they are tried: the free sides of a
falling curve first."""

NOTE_GAP_PT, MARK_PT, NEAR_PT = 9.0, 4.0, 6.0
"""From a point to its note; half of a mark's side; how near a point its text is told."""

LINE_NAMES = {"today": "today", "proposed": "proposed"}


@contextmanager
def styled(salt: str, *, outlined: bool = False) -> Iterator[None]:
    """Draw in the report's style, whatever the user's matplotlib is set to.

    `salt` is what matplotlib's own ids are made from. Outlined letters need no font
    where the figure is shown.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        # A reader's fonts show letters that this one lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update({**STYLE, "svg.hashsalt": salt})
        if outlined:
            mpl.rcParams["svg.fonttype"] = "path"
        yield


class Paper:
    """A figure under way."""

    def __init__(self) -> None:
        self.figure = Figure(dpi=72)
        FigureCanvasAgg(self.figure)  # measures text
        self._heights_pt: tuple[float, ...] = ()
        self._across_pt = (LEFT_PT, AXES_PT)
        self._above_pt = 0.0
        self._told: list[
            tuple[Axes, tuple[float, float], tuple[float, float], str]
        ] = []

    def tell(
        self,
        ax: Axes,
        text: str,
        x: tuple[float, float],
        y: tuple[float, float] | None = None,
    ) -> None:
        """Say a text where the mouse is between these values, of all heights or some."""
        self._told.append((ax, x, y or ax.get_ylim(), text))

    def told(self) -> Iterator[tuple[Bbox, str]]:
        """Return where each text is said, in points from the lower left, once all fits."""
        for ax, x, y, text in self._told:
            corners = ax.transData.transform(list(zip(x, y, strict=True)))
            (left, right), (low, high) = np.sort(corners, axis=0).T
            inside = Bbox.intersection(
                Bbox.from_extents(left, low, right, high), ax.bbox
            )
            if inside is not None:
                yield inside, text

    def panels(
        self, *heights_pt: float, left_pt: float = LEFT_PT, width_pt: float = AXES_PT
    ) -> list[Axes]:
        """Return axes so high, one below the other, with the same horizontal axis.

        Axes of which something is named on their right are to be less wide.
        """
        self._heights_pt, self._across_pt = heights_pt, (left_pt, width_pt)
        axes = [self.figure.add_axes((0, 0, 1, 1)) for _ in heights_pt]
        for ax in axes[:-1]:
            ax.tick_params(axis="x", labelbottom=False)
        self.fit()
        return axes

    def fit(self) -> None:
        """Give the figure the height that its panels and what stands above them need."""
        n_gaps = len(self._heights_pt) - 1
        margins = TOP_PT + self._above_pt + n_gaps * BETWEEN_PT + BOTTOM_PT
        total = math.ceil(sum(self._heights_pt) + margins)
        self.figure.set_size_inches(WIDTH_PT / 72, total / 72)
        left, width = self._across_pt
        top = total - TOP_PT - self._above_pt
        for ax, height in zip(self.figure.axes, self._heights_pt, strict=True):
            bottom = top - height
            place = (left / WIDTH_PT, bottom / total, width / WIDTH_PT, height / total)
            ax.set_position(place)
            top = bottom - BETWEEN_PT

    def legend(self, ax: Axes, title: str = "") -> None:
        """Put the legend above the plot, in as few rows as it needs."""
        handles, labels = ax.get_legend_handles_labels()
        place = (0, 1 + self._above_pt / ax.bbox.height)
        n_columns = len(labels)
        while True:
            legend = ax.legend(
                handles,
                labels,
                title=title or None,
                loc="lower left",
                bbox_to_anchor=place,
                ncols=n_columns,
                alignment="left",
                borderaxespad=0.2,
            )
            box = legend.get_window_extent()
            if n_columns == 1 or box.width <= ax.bbox.width:
                break
            fitting = int(n_columns * ax.bbox.width / box.width)
            n_columns = max(min(fitting, n_columns - 1), 1)
        self._above_pt += box.height + 4

    def flags(self, ax: Axes, edges: Sequence[Edge]) -> None:
        """Draw lines across the plot, each up to its name, in rows that keep names apart.

        Names stand right of their lines like flags. Placed from the right, a name takes
        the lowest row that ends before every line reaching that row or a higher one. A
        legend tells two kinds of lines apart, and what else has a name.
        """
        leftmost: list[float] = []
        for edge in sorted(edges, key=lambda each: (each.at, each.label), reverse=True):
            look = LINES[edge.style]
            start = float(ax.transData.transform((edge.at, 0))[0])
            name = ax.annotate(
                edge.label,
                (edge.at, 1),
                xycoords=ax.get_xaxis_transform(),
                xytext=(3, 0),
                textcoords="offset points",
                color=look["color"],
                annotation_clip=False,
            )
            end = start + name.get_window_extent().width + 6 if edge.label else start
            rows = range(len(leftmost))
            row = next((row for row in rows if end <= min(leftmost[row:])), len(rows))
            leftmost[row : row + 1] = [start]
            name.set_position((3, row * ROW_PT + 2))
            top = 1 + (row + 1) * ROW_PT / ax.bbox.height
            shown = ax.get_xaxis_transform()
            ax.plot([edge.at] * 2, [0, top], transform=shown, clip_on=False, **look)
        self._above_pt += len(leftmost) * ROW_PT + 2
        if len({edge.style for edge in edges}) > 1:
            for style, label in LINE_NAMES.items():
                ax.plot([], [], label=label, **LINES[style])
        if ax.get_legend_handles_labels()[1]:
            self.legend(ax)

    def title(self, text: str) -> None:
        """Write a title above everything, outside of the figure."""
        height_pt = self.figure.bbox.height
        place = (self._across_pt[0] / WIDTH_PT, 1 + TITLE_GAP_PT / height_pt)
        self.figure.text(*place, text, fontsize=TITLE_PT)

    def reword(self, say: Callable[[str], str]) -> None:
        """Say everything that stands on the paper in other words."""
        for each in self.figure.findobj(Text):
            each.set_text(say(each.get_text()))

    def set_x(self, ax: Axes, span: Span, label: str, form: Form = "number") -> None:
        """Give the horizontal axis its scale, ends, ticks and label."""
        if span.log:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(span.low, span.high)
        locator = _locator(span, form, 7)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(_formatter(form, locator))
        if ax is self.figure.axes[-1]:
            ax.set_xlabel(label)

    def set_y(self, ax: Axes, span: Span, label: str, form: Form = "number") -> None:
        """Give the vertical axis its scale, ends, ticks, label and grid lines."""
        if span.log:
            ax.set_yscale("log")
            ax.yaxis.set_minor_locator(NullLocator())
        ax.set_ylim(span.low, span.high)
        locator = _locator(span, form, min(int(ax.bbox.height / 22), 6))
        ax.yaxis.set_major_locator(locator)
        ax.yaxis.set_major_formatter(_formatter(form, locator))
        ax.set_ylabel(label)
        # Labels of all panels stand in one line, however wide the ticks are.
        ax.yaxis.set_label_coords(-(LEFT_PT - 14) / ax.bbox.width, 0.5)

    def notes(
        self,
        ax: Axes,
        notes: Sequence[tuple[float, float, str]],
        around: Sequence[ArrayLike] = (),
        sides: Sequence[tuple[int, int]] = SIDES,
        gap_pt: float = NOTE_GAP_PT,
    ) -> None:
        """Write notes beside their points, where they cover nothing, or not at all.

        `around` are lines and points in the plot that no note may cover.
        """
        shown = ax.transData
        taken: list[Bbox] = []
        drawn = [_dense(shown.transform(line)) for line in around]
        covered = np.vstack(drawn or [np.empty((0, 2))])
        for x, y, text in notes:
            note = ax.annotate(text, (x, y), (0, 0), textcoords="offset points")
            width, height = note.get_window_extent().size
            for right, up in sides:
                gap = gap_pt * (0.7 if right and up else 1.0)
                across = right * gap - (1 - right) / 2 * width
                along = up * gap - (1 - up) / 2 * height
                at = shown.transform((x, y))
                box = Bbox.from_bounds(at[0] + across, at[1] + along, width, height)
                if _is_free(box, ax.bbox, covered, taken):
                    note.set_position((across, along))
                    taken.append(box)
                    break
            else:
                note.remove()

    def cells(
        self, ax: Axes, bounds: FloatArray, chosen: NDArray[np.bool_], **look: Any
    ) -> None:
        """Draw the chosen cells between bounds, which cut both axes, as one patch."""
        row, column = np.nonzero(chosen)
        corners = [
            (bounds[column + right], bounds[row + up])
            for right, up in ((0, 0), (1, 0), (1, 1), (0, 1))
        ]
        polygons = np.array(corners).transpose(2, 0, 1)
        path = Path.make_compound_path_from_polys(polygons)
        ax.add_patch(PathPatch(path, **look))

    def shade(self, ax: Axes, bounds: FloatArray, empty: NDArray[np.bool_]) -> None:
        """Shade bins of which nothing is known: blank, they would look like none."""
        look: dict[str, Any] = {"facecolor": GAP, "edgecolor": GAP_HATCH, "hatch": "xx"}
        shown = ax.get_xaxis_transform()
        if empty.any():
            filled = np.where(empty, 1.0, np.nan)
            ax.stairs(filled, bounds, fill=True, lw=0, transform=shown, **look)


def _locator(span: Span, form: Form, most: int) -> Locator:
    if form == "date":
        dates: Any = AutoDateLocator  # has no types
        return cast("Locator", dates(minticks=3, maxticks=8))
    if form == "whole":
        return MaxNLocator(16, steps=[1, 2, 5, 10], integer=True)
    if not span.log:
        return MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
    decades = math.log10(span.high / span.low)
    subs = next(digits for at_most, digits in SUBS if decades <= at_most)
    return LogLocator(subs=subs, numticks=9)


def _formatter(form: Form, locator: Locator) -> Formatter:
    if form == "date":
        dates: Any = ConciseDateFormatter  # has no types
        names = {"formats": DATES, "zero_formats": DATES_FROM}
        return cast("Formatter", dates(locator, **names, show_offset=False))
    if form == "percent":
        return FuncFormatter(lambda at, _: f"{at * 100:.6g}%")
    return FuncFormatter(lambda at, _: _plain(at))


def _plain(at: float) -> str:
    if abs(at) < PLAIN_BELOW:
        return f"{at:,.10g}"
    return EngFormatter()(at)


def _dense(line: FloatArray) -> FloatArray:
    """Return points so close along a line that no note finds room between them."""
    return np.asarray(Path(line).interpolated(24).vertices) if len(line) > 1 else line


def _is_free(box: Bbox, inside: Bbox, covered: FloatArray, taken: list[Bbox]) -> bool:
    return (
        inside.count_contains(box.corners()) == len(box.corners())
        and not box.padded(MARK_PT).count_contains(covered)
        and not box.count_overlaps(taken)
    )
