"""Bars cut into parts, one a row, each below its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.figures.palette import HATCHES, OUTLINE, SERIES
from bucketwise.report.figures.spans import Edge, Form, Span
from bucketwise.words.numbers import percent

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

ROW_PT, BAR = 32.0, 0.5
"""Height of a row, and the share of it that its bar takes; the rest is for its name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Parts of each row, `parts[series][row]`; rows of shares all end at 1.

    `limit` is a line that no row should reach across.
    """

    names: tuple[str, ...]
    series: tuple[str, ...]
    parts: FloatArray
    x_label: str
    title: str = ""
    form: Form = "number"
    limit: Edge | None = None

    def __post_init__(self) -> None:
        """Refuse parts of other rows or series than those named."""
        if self.parts.shape != (len(self.series), len(self.names)):
            raise ValueError(
                f"expected parts of {len(self.series)} series in {len(self.names)} "
                f"rows, got an array of {self.parts.shape}"
            )

    def draw(self, paper: Paper) -> None:
        """Draw the rows, the first on top.

        Names come from outside, in any script: beside the bars those wider than this
        figure's font would be cut.
        """
        n_rows = len(self.names)
        (ax,) = paper.panels(ROW_PT * (n_rows + 0.2), left_pt=14, width_pt=509)
        left, told = np.zeros(n_rows), []
        for name, part, colour, hatch in zip(
            self.series, self.parts, SERIES, HATCHES, strict=False
        ):
            look: dict[str, Any] = {
                "color": colour,
                "edgecolor": OUTLINE,
                "hatch": hatch,
            }
            ax.barh(range(n_rows), part, BAR, left, linewidth=0.5, label=name, **look)
            for row in np.flatnonzero(part).tolist():
                ends = (float(left[row]), float(left[row] + part[row]))
                said = (
                    f"{percent(part[row])}"
                    if self.form == "percent"
                    else f"{part[row]:,.3g}"
                )
                told.append((row, ends, f"{self.names[row]}. {name}: {said}"))
            left += part
        for row, name in enumerate(self.names):
            ax.annotate(name, (0, row - BAR / 2), (0, 2), textcoords="offset points")
        high = 1.0 if self.form == "percent" else float(left.max()) or 1.0
        if self.limit:
            high = max(high, self.limit.at) * 1.15  # its name stands on its right
        paper.set_x(ax, Span(0.0, high), self.x_label, self.form)
        ax.set_ylim(n_rows - 0.6, -0.8)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        if self.limit:
            paper.flags(ax, [self.limit])
        paper.legend(ax, self.title)
        for row, ends, text in told:
            paper.tell(ax, text, ends, (row - BAR / 2, row + BAR / 2))
