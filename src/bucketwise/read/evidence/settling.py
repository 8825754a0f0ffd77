"""Tables whose names leave open when a request was in flight, settled by their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.read.evidence.columns import UNIT_WORDS
from bucketwise.read.evidence.plausibility import (
    UNITS_S,
    Timed,
    Timing,
    tell_timing,
)
from bucketwise.read.tables.table import Table

_SUFFIXES = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}


def settle(table: Table, columns: Mapping[str, NDArray[Any]]) -> Table:
    """Return the table with a unit for its durations and a role for its time.

    Parameters
    ----------
    table : Table
        Of requests with a duration.
    columns : mapping of str to ndarray, each of shape (n,)
        The first rows in the order written: `time_s`, `took` in seconds unless the cell
        is a number whose unit is not known, `bare` where it is a number, `output`.

    Raises
    ------
    InputError
        When the numbers can be in several units, or in none.
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
    meant = dict(timing.meant)
    others = " and ".join(
        f"{meant[each]} in {UNIT_WORDS[each]} ({_line(each, name)})"
        for each in _next_to(unit_s)
    )
    why = f"{timing.why}; " if timing.unit_by_order else ""
    return (
        f"{name!r} names no unit and is read as {UNIT_WORDS[unit_s]} "
        f"({meant[unit_s]}): {why}it would be {others}"
    )


def _line(unit_s: float, name: str) -> str:
    return f"--columns duration_{_SUFFIXES[unit_s]}={name}"


def _next_to(unit_s: float) -> Sequence[float]:
    """Return the units that are a thousand times as long and as short."""
    at = UNITS_S.index(unit_s)
    return (*UNITS_S[max(at - 1, 0) : at], *UNITS_S[at + 1 : at + 2])


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
