"""`bucketwise export-load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bucketwise.app.options.commands import LoadOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import bundle, derived
from bucketwise.cli.terminal import say


@click.command(
    "export-load",
    epilog="Example: bucketwise export-load bucketwise-traffic --for guidellm -o load.jsonl",
)
@click.argument("source", metavar="PLAN|HISTOGRAM")
@bundle(*derived(LoadOptions))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The JSON Lines file to write; its name ends in .jsonl.",
)
@config_option
def export_load(source: str, output: Path, **options: Any) -> None:
    """Write the mix of traffic as a load profile, to try a plan before it is compiled.

    Every picture is a PNG of the size that was sent, in a colour of its own, so that no
    cache of the server answers for it.
    """
    asked = typed(LoadOptions, options)
    from bucketwise.app import exporting
    from bucketwise.app.load_tools import LOAD_TOOLS
    from bucketwise.words.numbers import duration, plural

    done = exporting.export_load(source, output, **asked)
    lasts = "" if done.lasts_s is None else f", over {duration(done.lasts_s)}"
    say(
        f"{output}: {plural(done.requests, 'request')} of {plural(done.images, 'image')} "
        f"in {plural(done.sizes, 'size')}{lasts}, as {LOAD_TOOLS[asked['tool']].release} "
        "reads them"
    )
    for reason, images in done.left_out.items():
        say(f"left out: {plural(images, 'image')} {reason}", err=True)
    for note in done.notes:
        say(f"note: {note}", err=True)
    say(f"Run: {done.line}")
