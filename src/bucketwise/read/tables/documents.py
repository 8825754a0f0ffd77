"""A JSON document as a table: whichever of its lists has the columns sought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice, product
from typing import Any

from bucketwise.errors import InputError
from bucketwise.read.database import Workspace
from bucketwise.read.detect import File
from bucketwise.read.documents import (
    ROOT,
    SAMPLE_RECORDS,
    Path,
    lists_in,
    roots,
    stage_list,
    stage_values,
    whole,
)
from bucketwise.read.query import lines_to_type
from bucketwise.read.tables.columns import FOR_SIZES, Purpose
from bucketwise.read.tables.finding import no_cells
from bucketwise.read.tables.jsonlines import keys_of, open_json_lines
from bucketwise.read.tables.naming import Chosen, listed
from bucketwise.read.tables.table import Table

Records = list[dict[str, Any]]


def open_document(
    workspace: Workspace, file: File, chosen: Chosen, purpose: Purpose = FOR_SIZES
) -> Table:
    """Open a JSON document: find the first list whose records serve the purpose."""
    seen: dict[Path, Records] = {}
    serves = serving(file, chosen, purpose)
    found = find_list(file, serves, seen)
    if found is not None:
        path, _ = found
        staged, placed = stage_list(workspace, file, path)
        table = open_json_lines(workspace, staged, chosen, purpose)
        return _said(table, _name_of(path), placed=placed)
    documents = whole(file)
    for shape, records_of in SHAPES.items():
        records: Records = []
        with suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):
            # What raises these has another shape.
            records = list(records_of(documents[0])) if len(documents) == 1 else []
        if records and serves(records[:SAMPLE_RECORDS]):
            staged = stage_values(workspace, file, iter(records))
            table = open_json_lines(workspace, staged, chosen, purpose)
            return _said(table, shape, placed=False)
        if records and (isinstance(documents[0], list) or shape == _NAMED):
            seen[shape,] = records[:SAMPLE_RECORDS]
    one = objects_in(documents)
    if one and (serves(one) or not seen):
        staged, _ = stage_list(workspace, file, ROOT)
        table = open_json_lines(workspace, staged, chosen, purpose)
        return _said(table, _name_of(ROOT), placed=True)
    raise InputError(_refusal(file, seen, chosen, purpose))


def serving(file: File, chosen: Chosen, purpose: Purpose) -> Callable[[Records], bool]:
    """Return a test of the first objects of a list: whether they serve a purpose."""

    def serves(objects: Records) -> bool:
        try:
            purpose.match(list(keys_of(objects, chosen)), chosen, file.name, no_cells)
        except InputError:
            return False
        return True

    return serves


def find_list(
    file: File,
    serves: Callable[[Records], bool],
    seen: dict[Path, Records] | None = None,
) -> tuple[Path, Records] | None:
    """Return the first list whose first records serve: the keys to it, and these."""
    first = objects_in(roots(file))
    if len(first) > 1 and serves(first):
        return ROOT, first
    for path, records in lists_in(file):
        objects = objects_in(each.value for each in islice(records, SAMPLE_RECORDS))
        if objects and serves(objects):
            return path, objects
        if objects and seen is not None:
            seen.setdefault(path, objects)
    return None


def objects_in(values: Iterable[object]) -> Records:
    """Return the objects among values."""
    return [each for each in values if isinstance(each, dict)]


def _by_list(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = {name: each for name, each in document.items() if isinstance(each, list)}
    # A single one may as well be the two sides of one image.
    for cells in zip(*lists.values(), strict=True) if len(lists) > 1 else ():
        yield dict(zip(lists, cells, strict=True))


def _common_keys(document: dict[str, dict[str, Any]]) -> Iterable[str]:
    """Return the keys of every object in one; none where they differ."""
    first, *others = document.values()
    return first.keys() if all(first.keys() == each.keys() for each in others) else ()


_NAMED = "names of columns and rows of cells"


def _named_cells(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of what a database answers: names in one list, cells in another."""
    lists = list(_lists_below(document))
    for names, rows in product(map(_names_in, lists), map(_rows_in, lists)):
        if names and rows and all(len(cells) == len(names) for cells in rows):
            yield from (dict(zip(names, cells, strict=True)) for cells in rows)
            return


def _lists_below(value: Any, depth: int = 4) -> Iterator[list[Any]]:
    """Yield the lists in objects within objects, the outermost first."""
    inside = value.values() if isinstance(value, dict) else value[:1]
    for each in inside:
        if isinstance(each, list) and each:
            yield each
    for each in inside if depth else ():
        if isinstance(each, dict) or (isinstance(each, list) and _is_wrapped(each)):
            yield from _lists_below(each, depth - 1)


def _is_wrapped(items: list[Any]) -> bool:
    return len(items) == 1 and isinstance(items[0], dict)


def _names_in(items: list[Any]) -> list[str]:
    """Return the names of columns that a list holds, as text or by "name"; [] for none."""
    names = [each.get("name") if isinstance(each, dict) else each for each in items]
    found = [each for each in names if isinstance(each, str)]
    return found if len(found) == len(items) else []


def _rows_in(items: list[Any]) -> list[list[Any]]:
    """Return the rows of cells that a list holds; [] for none."""
    rows = [_cells_of(each) for each in items]
    found = [cells for cells in rows if cells is not None]
    return found if len(found) == len(items) else []


def _cells_of(row: Any) -> list[Any] | None:
    """Return the cells of a row: a list, or what BigQuery wraps each in."""
    if isinstance(row, dict) and isinstance(row.get("f"), list):
        return [cell.get("v") for cell in row["f"]]
    return row if isinstance(row, list) else None


SHAPES: Mapping[str, Callable[[Any], Iterable[dict[str, Any]]]] = {
    _NAMED: _named_cells,
    "an object of columns": lambda it: (
        {name: column[at] for name, column in it.items()} for at in _common_keys(it)
    ),
    "an object of lists": _by_list,
    "an object of records": lambda it: it.values() if _common_keys(it) else (),
    "a list of lists": lambda it: (
        {str(at): cell for at, cell in enumerate(cells, start=1)} for cells in it
    ),
}
"""What holds a table without a list of objects: the answers of databases over HTTP
(BigQuery, Trino, Snowflake, ClickHouse, InfluxDB), and `to_json` of pandas with orient
"split", "columns", "index" and "values", `to_dict` with orient "list" (pandas 2.2)."""


def _said(table: Table, where: str, *, placed: bool) -> Table:
    counted = "" if placed else "; places of rows count them"
    said = f"one JSON document: rows were read from {where}{counted}"
    return replace(table, kind="json", notes=(*table.notes, said))


def _name_of(path: Path) -> str:
    if path == ROOT:
        return "the objects it consists of"
    return f"the list {'.'.join(path)!r}" if path else "its list"


def _refusal(
    file: File, seen: Mapping[Path, Records], chosen: Chosen, purpose: Purpose
) -> str:
    if not seen:
        return (
            f"{file.name}: one JSON document without a list of objects such as "
            f"{purpose.line}; what reads it is like {lines_to_type(file.name, [])}"
        )
    path, objects = max(
        seen.items(), key=lambda each: (each[0] == (_NAMED,), len(each[1]))
    )
    found = "; ".join(
        f"{_name_of(each)} has {listed(list(keys_of(some, chosen)), 12)}"
        for each, some in islice(seen.items(), 6)
    )
    line = f"--columns {purpose.columns}"
    if purpose is FOR_SIZES:
        line = lines_to_type(file.name, list(keys_of(objects, chosen)), path)
    if path and path[0] in SHAPES:
        line = line.partition(" or --sql ")[0]  # they have no names there
    return (
        f"{file.name}: one JSON document, and none of its lists tells {purpose.sought}: "
        f"{found}; what reads it is like {line}"
    )
