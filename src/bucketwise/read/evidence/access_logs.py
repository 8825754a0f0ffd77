"""Access logs of what stands before an engine, as tables of the requests it had."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.errors import InputError, UsageError
from bucketwise.read.database import Workspace, literal
from bucketwise.read.detect import File
from bucketwise.read.evidence.format_strings import LineFormat, compile_format
from bucketwise.read.evidence.line_formats import (
    KNOWN,
    Known,
    find_prefix,
    infer_format,
    suppose_duration,
    w3c_format,
)
from bucketwise.read.opening import TABLES
from bucketwise.read.tables.columns import Match, Purpose
from bucketwise.read.tables.finding import Cells
from bucketwise.read.tables.names import LOAD
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.table import BATCH, Table, open_whole_lines

_ENDS = frozenset(
    {"completions", "responses", "messages", "generate", "generate_stream",
     "invocations", "chat"}
)  # fmt: skip
"""Of the paths under which vLLM generates (0.6.6, 0.33.0 entrypoints), and Ollama."""

OF_A_COMPLETION = rf"(?:POST )?[^? ]*/(?:{'|'.join(sorted(_ENDS))})/?(?:[? ].*)?"
"""How columns show such a request: its line, its path, or all of its address."""

OF_A_PROBE = (
    r"(?:GET |HEAD )?[^? ]*/(?:health|healthz|livez|readyz|ready|ping|metrics|models|load|"
    r"version)/?(?:[? ].*)?"
)
"""The same for what watches a server: vLLM's own paths (0.33.0 entrypoints) and those of
Kubernetes."""

MAX_LINE = 65_536
"""Bytes: nginx takes 32 KiB of headers at most (large_client_header_buffers, as
shipped), AWS load balancers a request line of 16 KiB."""
_HOLDERS = (
    "line", "log", "message", "msg", "@message", "textpayload", "_raw", "body", "content",
    "log_line", "logline", "event.original",
)  # fmt: skip
"""Where what keeps logs puts a line: Loki and Grafana, Docker and Fluentd, CloudWatch,
journald, Google Cloud, Splunk, OpenTelemetry, Datadog, Elasticsearch."""
_LOOKED_AT = 200
"""Lines by which the form of a log is told."""
_REQUEST = r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[ \t]\S"
"""What a line without it is no damaged line of, but a word of the proxy itself."""
_TO_THE_SECOND = "times are told to the second only"
_ONE_ENGINE = "no line tells the engine: all requests are taken for those of one"
_ALL_PATHS = "no line shows a path: all requests count"
_UNIT_WORDS = {1.0: "seconds", 1e-3: "milliseconds", 1e-6: "microseconds"}


def shows_completions(paths: Iterable[str]) -> bool:
    """Return whether requests tell completions from others by what they asked for."""
    return any(re.fullmatch(OF_A_COMPLETION, path) for path in paths)


@dataclass(frozen=True, slots=True)
class _Form:
    """A format, whose it is, and what stands before its lines.

    With `comments` a line that begins with # is none.
    """

    lines: LineFormat
    name: str
    prefix: str = ""
    put_by: tuple[str, ...] = ()
    comments: bool = False

    @property
    def strict(self) -> str:
        """The strict pattern of a whole line, in SQL."""
        return literal(f"^{self.prefix}{self.lines.strict[1:]}")

    @property
    def loose(self) -> str:
        """The loose pattern of a whole line, in SQL."""
        return literal(f"^{self.prefix}{self.lines.loose[1:]}")


def open_access_log(
    workspace: Workspace, file: File, log_format: str | None = None
) -> Table | None:
    """Open a text, or a table that holds its lines, as a table of requests."""
    outer = _table_of_lines(workspace, file, any_kind=log_format is not None)
    if outer is None:
        return None
    lines = [
        each.rstrip("\r\n")
        for each in outer.samples_of("line")
        if len(each) <= MAX_LINE
    ]
    stated = w3c_format(lines, file.name)
    # What else a proxy says, and what stands beside it, tells no form.
    lines = [each for each in lines if re.search(_REQUEST, each)] or lines
    lines = lines[:_LOOKED_AT]
    form = _find(workspace, lines, file.name, log_format, stated)
    if form is None:
        return None
    cell = f"c{outer.roles['line']}"
    if outer.kind != "text":
        cell = f"rtrim({cell}, chr(13) || chr(10))"
    table = replace(
        outer,
        kind="access log",
        roles={part: at for at, part in enumerate(_columns(form.lines))},
        relation=_requests(form, cell, outer.relation),
        numbered=_requests(form, cell, outer.numbered, ", line, quoted"),
        streamed=_requests(form, cell, outer.streamed, ", line"),
        samples={},
        units_s=form.lines.units_s,
        named=form.lines.variables,
        typed=frozenset(),
    )
    table = replace(table, samples=_samples(workspace, table, form, lines))
    return replace(table, notes=(*outer.notes, *_notes(table, form)))


def _table_of_lines(
    workspace: Workspace, file: File, *, any_kind: bool
) -> Table | None:
    """Return the table whose column holds the lines: of what keeps logs, or the text."""
    try:
        return TABLES[file.kind](workspace, file, None, _FOR_LINES)
    except InputError:
        if any_kind and file.kind == "parquet":
            raise
    is_text = file.kind == "delimited" or any_kind
    return open_whole_lines(workspace, file) if is_text else None


def _match_holder(names: Sequence[str], _: Chosen, source: str, __: Cells) -> Match:
    """Find the column that holds lines of a log."""
    plain = [name.strip().casefold() for name in names]
    for known in (plain, [name.rpartition(".")[2] for name in plain]):
        held = [known.index(each) for each in _HOLDERS if each in known]
        if held:
            said = f"read the lines of a log from {names[held[0]]!r}"
            return Match(roles={"line": held[0]}, notes=(said,))
    raise InputError(f"{source}: no column of lines, such as line, log or message")


_FOR_LINES = Purpose(
    match=_match_holder,
    is_heading=lambda cell: cell.strip().casefold() in _HOLDERS,
    is_value=lambda _: True,
    sought="lines of a log",
    columns="line=1",
    line='{"line": "..."}',
)


def _find(
    workspace: Workspace,
    lines: Sequence[str],
    name: str,
    log_format: str | None,
    stated: Known | None,
) -> _Form | None:
    """Return the form most lines have; None where none shows a request."""
    prefix, put_by = find_prefix(lines)
    bare = [re.sub(f"^{prefix}", "", each) for each in lines]
    if log_format is not None:
        given = compile_format(log_format)
        form = _Form(given, given.syntax)
        forms = [_Form(given, given.syntax, prefix, put_by), form]
        fitting = _fitting(workspace, [each.loose for each in forms], lines)
        if not any(fitting):
            raise InputError(
                f"{name}: none of the first {len(lines):,} lines has the form "
                f"--log-format {shlex.quote(given.text)}; they look like "
                f"{shlex.quote(infer_format(bare))}"
            )
        return forms[fitting.index(max(fitting))]
    forms = [_Form(stated.lines, stated.name, comments=True)] if stated else []
    # A time before each line may be of the line itself.
    for texts, before in ((bare, (prefix, put_by)), (lines, ("", ()))):
        forms += [
            _Form(each.lines, each.name, *before)
            for each in KNOWN
            if 2 * sum(map(bool, map(each.shown_by.search, texts))) > len(texts)
        ]
        with suppress(UsageError):
            forms.append(_Form(compile_format(infer_format(texts)), "nginx", *before))
    # Lines of which none was answered fit loosely alone.
    for patterns in ([each.strict for each in forms], [each.loose for each in forms]):
        fitting = _fitting(workspace, patterns, lines)
        for form, count in zip(forms, fitting, strict=True):
            if 2 * count > len(lines):
                return form
    _refuse_untimed(bare, name)
    return None


def _fitting(
    workspace: Workspace, patterns: Sequence[str], lines: Sequence[str]
) -> list[int]:
    """Return how many lines fit each pattern."""
    if not patterns or not lines:
        return [0 for _ in patterns]
    counts = ", ".join(f"count_if(regexp_matches(text, {each}))" for each in patterns)
    workspace.connection.register(BATCH, {"text": np.array(lines, dtype=object)})
    found = workspace.connection.execute(f"SELECT {counts} FROM {BATCH}").fetchall()
    workspace.connection.unregister(BATCH)
    return [int(each) for each in found[0]]


def _refuse_untimed(lines: Sequence[str], name: str) -> None:
    """Refuse lines that show requests, by what they lack."""
    text = infer_format(lines)
    if "$request" not in text:
        return
    with suppress(UsageError):
        compile_format(text)
        raise InputError(
            f"{name}: its lines have several forms, most often {shlex.quote(text)}; name "
            "the one to read with --log-format"
        )
    supposed = suppose_duration(text, lines)
    more = "; where a number on each line is that time, say which"
    if supposed:
        more = (
            "; where the last number is that time and the first the start, --log-format "
            f"{shlex.quote(supposed)} reads it ($duration takes seconds, $duration_ms "
            "and $duration_us what they say; $end an end)"
        )
    raise InputError(
        f"{name}: what is missing is how long a request took: these lines look like "
        f"{shlex.quote(text)}, and nginx tells it with $request_time in its log_format, "
        f"Apache with %D, Envoy with %DURATION%{more}"
    )


def _columns(lines: LineFormat) -> list[str]:
    """Return the parts that are columns of a table of requests."""
    return [each for each in lines.parts if each in LOAD.aliases]


def _requests(form: _Form, cell: str, rows: str, kept: str = "") -> str:
    """Return SQL of requests from a relation whose cells hold lines."""
    parts = form.lines.parts
    groups = [each for each in parts if each != "answered"]
    first = groups[0]
    told = f"SELECT *, {cell} AS told FROM {rows}"
    if form.comments:
        told += f" WHERE NOT coalesce(starts_with({cell}, '#'), false)"
    told = (
        f"SELECT *, CASE WHEN strlen(told) <= {MAX_LINE} THEN "
        f"regexp_extract(told, {form.strict}, {groups}) END AS s FROM ({told})"
    )
    told = (
        f"SELECT *, CASE WHEN s.{first} = '' THEN "
        f"regexp_extract(told, {form.loose}, {list(parts)}) END AS l FROM ({told})"
    )
    values = {
        each: f"CASE WHEN l IS NULL THEN s.{each} ELSE l.{each} END" for each in groups
    }
    if "answered" in parts:
        none = "starts_with(l.answered, '-') OR l.replica = '<NOSRV>'"
        values["replica"] = (
            f"CASE WHEN l IS NULL THEN s.replica WHEN {none} THEN '-' ELSE l.replica END"
        )
    if "method" in parts:
        values["path"] = f"({values['method']}) || ' ' || ({values['path']})"
    cells = ", ".join(
        f"nullif({values[part]}, '') AS c{at}"
        for at, part in enumerate(_columns(form.lines))
    )
    # A CASE: of an AND every part would be computed for every line.
    damaged = "true"
    if "path" in parts:
        damaged = f"coalesce(regexp_matches(told, '{_REQUEST}'), true)"
    unlike = f"CASE WHEN {values[first]} <> '' THEN false ELSE {damaged} END"
    return f"(SELECT {cells}, ragged OR ({unlike}) AS ragged{kept} FROM ({told}))"


def _samples(
    workspace: Workspace, table: Table, form: _Form, lines: Sequence[str]
) -> dict[int, tuple[str, ...]]:
    """Return the first cells of every column, and a completion however late one comes."""
    connection = workspace.connection
    connection.register(BATCH, {"text": np.array(lines, dtype=object)})
    rows = f"(SELECT text, false AS ragged FROM {BATCH})"
    found = connection.execute(
        f"SELECT * FROM {_requests(form, 'text', rows)} WHERE NOT ragged"
    ).fetchall()
    connection.unregister(BATCH)
    samples = {
        at: tuple(row[at] for row in found if row[at] is not None)
        for at in table.roles.values()
    }
    at = table.roles.get("path", -1)
    if at >= 0 and not shows_completions(samples[at]):
        late = connection.execute(
            f"SELECT c{at} FROM {table.relation} "
            f"WHERE regexp_full_match(c{at}, '{OF_A_COMPLETION}') LIMIT 1"
        ).fetchall()
        samples[at] += tuple(path for (path,) in late)
    return samples


def _notes(table: Table, form: _Form) -> Iterator[str]:
    """Say what was read as what, and what is not told."""
    units = form.lines.units_s
    read = ", ".join(
        f"{part} from {table.named[part]}"
        + (f" in {_UNIT_WORDS[units[part]]}" if part == "duration" else "")
        for part in table.roles
    )
    yield f"lines of {form.name}: read {read} of --log-format {shlex.quote(form.lines.text)}"
    if form.put_by:
        yield f"what {' and '.join(form.put_by)} put before each line is left out"
    times = [each for part in ("start", "end") for each in table.samples_of(part)]
    if times and not any(re.search(r"[.,]\d|^\d{11,}$", each) for each in times):
        yield _TO_THE_SECOND
    if "replica" not in table.roles:
        yield _ONE_ENGINE
    if "path" not in table.roles:
        yield _ALL_PATHS
