"""The line to type where columns are not found: with names, or with a query."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from bucketwise.read.database import identifier, literal
from bucketwise.read.query import NAME, query_of_text, typed

_SIDES = (("width", "height"), ("wid", "hei"), ("w", "h"), ("x", "y"), ("cols", "rows"))
"""Parts of names in which those of two sides differ."""

_READERS = (
    (r"\.parquet|\.pq", "read_parquet"),
    (r"\.(json|jsonl|ndjson|geojson)(\.\w+)?", "read_json"),
)
_SIZE = r"\s(\d+)x(\d+)\s"
"""A size in the middle of a line, as ImageMagick's `identify` writes it."""

_NO_FILES = (NAME, "stdin")
"""What no query can read."""

_PLAIN = re.compile(r"[A-Za-z_]\w*")
_LONGEST = 60
"""Characters of a name that is repeated in a line to type."""


def lines_to_type(
    source: str, names: Sequence[str], path: Sequence[str] | None = ()
) -> str:
    """Return what reads two columns as sides: `--columns ...`, and `--sql ...`.

    Parameters
    ----------
    source : str
        Base name of the file.
    names : sequence of str
        The columns it has.
    path : sequence of str or None
        The keys that lead to the list that has them; None where `--columns` cannot help.
    """
    sides = likely_sides(names)
    if len(names) == 1 and re.search(_SIZE, names[0]):
        return typed(query_of_text(source, _SIZE, _SIZE))
    if not sides:
        return typed(query_of_text(source))
    lines = []
    if path is not None:
        named = [_by_name_or_place(name, names) for name in sides]
        pairs = (
            [f"resolution={named[0]}", f"shape={named[0]}"]
            if len(named) == 1
            else [f"width={named[0]},height={named[1]}"]
        )
        lines += [f"--columns {shlex.quote(each)}" for each in pairs]
    if source not in _NO_FILES:
        lines.append(typed(_query(source, sides, path or ())))
    return " or ".join(lines)


def likely_sides(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that may be width and height: two, one, or none at all."""
    short = [name for name in names if name and len(name) <= _LONGEST]
    folded = {name.casefold(): name for name in reversed(short)}
    for width, height in _SIDES:
        for key, name in folded.items():
            at = key.rfind(width)
            other = key[:at] + height + key[at + len(width) :]
            if at >= 0 and other in folded:
                return name, folded[other]
    return tuple(short[:2])


def _query(source: str, sides: Sequence[str], path: Sequence[str]) -> str:
    reader = next(
        (
            reader
            for how, reader in _READERS
            if re.search(how + "$", source, re.IGNORECASE)
        ),
        "read_csv",
    )
    table = f"{reader}({literal(source)})"
    record = ""
    if any(path):
        record = "each."
        table = f"(SELECT unnest({'.'.join(map(_name, path))}) AS each FROM {table})"
    columns = [record + ".".join(map(_name, side.split("."))) for side in sides]
    roles = ("width", "height") if len(columns) != 1 else ("resolution",)
    chosen = ", ".join(
        f"{column} AS {role}" for column, role in zip(columns, roles, strict=False)
    )
    return f"SELECT {chosen} FROM {table}"


def _name(part: str) -> str:
    return part if _PLAIN.fullmatch(part) else identifier(part)


def _by_name_or_place(name: str, names: Sequence[str]) -> str:
    plain = not re.search(r"[,=]", name) and name.strip() == name
    return name if plain else str(list(names).index(name) + 1)
