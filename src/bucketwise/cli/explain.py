"""`bucketwise explain`."""

from __future__ import annotations

from typing import Any

import click

from bucketwise.cli.option_types import Name
from bucketwise.cli.options import (
    image_limits,
    one_target,
    required_model_option,
    target_option,
    video_limits,
)
from bucketwise.cli.settings import lengths_as_usage, limits_line, video_options


@click.command(
    epilog="Example: bucketwise explain 1920x1080 1280x720@64f --model qwen3-vl-2b"
)
@click.argument(
    "sizes", nargs=-1, required=True, metavar="WIDTHxHEIGHT[@Nf[@RATEfps]]|IMAGE..."
)
@required_model_option
@click.option(
    "--plan",
    "plan",
    type=Name(),
    metavar="PLAN|LIST",
    help="Buckets to choose from: a plan.json, or lengths such as 1024,4096.",
)
@image_limits("those of --plan where it has some, else the checkpoint's")
@video_limits
@target_option("the newest")
def explain(
    sizes: tuple[str, ...],
    model: str,
    plan: str | None,
    target: tuple[str, ...],
    **limits: Any,
) -> None:
    """Follow one image or clip to its bucket, step by step, in words."""
    from bucketwise.app import explaining
    from bucketwise.read.configs.profiles import find_profile
    from bucketwise.read.configs.scenarios import read_lengths

    one = one_target(target)
    given = None
    if plan:
        with lengths_as_usage(plan):
            given = read_lengths(plan)
    planned = given.documents[0].model if given and given.is_plan else ""
    if planned not in ("", find_profile(model).name):
        message = f"--model: expected {planned}, which --plan is for, got {model}"
        raise click.UsageError(message)
    if given and given.limits and limits["min_pixels"] is limits["max_pixels"] is None:
        # What the plan sets on the processor is what its buckets were made for.
        [set_by_plan, *_] = given.limits
        limits["min_pixels"] = set_by_plan.min_pixels
        limits["max_pixels"] = set_by_plan.max_pixels
    lines = explaining.explain(
        sizes,
        model=model,
        min_pixels=limits["min_pixels"],
        max_pixels=limits["max_pixels"],
        video=video_options(limits),
        target=one,
        buckets=given.lengths if given else None,
    )
    click.echo(limits_line(model, one, limits))
    for explanation in lines:
        click.echo(explanation.line)
