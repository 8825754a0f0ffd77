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
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The Parquet file to write; every command reads it back as INPUT.",
)
@config_option
def histogram(output: Path, **options: Any) -> None:
    """Reduce traffic once to distinct sizes per hour and label, and keep that."""
    if output.suffix != ".parquet":
        message = f"-o: expected a name that ends in .parquet, got {output}"
        raise click.UsageError(message)
    from bucketwise.read import write_histogram
    from bucketwise.words.numbers import plural

    traffic = read_sizes(options)
    write_histogram(traffic, output)
    say_notes(traffic)
    say(
        f"{output}: {plural(len(traffic.count), 'cell')} from "
        f"{plural(traffic.rows_used, 'row')} ({plural(traffic.images, 'image')}, "
        f"{plural(traffic.rows_rejected, 'row')} rejected)"
    )
