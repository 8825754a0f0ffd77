"""The drawing of traffic over time: how many runs, and in which mix of buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import NO_TIME_S, FloatArray, IntArray, Traffic
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.clock import (
    DAY_S,
    EPOCH_YEAR,
    HOUR_S,
    Clock,
    slot_words,
)
from bucketwise.report.drawings.lengths import share_axis
from bucketwise.report.drawings.mix import OTHERS, Mix, mix_of, shares_of
from bucketwise.report.drawings.scales import zero_axis
from bucketwise.report.plots import ArrivalsPlot
from bucketwise.words.numbers import number, percent, plural, significant

MOST_COLUMNS = 120
"""Slots of time drawn; more are joined."""

MOST_ROWS = 40
"""Rows of the table of times; more are not read."""

WIDTHS_S = (
    *(hours * HOUR_S for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_S for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""Widths that slots are joined to; past the last one, multiples of it."""

HARDLY = 0.05
"""A share that changes by less is said to hardly change."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Runs by slot of time and series, gaps included as slots of nothing.

    Attributes
    ----------
    start_s : int
        Start of the first slot.
    width_s : int
        Width of each.
    runs : ndarray of float64, shape (n_slots, n_series)
        Runs; the first and the last slot have some.
    """

    start_s: int
    width_s: int
    runs: FloatArray

    @property
    def end_s(self) -> int:
        """End of the last slot."""
        return self.start_s + len(self.runs) * self.width_s


def arrivals_drawing(analysis: Analysis) -> Drawing | None:
    """Return runs over time by bucket; None where times tell nothing apart."""
    traffic, mix = analysis.traffic, mix_of(analysis)
    is_timed = (traffic.slot_start_s != NO_TIME_S) & (mix.runs > 0)
    if np.unique(traffic.slot_start_s[is_timed]).size <= 1:
        return None
    slots = slots_of(traffic, mix, MOST_COLUMNS)
    clock = Clock(_tells_dates(analysis), slots.start_s)
    bounds = slots.start_s + slots.width_s * np.arange(len(slots.runs) + 1)
    per, axis = slot_words(slots.width_s), clock.axis(slots.end_s)
    busiest, moves = _busiest_words(traffic, mix, clock), _moves_words(traffic, mix)
    untimed = float(mix.runs[traffic.slot_start_s == NO_TIME_S].sum())
    return Drawing(
        id="figure-arrivals",
        title="Arrivals and mix over time",
        description=f"ViT runs in each {per}, stacked by bucket. {busiest} {moves}",
        caption=_caption(mix, slots, untimed, dated=clock.tells_dates)
        + f" {busiest} {moves}",
        plot=ArrivalsPlot(
            bounds=tuple(bounds.astype(float).tolist()),
            series=mix.names,
            amounts=tuple(tuple(series) for series in slots.runs.T.tolist()),
            x=axis,
            y=zero_axis(f"runs per {per}", float(slots.runs.sum(axis=1).max())),
            y_share=share_axis("share of runs", 1.0),
        ),
        table=_table(slots_of(traffic, mix, MOST_ROWS), mix, clock),
    )


def slots_of(traffic: Traffic, mix: Mix, most: int) -> Slots:
    """Return runs in at most so many slots of time.

    Parameters
    ----------
    traffic : Traffic
        With times that tell at least two slots apart.
    mix : Mix
        Its runs.
    most : int
        Slots to have at most; they are joined to even widths where there are more.
    """
    start = traffic.slot_start_s
    is_timed = (start != NO_TIME_S) & (mix.runs > 0)
    first_s, last_s = int(start[is_timed].min()), int(start[is_timed].max())
    width_s = _width_s(first_s, last_s, traffic.slot_width_s, most)
    origin_s = first_s // min(width_s, DAY_S) * min(width_s, DAY_S)
    position = np.where(is_timed, (start - origin_s) // width_s, -1)
    n_slots = (last_s - origin_s) // width_s + 1
    return Slots(origin_s, width_s, mix.table(position, n_slots))


def _width_s(first_s: int, last_s: int, slot_width_s: int, most: int) -> int:
    span_s = last_s - first_s + slot_width_s
    # One slot fewer, for the part of a slot before the first image.
    for width_s in WIDTHS_S:
        if width_s % slot_width_s == 0 and span_s <= (most - 1) * width_s:
            return width_s
    return -(-span_s // ((most - 1) * WIDTHS_S[-1])) * WIDTHS_S[-1]


def _tells_dates(analysis: Analysis) -> bool:
    last = analysis.plan.traffic.last
    return last is not None and datetime.fromisoformat(last).year != EPOCH_YEAR


def _busiest_words(traffic: Traffic, mix: Mix, clock: Clock) -> str:
    """Say how much more the busiest slot brought than the mean of those with any."""
    is_timed = (traffic.slot_start_s != NO_TIME_S) & (mix.runs > 0)
    starts, position = np.unique(traffic.slot_start_s[is_timed], return_inverse=True)
    runs = np.bincount(position, weights=mix.runs[is_timed])
    busiest, word = int(runs.argmax()), slot_words(traffic.slot_width_s)
    times = significant(float(runs[busiest] / runs.mean()), 2)
    return (
        f"The busiest {word}, {clock.says(int(starts[busiest]))}, brought "
        f"{plural(float(runs[busiest]), 'run')}: {times} times the mean {word} that "
        "brought any."
    )


def _moves_words(traffic: Traffic, mix: Mix) -> str:
    """Say how far the share of a bucket moved between halves of the runs."""
    if len(mix.names) == 1:
        return "All need the one bucket at all times."
    halves = mix.table(_half(traffic, mix), 2)
    before, after = shares_of(halves)
    most = int(np.abs(after - before).argmax())
    moved = abs(float(after[most] - before[most]))
    which = "the other buckets" if mix.names[most] == OTHERS else mix.names[most]
    opening = "The mix hardly moves" if moved < HARDLY else "The mix moves"
    return (
        f"{opening}: between the earlier and the later half of the runs the share of "
        f"{which} changes most, from {percent(float(before[most]))} to "
        f"{percent(float(after[most]))}."
    )


def _half(traffic: Traffic, mix: Mix) -> IntArray:
    """Return 0 for cells in the earlier half of the runs, 1 for the later, else -1."""
    is_timed = (traffic.slot_start_s != NO_TIME_S) & (mix.runs > 0)
    starts, position = np.unique(traffic.slot_start_s[is_timed], return_inverse=True)
    before = np.cumsum(np.bincount(position, weights=mix.runs[is_timed]))[:-1]
    total = float(mix.runs[is_timed].sum())
    middle_s = int(starts[1 + int(np.abs(before - total / 2).argmin())])
    half = (traffic.slot_start_s >= middle_s).astype(np.int64)
    return np.where(is_timed, half, -1)


def _caption(mix: Mix, slots: Slots, untimed: float, *, dated: bool) -> str:
    per = slot_words(slots.width_s)
    text = f"Above, the ViT runs of each {per} by the bucket they need; below, shares."
    if mix.names[-1] == OTHERS:
        text += " The least used buckets are drawn as one, others."
    if not slots.runs.sum(axis=1).all():
        text += " Where it is shaded nothing arrived, or nothing was recorded."
    if not dated:
        text += " The times are plain seconds: which day or hour it was is not known."
    if untimed:
        text += f" {plural(untimed, 'run')} without a time left out."
    return text


def _table(slots: Slots, mix: Mix, clock: Clock) -> Table:
    shares = shares_of(slots.runs)
    rows = []
    for index, runs in enumerate(slots.runs.sum(axis=1).tolist()):
        if runs:
            start = clock.says(slots.start_s + index * slots.width_s)
            parts = (percent(share) for share in shares[index].tolist())
            rows.append(Row(cells=(start, number(runs), *parts)))
    return Table(
        caption=(
            f"ViT runs in each {slot_words(slots.width_s)}, and the share that each "
            "bucket takes of them; times without any are left out"
        ),
        head=(
            Column(text="From (UTC)" if clock.tells_dates else "From"),
            Column(text="Runs", style="number"),
            *(Column(text=name, style="number") for name in mix.names),
        ),
        rows=tuple(rows),
    )
