"""The drawing of the decoder's load over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.nouns.activity import Activity
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.clock import slot_words, time_unit
from bucketwise.report.drawings.scales import zero_axis
from bucketwise.report.plots import (
    Level,
    LoadPlot,
    Stretch,
)
from bucketwise.words.numbers import percent, significant

MOST_SLOTS = 400
"""Slots of time drawn; more cannot be seen."""

MOST_ROWS = 40
"""Rows of the table of times; more are not read."""

LEVEL_FACTOR = 10
"""A batch size over so many times what was active would press it to the floor."""

LEVEL_ROOM = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means over equal slots of time; slots in which nothing was seen are absent.

    Attributes
    ----------
    position : ndarray of int64, shape (n,)
        Number of the slot, ascending, 0 for the first one seen.
    active : ndarray of float64, shape (n,)
        Sequences in slots of the decoder, a replica; idle time counts as 0.
    waiting : ndarray of float64, shape (n,)
        Those for which it had no slot, a replica.
    idle : ndarray of float64, shape (n,)
        Share of the time seen in which nothing was active.
    seconds : ndarray of float64, shape (n,)
        Time seen, of all replicas.
    width_s : int
        Width of a slot of time.
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


def means_over_time(activity: Activity, batch_size: int, most: int) -> Means:
    """Return what was active and what waited, by slots of time.

    Parameters
    ----------
    activity : Activity
        What was seen.
    batch_size : int
        Slots of the decoder; what is above them waits.
    most : int
        Slots of time to have at most; they are joined evenly where there are more.
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
    scale, unit = time_unit(means.n_slots * means.width_s)
    width = means.width_s / scale
    peak = float(means.active.max())
    near = batch_size <= LEVEL_FACTOR * peak
    each = " per replica" if activity.replicas > 1 else ""
    wait = float(means.waiting.max())
    slot = slot_words(means.width_s)
    return Drawing(
        id="figure-decoder-load",
        title="Active sequences over time",
        description=(
            f"Mean of active sequences{each} for each {slot}: from "
            f"{_mean(float(means.active.min()))} to {_mean(peak)} of {batch_size:,}. "
            f"{_waiting_words(wait)}"
        ),
        caption=_load_caption(means, batch_size, each, near=near),
        plot=LoadPlot(
            active=_stretches(means.position, means.active, width),
            waiting=_stretches(means.position, means.waiting, width) if wait else (),
            level=Level(at=float(batch_size), label=f"batch_size {batch_size:,}")
            if near
            else None,
            x=zero_axis(f"{unit}s from the start", means.n_slots * width, room=1.0),
            y=zero_axis(
                f"active{each}",
                float(batch_size) if near else peak,
                room=LEVEL_ROOM,
            ),
            y_waiting=zero_axis(f"waiting{each}", max(wait, 1.0)) if wait else None,
        ),
        table=_load_table(activity, batch_size),
    )


def _load_caption(means: Means, batch_size: int, each: str, *, near: bool) -> str:
    slot = slot_words(means.width_s)
    text = f"Sequences active{each}, in the mean of each {slot}; idle time counts as 0."
    if means.waiting.any():
        text += " Below, on a scale of its own, what found no slot."
    if not near:
        text += f" The {batch_size:,} slots there are lie far above."
    missing = means.n_slots - means.position.size
    if missing:
        share = percent(missing / means.n_slots)
        text += f" Where it is shaded nothing was recorded: {share} of the time."
    return text


def _waiting_words(most: float) -> str:
    if not most:
        return "Nothing waited."
    return f"At most {_mean(most)} waited."


def _stretches(
    position: IntArray, values: FloatArray, width: float
) -> tuple[Stretch, ...]:
    """Cut values at the gaps, so that no line is drawn across one."""
    cuts = np.flatnonzero(np.diff(position) > 1) + 1
    return tuple(
        Stretch(
            at=tuple((np.append(where, where[-1] + 1) * width).tolist()),
            value=tuple(found.tolist()),
        )
        for where, found in zip(
            np.split(position, cuts), np.split(values, cuts), strict=True
        )
    )


def _load_table(activity: Activity, batch_size: int) -> Table:
    means = means_over_time(activity, batch_size, MOST_ROWS)
    scale, unit = time_unit(means.n_slots * means.width_s)
    rows = [
        Row(
            cells=(
                _from_to(at * means.width_s / scale, means.width_s / scale),
                _mean(active),
                _mean(waiting),
                percent(idle),
                percent(min(seconds / (means.width_s * activity.replicas), 1.0)),
            )
        )
        for at, active, waiting, idle, seconds in zip(
            means.position.tolist(),
            means.active.tolist(),
            means.waiting.tolist(),
            means.idle.tolist(),
            means.seconds.tolist(),
            strict=True,
        )
    ]
    heads = ("Active", "Waiting", "Idle", "Time seen")
    return Table(
        caption=(
            f"Active and waiting in the mean of each {slot_words(means.width_s)}; times "
            "nobody recorded are left out"
        ),
        head=(
            Column(text=f"{unit.capitalize()}s from the start"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _mean(value: float) -> str:
    return "0" if value == 0 else significant(value, 3)


def _from_to(start: float, width: float) -> str:
    return f"{start:,.4g} to {start + width:,.4g}"
