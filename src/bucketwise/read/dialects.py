"""The query that counts alike rows where the logs are: one generator, a dialect a row of data.

An engine only groups rows that are equal in the columns used, by UTC hour, and counts them;
what a cell means is judged at home, because no two engines cast junk alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from bucketwise.errors import UsageError, raise_all
from bucketwise.read.tables.counted import FIRST, LAST, ROWS, WEIGHT

TimeKind = Literal["timestamp", "text", "number"]

TIME_KINDS: tuple[TimeKind, ...] = ("timestamp", "text", "number")

_PARTS = re.compile(r'"(?:[^"]|"")+"|[^."]+')
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")

_ALIKE_TO = 10**15
"""Weights up to this are summed; others are rejected at home, each by its own value."""


_EARLIEST_US = 360_000_000_000_000_000
"""Whole hours, more than any time that is read lies before 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one engine says what the query needs; `{}` stands for what is acted on."""

    run_on: str = ""
    """What tests run its query on; "" where they only parse it."""
    quoted: Callable[[str], str] = lambda name: '"' + name.replace('"', '""') + '"'
    """A name as an identifier."""
    folds_up: bool = False
    """Whether a plain lower-case name is stored in capitals."""
    session: str = ""
    """The statement that sets the session to UTC; "" where nothing depends on it."""
    timestamp: str = "CAST({} AS TIMESTAMP)"
    """A date or time of any type, as a time in UTC."""
    text: str = ""
    """ISO text as a time, NULL where it is none; "" where that stops the query, or a zone is
    passed over."""
    bytes: str = ""
    """What tells apart text that a collation takes for one; "" where there are none."""
    folds_text: bool = False
    """Whether text is taken for one without being asked: then of all columns, not of the
    label alone."""
    literal: str = "TIMESTAMP '{}'"
    hour: str = "DATE_TRUNC('hour', {})"
    """Truncated, never divided after a rounding; "" where it is told of microseconds."""
    micros: str
    """A time as microseconds since 1970."""
    double: str = "CAST({} AS DOUBLE)"
    whole: str = "CAST({} AS BIGINT)"
    decimal: str = "CAST(CAST({} AS VARCHAR) AS DECIMAL(38, 12))"
    """Through text: a double has the digits then that it prints; "" where sums of fractions
    depend on their order."""
    modulo: str = "MOD({}, {})"
    rows: str = "COUNT(*)"
    one: str = "SELECT {} FROM {} LIMIT 1"
    """One cell of some rows."""


def _backslashed(mark: str) -> Callable[[str], str]:
    def quoted(name: str) -> str:
        escaped = name.replace("\\", "\\\\").replace(mark, "\\" + mark)
        return f"{mark}{escaped}{mark}"

    return quoted


_DATED = "CASE WHEN {0} LIKE '____-__-__%' THEN {0} END"
"""Text that begins as a date does: some take 2026 for a day or a number, and "" for 1900."""
_CLICKHOUSE_TEXT = (
    "if(match({0}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}($|[T ]([01][0-9]|2[0-3]):)'), "
    "parseDateTime64BestEffortOrNull({0}, 6, 'UTC'), NULL)"
)
"""Of itself it reads a clock alone as one of this year, and the 25th hour of a day."""
_SQLITE_TIME = (
    "CASE WHEN DATE(SUBSTR({0}, 1, 10), '+0 days') = SUBSTR({0}, 1, 10) THEN STRFTIME('%s', "
    "SUBSTR({0}, 1, 19) || LTRIM(SUBSTR({0}, 20), '.0123456789')) * 1000000 + CAST(ROUND("
    "CAST('0' || SUBSTR({0}, 20, 7) AS REAL) * 1000000) AS INTEGER) END"
)
"""Its own functions keep milliseconds, rounded, and take 31 February for a day of March."""
_TRINO_MICROS = "DATE_DIFF('microsecond', TIMESTAMP '1970-01-01 00:00:00 UTC', {})"

DIALECTS: Mapping[str, Dialect] = {
    "bigquery": Dialect(
        run_on="GoogleSQL's reference engine",
        quoted=_backslashed("`"),
        text="SAFE_CAST({} AS TIMESTAMP)",
        hour="TIMESTAMP_TRUNC({}, HOUR)",
        micros="UNIX_MICROS({})",
        double="CAST({} AS FLOAT64)",
        whole="CAST({} AS INT64)",
        decimal="CAST(CAST({} AS STRING) AS BIGNUMERIC)",
        bytes="CAST(CAST({} AS STRING) AS BYTES)",
    ),
    "snowflake": Dialect(
        folds_up=True,
        session="ALTER SESSION SET TIMEZONE = 'UTC'",
        timestamp="CONVERT_TIMEZONE('UTC', {})",
        text=f"CONVERT_TIMEZONE('UTC', TRY_TO_TIMESTAMP_TZ({_DATED}))",
        micros="DATE_PART(EPOCH_MICROSECOND, {})",
        bytes="TO_BINARY(TO_VARCHAR({}), 'UTF-8')",
    ),
    "trino": Dialect(
        session="SET TIME ZONE 'UTC'",
        # All its digits: a cast to fewer rounds into the next hour.
        timestamp="CAST({} AS TIMESTAMP(12) WITH TIME ZONE)",
        text=f"TRY(FROM_ISO8601_TIMESTAMP_NANOS({_DATED}))",
        literal="TIMESTAMP '{} UTC'",
        hour="DATE_TRUNC('hour', {} AT TIME ZONE 'UTC')",
        micros=_TRINO_MICROS,
    ),
    "athena": Dialect(
        timestamp="CAST({} AS TIMESTAMP(6) WITH TIME ZONE)",
        text=f"TRY(FROM_ISO8601_TIMESTAMP({_DATED}))",
        literal="TIMESTAMP '{} UTC'",
        hour="DATE_TRUNC('hour', {} AT TIME ZONE 'UTC')",
        micros=_TRINO_MICROS,
    ),
    "clickhouse": Dialect(
        run_on="ClickHouse 26.9",
        quoted=_backslashed('"'),
        session="SET session_timezone = 'UTC'",
        timestamp="toDateTime64({}, 6, 'UTC')",
        text=_CLICKHOUSE_TEXT,
        literal="toDateTime64('{}', 6, 'UTC')",
        # Its own truncation takes all before 1970 for the first hour of it.
        hour="",
        micros="toUnixTimestamp64Micro({})",
        double="toFloat64({})",
        whole="toInt64({})",
        decimal="toDecimal128(toString({}), 12)",
    ),
    "spark": Dialect(
        run_on="Spark 4.3 and Sail 0.7",
        quoted=lambda name: "`" + name.replace("`", "``") + "`",
        session="SET TIME ZONE 'UTC'",
        # A clock alone would be one of today.
        text="TRY_TO_TIMESTAMP(CASE WHEN {0} RLIKE "
        "'^ *[0-9][0-9][0-9][0-9]-[0-9]+-[0-9]' THEN {0} END)",
        bytes="ENCODE(CAST({} AS STRING), 'UTF-8')",
        # Sail truncates no time before 1677.
        hour="",
        micros="UNIX_MICROS({})",
        # Sail casts no text such as 1e-7.
        decimal="COALESCE(TRY_CAST(CAST({0} AS STRING) AS DECIMAL(38, 12)), "
        "CAST({0} AS DECIMAL(38, 12)))",
    ),
    "postgres": Dialect(
        run_on="PostgreSQL 15",
        session="SET TIME ZONE 'UTC'",
        micros="CAST(EXTRACT(EPOCH FROM {}) * 1000000 AS BIGINT)",
        double="CAST({} AS DOUBLE PRECISION)",
        bytes='CAST({} AS TEXT) COLLATE "C"',
    ),
    "redshift": Dialect(
        session="SET timezone TO 'UTC'",
        micros="DATEDIFF(microsecond, TIMESTAMP '1970-01-01 00:00:00', {})",
        double="CAST({} AS DOUBLE PRECISION)",
        bytes="COLLATE(CAST({} AS VARCHAR(65535)), 'case_sensitive')",
    ),
    "mysql": Dialect(
        run_on="MariaDB 10.11",
        quoted=lambda name: "`" + name.replace("`", "``") + "`",
        session="SET time_zone = '+00:00'",
        timestamp="CAST({} AS DATETIME(6))",
        bytes="CAST({} AS BINARY)",
        folds_text=True,
        hour="(TO_DAYS({0}) * 24 + HOUR({0}))",
        micros="TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {})",
        double="({} + 0e0)",
        whole="CAST({} AS SIGNED)",
        decimal="CAST(CAST({} AS CHAR) AS DECIMAL(38, 12))",
    ),
    "tsql": Dialect(
        quoted=lambda name: "[" + name.replace("]", "]]") + "]",
        # Finer than microseconds, so that nothing is rounded into the next hour.
        timestamp="SWITCHOFFSET(CAST({} AS DATETIMEOFFSET(7)), '+00:00')",
        text=f"SWITCHOFFSET(TRY_CAST({_DATED} AS DATETIMEOFFSET(7)), '+00:00')",
        bytes="CAST({} AS VARBINARY(MAX))",
        folds_text=True,
        literal="CAST('{} +00:00' AS DATETIMEOFFSET(7))",
        hour="DATEDIFF_BIG(HOUR, CAST('1970-01-01' AS DATETIMEOFFSET(7)), {})",
        micros="DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01' AS DATETIMEOFFSET(7)), {})",
        double="CAST({} AS FLOAT)",
        # As text, a double has six digits.
        decimal="CAST({} AS DECIMAL(38, 12))",
        modulo="({} % {})",
        rows="COUNT_BIG(*)",
        one="SELECT TOP 1 {} FROM {}",
    ),
    "sqlite": Dialect(
        run_on="SQLite 3",
        timestamp=_SQLITE_TIME,
        text=_SQLITE_TIME,
        bytes="CAST({} AS BLOB)",
        literal="(STRFTIME('%s', '{}') * 1000000)",
        hour="",
        micros="{}",
        double="CAST({} AS REAL)",
        whole="CAST({} AS INTEGER)",
        decimal="",
        modulo="({} % {})",
    ),
    "duckdb": Dialect(
        run_on="DuckDB 2.0",
        session="SET TimeZone = 'UTC'",
        text="CAST(TRY_CAST({} AS TIMESTAMPTZ) AS TIMESTAMP)",
        micros="epoch_us({})",
        bytes="ENCODE(CAST({} AS VARCHAR))",
    ),
}
"""Engines by the name that `--print-sql` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What is to be counted."""

    columns: Mapping[str, str]
    """Role to the name of its column."""
    table: str = ""
    """Its name, parts of it apart by dots; a part that holds a dot stands in quotes."""
    query: str = ""
    """One SELECT in the place of a table."""
    where: str = ""
    """A condition in the engine's own words; "" for all rows."""
    time_kind: TimeKind = "timestamp"
    sums: bool = False
    """Whether the count is a number by its type, so that the engine can add it up."""

    def __post_init__(self) -> None:
        """Check that there is something to count, and that it can be named."""
        problems = []
        if bool(self.table) == bool(self.query):
            found = "both" if self.table else "neither"
            problems.append(f"expected --table NAME or --query SQL, got {found}")
        named = [("--table", self.table)] if self.table else []
        named += [(f"--columns {role}=", name) for role, name in self.columns.items()]
        for what, name in named:
            if ".".join(_PARTS.findall(name)) != name or "\0" in name:
                problems.append(
                    f"{what}: expected names apart by dots, each in double quotes where "
                    f"it holds a dot or quotes (doubled), got {name!r}"
                )
        problems += [
            f"--columns {role}=: rows that differ in it are not alike; leave it out, or "
            "read the table itself"
            for role in self.columns
            if role == "request"
        ]
        raise_all(problems, UsageError)


def counting_query(counting: Counting, dialect: str) -> str:
    """Return the query that counts alike rows, without the setting of its session."""
    engine = DIALECTS[dialect]
    if counting.sums and not engine.decimal:
        raise UsageError(
            f"--sum-count: {dialect} adds up no fractions exactly; leave it out"
        )
    roles = [role for role in counting.columns if role != "time"]
    inner, outer, keys = [], [], []
    for at, role in enumerate(roles):
        column, cell = _path(counting.columns[role], engine), f"bw_c{at}"
        if role == "count" and counting.sums:
            number = engine.double.format(column)
            fits = f"{number} BETWEEN 0 AND {_ALIKE_TO}"
            exact = engine.decimal.format(column)
            # Where it does not fit, a cast to decimal might stop the query.
            inner.append(f"CASE WHEN {fits} THEN {exact} END AS bw_w")
            column = (
                f"CASE WHEN {fits} THEN {engine.double.format('1')} ELSE {number} END"
            )
            outer.append(f"SUM(bw_w) AS {WEIGHT}")
        inner.append(f"{column} AS {cell}")
        outer.append(f"{cell} AS {engine.quoted(role)}")
        keys.append(cell)
        if engine.bytes and (role == "label" or engine.folds_text):
            keys.append(engine.bytes.format(cell))
    outer.append(f"{engine.rows} AS {ROWS}")
    source = _source(counting, engine)
    if "time" in counting.columns:
        column = _path(counting.columns["time"], engine)
        time, hour, micros = _time(counting.time_kind, column, engine, dialect)
        passed = [each.rpartition(" AS ")[2] for each in inner]
        inner.append(f"{time[0]} AS bw_time")
        source = f"(SELECT {', '.join(inner)} FROM {source}) bw_read"
        inner = [*passed, f"{time[1]} AS bw_at"]
        outer += [
            f"{micros.format(f'{how}(bw_at)')} AS {name}"
            for how, name in (("MIN", FIRST), ("MAX", LAST))
        ]
        keys.append(hour.format("bw_at"))
    return (
        f"SELECT {', '.join(outer)}\nFROM (SELECT {', '.join(inner)}\n"
        f"FROM {source}) bw_rows_read\nGROUP BY {', '.join(keys)}"
    )


def printed_query(counting: Counting, dialect: str) -> str:
    """Return the query as `--print-sql` shows it, its session and its proof told."""
    engine = DIALECTS[dialect]
    session = engine.session
    proof = (
        f"run on {engine.run_on}: what it gives there is what the table gives, read here"
        if engine.run_on
        else "parsed, and never run: compare a day of rows first"
    )
    lines = [
        f"-- {dialect}, {proof}.",
        "-- Save what it gives as CSV or Parquet: that file is an INPUT of every command.",
        *([f"{session};"] if session else []),
        f"{counting_query(counting, dialect)};",
    ]
    return "\n".join(lines) + "\n"


def source_of(counting: Counting, dialect: str) -> Callable[[str], str]:
    """Return SQL of the rows that are counted, those alone that meet one more condition."""
    return lambda more: _source(counting, DIALECTS[dialect], more)


def _source(counting: Counting, engine: Dialect, more: str = "") -> str:
    query = counting.query.strip().rstrip(";")
    # What ends in a comment would take the bracket with it.
    source = f"(\n{query}\n) bw_given" if query else _path(counting.table, engine)
    tests = [each for each in (counting.where.strip().rstrip(";"), more) if each]
    return source + "".join(
        f"\n{word} (\n{test}\n)"
        for word, test in zip(("WHERE", "AND"), tests, strict=False)
    )


def _path(name: str, engine: Dialect) -> str:
    """Return a name as SQL, part by part; in quotes it is what it says."""
    parts = []
    for part in _PARTS.findall(name):
        is_quoted = part.startswith('"')
        plain = part[1:-1].replace('""', '"') if is_quoted else part
        folds = engine.folds_up and not is_quoted and _SIMPLE.fullmatch(plain)
        parts.append(engine.quoted(plain.upper() if folds else plain))
    return ".".join(parts)


def _time(
    kind: TimeKind, column: str, engine: Dialect, dialect: str
) -> tuple[tuple[str, str], str, str]:
    """Return SQL of a time and of what of it counts, of its hour, of its microseconds."""
    if kind == "number":
        number = engine.double.format(column)
        sizes = ((11, "* 1000000"), (14, "* 1000"), (17, "* 1"), (20, "/ 1000"))
        # Engines round halves in ways of their own.
        whens = " ".join(
            f"WHEN ABS(bw_time) < 1e{digits} THEN "
            + engine.whole.format(f"SIGN(bw_time) * FLOOR(ABS(bw_time {by}) + 0.5)")
            for digits, by in sizes
        )
        return (number, f"CASE {whens} END"), _hour_of("{}", engine), "{}"
    if kind == "text" and not engine.text:
        raise UsageError(
            f"--time-type text: {dialect} does not tell text that is no time; expected a "
            "timestamp: name a --query or view that makes one, or leave time out"
        )
    time = (engine.text if kind == "text" else engine.timestamp).format(column)
    bounds = [
        engine.literal.format(f"{day} 00:00:00") for day in ("1000-01-01", "9999-12-31")
    ]
    counts = "bw_time > {} AND bw_time < {}".format(*bounds)
    hour = engine.hour or _hour_of(engine.micros, engine)
    return (time, f"CASE WHEN {counts} THEN bw_time END"), hour, engine.micros


def _hour_of(micros: str, engine: Dialect) -> str:
    """Return SQL of the first microsecond of an hour, by remainders of what is positive.

    A quotient may be rounded to the digits of its engine: Trino has 59:59.6 in the next hour.
    """
    at = micros.format("{0}")
    return f"{at} - {engine.modulo.format(f'({at} + {_EARLIEST_US})', 3_600_000_000)}"
