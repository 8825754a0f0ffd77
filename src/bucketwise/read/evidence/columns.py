"""Which columns of a table tell the load of a decoder, and as what kind of record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from bucketwise.errors import InputError, UsageError
from bucketwise.read.evidence.programs import Program, program_of
from bucketwise.read.tables.columns import Match, Purpose
from bucketwise.read.tables.finding import Cells, Found, find_columns, no_cells
from bucketwise.read.tables.names import (
    LOAD,
    LOGGED_WHEN_DONE,
    NGINX_CLOCKS,
    NGINX_DURATIONS,
    SIZES,
    unit_s,
)
from bucketwise.read.tables.naming import (
    ROLES,
    SHARED,
    Chosen,
    Naming,
    listed,
    said_of_unfit,
    unused,
)

TableKind = Literal["engine_stats", "requests", "arrivals"]
EXPECTED = (
    "a table of requests (start and end, start and duration, or end and duration), of an "
    "engine's statistics (time and running) or of arrivals (time, prompt and output "
    "tokens), a log of vLLM's or SGLang's, the JSON of a Prometheus range query, or a "
    "proxy's access log (--log-format) is expected, plain, gzip or zstd"
)
UNIT_WORDS = {1.0: "seconds", 1e-3: "milliseconds", 1e-6: "microseconds",
              1e-9: "nanoseconds"}  # fmt: skip
_NO_YEAR = re.compile(r"\s*\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\s*")
_OF_CLIPS = frozenset({"start", "end", "duration"})
"""With these words begin names that beside frames may be of a clip, not of a request."""


def plain_name(name: str) -> str:
    """Return the name of a column as words between underscores."""
    return LOAD.plain(name)[0]


def load_forms(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield every way to read the columns and what to say of it, the fullest first."""
    found = columns.roles
    tokens = _tokens(found)
    moments = [role for role in ("time", "start") if role in found]
    if "running" in found:
        gauges = _kept(found, "running", "waiting", "swapped", "replica", "engine")
        for moment in moments:
            yield {"time": found[moment], **gauges}, []
    for times, said in _times(names, columns):
        beside = _kept(found, "replica", "engine", "path")
        yield {**times, **beside, **tokens}, said
    if tokens:
        for moment in reversed(moments):
            yield {"time": found[moment], **tokens}, []


def _times(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield what may bound a request in time, and what had to be taken for it."""
    found = columns.roles
    for pair in (("start", "end"), ("start", "duration"), ("end", "duration")):
        if set(pair) <= found.keys():
            yield _kept(found, *pair), []
    if "time" in found:
        yield from _times_with(names, columns)


def _times_with(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield the same where one bound is only called a time."""
    found, asked = columns.roles, columns.named
    time = found["time"]
    if "duration" in found:
        duration = found["duration"]
        at = time if "time" in asked else _nginx_clock(names, duration, time)
        telling = (
            {"time": at} if "time" in asked else {"time": at, "duration": duration}
        )
        by = (
            LOGGED_WHEN_DONE[role].get(plain_name(names[each]))
            for role, each in telling.items()
        )
        who = next(filter(None, by), None)
        if who:
            said = f"is taken for the end: {who} logs a request when it is done"
            yield {"end": at, "duration": duration}, [f"{names[at]!r} {said}"]
    if "end" in found and found["end"] != time:
        said = "is taken for the start of each request"
        yield {"start": time, "end": found["end"]}, [f"{names[time]!r} {said}"]
    if "duration" in found and found["duration"] != time:
        yield _kept(found, "time", "duration"), []
    if (
        "start" in found
        and plain_name(names[found["start"]]) == "request_creation_time"
    ):
        said = "is taken for the end: ALB gives the time of the response"
        yield {"start": found["start"], "end": time}, [f"{names[time]!r} {said}"]


def _nginx_clock(names: Sequence[str], duration: int, time: int) -> int:
    """Return the column of nginx's own clock where the duration is nginx's own, too."""
    if plain_name(names[duration]) not in NGINX_DURATIONS:
        return time
    plain = [plain_name(name) for name in names]
    return next((plain.index(each) for each in NGINX_CLOCKS if each in plain), time)


def _tokens(found: Mapping[str, int]) -> dict[str, int]:
    """Return what tells the tokens of a request whole, or nothing."""
    if "output" not in found:
        return {}
    if "prompt" in found:
        return _kept(found, "prompt", "output")
    return _kept(found, "text", "tokens", "output") if "text" in found else {}


def _kept(found: Mapping[str, int], *roles: str) -> dict[str, int]:
    return {role: found[role] for role in roles if role in found}


def match_beside_sizes(
    names: Sequence[str], chosen: Chosen, source: str, cells: Cells = no_cells
) -> Match:
    """Find the load among columns of sizes, where some names mean something else.

    Those of clips are passed over; rows that stand for several images are refused.
    """
    naming = Naming.of(chosen)
    try:
        sizes = find_columns(names, SIZES, naming, source, may_lack=ROLES, cells=cells)
        if "count" in sizes.roles:
            raise InputError(f"{source}: rows with weights are no single requests")  # noqa: TRY301 - what it says is kept below
        if sizes.roles.keys() & {"frames", "fps"}:
            named = set(sizes.places.values())
            first = [
                plain_name(name).rpartition(".")[2].split("_")[0] for name in names
            ]
            names = [
                "" if first[at] in _OF_CLIPS and at not in named else name
                for at, name in enumerate(names)
            ]
        return match_load(names, naming, source, cells, beside_sizes=True)
    except InputError as error:
        naming.unserved = str(error).removesuffix(f"; {EXPECTED}")
        raise


def kind_of(roles: Mapping[str, int]) -> TableKind:
    """Return what kind of record the columns make of a row."""
    if "running" in roles:
        return "engine_stats"
    # Beside a duration a time is a start or an end that is still to be told.
    is_arrival = "time" in roles and "duration" not in roles
    return "arrivals" if is_arrival else "requests"


def tells_images(roles: Mapping[str, int]) -> bool:
    """Return whether the tokens of a prompt count those of its images.

    Servers count them among the tokens of the prompt; a count of text alone does not.
    """
    return "prompt" in roles or "tokens" in roles


def has_no_year(samples: Sequence[str]) -> bool:
    """Return whether most times look like `06-16 14:14:37`, as vLLM writes them."""
    fitting = sum(_NO_YEAR.fullmatch(each) is not None for each in samples)
    return fitting * 2 > len(samples)


def match_load(
    names: Sequence[str],
    chosen: Chosen,
    source: str,
    cells: Cells = no_cells,
    *,
    beside_sizes: bool = False,
) -> Match:
    """Find the columns that tell the load: of the kind that reads most of what is named.

    That is time and running; or two of start, end and duration; or time and output
    beside prompt or text. Where nothing is named, the kind with the most to say wins.
    """
    naming = Naming.of(chosen)
    plain = [plain_name(name) for name in names]
    program = program_of(plain)
    if program is not None and program.refusal and not naming.tells_load:
        raise InputError(f"{source}: {program.refusal}; {EXPECTED}")
    told = program.roles if program else {}
    known = {role: plain.index(name) for role, name in told.items() if name in plain}
    found = find_columns(
        names,
        LOAD,
        naming,
        source,
        # A role of both may be named for the sizes, which stand elsewhere.
        may_lack=ROLES if beside_sizes else SHARED,
        known=known,
        cells=cells,
    )
    unread = {role for role, name in told.items() if not name} - found.named.keys()
    roles_left = {each: at for each, at in found.roles.items() if each not in unread}
    found = replace(found, roles=roles_left)
    asked = set(found.named.values())
    if beside_sizes and not naming.tells_load:
        asked -= {at for role, at in found.named.items() if role in SHARED}
    readings = [*load_forms(names, found)]
    if not readings:
        raise InputError(_no_load(names, found, source))
    roles, said = max(readings, key=lambda each: len(asked & {*each[0].values()}))
    reading = ", ".join(f"{role} from {names[at]!r}" for role, at in roles.items())
    _check_named(found, roles, f"{source}: read {reading}")
    naming.mark(LOAD, found.places, roles.values())
    by_user = {
        found.named[role]: unit
        for role, unit in naming.units_s().items()
        if role in found.named
    }
    units_s = _units_s(names, roles, by_user, program)
    others = "" if beside_sizes else unused(names, roles, "the load")
    notes = [f"read {reading}{others}", *said]
    notes += _said_of_units(names, roles, units_s, program)
    notes += [found.others[at] for at in roles.values() if at in found.others]
    return Match(
        roles=roles,
        notes=tuple(notes),
        units_s=units_s,
        named={role: names[at] for role, at in roles.items()},
    )


def _check_named(found: Found, roles: Mapping[str, int], reading: str) -> None:
    """Refuse columns named for the load alone that the others leave no use for."""
    read = set(roles.values())
    left = [
        role
        for role, at in found.named.items()
        if at not in read and role not in SHARED
    ]
    if left:
        raise UsageError(
            f"{reading}; --columns {' and '.join(left)} is not read beside that: a "
            "request is told by two of start, end and duration, an arrival by time, "
            "prompt (or text) and output, an engine's statistics by time and running"
        )


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
            words = UNIT_WORDS[unit]
            said.append(f"{names[roles[role]]!r} is read as {words}{why}")
    return said


def _no_load(names: Sequence[str], found: Found, source: str) -> str:
    telling = {role: at for role, at in found.roles.items() if role != "path"}
    known = ", ".join(f"{role} in {names[at]!r}" for role, at in telling.items())
    only = f" (only {known})" if known else ""
    return (
        f"{source}: no columns that tell the load of a decoder{only}"
        f"{said_of_unfit(names, found.unfit)} among "
        f"{listed(names)}; name them with --columns start=NAME,end=NAME, "
        "start=NAME,duration=NAME, time=NAME,running=NAME or "
        f"time=NAME,prompt=NAME,output=NAME; {EXPECTED}"
    )


FOR_LOAD = Purpose(
    match=match_load,
    is_heading=lambda cell: LOAD.role_of(cell) is not None,
    is_value=lambda cell: re.match(r"\s*[\[+-]?\.?\d", cell) is not None,
    sought="the load of a decoder",
    columns="start=1,duration=2",
    line='{"start": 12.5, "duration": 0.8}',
)

BESIDE_SIZES = replace(FOR_LOAD, match=match_beside_sizes)
