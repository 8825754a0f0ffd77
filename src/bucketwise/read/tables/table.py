"""One table file as DuckDB sees it, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bucketwise.read.database import Workspace
from bucketwise.read.tables.number_forms import NumberForm, number_forms

Batch = dict[str, NDArray[Any]]
"""Rows in file order: one array a column, and `line`, where each row starts."""

BATCH = "batch"
"""The name under which DuckDB sees the batch at hand."""

BATCH_ROWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where rows and cells stand in one file.

    Every relation has a text column `c<position>` for each column that is read and a
    boolean `ragged`.

    Attributes
    ----------
    kind : str
        Format, for the record.
    name : str
        Base name.
    roles : mapping of str to int
        Position of the column of each role.
    rows_due : callable
        How many rows `relation` must give, rejected ones too: with more or fewer it has
        read amiss. None where only `stream` reads the file right.
    relation : str
        SQL of all rows, in no order, as fast as it goes.
    numbered : str
        `relation` with `line` and its `text`; wrong where a quoted cell holds a line
        break.
    quote : str
        SQL that says whether a row of `numbered` could have such a cell.
    streamed : str
        SQL of the rows of one batch.
    stream : callable
        Batches in file order; slower, but it reads what DuckDB stumbles over.
    samples : mapping of int to tuple of str
        The first cells of each column that is read, by its position.
    row_bytes : float
        Mean size of a row in the file, packed as it is; 0 where unknown.
    notes : tuple of str
        What was read as what.
    units_s : mapping of str to float
        Seconds in one unit of the numbers of a role, where its column tells.
    named : mapping of str to str
        What the column of each role is called.
    typed : frozenset of int
        Columns whose cells are numbers by their type; others are text.
    """

    kind: str
    name: str
    roles: Mapping[str, int]
    rows_due: Callable[[], int | None]
    relation: str
    numbered: str
    quote: str
    streamed: str
    stream: Callable[[Workspace], Iterator[Batch]]
    samples: Mapping[int, tuple[str, ...]]
    row_bytes: float
    notes: tuple[str, ...]
    units_s: Mapping[str, float]
    named: Mapping[str, str]
    typed: frozenset[int] = frozenset()

    def samples_of(self, role: str) -> tuple[str, ...]:
        """Return the first cells of the column that plays a role; () without one."""
        return self.samples.get(self.roles.get(role, -1), ())

    @property
    def forms(self) -> dict[str, NumberForm]:
        """How the numbers of each role are written that may have thousands."""
        typed = {role for role, at in self.roles.items() if at in self.typed}
        samples = {role: self.samples_of(role) for role in self.roles}
        return number_forms(samples, frozenset(typed))
