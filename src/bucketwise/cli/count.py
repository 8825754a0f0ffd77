"""`bucketwise count`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.cli.options import (
    image_limits,
    one_target,
    required_model_option,
    target_option,
    traffic_options,
    video_limits,
)
from bucketwise.cli.settings import limits_line, read_sizes, say_notes, video_options
from bucketwise.cli.terminal import say

if TYPE_CHECKING:
    from pandas import DataFrame

    from bucketwise.read.tables.naming import Naming


@click.command(
    epilog="Example: bucketwise count traffic.csv --model qwen3-vl-2b -o sizes.csv"
)
@traffic_options
@required_model_option
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
@image_limits("the checkpoint's")
@video_limits
@target_option("the newest")
def count(
    inputs: tuple[str, ...],
    columns: dict[str, str] | None,
    max_bad_rows: float,
    ignore_orientation: bool,
    model: str,
    output: str,
    each_row: bool,
    target: tuple[str, ...],
    **limits: Any,
) -> None:
    """List every distinct size and what it becomes under the checkpoint's limits."""
    from bucketwise.app import counting
    from bucketwise.app.output import write_tables
    from bucketwise.read.tables.naming import Naming

    settings = {
        "model": model,
        "min_pixels": limits["min_pixels"],
        "max_pixels": limits["max_pixels"],
        "video": video_options(limits),
        "target": one_target(target),
    }
    reading: dict[str, Any] = {
        "max_bad_rows": max_bad_rows,
        "ignore_orientation": ignore_orientation,
    }
    tables: Iterator[DataFrame]
    in_force = limits_line(model, settings["target"], limits)
    if each_row:
        naming = Naming(columns)
        rows = counting.count_rows(inputs, columns=naming, **reading, **settings)
        tables = _checked(rows, naming)
    else:
        traffic = read_sizes(inputs, columns, **reading)
        say_notes(traffic)
        tables = iter([counting.count(traffic, **settings)])
    say(in_force, err=True)
    write_tables(tables, None if output == "-" else Path(output))


def _checked(tables: Iterable[DataFrame], naming: Naming) -> Iterator[DataFrame]:
    """Yield tables; after the last, every column that was named must have been there."""
    yield from tables
    naming.check(of_load=False)
