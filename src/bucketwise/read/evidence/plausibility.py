"""What a bare duration can mean: its unit, and whether the time beside it is the end.

A thousandfold error would make an idle server look full. So every unit that a number may
be in is held against what a server can do, and only one that alone passes is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.read.evidence.columns import UNIT_WORDS
from bucketwise.read.tables.table import Table
from bucketwise.words.numbers import number, significant

UNITS_S = (1.0, 1e-3, 1e-6, 1e-9)
"""Seconds in the units in which programs write a duration."""

SHORTEST_S = 0.02
"""On average; less is not enough to read a prompt with its image and give one token."""

LONGEST_S = 900.0
"""On average: 32,768 tokens, more than most answers may have, at 36 a second."""

LONGEST_QUEUED_S = 6 * 3_600.0
"""The same where requests line up, or are few (vllm/benchmarks/lib/endpoint_request_func.py
waits as long for an answer)."""

SLOTS = 256.0
"""Requests that an engine has in hand (vLLM, --max-num-seqs as shipped)."""

MAX_TOKENS_PER_S = 5_000.0
"""Of one request; twice what the fastest services tell of themselves."""

MOST_IN_FLIGHT = 10_000.0
"""Sustained; what forty engines have in hand."""

_TELLING_TOKENS = 16
"""Fewer tokens take as long as the prompt does."""

_QUEUED = 0.3
"""Correlation of durations with time from which on requests may stand in a queue."""

_SUSTAINED = 3.0
"""Durations that a log has to span before what is in flight in it settles."""

_UPPER = 0.95
"""One request in twenty may hang without a say."""

_IN_ORDER, _OUT_OF_ORDER = 0.02, 0.1
"""Share of rows that stand behind a later one: at most, where several processes write
them in order, and at least, where they are not in order."""

_FEWEST = 20
"""Rows whose order tells something."""

_JITTER_S = 0.01
"""From the moment a request is done until its line is written."""

_SAME = 1e-3
"""Seconds since 1970 have no more digits than that as a float in tenths."""

Moment = Literal["start", "end"]
_OTHER_BOUND: Mapping[Moment, str] = {"start": "were done", "end": "began"}

_SUFFIXES = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Requests as rows tell them, in the order written.

    Arrays have the shape (n,).
    """

    time_s: FloatArray
    """The start or the end of each."""
    took: FloatArray
    """How long it took, in a unit that may be unknown."""
    output: IntArray | None = None
    """Tokens generated; negative where a row tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the numbers can mean."""

    units_s: tuple[float, ...]
    """Seconds in each unit that is plausible: one where it is decided."""
    moment: Moment | None
    """What the time of a row is; None where nothing tells."""
    meant: tuple[tuple[float, str], ...]
    """What each unit would make of the numbers, the implausible ones too."""
    why: str = ""
    """What the order of the rows told; "" where it told nothing."""
    unit_by_order: bool = False
    """Whether of several plausible units the order told the one."""


def tell_timing(
    requests: Timed, *, unit_s: float | None = None, moment: Moment | None = None
) -> Timing:
    """Return in which units durations are plausible, and what the time beside them is."""
    judged = [] if unit_s else [(unit, *_judged(requests, unit)) for unit in UNITS_S]
    units_s = (unit_s,) if unit_s else tuple(unit for unit, _, ok in judged if ok)
    meant = tuple((unit, said) for unit, said, _ in judged)
    told = _told_by_order(_in_order(requests), units_s, moment)
    if told is None:
        return Timing(units_s=units_s, moment=moment, meant=meant)
    unit, found, why = told
    return Timing(
        units_s=(unit,),
        moment=found,
        meant=meant,
        why=why,
        unit_by_order=len(units_s) > 1,
    )


def in_words(seconds: float) -> str:
    """Return a duration with a unit that suits it."""
    for unit_s, name in zip(UNITS_S, ("s", "ms", "us", "ns"), strict=True):
        if seconds >= unit_s:
            return f"{significant(seconds / unit_s, 2)} {name}"
    return "0 s"


def _judged(requests: Timed, unit_s: float) -> tuple[str, bool]:
    """Return what a unit would make of the numbers, and whether that can be."""
    took_s = requests.took * unit_s
    mean_s = _mean_s(took_s)
    said = f"{in_words(mean_s)} a request"
    # What hangs counts here, and so a few completions among checks of health do.
    if took_s.mean() < SHORTEST_S or mean_s > _longest_s(requests, took_s):
        return said, False
    for test, limit, words in _RATES:
        rate = test(requests, took_s)
        if rate > limit:
            return f"{said}, {number(rate)} {words}", False
    return said, True


def _mean_s(took_s: FloatArray) -> float:
    """Return the mean, in which what hangs counts no more than what is slow."""
    if not took_s.size:
        return 0.0
    upper = np.quantile(took_s, _UPPER, method="lower")
    return float(np.minimum(took_s, upper).mean())


def _longest_s(requests: Timed, took_s: FloatArray) -> float:
    """Return the longest mean that requests can have.

    It is longer where they are in a queue, or where one engine has all of them in hand.
    """
    is_sustained = 0 < _in_flight(requests, took_s) <= SLOTS
    return LONGEST_QUEUED_S if is_sustained or _lines_up(requests) else LONGEST_S


def _lines_up(requests: Timed) -> bool:
    """Return whether the later a request the longer it took, as it is in a queue."""
    time_s, took = requests.time_s, requests.took
    if time_s.size < 2 or not (np.ptp(time_s) and np.ptp(took)):  # noqa: PLR2004 - no two
        return True
    return bool(np.corrcoef(_ranks(time_s), _ranks(took))[0, 1] >= _QUEUED)


def _ranks(values: FloatArray) -> FloatArray:
    _, code = np.unique(values, return_inverse=True)
    return code.astype(np.float64)


def _tokens_per_s(requests: Timed, took_s: FloatArray) -> float:
    """Return the median over the requests with enough tokens; 0 without any."""
    if requests.output is None:
        return 0.0
    telling = (requests.output >= _TELLING_TOKENS) & (took_s > 0)
    if not telling.any():
        return 0.0
    return float(np.median(requests.output[telling] / took_s[telling]))


def _in_flight(requests: Timed, took_s: FloatArray) -> float:
    """Return how many are in flight (Little's law), 0 where the log is too short."""
    mean_s = _mean_s(took_s)
    span_s = float(np.ptp(requests.time_s)) if took_s.size else 0.0
    return mean_s * took_s.size / span_s if span_s > _SUSTAINED * mean_s else 0.0


_RATES: Sequence[tuple[Callable[[Timed, FloatArray], float], float, str]] = (
    (_tokens_per_s, MAX_TOKENS_PER_S, "tokens a second each"),
    (_in_flight, MOST_IN_FLIGHT, "in flight"),
)
"""What a unit would have a server do, the most that one can do, and its words."""


def _in_order(requests: Timed) -> Timed:
    """Return the rows with the oldest first where they stand the other way around."""
    newest_first = requests.time_s.size and requests.time_s[0] > requests.time_s[-1]
    backwards = Timed(time_s=requests.time_s[::-1], took=requests.took[::-1])
    if newest_first and _late_share(backwards.time_s, 0.0) <= _IN_ORDER:
        return backwards
    return requests


def _told_by_order(
    requests: Timed, units_s: Sequence[float], moment: Moment | None
) -> tuple[float, Moment, str] | None:
    """Return unit and moment where the order of the rows is explained by them alone.

    A row with a duration is written when the request is done, or was sorted by when it
    began: under the right reading the one or the other is in order.
    """
    took = requests.took
    if took.size < _FEWEST:
        return None
    if min(_late_share(took, 0.0), _late_share(-took, 0.0)) <= _IN_ORDER:
        return None
    late = _late_share(requests.time_s, _grain(requests.time_s) + _JITTER_S)
    if late <= _IN_ORDER:
        open_to = units_s if moment is None and len(units_s) == 1 else ()
        why = "rows stand in this order, as lines do that are written when done"
        told: list[tuple[float, Moment, str]] = [
            (unit_s, "end", why)
            for unit_s in open_to
            if _late_bounds(requests, unit_s, "start") >= _OUT_OF_ORDER
        ]
    else:
        told = [
            (unit_s, each, f"so read, rows stand in the order in which requests {by}")
            for unit_s in units_s
            for each, by in _OTHER_BOUND.items()
            if late >= _OUT_OF_ORDER
            and each == (moment or each)
            and _late_bounds(requests, unit_s, each) <= _IN_ORDER
        ]
    return told[0] if len(told) == 1 else None


def _late_bounds(requests: Timed, unit_s: float, moment: Moment) -> float:
    """Return the share of rows that are out of order by the other bound of requests."""
    took_s = requests.took * unit_s
    other_s = requests.time_s + (took_s if moment == "start" else -took_s)
    return _late_share(other_s, _grain(requests.time_s) + _grain(took_s) + _JITTER_S)


def _late_share(moments: FloatArray, slack: float) -> float:
    latest = np.maximum.accumulate(moments)
    return float((moments < latest - slack).mean())


def _grain(seconds: FloatArray) -> float:
    """Return how far apart moments are told at least, where that is coarse; else 0."""
    for grain_s in (1.0, 0.1):
        steps = seconds / grain_s
        if (abs(steps - np.round(steps)) < _SAME).all():
            return grain_s
    return 0.0


def settle(table: Table, columns: Mapping[str, NDArray[Any]]) -> Table:
    """Return the table with a unit for its durations and a role for its time.

    The columns hold the first rows in the order written: `time_s`, `took` in seconds unless
    the cell is a number whose unit is not known, `bare` where it is a number, `output`.
    """
    known_s = table.units_s.get("duration")
    bare = columns["bare"].astype(bool) & (columns["took"] > 0)
    if known_s is None and bare.any():
        rows, unit_s = bare, None
    else:
        rows, unit_s = np.ones(bare.size, dtype=bool), 1.0
    timing = tell_timing(
        Timed(
            time_s=columns["time_s"][rows],
            took=columns["took"][rows],
            output=columns["output"][rows] if "output" in columns else None,
        ),
        unit_s=unit_s,
        moment=next((each for each in ("start", "end") if each in table.roles), None),
    )
    if len(timing.units_s) != 1:
        raise InputError(_undecided(table, timing))
    notes = list(table.notes)
    units_s = dict(table.units_s)
    if unit_s is None:
        [units_s["duration"]] = timing.units_s
        notes.append(_said_of_unit(table, timing))
    return _with_moment(replace(table, units_s=units_s, notes=tuple(notes)), timing)


def _with_moment(table: Table, timing: Timing) -> Table:
    """Return the table with its time as a start or an end."""
    if "time" not in table.roles:
        return table
    moment = timing.moment or "start"
    other = "end" if moment == "start" else "start"
    name = table.named["time"]
    why = f": {timing.why}" if timing.why else ", as nothing tells otherwise"
    said = (
        f"{name!r} is taken for the {moment} of each request{why}; "
        f"--columns {other}={name} reads the {other}"
    )

    def renamed(by_role: Mapping[str, Any]) -> dict[str, Any]:
        return {
            moment if role == "time" else role: each for role, each in by_role.items()
        }

    return replace(
        table,
        roles=renamed(table.roles),
        units_s=renamed(table.units_s),
        named=renamed(table.named),
        notes=(*table.notes, said),
    )


def _said_of_unit(table: Table, timing: Timing) -> str:
    [unit_s] = timing.units_s
    name = table.named["duration"]
    meant, at = dict(timing.meant), UNITS_S.index(unit_s)
    others = " and ".join(
        f"{meant[each]} in {UNIT_WORDS[each]} ({_line(each, name)})"
        for each in (*UNITS_S[max(at - 1, 0) : at], *UNITS_S[at + 1 : at + 2])
    )
    why = f"{timing.why}; " if timing.unit_by_order else ""
    return (
        f"{name!r} names no unit and is read as {UNIT_WORDS[unit_s]} "
        f"({meant[unit_s]}): {why}it would be {others}"
    )


def _line(unit_s: float, name: str) -> str:
    return f"--columns duration_{_SUFFIXES[unit_s]}={name}"


def _undecided(table: Table, timing: Timing) -> str:
    name = table.named["duration"]
    can = timing.units_s or tuple(unit_s for unit_s, _ in timing.meant)
    meant = [
        f"{UNIT_WORDS[unit_s]} ({said})"
        for unit_s, said in timing.meant
        if unit_s in can
    ]
    ways = [_line(unit_s, name) for unit_s in can]
    found = "can be " if timing.units_s else "suit no server, be they "
    return (
        f"{table.name}: {name!r} names no unit, and its numbers {found}"
        f"{' or '.join(meant)}; name it with {' or '.join(ways)}"
    )
