"""The figure of the decoder's load over time: what was active, and what waited below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.activity import Activity
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.palette import BLUE, LINES, ORANGE, SKY, VERMILLION
from bucketwise.report.figures.spans import Span, check_bins
from bucketwise.report.figures.times import slot_words, time_unit
from bucketwise.words.numbers import percent, significant

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

MOST_SLOTS = 400
"""Slots of time drawn; more cannot be seen."""

MOST_ROWS = 40
"""Rows of the table of times; more are not read."""

LEVEL_FACTOR = 10
"""A batch size over so many times what was active would press it to the floor."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """What was active and what waited between consecutive `bounds`.

    Slots that nobody recorded are not `seen`; `level` is None where it lies far above.
    """

    bounds: FloatArray
    seen: NDArray[np.bool_]
    active: FloatArray
    waiting: FloatArray
    level: int | None
    each: str
    unit: str

    def __post_init__(self) -> None:
        """Refuse values that are not those of the slots between the bounds."""
        check_bins(self.bounds, self.seen, self.active, self.waiting)

    def draw(self, paper: Paper) -> None:
        """Draw stretches of time as steps, and what waited on axes of its own.

        A queue may be a hundred times the slots: on one axis nothing active would be
        seen.
        """
        panels = paper.panels(*((140, 90) if self.waiting.any() else (160,)))
        top = Span.from_zero([self.level or self.active.max()], 1.15)
        shown = (
            ("active", self.active, top, SKY, BLUE),
            ("waiting", self.waiting, Span.from_zero(self.waiting), ORANGE, VERMILLION),
        )
        for ax, (name, values, up, fill, line) in zip(panels, shown, strict=False):
            paper.shade(ax, self.bounds, ~self.seen)
            # The line leaves gaps where values are none.
            ax.stairs(
                np.where(self.seen, values, np.nan),
                self.bounds,
                fill=True,
                facecolor=fill,
                edgecolor=line,
                linewidth=0.8,
            )
            span = Span(0.0, float(self.bounds[-1]))
            paper.set_x(ax, span, f"{self.unit}s from the start")
            paper.set_y(ax, up, f"{name}{self.each}")
            for at in np.flatnonzero(self.seen).tolist():
                ends = (float(self.bounds[at]), float(self.bounds[at + 1]))
                said = (
                    f"{self.unit} {ends[0]:,.3g}: {values[at]:,.3g} {name}{self.each}"
                )
                paper.tell(ax, said, ends)
        if self.level is not None:
            panels[0].axhline(self.level, **LINES["proposed"])
            panels[0].annotate(
                f"batch_size {self.level:,}",
                (1, self.level),
                (0, 2),
                xycoords=panels[0].get_yaxis_transform(),
                textcoords="offset points",
                ha="right",
                color=VERMILLION,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means over equal slots of time; slots in which nothing was seen are absent.

    `position` counts slots from the first one seen; `active` and `waiting` are sequences
    with and without a slot of the decoder, a replica; `idle` is the share of the time
    seen in which nothing was active, `seconds` that time, of all replicas.
    """

    position: IntArray
    active: FloatArray
    waiting: FloatArray
    idle: FloatArray
    seconds: FloatArray
    width_s: int

    @property
    def n_slots(self) -> int:
        """Slots of time from the first one seen to the last, gaps included."""
        return int(self.position[-1]) + 1

    @property
    def unit(self) -> tuple[int, str]:
        """Seconds of the unit of time that suits all of it, and its name."""
        return time_unit(self.n_slots * self.width_s)

    def spread(self, values: FloatArray) -> FloatArray:
        """Return values of every slot, 0 in those in which nothing was seen."""
        found = np.zeros(self.n_slots)
        found[self.position] = values
        return found


def means_over_time(activity: Activity, batch_size: int, most: int) -> Means:
    """Return what was active and what waited, in at most so many slots of time.

    What is above `batch_size` waits; slots are joined evenly where there are more.
    """
    first, last = int(activity.slot.min()), int(activity.slot.max())
    together = -(-(last - first + 1) // most)
    position, where = np.unique(
        (activity.slot - first) // together, return_inverse=True
    )
    active = np.minimum(activity.running, batch_size)
    waiting = activity.running - active + activity.waiting
    seconds = np.bincount(where, weights=activity.seconds)
    active_mean, waiting_mean, idle = (
        np.bincount(where, weights=activity.seconds * each) / seconds
        for each in (active, waiting, activity.running == 0)
    )
    return Means(
        position=position.astype(np.int64),
        active=active_mean,
        waiting=waiting_mean,
        idle=idle,
        seconds=seconds.astype(np.float64),
        width_s=activity.slot_width_s * together,
    )


def load_drawing(activity: Activity, batch_size: int) -> Drawing:
    """Return what was active over time, with what waited below it."""
    means = means_over_time(activity, batch_size, MOST_SLOTS)
    scale, unit = means.unit
    least, most = float(means.active.min()), float(means.active.max())
    is_near = batch_size <= LEVEL_FACTOR * most
    each = " per replica" if activity.replicas > 1 else ""
    wait = float(means.waiting.max())
    return Drawing(
        id="figure-decoder-load",
        title="Active sequences over time",
        description=(
            f"Mean of active sequences{each} for each {slot_words(means.width_s)}: from "
            f"{_mean(least)} to {_mean(most)} of {batch_size:,}. "
            + (f"At most {_mean(wait)} waited." if wait else "Nothing waited.")
        ),
        caption=_caption(means, batch_size, each, is_near=is_near),
        plot=Load(
            bounds=np.arange(means.n_slots + 1.0) * (means.width_s / scale),
            seen=means.spread(means.seconds) > 0,
            active=means.spread(means.active),
            waiting=means.spread(means.waiting),
            level=batch_size if is_near else None,
            each=each,
            unit=unit,
        ),
        table=_table(activity, batch_size),
    )


def _caption(means: Means, batch_size: int, each: str, *, is_near: bool) -> str:
    slot = slot_words(means.width_s)
    text = f"Sequences active{each}, in the mean of each {slot}; idle time counts as 0."
    if means.waiting.any():
        text += " Below, on a scale of its own, what found no slot."
    if not is_near:
        text += f" The {batch_size:,} slots there are lie far above."
    missing = means.n_slots - means.position.size
    if missing:
        share = percent(missing / means.n_slots)
        text += f" Where it is shaded nothing was recorded: {share} of the time."
    return text


def _table(activity: Activity, batch_size: int) -> Table:
    means = means_over_time(activity, batch_size, MOST_ROWS)
    scale, unit = means.unit
    width = means.width_s / scale
    seen = np.minimum(means.seconds / (means.width_s * activity.replicas), 1.0)
    columns = (means.position, means.active, means.waiting, means.idle, seen)
    return Table.of_numbers(
        f"Active and waiting in the mean of each {slot_words(means.width_s)}; times "
        "nobody recorded are left out",
        (
            f"{unit.capitalize()}s from the start",
            "Active",
            "Waiting",
            "Idle",
            "Time seen",
        ),
        (
            (
                f"{at * width:,.4g} to {at * width + width:,.4g}",
                _mean(active),
                _mean(waiting),
                percent(idle),
                percent(share),
            )
            for at, active, waiting, idle, share in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ),
    )


def _mean(value: float) -> str:
    return "0" if value == 0 else significant(value, 3)
