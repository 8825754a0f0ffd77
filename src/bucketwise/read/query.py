"""Any file, by a query in DuckDB's own language that may read and nothing else.

The query is one SELECT. It reads the files that are named beside it, or what is below the
current folder where none is: the database refuses any other path, every address, every
extension and every change of its settings (DuckDB, "Securing DuckDB").
"""

from __future__ import annotations

import os
import re
import resource
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bucketwise.errors import InputError, UsageError
from bucketwise.read.database import MEMORY_LIMIT, identifier, literal
from bucketwise.read.isolated import CrashError, Isolation
from bucketwise.read.scratch import Scratch
from bucketwise.words.text import one_line

NAME = "query"
"""What messages and records call the rows of a query: its text may say too much."""

MOST_ROWS = 1_000_000_000
"""A query may make rows of nothing; no log has more."""

_EXPECTED = (
    "expected one SELECT such as SELECT w AS width, h AS height FROM "
    "read_json('x.json')"
)

_MOST_SHOWN = 400
"""Characters of what the database says."""

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


@dataclass(frozen=True, slots=True)
class Query:
    """A query in the place of an input: its columns are named for the roles they play.

    Attributes
    ----------
    sql : str
        One SELECT in DuckDB's dialect, such as
        "SELECT w AS width, h AS height FROM read_json('x.json')".
    files : tuple of str
        What it may read; () is for everything below the current folder.
    """

    sql: str
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what to call what is made of it: the first file it may read."""
        return self.files[0] if self.files else NAME


def typed(sql: str) -> str:
    """Return `--sql` and a query as a shell takes them."""
    is_plain = re.search(r"""["`$!]|\\[\\\n]|\\$""", sql) is None
    return f'--sql "{sql}"' if is_plain else f"--sql {shlex.quote(sql)}"


def query_of_text(
    source: str, width: str = r"width\W+(\d+)", height: str = r"height\W+(\d+)"
) -> str:
    """Return a query that finds sizes in any text, by a pattern for each side."""
    sides = ", ".join(
        f"unnest(regexp_extract_all(content, {literal(pattern)}, {group})) AS {side}"
        for side, pattern, group in (
            ("width", width, 1),
            ("height", height, 2 if width == height else 1),
        )
    )
    return f"SELECT {sides} FROM read_text({literal(source)})"


def answer(query: Query, scratch: Scratch) -> Path:
    """Run a query, and return a Parquet file of the rows that it gives."""
    _check(query.sql)
    path = scratch.new(NAME)
    with Isolation(scratch.folder) as apart:
        try:
            failed = apart.run(_answer, query, str(path), scratch.room_bytes())
        except CrashError as error:
            raise InputError(f"--sql: {error}; read less, or another file") from error
    if failed:
        raise InputError(failed)
    return path


def _check(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise UsageError(f"--sql: {_said(error)}; {_EXPECTED}") from error
    kinds = [str(each.type).rpartition(".")[2] for each in statements]
    if kinds != ["SELECT"]:
        found = " and ".join(kinds) or "nothing"
        raise UsageError(f"--sql: {_EXPECTED}, got {found}")


def _answer(query: Query, path: str, room_bytes: int) -> str:
    """Write the rows down; return why that failed, or ""."""
    scratch = Path(path).parent
    room_bytes = max(room_bytes, 1 << 20)
    # This process has no other task.
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, resource.RLIM_INFINITY))
    config: dict[str, str | bool | int | float | list[str]] = {
        "max_temp_directory_size": f"{room_bytes >> 21}MiB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": MEMORY_LIMIT,
        # Variables of this program are no tables.
        "python_enable_replacements": "false",
        "temp_directory": str(scratch / "spill") if scratch.is_dir() else "",
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET TimeZone = 'UTC'")
        # As they were named, and where links of that name lead.
        files = [*query.files, path]
        files = [literal(each) for each in (*files, *map(os.path.realpath, files))]
        folders = [] if query.files else [literal(Path.cwd())]
        connection.execute(f"SET allowed_paths = [{', '.join(files)}]")
        connection.execute(f"SET allowed_directories = [{', '.join(folders)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            rows = connection.sql(query.sql)
            twice = sorted(
                {each for each in rows.columns if rows.columns.count(each) > 1}
            )
            if twice:
                return f"--sql: two columns are called {twice[0]!r}; AS gives each its own name"
            rows.limit(MOST_ROWS).create_view("answer")
            connection.execute(
                f"COPY answer TO {literal(path)} (FORMAT parquet, USE_TMP_FILE false)"
            )
        except duckdb.PermissionException as error:
            only = ", ".join(map(one_line, query.files)) or "files below this folder"
            return f"--sql: {_said(error)}; it may read {only}, and nothing else"
        except (duckdb.Error, RuntimeError, UnicodeError) as error:
            return f"--sql: {_said(error)}"
    return ""


def _said(error: Exception) -> str:
    said = one_line(str(error).partition("\n\nLINE ")[0].replace("\n", " "))
    return said if len(said) <= _MOST_SHOWN else f"{said[:_MOST_SHOWN]}..."


def lines_to_type(
    source: str, names: Sequence[str], path: Sequence[str] | None = ()
) -> str:
    """Return what reads two columns as sides: `--columns ...`, and `--sql ...`."""
    sides = likely_sides(names)
    if len(names) == 1 and re.search(_SIZE, names[0]):
        return typed(query_of_text(source, _SIZE, _SIZE))
    if not sides:
        return typed(query_of_text(source))
    lines = []
    if path is not None:
        named = [
            name
            if not re.search(r"[,=]", name) and name.strip() == name
            else str(list(names).index(name) + 1)
            for name in sides
        ]
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
    fitting = (reader for how, reader in _READERS if re.search(f"(?i){how}$", source))
    reader = next(fitting, "read_csv")
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
