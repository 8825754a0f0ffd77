"""Rows of a table to what each says of the load: in SQL, a number a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Rejection
from bucketwise.read.database import DATA_FAULTS, Workspace
from bucketwise.read.evidence.access_logs import (
    OF_A_COMPLETION,
    OF_A_PROBE,
    shows_completions,
)
from bucketwise.read.evidence.columns import (
    TableKind,
    has_no_year,
    kind_of,
    tells_images,
)
from bucketwise.read.evidence.plausibility import settle
from bucketwise.read.tables.aggregate import find_places, forget_rejects, rows_set_aside
from bucketwise.read.tables.cells import blank
from bucketwise.read.tables.table import BATCH, Table
from bucketwise.read.tables.times import microseconds, said_of_times, seconds
from bucketwise.words.reject_reasons import (
    ABSURD,
    ENDS_BEFORE_START,
    FRACTION,
    MISSING,
    NO_TIME,
    NOT_A_COMPLETION,
    NOT_A_NUMBER,
    NOT_SERVED,
    RAGGED,
    ZERO_OR_NEGATIVE,
)

MAX_DURATION_S = 86_400
"""No request is in flight for longer than a day; a wrong unit makes it seem so."""

MAX_TOKENS = 1_000_000_000
"""Far above any context, and sums of it stay exact."""

MAX_RUNNING = 1_000_000

NOT_TOLD = -1
"""Stands for tokens that a request does not tell."""

_FAULTS = (
    "", RAGGED, NOT_SERVED, NOT_A_COMPLETION, NO_TIME, MISSING, NOT_A_NUMBER, FRACTION,
    ENDS_BEFORE_START, ZERO_OR_NEGATIVE, ABSURD,
)  # fmt: skip
_MAX_US = 253_402_300_800_000_000
"""The year 10000, and as long before 1970."""

_MAX_DURATION_US = MAX_DURATION_S * 1_000_000
_TELLING = 1_000
"""Requests by which units are told; more are looked at where they stand together."""

_TIMES = ("time", "start", "end")

_Fault = tuple[str, str]
"""A reason, and SQL for the rows that have it."""

_Judge = Callable[[Mapping[str, int]], tuple[list[_Fault], list[str]]]
"""Roles -> what may be wrong with a row, and what is taken from one that is right."""

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What one table says, a value a usable row, in the order written.

    Arrays have the shape (n,).
    """

    kind: TableKind
    """What a row is."""
    name: str
    """Base name of the file."""
    columns: Mapping[str, NDArray[Any]]
    """Requests have `start_s`, `end_s`, and `prompt`, `output` where told; arrivals
    `time_s`, `prompt`, `output`; readings `time_s`, `running`, `waiting`, `line`.
    `replica` is a hash, the same in every file."""
    with_images: bool
    """Whether `prompt` counts visual tokens."""
    samples: int
    """Rows read, unusable ones too."""
    rejections: tuple[Rejection, ...]
    """Those, by reason."""
    notes: tuple[str, ...]
    """What was read as what."""

    def __len__(self) -> int:
        """Return the number of usable rows."""
        return int(next(iter(self.columns.values())).size)


def read_records(workspace: Workspace, table: Table) -> Records:
    """Read every row of a table opened for the load of a decoder."""
    kind = kind_of(table.roles)
    if kind == "requests" and "duration" in table.roles:
        table = _settled(workspace, table)
    found = _at_once(workspace, table, kind) or _one_by_one(workspace, table, kind)
    columns, ragged = found
    fault = columns.pop("fault")
    used = fault == 0
    if not used.all():
        columns = {name: column[used] for name, column in columns.items()}
    counts = np.bincount(fault, minlength=len(_FAULTS))
    counts[_FAULTS.index(RAGGED)] += ragged
    rejected = {
        reason: int(count)
        for reason, count in zip(_FAULTS, counts, strict=True)
        if reason and count
    }
    return Records(
        kind=kind,
        name=table.name,
        columns=columns,
        with_images=tells_images(table.roles),
        samples=int(counts.sum()),
        rejections=find_places(
            workspace,
            table,
            rejected,
            lambda relation, kept: _with_reasons(table, relation, kept),
        ),
        notes=(*table.notes, *_said_of_cells(table)),
    )


def _settled(workspace: Workspace, table: Table) -> Table:
    """Return the table with the unit of its durations told, and what its time is."""
    if "duration" in table.units_s and "time" not in table.roles:
        return table
    found: list[Columns] = []
    for columns in _in_batches(workspace, table, ("line",), _timed):
        used = columns["fault"] == 0
        found.append({name: column[used] for name, column in columns.items()})
        if sum(each["took"].size for each in found) >= _TELLING:
            break
    return settle(table, _joined(found)) if found else table


def _said_of_cells(table: Table) -> list[str]:
    columns = [table.samples_of(role) for role in _TIMES]
    said = [form.said for form in table.forms.values() if form.said]
    said += [
        each
        for role in _TIMES
        for each in said_of_times(table.samples_of(role), table.named.get(role, ""))
    ]
    if any(map(has_no_year, columns)):
        said.append("times have no year: all of them are taken to be of one leap year")
    return said


def _at_once(
    workspace: Workspace, table: Table, kind: TableKind
) -> tuple[Columns, int] | None:
    """Read with the fast reader; None where it stumbles or loses track of lines."""
    rows_due = table.rows_due()
    if rows_due is None:
        return None
    connection = workspace.connection
    forget_rejects(connection)
    connection.execute("SET preserve_insertion_order = true")
    rows = _rows(table, table.relation)
    if kind == "engine_stats":
        # Places are told of what hold() notices, so every reading has its line.
        rows = f"{_rows(table, table.numbered, ('line', 'quoted'))} ORDER BY line"
    try:
        columns = _fetched(connection.execute(rows).fetchnumpy())
        ragged = rows_set_aside(connection)
    except DATA_FAULTS:
        return None
    if ragged is None or columns.pop("quoted", np.zeros(1)).any():
        return None
    return (columns, ragged) if columns["fault"].size + ragged == rows_due else None


def _one_by_one(
    workspace: Workspace, table: Table, kind: TableKind
) -> tuple[Columns, int]:
    """Read what DuckDB stumbles over, in batches."""
    kept = ("line",) if kind == "engine_stats" else ()
    batches = [*_in_batches(workspace, table, kept)]
    if not batches:
        raise InputError(f"{table.name}: expected one row at least, got none")
    return _joined(batches), 0


def _in_batches(
    workspace: Workspace,
    table: Table,
    kept: Sequence[str],
    judged: _Judge | None = None,
) -> Iterator[Columns]:
    """Yield what rows say in the order written, a batch at a time."""
    connection = workspace.connection
    order = " ORDER BY line" if kept else ""
    for batch in table.stream(workspace):
        connection.register(BATCH, batch)
        rows = _rows(table, table.streamed, kept, judged) + order
        columns = _fetched(connection.execute(rows).fetchnumpy())
        connection.unregister(BATCH)
        yield columns


def _joined(batches: Sequence[Columns]) -> Columns:
    return {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }


def _fetched(columns: Mapping[str, Any]) -> Columns:
    return {name: np.ma.filled(column, 0) for name, column in columns.items()}


def _with_reasons(table: Table, relation: str, kept: Sequence[str]) -> str:
    reasons = ", ".join(f"'{reason}'" for reason in _FAULTS)
    told = ", ".join(["line", *(each for each in kept if each != "line")])
    return (
        f"SELECT [{reasons}][fault + 1] AS reason, {told} FROM "
        f"({_rows(table, relation, kept)})"
    )


def _rows(
    table: Table, relation: str, kept: Sequence[str] = (), judged: _Judge | None = None
) -> str:
    """Return SQL that reads every row of a relation."""
    roles = table.roles
    faults, result = (judged or _KINDS[kind_of(roles)])(roles)
    # Every instance of vLLM calls its first engine 0.
    served_by = [f"{role}_name" for role in ("replica", "engine") if role in roles]
    if served_by:
        result.append(f"hash(concat_ws(' ', {', '.join(served_by)})) AS replica")
    if "replica" in roles:
        faults.append((NOT_SERVED, "replica_name = '-'"))
    if shows_completions(table.samples_of("path")):
        shown = f"regexp_full_match(path_text, '{OF_A_COMPLETION}')"
        faults.append((NOT_A_COMPLETION, f"NOT coalesce({shown}, false)"))
    cases = " ".join(
        f"WHEN {test} THEN {_FAULTS.index(reason)}"
        for reason, test in sorted(faults, key=lambda each: _FAULTS.index(each[0]))
    )
    forms = table.forms
    texts = [
        f"{forms[role].plain(f'c{at}') if role in forms else f'c{at}'} AS {role}_text"
        for role, at in roles.items()
    ]
    query = f"SELECT {', '.join([*texts, 'ragged', *kept])} FROM {relation}"
    for more in (_read(table), _bounded(table)):
        query = f"SELECT {', '.join(['*', *more])} FROM ({query})"
    fault = f"CAST(CASE WHEN ragged THEN 1 {cases} ELSE 0 END AS TINYINT) AS fault"
    return f"SELECT {', '.join([fault, *result, *kept])} FROM ({query})"


def _requests(roles: Mapping[str, int]) -> tuple[list[_Fault], list[str]]:
    """Return what may be wrong with a row, and what is taken from one that is right."""
    faults = [
        (NO_TIME, f"{role}_us IS NULL") for role in ("start", "end") if role in roles
    ]
    start, end = "start_us", "end_us"
    if "duration" in roles:
        faults += [*_no_number("duration"), (ENDS_BEFORE_START, "duration_n < 0")]
        faults.append((ABSURD, "duration_us IS NULL"))
        start = start if "start" in roles else "end_us - duration_us"
        end = end if "end" in roles else "start_us + duration_us"
    else:
        faults.append((ENDS_BEFORE_START, "end_us < start_us"))
        faults.append((ABSURD, f"end_us - start_us > {_MAX_DURATION_US}"))
    result = [_seconds(start, "start_s"), _seconds(end, "end_s")]
    if "output" in roles:
        result += [
            f"CASE WHEN {_is_whole(number)} THEN CAST({number} AS INTEGER) "
            f"ELSE {NOT_TOLD} END AS {name}"
            for number, name in (("prompt_sum", "prompt"), ("output_n", "output"))
        ]
    return faults, result


def _timed(roles: Mapping[str, int]) -> tuple[list[_Fault], list[str]]:
    """Return the same for a row of which it is still to be told when it was in flight."""
    [role] = [role for role in _TIMES if role in roles]
    bare = _number("duration_text")
    took = f"coalesce(duration_n, {bare})"
    faults = [(NO_TIME, f"{role}_us IS NULL"), (NOT_A_NUMBER, f"{took} IS NULL")]
    faults.append((ENDS_BEFORE_START, f"{took} < 0"))
    if "path" in roles:
        probes = f"regexp_full_match(path_text, '{OF_A_PROBE}')"
        faults.append((NOT_A_COMPLETION, f"coalesce({probes}, false)"))
    result = [
        _seconds(f"{role}_us", "time_s"),
        f"{took} AS took",
        f"{bare} IS NOT NULL AS bare",
    ]
    if "output" in roles:
        whole = _is_whole("output_n")
        number = f"CASE WHEN {whole} THEN CAST(output_n AS INTEGER) ELSE {NOT_TOLD} END"
        result.append(f"{number} AS output")
    return faults, result


def _arrivals(roles: Mapping[str, int]) -> tuple[list[_Fault], list[str]]:
    faults = [(NO_TIME, "time_us IS NULL")]
    for role in ("prompt", "text", "output"):
        if role in roles:
            faults += _no_number(role)
    for number in ("prompt_sum", "output_n"):
        faults.append((NOT_A_NUMBER, f"{number} <> floor({number})"))
        faults.append((ZERO_OR_NEGATIVE, f"{number} < 0"))
        faults.append((ABSURD, f"{number} > {MAX_TOKENS}"))
    result = [
        _seconds("time_us", "time_s"),
        "TRY_CAST(prompt_sum AS INTEGER) AS prompt",
        "TRY_CAST(output_n AS INTEGER) AS output",
    ]
    return faults, result


def _readings(roles: Mapping[str, int]) -> tuple[list[_Fault], list[str]]:
    faults = [(NO_TIME, "time_us IS NULL"), *_no_number("running")]
    outside = [role for role in ("waiting", "swapped") if role in roles]
    for role in outside:
        said = f"NOT {blank(f'{role}_text')}"
        faults.append((NOT_A_NUMBER, f"{said} AND {role}_n IS NULL"))
    for role in ("running", *outside):
        faults.append((ZERO_OR_NEGATIVE, f"{role}_n < 0"))
        faults.append((ABSURD, f"{role}_n > {MAX_RUNNING}"))
        faults.append((FRACTION, f"{role}_n <> floor({role}_n)"))
    waiting = " + ".join(f"coalesce({role}_n, 0)" for role in outside) or "0"
    result = [
        _seconds("time_us", "time_s"),
        "TRY_CAST(running_n AS INTEGER) AS running",
        f"TRY_CAST({waiting} AS INTEGER) AS waiting",
    ]
    return faults, result


_KINDS: Mapping[TableKind, _Judge] = {
    "requests": _requests,
    "arrivals": _arrivals,
    "engine_stats": _readings,
}


def _no_number(role: str) -> list[_Fault]:
    return [(MISSING, blank(f"{role}_text")), (NOT_A_NUMBER, f"{role}_n IS NULL")]


def _is_whole(number: str) -> str:
    return f"{number} BETWEEN 0 AND {MAX_TOKENS} AND {number} = floor({number})"


def _read(table: Table) -> list[str]:
    """Return SQL of every cell: times in microseconds, numbers; NULL for neither."""
    values = []
    for role in table.roles:
        text, unit_s = f"{role}_text", table.units_s.get(role)
        if role in _TIMES:
            value = microseconds(text, table.samples_of(role), table.named[role])
            if unit_s is not None:
                # The name tells the unit, and a clock need not count from 1970.
                scaled = f"TRY_CAST(round({_number(text)} * {unit_s * 1e6}) AS BIGINT)"
                value = f"coalesce({scaled}, {value})"
            if has_no_year(table.samples_of(role)):
                # A leap year, so that 29 February is a day.
                dated = f"TRY_CAST('2000-' || trim({text}) AS TIMESTAMP)"
                value = f"coalesce({value}, epoch_us({dated}))"
            values.append(f"{value} AS {role}_read")
        elif role == "duration":
            values.append(f"{seconds(text, unit_s)} AS duration_n")
        elif role == "path":
            continue
        elif role in {"replica", "engine"}:
            # Of the upstreams that nginx tried, the last one has answered.
            last = f"string_split(coalesce({text}, ''), ',')[-1]"
            values.append(f"trim(string_split({last}, ' : ')[-1]) AS {role}_name")
        else:
            values.append(f"{_number(text)} AS {role}_n")
    return values


def _bounded(table: Table) -> list[str]:
    """Return SQL of what is computed with: nothing in it can overflow."""
    roles = table.roles
    values = [
        f"CASE WHEN {role}_read BETWEEN {-_MAX_US} AND {_MAX_US} THEN {role}_read END "
        f"AS {role}_us"
        for role in _TIMES
        if role in roles
    ]
    if "duration" in roles:
        micros = "duration_n * 1e6"
        values.append(
            f"CASE WHEN {micros} <= {_MAX_DURATION_US} AND {micros} >= 0 "
            f"THEN CAST(round({micros}) AS BIGINT) END AS duration_us"
        )
    if "output" in roles:
        # A request without an image leaves its visual tokens out.
        visual = " + coalesce(tokens_n, 0)" if "tokens" in roles else ""
        prompt = "prompt_n" if "prompt" in roles else f"text_n{visual}"
        values.append(f"{prompt} AS prompt_sum")
    return values


def _seconds(time_us: str, name: str) -> str:
    return f"CAST({time_us} AS DOUBLE) / 1e6 AS {name}"


def _number(text: str) -> str:
    """Return SQL for a number that is finite, NULL for anything else."""
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"
