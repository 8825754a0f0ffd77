"""JSON Lines: one object a line, its keys at the top, some levels down, or deeper where named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from bucketwise.errors import InputError
from bucketwise.read.database import FILE, Workspace, literal
from bucketwise.read.detect import File
from bucketwise.read.json_text import fault_in, parse
from bucketwise.read.lines import mean_bytes
from bucketwise.read.query import query_of_text, typed
from bucketwise.read.tables.columns import FOR_SIZES, Purpose
from bucketwise.read.tables.naming import Chosen
from bucketwise.read.tables.table import (
    BATCH,
    Table,
    first_lines,
    lines_due,
    numbered_lines,
    raw_lines,
    stream_lines,
    unpacked,
)

KeyPath = tuple[str, ...]

DEPTH = 3
"""Levels of nested keys that are looked at unasked: `_source.image.width`."""

_MOST_PLACES = 1_000
"""Positions of a list that a name may give."""


def open_json_lines(
    workspace: Workspace, file: File, chosen: Chosen, purpose: Purpose = FOR_SIZES
) -> Table:
    """Open a JSON Lines file: find the keys that its first lines have."""
    lines = first_lines(file)
    objects = _objects(lines)
    if not objects:
        fault = fault_in(next(filter(str.strip, lines), ""))
        raise InputError(
            f"{file.name}: it starts like JSON Lines, but none of the first "
            f"{len(lines)} lines is an object such as {purpose.line}"
            f"{fault and f': {fault}'}; what reads any text is like "
            f"{typed(query_of_text(file.name))}"
        )
    keys = keys_of(objects, chosen)
    paths = list(keys.values())

    def cells(at: int) -> list[str]:
        values = (_look_up(each, paths[at]) for each in objects)
        return [str(value) for value in values if value is not None]

    match = purpose.match(list(keys), chosen, file.name, cells)
    used = {at: paths[at] for at in sorted(set(match.roles.values()))}
    row_bytes = mean_bytes(lines, file.compression)
    file, ends = unpacked(workspace, file) if purpose is FOR_SIZES else (file, None)
    raw = raw_lines(workspace, file)
    told = {at: [_look_up(each, path) for each in objects] for at, path in used.items()}
    return Table(
        kind="jsonl",
        name=file.name,
        roles=match.roles,
        rows_due=cache(lambda: lines_due(file, ends)),
        relation=_cells(
            f"(SELECT line AS text, {FILE} AS file FROM {raw})", used, ", file"
        ),
        numbered=_cells(numbered_lines(raw), used, ", line, false AS quoted"),
        streamed=_cells(BATCH, used, ", line"),
        stream=lambda _: stream_lines(file),
        samples={
            at: tuple(str(value) for value in values if value is not None)
            for at, values in told.items()
        },
        row_bytes=row_bytes,
        notes=match.notes,
        units_s=match.units_s,
        named=match.named,
        typed=frozenset(
            at
            for at, values in told.items()
            if not any(isinstance(value, str) for value in values)
        ),
        path=file.path,
        source=literal(workspace.stage(file.path)),
    )


def first_objects(file: File) -> list[dict[str, Any]]:
    """Return the objects among the first lines."""
    return _objects(first_lines(file))


def _objects(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [each for each in map(parse, lines) if isinstance(each, dict)]


def keys_of(objects: Iterable[Mapping[str, Any]], chosen: Chosen) -> dict[str, KeyPath]:
    """Return the path of every value, `DEPTH` levels deep and deeper where named, by name."""
    named = [column for column in (chosen or {}).values() if "." in column]
    keys: dict[str, KeyPath] = {}
    for parsed in objects:
        for name, path in _keys(parsed):
            keys.setdefault(name, path)
        for name in named:
            if path := _path_of(parsed, name):
                keys.setdefault(name, path)
    return keys


def _keys(
    parsed: Mapping[str, Any], outer: str = "", path: KeyPath = (), depth: int = DEPTH
) -> Iterator[tuple[str, KeyPath]]:
    for key, value in parsed.items():
        wrapped, within = _unwrapped((*path, key), value)
        if depth > 1 and isinstance(within, dict):
            yield from _keys(within, f"{outer}{key}.", wrapped, depth - 1)
        else:
            yield outer + key, wrapped


def _unwrapped(path: KeyPath, value: object) -> tuple[KeyPath, object]:
    """Go through `{"$numberInt": "640"}`: a number or a date in MongoDB Extended JSON."""
    while isinstance(value, dict) and len(value) == 1:
        [(key, inner)] = value.items()
        if not key.startswith("$"):
            break
        path, value = (*path, key), inner
    return path, value


def _path_of(value: object, name: str) -> KeyPath:
    """Return the keys that lead to a value; each may have dots of its own."""
    if isinstance(value, list):
        value = {str(at): each for at, each in enumerate(value[:_MOST_PLACES])}
    if not isinstance(value, dict):
        return ()
    if name in value:
        return (name,)
    for key, inner in value.items():
        if name.startswith(f"{key}."):
            path = _path_of(inner, name[len(key) + 1 :])
            if path:
                return (key, *path)
    return ()


def _look_up(parsed: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = parsed
    for key in path:
        if isinstance(value, list):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _cells(lines: str, used: Mapping[int, Sequence[str]], kept: str = "") -> str:
    """Return SQL that takes the used keys out of every line that is not blank."""
    pointers = ", ".join(literal(_pointer(path)) for path in used.values())
    cells = ", ".join(f"found[{at}] AS c{key}" for at, key in enumerate(used, start=1))
    # Most lines start so; only the others are worth a closer look, which is dear.
    plain = "starts_with(text, '{')"
    found = f"TRY(json_extract_string(text, [{pointers}]))"
    ragged = f"found IS NULL OR NOT ({plain} OR starts_with(ltrim(text), '{{'))"
    filled = f"text IS NOT NULL AND ({plain} OR trim(text, ' \t\r\n') <> '')"
    return (
        f"(SELECT {cells}, {ragged} AS ragged{kept} FROM "
        f"(SELECT *, {found} AS found FROM {lines} WHERE {filled}))"
    )


def _pointer(path: Sequence[str]) -> str:
    """Return the path as a JSON pointer (RFC 6901), in which no name is special."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
