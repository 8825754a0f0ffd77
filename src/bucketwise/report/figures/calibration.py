"""The figure of a measured curve: its band, what was measured, and what that is off by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.nouns.measured_cost import SIZES, MeasuredCurve, Points
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.palette import BLUE, INK, VERMILLION
from bucketwise.report.figures.spans import Span
from bucketwise.words.numbers import percent, plural_of

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

MOST_DOTS = 2_000
"""More are drawn as so many of them."""

OF_WHAT = {
    "vit": "One ViT run", "decoder": "One decode step", "prefill": "One prefill",
    "compile_s": "Compiling one ViT graph", "graph_bytes": "One ViT graph",
    "peak_bytes": "The most one ViT run holds",
}  # fmt: skip

ROOM = 1.3
"""Of the lower panel over what the band and nine in ten of the runs need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A curve and what it was fitted to."""

    curve: MeasuredCurve
    points: Points

    def draw(self, paper: Paper) -> None:
        """Draw the curve in its band over the runs, and below what those are off by."""
        above, below = paper.panels(190, 110)
        curve, noun = self.curve, plural_of(SIZES[self.curve.kind])
        sizes = self.points.sizes.astype(np.float64)
        values = self.points.values
        if sizes.size > MOST_DOTS:
            some = np.linspace(0, sizes.size - 1, MOST_DOTS).astype(np.int64)
            sizes, values = sizes[some], values[some]
        span = Span.over([curve.smallest, curve.largest])
        at = span.bins(400)
        low, middle, high = curve.low(at), curve.at(at), curve.high(at)
        sure = f"{curve.level:.0%} band"
        off = values / curve.at(sizes) - 1
        most = ROOM * max(
            float(np.quantile(np.abs(off), 0.9)),
            float((high / middle - 1).max()),
            float((1 - low / middle).max()),
        )
        paper.set_x(above, span, noun)
        paper.set_x(below, span, noun)
        paper.set_y(above, Span.over([*middle, *values]), curve.unit)
        paper.set_y(below, Span(-most, most), "run less curve", "percent")
        above.fill_between(at, low, high, color=BLUE, alpha=0.25, lw=0, label=sure)
        below.fill_between(
            at, low / middle - 1, high / middle - 1, color=BLUE, alpha=0.25, lw=0
        )
        above.plot(at, middle, color=VERMILLION, lw=1.4, label=curve.form)
        below.axhline(0, color=VERMILLION, lw=1.4)
        dots: dict[str, Any] = {
            "color": INK,
            "marker": ".",
            "s": 9,
            "linewidths": 0,
            "zorder": 3,
        }
        above.scatter(sizes, values, label="runs", **dots)
        below.scatter(sizes, off, **dots)
        paper.legend(above)


def curve_drawing(curve: MeasuredCurve, points: Points) -> Drawing:
    """Return a curve, what was measured of it, and what that is off by."""
    noun = plural_of(SIZES[curve.kind])
    said = (
        f"{curve.form}, {curve.sizes} sizes from {curve.smallest:,} to {curve.largest:,} "
        f"{noun}, off by {percent(curve.residual_share)}"
    )
    return Drawing(
        id=f"figure-{curve.kind.replace('_', '-')}",
        title=f"{OF_WHAT[curve.kind]}, {curve.unit}: {said}",
        description=said,
        caption="Above, the curve in its band; below, what each run is off by.",
        plot=Calibrated(curve=curve, points=points),
        table=Table(caption=said, head=(), rows=()),
    )
