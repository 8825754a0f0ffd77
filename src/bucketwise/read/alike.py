"""Tables of one layout, many at a time: asking a database costs more than most rows do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bucketwise.nouns.together import MOST_ROWS
from bucketwise.nouns.traffic import (
    CELL_COLUMNS,
    MAX_CELLS,
    MAX_PLACES,
    Place,
    Rejection,
    Traffic,
    group_cells,
)
from bucketwise.read.database import DATA_FAULTS, Workspace, literal
from bucketwise.read.paths import Input
from bucketwise.read.progress import Progress
from bucketwise.read.tables.aggregate import (
    HELD,
    cells_of,
    cells_of_held,
    find_places,
    forget_rejects,
    hold,
    set_aside_by_file,
)
from bucketwise.read.tables.cells import parsed_rows
from bucketwise.read.tables.counted import ROWS
from bucketwise.read.tables.reduce import (
    MAX_LABELS,
    Totals,
    collect,
    histogram,
    notes_of,
)
from bucketwise.read.tables.sent import (
    NOTHING_SENT,
    SOME_ARE_FINE,
    may_tell,
    sent_by_file,
)
from bucketwise.read.tables.table import BATCH, Batch, Table
from bucketwise.words.reject_reasons import RAGGED

MOST_TABLES = 256
MOST_TOGETHER = 2 * MOST_ROWS
"""Rows that are read at once, so that memory stays bounded."""

SMALL_BYTES = 32 << 10
"""Tables of up to so much are held as they are, where they stand in no file of their own."""

_FILE = ("file",)
_FILE_SHIFT = 32
"""A line of a small table needs fewer bits; above them stands which table it is of."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A table that is open."""

    input: Input
    table: Table
    query: str
    rows_due: int
    batch: Batch | None


@dataclass(slots=True)
class AlikeTables:
    """Tables that wait to be read together with those that are laid out alike."""

    workspace: Workspace
    progress: Progress
    _waiting: list[_Waiting] = field(default_factory=list)

    def add(self, table: object, each: Input) -> bool:
        """Take a table, unless it is large or others must be read first."""
        if not isinstance(table, Table) or ROWS in table.roles:
            return False
        # What is told of an input goes with it alone.
        if each.notes or len(self._waiting) == MOST_TABLES:
            return False
        batch, rows_due = None, None
        if self.path_of(table, each):
            rows_due = table.rows_due()
        elif each.size_bytes <= SMALL_BYTES and not table.stored:
            batches = list(islice(table.stream(self.workspace), 2))
            if len(batches) == 1:
                [batch] = batches
                rows_due = len(batch["line"])
        known = sum(each.rows_due for each in self._waiting)
        if rows_due is None or rows_due > MOST_ROWS or known + rows_due > MOST_TOGETHER:
            return False
        relation = _streamed(table) if batch else _of_files(table, "")
        query = cells_of(table, relation, table.kinds, _FILE) + table.layout
        self._waiting.append(_Waiting(each, table, query, rows_due, batch))
        return True

    def path_of(self, table: Table, each: Input) -> Path | None:
        """Return where a table stands until it is read; None where others follow there."""
        is_lasting = self.workspace.scratch.holds(table.path)
        return table.path if is_lasting or table.path == each.path else None

    def read(self) -> Iterator[tuple[Input, Traffic | None]]:
        """Yield each table that waits, in order, with its histogram, and forget it.

        Where that is None, the table has to be read by itself.
        """
        waiting, self._waiting = self._waiting, []
        if waiting:
            [first, *others] = (each.input for each in waiting)
            name = f"{len(waiting):,} tables" if others else first.name
            self.progress.begin(name, sum(each.input.size_bytes for each in waiting))
            self.progress.row_bytes = waiting[0].table.row_bytes
            self.progress.watch(self.workspace.connection)
        groups: dict[str, list[int]] = {}
        for at, each in enumerate(waiting):
            groups.setdefault(each.query, []).append(at)
        found: dict[int, Traffic] = {}
        for group in groups.values():
            read = _read(self.workspace, [waiting[at] for at in group])
            found |= {group[nth]: traffic for nth, traffic in read.items()}
        for at, each in enumerate(waiting):
            yield each.input, found.get(at)
            self.workspace.scratch.drop(each.table.path)


def _of_files(table: Table, files: str) -> str:
    over = table.over(files)
    return over.stored or over.relation


def _streamed(table: Table) -> str:
    return f"(SELECT *, line >> {_FILE_SHIFT} AS file FROM {table.streamed})"


def _read(workspace: Workspace, group: Sequence[_Waiting]) -> dict[int, Traffic]:
    """Return the histograms of tables by their place, of those that are read right."""
    connection = workspace.connection
    tables = [each.table for each in group]
    table = tables[0]
    roles = table.roles
    relation = _relation(workspace, group)
    held = "count" not in roles and any(map(may_tell, tables))
    forget_rejects(connection)
    try:
        connection.execute("SET preserve_insertion_order = false")
        if held:
            hold(connection, table, relation)
        cells = (
            cells_of_held(table)
            if held
            else cells_of(table, relation, table.kinds, _FILE)
        )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE cells AS {cells}")
        totals, fine = _totals(workspace, group)
        if not held and "count" not in roles and any(fine.values()):
            # Later times are finer than the first ones.
            held = True
            hold(connection, table, relation)
        sent = sent_by_file(connection, table, fine) if held else {}
    except DATA_FAULTS:
        return {}
    places = _places_of_streamed if group[0].batch else _places_in_files
    rejections = places(workspace, tables, relation, totals)
    columns = _columns(workspace, len(group), weighted="count" in roles)
    connection.execute(f"DROP TABLE IF EXISTS {HELD}")
    return {
        at: histogram(
            columns[at],
            each,
            kind=tables[at].kind,
            name=tables[at].name,
            roles=roles,
            notes=notes_of(tables[at]),
            rejections=rejections[at],
            sent=sent.get(at, NOTHING_SENT),
        )
        for at, each in totals.items()
    }


def _relation(workspace: Workspace, group: Sequence[_Waiting]) -> str:
    """Return SQL of the rows of all tables, with the place of theirs as `file`."""
    table = group[0].table
    batches = [
        each.batch | {"line": each.batch["line"] + (at << _FILE_SHIFT)}
        for at, each in enumerate(group)
        if each.batch
    ]
    if batches:
        joined = {
            name: np.concatenate([rows[name] for rows in batches])
            for name in batches[0]
        }
        workspace.connection.register(BATCH, joined)
        return _streamed(table)
    staged = [
        literal(workspace.stage(each.table.path, f"input{at}"))
        for at, each in enumerate(group)
        if each.table.path
    ]
    return _of_files(table, f"[{', '.join(staged)}]")


def _totals(
    workspace: Workspace, group: Sequence[_Waiting]
) -> tuple[dict[int, Totals], dict[int, bool]]:
    """Return what each table adds up to, and whether some of its times are fine.

    Those that were read amiss, or have more than is kept, are left out.
    """
    connection = workspace.connection
    rejected: list[dict[str, int]] = [{} for _ in group]
    for file, reason, rows in connection.execute(
        "SELECT file, reason, CAST(sum(n) AS BIGINT) FROM cells WHERE reason <> '' "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        rejected[file][reason] = rows
    used = {
        file: numbers
        for file, *numbers in connection.execute(
            "SELECT file, CAST(sum(n) AS BIGINT), "
            "CAST(coalesce(sum(n) FILTER (slot IS NULL), 0) AS BIGINT), min(first_us), "
            f"max(last_us), count(*), count(DISTINCT label), {SOME_ARE_FINE} "
            "FROM cells WHERE reason = '' GROUP BY file"
        ).fetchall()
    }
    ragged = set_aside_by_file(connection)
    totals, fine = dict[int, Totals](), dict[int, bool]()
    for at, each in enumerate(group):
        lost = ragged.get(at, 0)
        if lost:
            rejected[at][RAGGED] = rejected[at].get(RAGGED, 0) + lost
        rows, timeless, first_us, last_us, n_cells, n_labels, fine[at] = used.get(
            at, (0, 0, None, None, 0, 0, False)
        )
        is_whole = rows + sum(rejected[at].values()) == each.rows_due
        if lost is None or not is_whole or n_cells > MAX_CELLS or n_labels > MAX_LABELS:
            del fine[at]
            continue
        totals[at] = Totals(rejected[at], rows, timeless, first_us, last_us)
    return totals, fine


def _places_in_files(
    workspace: Workspace,
    tables: Sequence[Table],
    _: str,
    totals: Mapping[int, Totals],
) -> dict[int, tuple[Rejection, ...]]:
    found = {}
    for at, each in totals.items():
        table = tables[at]
        if each.rejected and table.path:
            table = table.over(literal(workspace.stage(table.path)))
        found[at] = find_places(workspace, table, each.rejected)
    return found


def _places_of_streamed(
    workspace: Workspace,
    tables: Sequence[Table],
    relation: str,
    totals: Mapping[int, Totals],
) -> dict[int, tuple[Rejection, ...]]:
    connection, table = workspace.connection, tables[0]
    rows = parsed_rows(relation, table.roles, ("file", "line"), table.forms)
    places = {
        (file, reason): lines
        for file, reason, lines in connection.execute(
            f"SELECT file, reason, min(line, {MAX_PLACES}) FROM ({rows}) "
            "WHERE reason <> '' GROUP BY ALL"
        ).fetchall()
    }
    connection.unregister(BATCH)
    return {
        at: tuple(
            Rejection(
                reason=reason,
                count=count,
                places=tuple(
                    Place(source=tables[at].name, line=line - (at << _FILE_SHIFT))
                    for line in sorted(places[at, reason])
                ),
            )
            for reason, count in sorted(each.rejected.items())
        )
        for at, each in totals.items()
    }


def _columns(
    workspace: Workspace, n_tables: int, *, weighted: bool
) -> list[dict[str, Any]]:
    """Return the cells of each table, sorted, and its labels."""
    columns, count, labels = collect(
        workspace.connection, weighted=weighted, kept=_FILE
    )
    keys, count = group_cells(list(columns.values()), count)
    ordered = dict(zip(columns, keys, strict=True))
    edges = np.searchsorted(ordered.pop("file"), np.arange(n_tables + 1))
    found = []
    for start, end in pairwise(edges):
        cells: dict[str, Any] = {
            name: key[start:end].astype(CELL_COLUMNS[name])
            for name, key in ordered.items()
        }
        own = np.unique(cells["label"][cells["label"] >= 0])
        place = np.full(len(labels) + 1, -1, np.int64)
        place[own] = np.arange(own.size)
        cells["label"] = place[cells["label"]]
        cells["labels"] = tuple(labels[at] for at in own)
        found.append(cells | {"count": count[start:end]})
    return found
