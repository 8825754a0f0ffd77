"""The figure of drift: what lengths chosen so far cost on what came next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.arrivals import tells_dates
from bucketwise.report.figures.palette import BLUE, ORANGE
from bucketwise.report.figures.spans import Form, Span
from bucketwise.report.figures.times import Clock
from bucketwise.report.plan_queries import noun_of
from bucketwise.words.numbers import percent, plural

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper


AROUND = 0.01
"""Share of the axis on either side of a point where its text is said."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drift:
    """The regret of each later part, where it starts, and their mean."""

    at: FloatArray
    regrets: tuple[float, ...]
    mean: float
    x_label: str
    form: Form
    said: tuple[str, ...]

    def draw(self, paper: Paper) -> None:
        """Draw a point for each part, and a line at the mean."""
        (ax,) = paper.panels(150)
        ax.axhline(self.mean, color=ORANGE, linewidth=1.2, linestyle="--", label="mean")
        ax.plot(
            self.at,
            self.regrets,
            color=BLUE,
            marker="o",
            markersize=4,
            linewidth=1,
            label="a later part",
        )
        paper.set_x(ax, Span.over(self.at.tolist()), self.x_label, self.form)
        paper.set_y(
            ax, Span.from_zero(self.regrets), "compute above the best", "percent"
        )
        paper.legend(ax)
        around = float(np.ptp(self.at)) * AROUND
        for at, said in zip(self.at.tolist(), self.said, strict=True):
            paper.tell(ax, said, (at - around, at + around))


def drift_drawing(analysis: Analysis) -> Drawing | None:
    """Return what each later part cost; None without times."""
    found = analysis.plan.confidence
    if found is None or len({each.start_s for each in found.parts}) <= 1:
        return None
    starts_s = np.array([each.start_s for each in found.parts], dtype=np.int64)
    clock = Clock(tells_dates(analysis), int(starts_s[0]), int(starts_s[-1]))
    regrets = [each.regret for each in found.parts]
    half = len(regrets) // 2
    before, after = float(np.mean(regrets[:half])), float(np.mean(regrets[half:]))
    images = plural(round(found.new_images), noun_of(analysis))
    said = (
        f"In the mean {percent(found.regret)}; {percent(before)} over the earlier half of "
        f"these parts, {percent(after)} over the later half."
    )
    return Drawing(
        id="figure-drift",
        title="Drift: what came next, on the lengths of before",
        description=f"Compute above the best for each later part of {images}. {said}",
        caption=(
            f"Each point is a part of {images}: what lengths chosen from all before it "
            f"cost on it, above the best for it. {said}"
        ),
        plot=Drift(
            at=clock.places(starts_s),
            regrets=tuple(regrets),
            mean=found.regret,
            x_label=clock.label,
            form="date" if clock.tells_dates else "number",
            said=tuple(
                f"from {clock.says(each.start_s)}: {percent(each.regret)} more"
                for each in found.parts
            ),
        ),
        table=Table.of_numbers(
            "Compute above the best for each later part, a share of that",
            ("From (UTC)" if clock.tells_dates else "From", "Regret"),
            ((clock.says(each.start_s), percent(each.regret)) for each in found.parts),
        ),
    )
