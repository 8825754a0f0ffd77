"""The options of `bucketwise analyze` that only the command line has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bucketwise.app.options.analyze import AnalyzeOptions
from bucketwise.cli.option_types import (
    Amount,
    Formats,
    LogFormat,
    Name,
)
from bucketwise.cli.options import bundle, counts, derived

MOST_DEVICES = 4_096
"""More than any server has: memory is added up device by device."""

lengths_option = click.option(
    "--lengths",
    type=Name(),
    metavar="COLUMN",
    help="Plan a text encoder: the column of INPUT that holds the tokens of each text, as "
    "--columns length=COLUMN; --model names the encoder  [default: the sizes of images]",
)

price_options = bundle(
    *derived(AnalyzeOptions, "price", "budget"),
    click.option("--keep-days", type=Amount(), help="Days it stays in use."),
    click.option("--vit-tflops", type=Amount(), help="TFLOP/s the ViT reaches."),
)

base_options = bundle(
    click.option(
        "--devices",
        type=click.IntRange(min=1, max=MOST_DEVICES),
        help="Devices of the language model and, where it splits, of the ViT  [default: "
        "the base's]",
    ),
    click.option(
        "--max-seq-len",
        type=counts,
        help="Context of the language model in tokens  [default: the base's]",
    ),
    click.option(
        "--kvcache-partition-len",
        type=counts,
        help="Length of a KV block in tokens  [default: the base's]",
    ),
    click.option(
        "--npu",
        type=Name(),
        help="NPU name, such as RBLN-CA25  [default: the base's]",
    ),
)


def activity_options(without: str) -> Callable[..., Any]:
    """Return the options of what the decoder carried, saying what holds without."""
    return bundle(
        click.option(
            "--activity",
            type=Name(),
            multiple=True,
            metavar="FILE",
            help="What the decoder carried: a request log, arrivals with tokens, vLLM's or "
            "SGLang's log or statistics, Prometheus JSON, a proxy's access log; repeatable. "
            f"Without it {without}.",
        ),
        click.option(
            "--log-format",
            type=LogFormat(),
            metavar="FORMAT",
            help="How the lines of --activity are written, as nginx, Apache, Envoy, HAProxy "
            'or gunicorn has it in its configuration, such as \'[$time_local] "$request" '
            "$request_time'; for any other program $start or $end, $duration_ms, $path, "
            "$replica and $_ for the rest  [default: their usual formats are known]",
        ),
    )


decoder_options = bundle(
    activity_options("INPUT rows that carry times or tokens are used"),
    *derived(AnalyzeOptions, "decoder"),
)

output_options = bundle(
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder for the results  [default: bucketwise-<stem of the first INPUT>, or "
        "bucketwise-stdin]",
    ),
    click.option(
        "--format",
        "formats",
        type=Formats(),
        default="html",
        show_default=True,
        metavar="html,pdf,md|none",
        help="Pages to write: the report as html; the decision on one page as pdf "
        "(printed by a Chromium that is there) and as md; none of them.",
    ),
    click.option("--quiet", is_flag=True, help="Print nothing when all went well."),
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print the decision as JSON and nothing else: verdict, lists, limits, "
        "savings, files.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["no", "go_if"]),
        help="End with status 3 on that verdict; go_if on no, too  [default: never]",
    ),
    *derived(AnalyzeOptions, "output"),
)
