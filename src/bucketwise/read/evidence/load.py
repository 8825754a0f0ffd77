"""The load of a decoder, from whatever tells it: every reader behind one door."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.nouns.activity import Evidence
from bucketwise.read.database import Workspace, open_workspace
from bucketwise.read.detect import File, is_image, recognise
from bucketwise.read.evidence.access_logs import open_access_log
from bucketwise.read.evidence.columns import BESIDE_SIZES, EXPECTED, FOR_LOAD
from bucketwise.read.evidence.engine_log import looks_like_engine_log, read_engine_log
from bucketwise.read.evidence.merging import Told, merge_load
from bucketwise.read.evidence.prometheus import (
    Scraped,
    looks_like_prometheus,
    read_prometheus,
)
from bucketwise.read.evidence.records import read_records
from bucketwise.read.evidence.unfolding import unfold
from bucketwise.read.lines import open_unpacked, read_lines
from bucketwise.read.opening import TABLES, open_table, plain_faults, read_apart
from bucketwise.read.paths import Input, open_inputs
from bucketwise.read.progress import Progress
from bucketwise.read.rejections import MAX_BAD_ROWS
from bucketwise.read.tables.columns import Purpose
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.table import Table

_START_BYTES = 65_536

TEXTS: Sequence[tuple[Callable[[str], bool], Callable[[Iterable[str], str], Told]]] = (
    (looks_like_prometheus, read_prometheus),
    (looks_like_engine_log, read_engine_log),
)
"""How the start of a text is recognised, and the reader of all its lines."""


def read_evidence(
    inputs: Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    log_format: str | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
    progress: Progress | None = None,
) -> Evidence:
    """Read what tells the load of a decoder.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, globs, or "-" for standard input, plain, gzip or zstd, recognised by
        content: tables (CSV, TSV, JSON Lines, Parquet) of requests, of arrivals with
        tokens or of an engine's statistics; logs of vLLM and SGLang; the JSON of a
        Prometheus range query; access logs of proxies. All of one kind:
        requests and arrivals are put together as one log, readings of engines add
        up in replica-seconds.
    columns : mapping of str to str, optional
        Role to column name, or to a position from 1; "" leaves a role unread. Every
        role that a reader knows is taken, those of sizes too; time, start, end,
        duration, replica, engine, path, prompt, text, tokens, output, running, waiting
        and swapped are read here. Roles not given are found by the usual names. A
        duration has the unit that its name ends in or its cells name, else the one
        that a server can have had: several are refused.
    log_format : str, optional
        How the lines of every input are written: the format string of nginx, Apache,
        Envoy, HAProxy or gunicorn. Their usual formats are known without it.
    max_bad_rows : float
        Share of the records that may be unusable (0 to 1).
    places : bool
        Whether base names of inputs and places of records are kept.
    progress : Progress, optional
        Kept up while reading.

    Returns
    -------
    Evidence
        With every unusable record counted by reason.

    Raises
    ------
    InputError
        When an input cannot be read or tells no load, when inputs are of several
        kinds, or more records than allowed are unusable.
    UsageError
        When `columns` names a role that there is not, or columns that do not go
        together.
    """
    progress = progress or Progress()
    with open_inputs(inputs, EXPECTED) as opened, open_workspace() as workspace:
        progress.bytes_total = sum(each.size_bytes for each in opened.inputs)
        files: list[tuple[str, Told]] = []
        for each in opened.inputs:
            progress.begin(each.name, each.size_bytes)
            told = _read(workspace, each, columns, log_format, progress)
            files.append((each.name, told))
            progress.finish(sum(told.samples for _, told in files))
        evidence = merge_load(files, max_bad_rows)
    return evidence if places else evidence.without_places()


def evidence_in(
    workspace: Workspace,
    inputs: Iterable[Input],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
    places: bool = True,
) -> Evidence | None:
    """Read the load of a decoder out of tables that were given for their sizes."""
    files = [
        (each.name, told)
        for each in inputs
        for told in _told_in(workspace, each, columns)
    ]
    if not files:
        return None
    evidence = merge_load(files, max_bad_rows)
    return evidence if places else evidence.without_places()


def _read(
    workspace: Workspace,
    each: Input,
    columns: Chosen,
    log_format: str | None,
    progress: Progress,
) -> Told:
    if each.path.is_dir():
        raise InputError(
            f"{each.name}: a folder; name the files, as in {each.name}/*.csv; {EXPECTED}"
        )
    each = each.fetched()
    task = partial(_read_here, each, log_format)
    with plain_faults(each.name, EXPECTED):
        return read_apart(workspace, each, columns, task, progress)


def _read_here(
    each: Input,
    log_format: str | None,
    workspace: Workspace,
    columns: Chosen,
    progress: Progress,
) -> Told:
    with plain_faults(each.name, EXPECTED):
        file = recognise(workspace, each.path, each.name, EXPECTED)
        if file.kind not in TABLES:
            raise InputError(f"{each.name}: this is a {file.kind} archive; {EXPECTED}")
        file, said = unfold(workspace, file, _start(file))
        told = _read_lines_or_rows(workspace, file, columns, log_format, progress)
        if said and not isinstance(told, Scraped):
            told = replace(told, notes=(said, *told.notes))
        return told


def _read_lines_or_rows(
    workspace: Workspace,
    file: File,
    columns: Chosen,
    log_format: str | None,
    progress: Progress,
) -> Told:
    read_text = None if log_format else _reader_of_text(workspace, file, columns)
    if read_text is not None:
        lines = read_lines(file.path, file.compression)
        try:
            return read_text(lines, file.name)
        finally:
            # What is packed proves whole, or damaged, at its end.
            deque(lines, maxlen=0)
    table = _open(workspace, file, columns, log_format)
    progress.row_bytes = table.row_bytes
    progress.watch(workspace.connection)
    return read_records(workspace, table)


def _start(file: File) -> str:
    """Return the first characters of a text; "" of what is none."""
    if file.kind == "parquet":
        return ""
    with open_unpacked(file.path, file.compression) as packed:
        return packed.read(_START_BYTES).decode("utf-8-sig", errors="replace")


def _open(
    workspace: Workspace, file: File, columns: Chosen, log_format: str | None
) -> Table:
    """Open a table of the load, or an access log as one."""
    table = None
    if log_format is None:
        table = _table(workspace, file, columns, FOR_LOAD)
    if table is None:
        table = open_access_log(workspace, file, log_format)
    return table or open_table(workspace, file, columns, FOR_LOAD)


def _reader_of_text(
    workspace: Workspace, file: File, columns: Chosen
) -> Callable[[Iterable[str], str], Told] | None:
    """Return the reader of a log; None for tables, whatever a row of them looks like."""
    start = _start(file)
    read = next((read for looks_like, read in TEXTS if looks_like(start)), None)
    if read is None or file.kind != "delimited":
        return read
    return read if _table(workspace, file, columns, FOR_LOAD) is None else None


def _told_in(workspace: Workspace, each: Input, columns: Chosen) -> Sequence[Told]:
    """Return what a table tells beside its sizes, if anything."""
    if not each.path.is_file() or is_image(each.path):
        return ()
    each = each.fetched()
    task = partial(_told_here, each)
    with plain_faults(each.name):
        return read_apart(workspace, each, columns, task)


def _told_here(
    each: Input, workspace: Workspace, columns: Chosen, _: Progress
) -> Sequence[Told]:
    file = recognise(workspace, each.path, each.name)
    table = _table(workspace, file, columns, BESIDE_SIZES)
    return () if table is None else (read_records(workspace, table),)


def _table(
    workspace: Workspace, file: File, columns: Chosen, purpose: Purpose
) -> Table | None:
    """Return a table that serves the purpose, or None."""
    if file.kind not in TABLES:
        return None
    try:
        return TABLES[file.kind](workspace, file, columns, purpose)
    except InputError:
        return None
