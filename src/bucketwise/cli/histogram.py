"""`bucketwise histogram`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import traffic_options, turned
from bucketwise.cli.settings import read_sizes, say_notes
from bucketwise.cli.terminal import say


@click.command(epilog="Example: bucketwise histogram logs/*.csv.gz -o october.parquet")
@traffic_options
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
