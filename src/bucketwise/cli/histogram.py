"""`bucketwise histogram`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import (
    bundle,
    connect_option,
    k_anonymity_option,
    kept_apart,
    table_options,
    traffic_options,
    turned,
)
from bucketwise.cli.settings import read_sizes, say_notes
from bucketwise.cli.terminal import say

DIALECTS = (
    "bigquery", "snowflake", "trino", "athena", "clickhouse", "spark", "postgres",
    "redshift", "mysql", "tsql", "sqlite", "duckdb",
)  # fmt: skip
TIME_TYPES = ("timestamp", "text", "number")


@click.command(epilog="Example: bucketwise histogram logs/*.csv.gz -o october.parquet")
@traffic_options
@connect_option
@click.option(
    "--print-sql",
    type=click.Choice(DIALECTS),
    is_eager=True,
    callback=kept_apart,
    help="In the place of reading: print the query that counts alike rows there, of the "
    "--table and --columns that are named. What it gives, saved as CSV or Parquet, is an "
    "INPUT  [default: none]",
)
@bundle(*table_options(kept=True))
@click.option(
    "--time-type",
    type=click.Choice(TIME_TYPES),
    default="timestamp",
    show_default=True,
    help="What the column of times is, for --print-sql: text is ISO 8601, a number "
    "seconds, milli-, micro- or nanoseconds.",
)
@click.option(
    "--sum-count",
    is_flag=True,
    help="Have --print-sql add the counts up there: they are numbers by their type.",
)
@k_anonymity_option
@click.option(
    "--no-places",
    "places",
    is_flag=True,
    callback=turned,
    help="Keep names of inputs and places of rejected rows out of the file.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The Parquet file to write; every command reads it back as INPUT.",
)
@click.option(
    "--append",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The Parquet file to add to, made where there is none: hours for a month, then "
    "days; --half-life weighs it by age when it is read  [default: -o makes one anew]",
)
@config_option
def histogram(output: Path | None, append: Path | None, **options: Any) -> None:
    """Reduce traffic once to distinct sizes per hour and label, and keep that."""
    counting = {name: options.pop(name) for name in ("table", "query", "where")}
    query = {name: options.pop(name) for name in ("time_type", "sum_count")}
    dialect = options.pop("print_sql")
    if dialect:
        _print_query(dialect, {**counting, **query}, options["columns"])
        return
    path = output or append
    if path is None or (output and append):
        message = (
            f"expected -o FILE or --append FILE, got {'both' if path else 'neither'}"
        )
        raise click.UsageError(message)
    if path.suffix != ".parquet":
        option = "-o" if output else "--append"
        message = f"{option}: expected a name that ends in .parquet, got {path}"
        raise click.UsageError(message)
    from bucketwise.app import appending
    from bucketwise.read import write_histogram
    from bucketwise.words.numbers import plural

    traffic = read_sizes(options)
    say_notes(traffic)
    if append:
        traffic = appending.append(traffic, path)
    else:
        write_histogram(traffic, path)
    say(
        f"{path}: {plural(len(traffic.count), 'cell')} from "
        f"{plural(traffic.rows_used, 'row')} ({plural(traffic.images, 'image')}, "
        f"{plural(traffic.rows_rejected, 'row')} rejected)"
    )


def _print_query(
    dialect: str, asked: dict[str, Any], columns: dict[str, str] | None
) -> None:
    from bucketwise.read.dialects import Counting, printed_query
    from bucketwise.read.tables.columns import match_columns
    from bucketwise.read.tables.naming import Naming

    named = {role: name for role, name in (columns or {}).items() if name}
    if not named:
        message = "--print-sql: expected --columns such as width=w,height=h,time=at"
        raise click.UsageError(message)
    naming = Naming(named)
    match = match_columns([*dict.fromkeys(named.values())], naming, "--columns")
    naming.check(of_load=False)
    counting = Counting(
        columns=match.named,
        table=asked["table"] or "",
        query=asked["query"] or "",
        where=asked["where"] or "",
        time_kind=asked["time_type"],
        sums=asked["sum_count"],
    )
    say(printed_query(counting, dialect).rstrip())
