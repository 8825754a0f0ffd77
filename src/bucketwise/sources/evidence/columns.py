"""Which columns of a table tell the load of a decoder, and as what kind of record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from bucketwise.errors import InputError
from bucketwise.sources.evidence.programs import Program, program_of
from bucketwise.sources.tables.columns import Match, Purpose
from bucketwise.sources.tables.names import (
    LOAD,
    NGINX_CLOCKS,
    NGINX_DURATIONS,
    SIZES,
    columns_by_role,
    listed,
    position_of,
    unit_s,
    units_named,
    wanted_columns,
)

TableKind = Literal["engine_stats", "requests", "arrivals"]

EXPECTED = (
    "a table of requests (start and end, start and duration, or end and duration), of an "
    "engine's statistics (time and running) or of arrivals (time, prompt and output "
    "tokens), a log of vLLM's, the JSON of a Prometheus range query, or an access log of "
    "nginx or AWS ALB is expected, plain, gzip or zstd"
)

_UNIT_WORDS = {1.0: "seconds", 1e-3: "milliseconds", 1e-6: "microseconds"}
_NO_YEAR = re.compile(r"\s*\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\s*")

_OF_CLIPS = frozenset({"start", "end", "duration"})
"""With these words begin names that beside frames may be of a clip, not of a request."""


def match_load(
    names: Sequence[str], chosen: Mapping[str, str] | None, source: str
) -> Match:
    """Find the columns that tell the load; the kind with the most to say wins.

    Parameters
    ----------
    names : sequence of str
        The columns, in order; `outer.inner` for nested ones.
    chosen : mapping of str to str, optional
        Role to column name, or to a position from 1; "" leaves the role unread. A role
        named with a unit, as `duration_ms`, gives its numbers that unit.
    source : str
        Base name of the file, for messages.

    Returns
    -------
    Match
        With time and running; or two of start, end and duration; or time and output
        beside prompt or text.

    Raises
    ------
    InputError
        When a chosen column is not there, or nothing tells a load.
    """
    wanted = wanted_columns(chosen, LOAD)
    of_load = {
        role: column
        for role, column in wanted.items()
        if not _is_for_sizes(names, role, column)
    }
    program = program_of(map(_plain, names))
    if program is not None and program.refusal:
        raise InputError(f"{source}: {program.refusal}; {EXPECTED}")
    told = program.roles if program else {}
    places = {role: str(_place(names, plain) + 1) for role, plain in told.items()}
    found, others = columns_by_role(names, LOAD, places | of_load, source)
    roles, said = _roles(names, found, wanted)
    if not roles:
        raise InputError(_no_load(names, found, source))
    named = units_named(chosen)
    by_user = {found[role]: unit for role, unit in named.items() if role in found}
    units_s = _units_s(names, roles, by_user, program)
    reading = ", ".join(f"{role} from {names[at]!r}" for role, at in roles.items())
    notes = [f"read {reading}", *said, *_said_of_units(names, roles, units_s, program)]
    notes += [others[at] for at in roles.values() if at in others]
    return Match(
        roles=roles,
        notes=tuple(notes),
        units_s=units_s,
        named={role: names[at] for role, at in roles.items()},
    )


def match_beside_sizes(
    names: Sequence[str], chosen: Mapping[str, str] | None, source: str
) -> Match:
    """Find the same among columns of sizes, where some names mean something else.

    Raises
    ------
    InputError
        When nothing tells a load, or a row stands for several images.
    """
    if "count" in wanted_columns(chosen, SIZES) or SIZES.find(names, "count"):
        raise InputError(f"{source}: rows with weights are no single requests")
    if not any(SIZES.find(names, role) for role in ("frames", "fps")):
        return match_load(names, chosen, source)
    named = set((chosen or {}).values())
    hidden = ["" if _is_of_clip(name) and name not in named else name for name in names]
    return match_load(hidden, chosen, source)


def kind_of(roles: Mapping[str, int]) -> TableKind:
    """Return what kind of record the columns make of a row."""
    if "running" in roles:
        return "engine_stats"
    return "arrivals" if "time" in roles else "requests"


def tells_images(roles: Mapping[str, int]) -> bool:
    """Return whether the tokens of a prompt count those of its images.

    Servers count them among the tokens of the prompt; a count of text alone does not.
    """
    return "prompt" in roles or "tokens" in roles


def has_no_year(samples: Sequence[str]) -> bool:
    """Return whether most times look like `06-16 14:14:37`, as vLLM writes them."""
    fitting = sum(_NO_YEAR.fullmatch(each) is not None for each in samples)
    return fitting * 2 > len(samples)


def _is_for_sizes(names: Sequence[str], role: str, column: str) -> bool:
    """Say whether a choice is meant for the table of sizes: both share some roles."""
    return bool(column) and role in SIZES.aliases and position_of(names, column) is None


def _is_of_clip(name: str) -> bool:
    words = _plain(name).rpartition(".")[2].split("_")
    return words[0] in _OF_CLIPS


def _roles(
    names: Sequence[str], found: Mapping[str, int], wanted: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """Return the columns of the first kind that there is, or none."""
    asked = {role for role, column in wanted.items() if column}
    moment = found.get("time", found.get("start"))
    if "running" in found and moment is not None and not asked & {"end", "duration"}:
        return {
            "time": moment,
            **_kept(found, "running", "waiting", "swapped", "replica", "engine"),
        }, []
    times, said = _times(names, found, asked)
    tokens = _tokens(found)
    if times:
        return {**times, **_kept(found, "replica", "engine", "path"), **tokens}, said
    moment = found.get("start", found.get("time"))
    if moment is not None and tokens:
        return {"time": moment, **tokens}, []
    return {}, []


def _times(
    names: Sequence[str], found: Mapping[str, int], asked: set[str]
) -> tuple[dict[str, int], list[str]]:
    """Return what bounds a request in time, and what had to be taken for it."""
    for pair in (("start", "end"), ("start", "duration"), ("end", "duration")):
        if set(pair) <= found.keys():
            return _kept(found, *pair), []
    if "time" not in found:
        return {}, []
    return _times_with(names, found, asked)


def _times_with(
    names: Sequence[str], found: Mapping[str, int], asked: set[str]
) -> tuple[dict[str, int], list[str]]:
    """Return the same where one bound is only called a time."""
    time = found["time"]
    if "duration" in found:
        duration = found["duration"]
        at = time if "time" in asked else _nginx_clock(names, duration, time)
        by_nginx = "time" not in asked and _plain(names[duration]) in NGINX_DURATIONS
        if by_nginx or _plain(names[at]) in NGINX_CLOCKS:
            said = "is taken for the end: nginx logs a request when it is done"
            return {"end": at, "duration": duration}, [f"{names[at]!r} {said}"]
    for other in ("end", "duration"):
        if other in found:
            said = "is taken for the start of each request"
            return {"start": time, other: found[other]}, [f"{names[time]!r} {said}"]
    if "start" in found and _plain(names[found["start"]]) == "request_creation_time":
        said = "is taken for the end: ALB gives the time of the response"
        return {"start": found["start"], "end": time}, [f"{names[time]!r} {said}"]
    return {}, []


def _nginx_clock(names: Sequence[str], duration: int, time: int) -> int:
    """Return the column of nginx's own clock where the duration is nginx's own, too."""
    if _plain(names[duration]) not in NGINX_DURATIONS:
        return time
    plain = [_plain(name) for name in names]
    return next((plain.index(each) for each in NGINX_CLOCKS if each in plain), time)


def _tokens(found: Mapping[str, int]) -> dict[str, int]:
    """Return what tells the tokens of a request whole, or nothing."""
    if "output" not in found:
        return {}
    if "prompt" in found:
        return _kept(found, "prompt", "output")
    return _kept(found, "text", "tokens", "output") if "text" in found else {}


def _plain(name: str) -> str:
    return LOAD.plain(name)[0]


def _place(names: Sequence[str], plain: str) -> int:
    return [_plain(name) for name in names].index(plain)


def _kept(found: Mapping[str, int], *roles: str) -> dict[str, int]:
    return {role: found[role] for role in roles if role in found}


def _units_s(
    names: Sequence[str],
    roles: Mapping[str, int],
    by_user: Mapping[int, float],
    program: Program | None,
) -> dict[str, float]:
    units_s = {}
    for role in ("time", "start", "end", "duration"):
        if role in roles:
            at = roles[role]
            unit = by_user.get(at) or unit_s(names[at])
            if unit is None and program:
                unit = program.units_s.get(role)
            if unit is not None:
                units_s[role] = unit
    return units_s


def _said_of_units(
    names: Sequence[str],
    roles: Mapping[str, int],
    units_s: Mapping[str, float],
    program: Program | None,
) -> list[str]:
    said = []
    for role, unit in units_s.items():
        if unit != 1.0:
            known = program is not None and role in program.units_s
            why = f", as {program.name} writes them" if program and known else ""
            words = _UNIT_WORDS.get(unit, "nanoseconds")
            said.append(f"{names[roles[role]]!r} is read as {words}{why}")
    if "duration" in roles and "duration" not in units_s:
        name = names[roles["duration"]]
        said.append(
            f"{name!r} is read as seconds where no unit stands beside the number: "
            f"--columns duration_ms={name} reads milliseconds"
        )
    return said


def _no_load(names: Sequence[str], found: Mapping[str, int], source: str) -> str:
    telling = {role: at for role, at in found.items() if role != "path"}
    known = ", ".join(f"{role} in {names[at]!r}" for role, at in telling.items())
    only = f" (only {known})" if known else ""
    return (
        f"{source}: no columns that tell the load of a decoder{only} among "
        f"{listed(names)}; name them with --columns start=NAME,end=NAME, "
        "start=NAME,duration=NAME, time=NAME,running=NAME or "
        f"time=NAME,prompt=NAME,output=NAME; {EXPECTED}"
    )


def _is_time_or_number(cell: str) -> bool:
    return re.match(r"\s*[\[+-]?\.?\d", cell) is not None


FOR_LOAD = Purpose(
    match=match_load,
    is_heading=lambda cell: LOAD.role_of(cell) is not None,
    is_value=_is_time_or_number,
    sought="the load of a decoder",
    columns="start=1,duration=2",
    line='{"start": 12.5, "duration": 0.8}',
)

BESIDE_SIZES = Purpose(
    match=match_beside_sizes,
    is_heading=FOR_LOAD.is_heading,
    is_value=_is_time_or_number,
    sought=FOR_LOAD.sought,
    columns=FOR_LOAD.columns,
    line=FOR_LOAD.line,
)
