"""`bucketwise explain`."""

from __future__ import annotations

from typing import Any

import click

from bucketwise.app.options.commands import ExplainOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import bundle, derived
from bucketwise.cli.settings import lengths_as_usage, limits_line


@click.command(
    epilog="Example: bucketwise explain 1920x1080 1280x720@64f --model qwen3-vl-2b"
)
@click.argument(
    "sizes", nargs=-1, required=True, metavar="WIDTHxHEIGHT[@Nf[@RATEfps]]|IMAGE..."
)
@bundle(*derived(ExplainOptions))
@config_option
def explain(sizes: tuple[str, ...], **options: Any) -> None:
    """Follow one image or clip to its bucket, step by step, in words."""
    from bucketwise.app import explaining
    from bucketwise.app.built_in import release_of
    from bucketwise.read.configs.profiles import find_profile
    from bucketwise.read.configs.scenarios import read_lengths

    settings = typed(ExplainOptions, options)
    plan = settings.pop("buckets")
    engine = release_of(settings["target"]).engine
    if plan:
        with lengths_as_usage(plan):
            given = read_lengths(plan, engine.vocabulary)
        profile = find_profile(options["model"])
        patches = engine.patches_per_length(profile) if given.is_list else 1
        settings["buckets"] = [patches * length for length in given.lengths]
        planned = given.documents[0].model if given.is_plan else ""
        if planned not in ("", profile.name):
            message = f"--model: expected {planned}, which --plan is for, got {options['model']}"
            raise click.UsageError(message)
        if given.limits and ExplainOptions(**settings).limits == (None, None):
            # What the plan sets on the processor is what its buckets were made for.
            [set_by_plan, *_] = given.limits
            settings["min_pixels"] = set_by_plan.min_pixels
            settings["max_pixels"] = set_by_plan.max_pixels
    lines = explaining.explain(sizes, **settings)
    click.echo(limits_line(ExplainOptions(**settings)))
    for explanation in lines:
        click.echo(explanation.line)
