"""`bucketwise diff`."""

from __future__ import annotations

import click

from bucketwise.cli.config_file import config_option
from bucketwise.cli.option_types import Name
from bucketwise.cli.terminal import say

FORMATS = ("text", "json", "md")
"""As `report.difference.RENDERERS` has them; importing that would make --help slow."""


@click.command(
    epilog="Example: bucketwise diff bucketwise-traffic/plan.previous.json bucketwise-traffic"
)
@click.argument("plan_a", type=Name(), metavar="PLAN_A")
@click.argument("plan_b", type=Name(), metavar="PLAN_B")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to tell it.",
)
@config_option
def diff(plan_a: str, plan_b: str, format_name: str, config: str | None) -> None:
    """Say what changed between two plans, and whether data or method changed it.

    Each is a plan.json or the folder that holds it. What PLAN_A asked is asked anew, by
    the method of today, of the images it was made from, then of those of PLAN_B, and what
    PLAN_B asked of these: so a newer version, newer traffic and other options are told
    apart. The images are those of histogram.parquet beside each plan.json.
    """
    del config
    from bucketwise.app.diffing import diff as difference
    from bucketwise.report.difference import RENDERERS

    say(RENDERERS[format_name](difference(plan_a, plan_b)).removesuffix("\n"))
