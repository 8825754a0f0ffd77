"""The figure of traffic over time: how many runs, and in which mix of buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import NO_TIME_S, FloatArray, IntArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.mix import HARDLY, OTHERS, Mix, mix_of, shares_of
from bucketwise.report.figures.palette import HATCHES, OUTLINE, SERIES
from bucketwise.report.figures.spans import Form, Span, check_bins
from bucketwise.report.figures.times import (
    DAY_S,
    EPOCH_YEAR,
    HOUR_S,
    Clock,
    slot_words,
)
from bucketwise.words.numbers import number, percent, plural, significant

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

MOST_COLUMNS = 120
"""Slots of time drawn; more are joined."""

MOST_ROWS = 40
"""Rows of the table of times; more are not read."""

MINUTES_A_DAY = 1_440

WIDTHS_S = (
    *(hours * HOUR_S for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_S for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""Widths that slots are joined to; past the last one, multiples of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrivals:
    """Amounts between consecutive `bounds`, `amounts[series][slot]`; none is a gap."""

    bounds: FloatArray
    series: tuple[str, ...]
    amounts: FloatArray
    x_label: str
    y_label: str
    form: Form

    def __post_init__(self) -> None:
        """Refuse amounts that are not those of the slots between the bounds."""
        check_bins(self.bounds, *self.amounts)

    def draw(self, paper: Paper) -> None:
        """Draw amounts stacked over time, and their shares below."""
        above, below = paper.panels(100, 100)
        totals = self.amounts.sum(axis=0)
        paper.shade(below, self.bounds, totals == 0)
        for ax, parts in ((above, self.amounts), (below, shares_of(self.amounts.T).T)):
            floor = np.zeros(totals.size)
            for name, part, colour, hatch in zip(
                self.series, parts, SERIES, HATCHES, strict=False
            ):
                ax.stairs(
                    floor + part,
                    self.bounds,
                    baseline=floor,
                    fill=True,
                    facecolor=colour,
                    edgecolor=OUTLINE,
                    linewidth=0.4,
                    hatch=hatch,
                    label=name,
                )
                floor = floor + part
            span = Span(float(self.bounds[0]), float(self.bounds[-1]))
            paper.set_x(ax, span, self.x_label, self.form)
        paper.set_y(above, Span(0.0, float(totals.max()) * 1.06), self.y_label)
        paper.set_y(below, Span(0.0, 1.0), "share of runs", "percent")
        paper.legend(above, "bucket:")
        for at in np.flatnonzero(totals).tolist():
            ends = (float(self.bounds[at]), float(self.bounds[at + 1]))
            mixed = ", ".join(
                f"{name} {percent(part)}"
                for name, part in zip(
                    self.series,
                    (self.amounts[:, at] / totals[at]).tolist(),
                    strict=True,
                )
            )
            said = f"{self._when(ends[0])}: {number(float(totals[at]))}; {mixed}"
            for ax in (above, below):
                paper.tell(ax, said, ends)

    def _when(self, start: float) -> str:
        """Return the start of a slot in words."""
        if self.form != "date":
            return f"{start:,.3g}"
        return str(np.datetime64(round(start * MINUTES_A_DAY), "m")).replace("T", " ")


@dataclass(frozen=True, slots=True)
class Timed:
    """The runs of which the time is known, when each cell came, and how many others."""

    mix: Mix
    start_s: IntArray
    width_s: int
    untimed: float

    @classmethod
    def of(cls, analysis: Analysis) -> Timed:
        """Return the runs of an analysis that have a time."""
        mix, traffic = mix_of(analysis), analysis.traffic
        is_timed = (traffic.slot_start_s != NO_TIME_S) & (mix.runs > 0)
        return cls(
            mix.of(is_timed),
            traffic.slot_start_s[is_timed],
            traffic.slot_width_s,
            float(mix.runs[~is_timed].sum()),
        )

    def slots(self, most: int) -> tuple[IntArray, FloatArray]:
        """Return bounds of at most so many equal slots, and runs by slot and series.

        Slots of nothing are among them; the first and the last slot have some, and the
        last ends with what was read.
        """
        first_s, last_s = int(self.start_s.min()), int(self.start_s.max())
        width_s = self._joined_s(last_s - first_s + self.width_s, most)
        origin_s = first_s // min(width_s, DAY_S) * min(width_s, DAY_S)
        n_slots = (last_s - origin_s) // width_s + 1
        runs = self.mix.table((self.start_s - origin_s) // width_s, n_slots)
        bounds_s = origin_s + width_s * np.arange(n_slots + 1)
        bounds_s[-1] = last_s + self.width_s  # nothing is known of what follows
        return bounds_s, runs

    def _joined_s(self, span_s: int, most: int) -> int:
        # One slot fewer, for the part of a slot before the first image.
        for width_s in WIDTHS_S:
            if width_s % self.width_s == 0 and span_s <= (most - 1) * width_s:
                return width_s
        return -(-span_s // ((most - 1) * WIDTHS_S[-1])) * WIDTHS_S[-1]


def arrivals_drawing(analysis: Analysis) -> Drawing | None:
    """Return runs over time by bucket; None where times tell nothing apart."""
    timed = Timed.of(analysis)
    if np.unique(timed.start_s).size <= 1:
        return None
    bounds_s, runs = timed.slots(MOST_COLUMNS)
    clock = Clock(tells_dates(analysis), int(bounds_s[0]), int(bounds_s[-1]))
    per = slot_words(int(bounds_s[1] - bounds_s[0]))
    said = f"{_busiest_words(timed, clock)} {_moves_words(timed)}"
    alone = analysis.batches is None
    what = "ViT runs" if alone else "images, each as if it ran by itself,"
    caption = f"Above, the {what} of each {per} by the bucket they need; below, shares."
    if timed.mix.names[-1] == OTHERS:
        caption += " The least used buckets are drawn as one, others."
    if not runs.sum(axis=1).all():
        caption += " Where it is shaded nothing arrived, or nothing was recorded."
    if not clock.tells_dates:
        caption += (
            " The times are plain seconds: which day or hour it was is not known."
        )
    if timed.untimed:
        caption += f" {plural(timed.untimed, 'run')} without a time left out."
    return Drawing(
        id="figure-arrivals",
        title="Arrivals and mix over time",
        description=f"ViT runs in each {per}, stacked by bucket. {said}",
        caption=f"{caption} {said}",
        plot=Arrivals(
            bounds=clock.places(bounds_s),
            series=timed.mix.names,
            amounts=runs.T,
            x_label=clock.label,
            y_label=f"runs per {per}",
            form="date" if clock.tells_dates else "number",
        ),
        table=_table(timed, clock),
    )


def tells_dates(analysis: Analysis) -> bool:
    """Return whether times count from 1970, not from the start of a log."""
    last = analysis.plan.traffic.last
    return last is not None and datetime.fromisoformat(last).year != EPOCH_YEAR


def _busiest_words(timed: Timed, clock: Clock) -> str:
    """Say how much more the busiest slot brought than the mean of those with any."""
    starts, position = np.unique(timed.start_s, return_inverse=True)
    runs = np.bincount(position, weights=timed.mix.runs)
    busiest, word = int(runs.argmax()), slot_words(timed.width_s)
    times = significant(float(runs[busiest] / runs.mean()), 2)
    return (
        f"The busiest {word}, {clock.says(int(starts[busiest]))}, brought "
        f"{plural(float(runs[busiest]), 'run')}: {times} times the mean {word} that "
        "brought any."
    )


def _moves_words(timed: Timed) -> str:
    """Say how far the share of a bucket moved between halves of the runs."""
    mix = timed.mix
    if len(mix.names) == 1:
        return "All need the one bucket at all times."
    starts, position = np.unique(timed.start_s, return_inverse=True)
    before = np.cumsum(np.bincount(position, weights=mix.runs))
    middle = 1 + int(np.abs(before[:-1] - before[-1] / 2).argmin())
    is_later = (timed.start_s >= starts[middle]).astype(np.int64)
    earlier, later = shares_of(mix.table(is_later, 2))
    most = int(np.abs(later - earlier).argmax())
    which = "the other buckets" if mix.names[most] == OTHERS else mix.names[most]
    hardly = "hardly moves" if abs(later[most] - earlier[most]) < HARDLY else "moves"
    return (
        f"The mix {hardly}: between the earlier and the later half of the runs the "
        f"share of {which} changes most, from {percent(float(earlier[most]))} to "
        f"{percent(float(later[most]))}."
    )


def _table(timed: Timed, clock: Clock) -> Table:
    bounds_s, runs = timed.slots(MOST_ROWS)
    shares, totals = shares_of(runs), runs.sum(axis=1)
    per = slot_words(int(bounds_s[1] - bounds_s[0]))
    return Table.of_numbers(
        f"ViT runs in each {per}, and the share that each bucket takes of them; times "
        "without any are left out",
        ("From (UTC)" if clock.tells_dates else "From", "Runs", *timed.mix.names),
        (
            (
                clock.says(int(bounds_s[at])),
                number(float(totals[at])),
                *map(percent, shares[at].tolist()),
            )
            for at in np.flatnonzero(totals).tolist()
        ),
    )
