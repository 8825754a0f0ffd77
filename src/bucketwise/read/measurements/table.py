"""A table of measurements: a row a run, its kind, its size and what it took."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bucketwise.errors import InputError
from bucketwise.nouns.measured_cost import MOST_VALUE, TIMED, Kind
from bucketwise.nouns.traffic import Rejection
from bucketwise.read.database import Workspace
from bucketwise.read.rejections import Tally
from bucketwise.read.tables.columns import Match, Purpose
from bucketwise.read.tables.finding import Cells, no_cells
from bucketwise.read.tables.names import LOAD, Vocabulary, unit_s
from bucketwise.read.tables.naming import Chosen, listed, unused
from bucketwise.read.tables.table import BATCH, Table
from bucketwise.words.reject_reasons import (
    ABSURD,
    MISSING,
    NOT_A_NUMBER,
    ZERO_OR_NEGATIVE,
)
from bucketwise.words.text import one_line

EXPECTED = (
    "a table with a row a run is expected, such as kind,length,ms with kind vit, decoder "
    "or prefill (CSV, TSV, JSON Lines, Parquet), or the results of vllm bench, AIPerf or "
    "GuideLLM with every request in them"
)

MAX_SIZE = 100_000_000
"""Above every length, batch and context there is."""

MOST_ROWS = 1_000_000
MOST_NAME = 80

ALIASES: Mapping[str, tuple[str, ...]] = {
    "kind": ("kind", "stage", "phase", "part", "component"),
    "length": (
        "length", "size", "s", "patches", "vit_patches", "max_seq_len", "seq_len",
        "tokens", "num_tokens", "input_tokens", "prompt_tokens", "input_len",
    ),
    "batch": ("batch", "batch_size", "sequences", "num_seqs", "decoder_batch_size"),
    "ms": (
        "ms", "time", "latency", "duration", "elapsed", "took", "wall", "wall_time",
        "runtime", "milliseconds", "seconds",
    ),
    "compile_s": ("compile", "compile_time", "compilation", "compilation_time"),
    "graph_bytes": ("graph_bytes", "graph_size_bytes", "graph_memory_bytes"),
    "peak_bytes": ("peak_bytes", "peak_memory_bytes", "max_memory_bytes"),
    "device": ("device", "device_name", "npu", "gpu", "accelerator"),
    "engine": ("engine", "runtime_name", "backend", "framework"),
    "release": ("release", "version", "engine_version", "sdk", "sdk_version"),
}  # fmt: skip
"""Role to its usual names, without the unit that a time may end in."""

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("vit", "vision", "visual", "encoder", "image"), "vit"),
    **dict.fromkeys(("decoder", "decode", "step", "decode_step"), "decoder"),
    **dict.fromkeys(("prefill", "prompt", "llm_prefill"), "prefill"),
}
"""What a cell calls a kind."""

COSTS = Vocabulary(ALIASES, LOAD.plain)

_BESIDE: tuple[Kind, ...] = ("compile_s", "graph_bytes", "peak_bytes")
_WHERE = ("device", "engine", "release")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TWO_WAYS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""A thousand, or a fraction."""


Runs = Sequence[tuple[int, float]]
"""Size and value of every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one file tells."""

    name: str
    rows: int
    runs: Mapping[Kind, Runs]
    """By kind, in the order written."""
    where: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: dict.fromkeys(_WHERE, frozenset())
    )
    """What is said of device, engine and release."""
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()


def read_table(workspace: Workspace, table: Table, kind: Kind | None) -> Told:
    """Read every row; those without a kind are of the one that is asked for."""
    if "kind" not in table.roles and kind is None:
        raise InputError(
            f"{table.name}: no column for kind among {listed([*table.named.values()])}; "
            f"say what was timed, {' or '.join(f'--kind {each}' for each in TIMED)}"
        )
    runs: dict[Kind, list[tuple[int, float]]] = defaultdict(list)
    where: dict[str, set[str]] = {field: set() for field in _WHERE}
    refused = Tally()
    rows = 0
    for line, row in _rows(workspace, table):
        rows += 1
        if rows > MOST_ROWS:
            raise InputError(
                f"{table.name}: expected at most {MOST_ROWS:,} rows, got more"
            )
        for each in _WHERE:
            where[each] |= {one_line(row.get(each, ""))[:MOST_NAME]} - {""}
        reason = _take(row, table, kind, runs)
        if reason:
            refused.add(reason, table.name, line)
    return Told(
        name=table.name,
        rows=rows,
        runs=runs,
        where={each: frozenset(values) for each, values in where.items()},
        rejections=refused.rejections(),
        notes=table.notes,
    )


def _rows(workspace: Workspace, table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the filled cells of every row."""
    cells = ", ".join(f"c{at}" for at in table.roles.values())
    for batch in table.stream(workspace):
        workspace.connection.register(BATCH, batch)
        found = workspace.connection.execute(
            f"SELECT line, {cells} FROM {table.streamed} ORDER BY line"
        ).fetchall()
        workspace.connection.unregister(BATCH)
        for line, *texts in found:
            named = zip(table.roles, texts, strict=True)
            yield line, {role: text.strip() for role, text in named if text}


def _take(
    row: Mapping[str, str],
    table: Table,
    kind: Kind | None,
    runs: dict[Kind, list[tuple[int, float]]],
) -> str:
    """Add what a row tells; return why it cannot be used, or ""."""
    of = KINDS.get(row["kind"].casefold()) if row.get("kind") else kind
    if of is None:
        return (
            MISSING if not row.get("kind") else f"a kind other than {', '.join(TIMED)}"
        )
    size, fault = _size(row, of)
    if fault:
        return fault
    taken: list[tuple[Kind, float]] = []
    for role, curve in (("ms", of), *((each, each) for each in _BESIDE)):
        # What nobody measured is blank, or 0.
        if not row.get(role) or (role != "ms" and of != "vit"):
            continue
        value, fault = _number(row[role])
        if fault and (role == "ms" or fault != ZERO_OR_NEGATIVE):
            return fault
        unit = 1e-3 if role == "ms" else 1.0
        taken.append((curve, value * table.units_s.get(role, unit) / unit))
    for curve, value in taken:
        if value:
            runs[curve].append((size, value))
    return "" if taken else MISSING


def _size(row: Mapping[str, str], kind: Kind) -> tuple[int, str]:
    """Return the length or the batch of a row, or why it has none."""
    sides = ("batch", "length") if kind == "decoder" else ("length", "batch")
    size, fault = _number(next(filter(None, map(row.get, sides)), ""))
    if not fault and size > MAX_SIZE:
        fault = ABSURD
    return int(size), fault or ("" if size == int(size) else NOT_A_NUMBER)


def _number(text: str) -> tuple[float, str]:
    """Return a number above 0, or why a text is none."""
    if not text:
        return 0.0, MISSING
    if "," in text and "." not in text and not _TWO_WAYS.fullmatch(text):
        text = text.replace(",", ".")
    if not _PLAIN.fullmatch(text):
        return 0.0, NOT_A_NUMBER
    value = float(text)
    if value <= 0:
        return 0.0, ZERO_OR_NEGATIVE
    return (value, "") if value <= MOST_VALUE else (0.0, ABSURD)


def match_columns(
    names: Sequence[str], chosen: Chosen, source: str, cells: Cells = no_cells
) -> Match:
    """Find the columns of a run: what it is, how large, and what it took."""
    del chosen, cells
    roles = {role: found[0] for role in ALIASES if (found := COSTS.find(names, role))}
    named = {role: names[at] for role, at in roles.items()}
    units = {role: unit_s(name) for role, name in named.items()}
    plain = {"ms", "milliseconds", "seconds"}
    if named.get("ms", "").casefold() == "seconds":
        units["ms"] = 1.0
    lacking = []
    if not {"length", "batch"} & roles.keys():
        lacking.append("a length or a batch")
    if "ms" not in roles:
        lacking.append("ms")
    elif units["ms"] is None and named["ms"].casefold() not in plain:
        lacking.append(f"the unit of {named['ms']!r}: call it {named['ms']}_ms")
    if lacking:
        raise InputError(
            f"{source}: no column for {' and '.join(lacking)} among {listed(names)}; "
            f"{EXPECTED}"
        )
    reading = ", ".join(f"{role} from {name!r}" for role, name in named.items())
    return Match(
        roles=roles,
        notes=(f"read {reading}{unused(names, roles, 'the cost')}",),
        units_s={role: unit for role, unit in units.items() if unit},
        named=named,
    )


FOR_COSTS = Purpose(
    match=match_columns,
    is_heading=lambda cell: COSTS.role_of(cell) is not None,
    is_value=lambda cell: _PLAIN.fullmatch(cell.strip()) is not None,
    sought="what a run took",
    columns="kind=1,length=2,ms=3",
    line='{"kind": "vit", "length": 4096, "ms": 12.3}',
)
