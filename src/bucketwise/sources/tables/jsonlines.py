"""JSON Lines: one object a line, its keys at the top, one level down, or deeper where named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from bucketwise.errors import InputError
from bucketwise.sources.database import Workspace, literal
from bucketwise.sources.detect import File
from bucketwise.sources.json_text import parse
from bucketwise.sources.lines import mean_bytes
from bucketwise.sources.tables.columns import FOR_SIZES, Purpose
from bucketwise.sources.tables.table import BATCH, Table
from bucketwise.sources.tables.whole_lines import (
    first_lines,
    lines_due,
    numbered_lines,
    raw_lines,
    stream_lines,
)

KeyPath = tuple[str, ...]


def open_json_lines(
    workspace: Workspace,
    file: File,
    chosen: Mapping[str, str] | None,
    purpose: Purpose = FOR_SIZES,
) -> Table:
    """Open a JSON Lines file: find the keys that its first lines have.

    Parameters
    ----------
    workspace : Workspace
        Where DuckDB will look for the file.
    file : File
        What to open.
    chosen : mapping of str to str, optional
        Role to key, dotted when nested, from the user.
    purpose : Purpose
        What its keys are to tell.

    Raises
    ------
    InputError
        When no line is an object, or the keys do not serve the purpose.
    """
    lines = first_lines(file)
    objects = _objects(lines)
    if not objects:
        raise InputError(
            f"{file.name}: it starts like JSON Lines, but none of the first "
            f"{len(lines)} lines is an object such as {purpose.line}"
        )
    named = {column for column in (chosen or {}).values() if column.count(".") > 1}
    keys = {".".join(key): key for each in objects for key in _keys(each, named)}
    paths = list(keys.values())

    def cells(at: int) -> list[str]:
        values = (_look_up(each, paths[at]) for each in objects)
        return [str(value) for value in values if value is not None]

    match = purpose.match(list(keys), chosen, file.name, cells)
    used = {at: paths[at] for at in sorted(set(match.roles.values()))}
    raw = raw_lines(workspace, file)
    told = {at: [_look_up(each, path) for each in objects] for at, path in used.items()}
    return Table(
        kind="jsonl",
        name=file.name,
        roles=match.roles,
        rows_due=cache(lambda: lines_due(file)),
        relation=_cells(f"(SELECT line AS text FROM {raw})", used),
        numbered=_cells(numbered_lines(raw), used, ", line"),
        quote="false",
        streamed=_cells(BATCH, used, ", line"),
        stream=lambda _: stream_lines(file),
        samples={
            at: tuple(str(value) for value in values if value is not None)
            for at, values in told.items()
        },
        row_bytes=mean_bytes(lines, file.compression),
        notes=match.notes,
        units_s=match.units_s,
        named=match.named,
        typed=frozenset(
            at
            for at, values in told.items()
            if not any(isinstance(value, str) for value in values)
        ),
    )


def first_objects(file: File) -> list[dict[str, Any]]:
    """Return the objects among the first lines."""
    return _objects(first_lines(file))


def _objects(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [each for each in map(parse, lines) if isinstance(each, dict)]


def _keys(parsed: Mapping[str, Any], named: Collection[str]) -> Iterator[KeyPath]:
    """Yield the path of every value, two levels deep, and of deeper ones named."""
    for key, value in parsed.items():
        if isinstance(value, dict):
            yield from ((key, inner) for inner in value)
        else:
            yield (key,)
    for name in named:
        path = _path_of(parsed, name)
        if path:
            yield path


def _path_of(value: object, name: str) -> KeyPath:
    """Return the keys that lead to a value; each may have dots of its own."""
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
        f"(SELECT {cells}, {ragged} AS ragged, text{kept} FROM "
        f"(SELECT *, {found} AS found FROM {lines} WHERE {filled}))"
    )


def _pointer(path: Sequence[str]) -> str:
    """Return the path as a JSON pointer (RFC 6901), in which no name is special."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
