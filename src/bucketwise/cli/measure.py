"""`bucketwise measure`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bucketwise.app.options.commands import MeasureOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.analyze_options import base_options
from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import bad_rows_option, bundle, columns_option, derived
from bucketwise.cli.settings import BASE_OPTIONS, base_document, read_sizes, say_notes
from bucketwise.cli.terminal import say


@click.command(
    epilog="Example: bucketwise measure --plan plan.json --target optimum-rbln==0.12.0 "
    "-o measure.py"
)
@click.argument("inputs", nargs=-1, metavar="[INPUT...]")
@bundle(columns_option, bad_rows_option("the rows"))
@bundle(*derived(MeasureOptions))
@click.option(
    "--base",
    metavar="CONFIG|FOLDER",
    help="Configuration that compiled ones start from  [default: the published one]",
)
@base_options
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE|-",
    help="The script; - is standard output.",
)
@config_option
def measure(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Write a script that times a few graphs on your device host, for calibrate.

    The lengths are the few that tell most of the curve between the shortest and the
    longest run of INPUT, up to the top of --plan, or up to what the limits let through.
    """
    from bucketwise.app import measuring
    from bucketwise.app.built_in import release_of
    from bucketwise.app.output import write_text
    from bucketwise.read.configs.scenarios import config_in

    settings = typed(MeasureOptions, options)
    words = release_of(settings["target"]).engine.vocabulary
    traffic = None
    if inputs:
        traffic = read_sizes({**options, "inputs": inputs})
        say_notes(traffic)
    documents = base_document(options["base"], words)
    over = {name: options[name] for name in BASE_OPTIONS if options[name] is not None}
    script = measuring.measure(
        traffic, base=config_in(documents, words), over=over, **settings
    )
    if output == "-":
        click.echo(script, nl=False)
        return
    write_text(Path(output), script)
    say(f"{output}: run it on the device host, then bucketwise calibrate its table")
