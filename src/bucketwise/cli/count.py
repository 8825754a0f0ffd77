"""`bucketwise count`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options.commands import CountOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import bundle, derived, traffic_options
from bucketwise.cli.settings import limits_line, read_sizes, reading_of, say_notes
from bucketwise.cli.terminal import say

if TYPE_CHECKING:
    from pandas import DataFrame

    from bucketwise.read.tables.naming import Naming


@click.command(
    epilog="Example: bucketwise count traffic.csv --model qwen3-vl-2b -o sizes.csv"
)
@traffic_options
@bundle(*derived(CountOptions))
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE|-",
    help="CSV, or Parquet when the name ends in .parquet; - is standard output.",
)
@click.option(
    "--each-row",
    is_flag=True,
    help="One output row for each input row, in order, instead of distinct sizes.",
)
@config_option
def count(output: str, each_row: bool, **options: Any) -> None:
    """List every distinct size and what it becomes under the checkpoint's limits."""
    from bucketwise.app import counting
    from bucketwise.app.output import write_tables
    from bucketwise.read import read_rows
    from bucketwise.read.tables.naming import Naming

    settings = typed(CountOptions, options)
    asked = CountOptions(**settings)
    tables: Iterator[DataFrame]
    in_force = limits_line(asked)
    if each_row:
        naming = Naming(options["columns"])
        rows = read_rows(options["inputs"], columns=naming, **reading_of(options))
        tables = _checked(counting.count_rows(rows, asked), naming)
    else:
        traffic = read_sizes(options)
        say_notes(traffic)
        tables = iter([counting.count(traffic, **settings)])
    say(in_force, err=True)
    write_tables(tables, None if output == "-" else Path(output))


def _checked(tables: Iterable[DataFrame], naming: Naming) -> Iterator[DataFrame]:
    """Yield tables; after the last, every column that was named must have been there."""
    yield from tables
    naming.check(of_load=False)
