"""`bucketwise check`."""

from __future__ import annotations

from typing import Any

import click

from bucketwise.app.options.commands import CheckOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.analyze_options import activity_options
from bucketwise.cli.config_file import config_option
from bucketwise.cli.option_types import Name
from bucketwise.cli.options import bundle, derived, half_life_option, traffic_options
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import (
    check_log_format,
    read_sizes,
    read_with_activity,
    reading_record,
    say_notes,
)
from bucketwise.cli.terminal import say

GATE = 3
"""Exit status where the plan is no longer good."""

FORMATS = ("text", "json", "md", "github", "prometheus")
"""As `report.check.RENDERERS` has them; importing that would make --help slow."""


@click.command(
    epilog="Example: bucketwise check bucketwise-traffic yesterday.csv --max-regret 5%"
)
@click.argument("plan", type=Name(), metavar="PLAN")
@traffic_options
@half_life_option
@bundle(*derived(CheckOptions))
@activity_options("the decoder is not judged")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to tell it: github are annotations of Actions, prometheus gauges for the "
    "textfile collector.",
)
@config_option
def check(plan: str, format_name: str, **options: Any) -> None:
    """Say whether a plan is still good for newer traffic; made for cron and CI.

    PLAN is a plan.json or the folder that holds it. What it was asked it is judged by:
    model, limits, alignment, pins, cost, target. The exit status is 3 where an image
    fails under the limits it emitted, or where its lists cost more than the best ones of
    as many entries by above --max-regret, at the lower end of a 90 % interval: a few
    images always fit a list of their own better.
    """
    asked = typed(CheckOptions, options)
    from bucketwise.app import checking
    from bucketwise.read.plans import read_plan
    from bucketwise.report.check import RENDERERS

    kept = read_plan(plan)
    evidence = None
    if options["activity"]:
        with shown_progress() as progress:
            traffic, evidence = read_with_activity(options, progress)
    else:
        check_log_format(options)
        traffic = read_sizes(options)
    say_notes(traffic)
    found = checking.check(
        kept, traffic, evidence=evidence, recorded=reading_record(options), **asked
    )
    say(RENDERERS[format_name](found).removesuffix("\n"))
    if not found.passed:
        raise SystemExit(GATE)
