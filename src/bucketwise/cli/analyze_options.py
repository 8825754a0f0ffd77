"""The options of `bucketwise analyze`, bundled by meaning."""

from __future__ import annotations

from pathlib import Path

import click

from bucketwise.cli.option_types import (
    MAX_BATCH_SIZE,
    Amount,
    BucketRange,
    Formats,
    LogFormat,
    Name,
    Percent,
    Pixels,
    SeenOn,
    StepCost,
)
from bucketwise.cli.options import bundle, cost_option, counts

MOST_HEADROOM = 10.0
"""Eleven times the largest length seen; the pixel limits end it long before."""

MOST_DEVICES = 4_096
"""More than any server has: memory is added up device by device."""

solver_options = bundle(
    click.option(
        "--strategy",
        default="exact",
        show_default=True,
        help="exact, kmeans, quantile, equal-duration, exponential or linear.",
    ),
    click.option(
        "--buckets",
        type=BucketRange(),
        default="2-4",
        show_default=True,
        help="How many buckets: a range or one number.",
    ),
    click.option(
        "--min-saving",
        type=Percent(),
        default="5%",
        show_default=True,
        help="Share of the compute left that the last bucket, and the last decoder "
        "graph, must save.",
    ),
    click.option(
        "--graph-minutes",
        type=Amount(),
        help="Minutes one more graph costs; given with the next three, the price of a "
        "graph decides how many.",
    ),
    click.option("--images-per-day", type=Amount(), help="Images a day it will serve."),
    click.option("--keep-days", type=Amount(), help="Days it stays in use."),
    click.option("--vit-tflops", type=Amount(), help="TFLOP/s the ViT reaches."),
    cost_option,
    click.option(
        "--align",
        type=click.IntRange(min=1),
        help="Multiple of every bucket, in --bucket-unit  [default: the model's own: 4, "
        "windowed models 64]",
    ),
    click.option(
        "--headroom",
        type=Percent(most=MOST_HEADROOM),
        default="0%",
        show_default=True,
        help="Share added to the top bucket, such as 20% or 0.2.",
    ),
    click.option(
        "--allow-overflow",
        is_flag=True,
        help="Let the emitted limits pass images that no bucket holds; by default the "
        "top goes up or max_pixels down, whichever costs less.",
    ),
    click.option(
        "--pin",
        "pins",
        type=click.IntRange(min=1),
        multiple=True,
        metavar="LENGTH",
        help="A length that must be compiled, in --bucket-unit; repeatable.",
    ),
    click.option(
        "--bucket-unit",
        type=click.Choice(["vit", "merged"]),
        default="vit",
        show_default=True,
        help="Unit of the emitted lists; every released runtime compares vit.",
    ),
)

today_options = bundle(
    click.option(
        "--current",
        type=Name(),
        metavar="LIST|CONFIG|PLAN",
        help="What is compiled today: lengths in the unit the runtime compares, or "
        "whatever `bucketwise lint` reads.",
    ),
    click.option(
        "--current-max-pixels",
        type=Pixels(checkpoint=False),
        help="The image limit in service today  [--max-pixels, what --current or its "
        "processor sets, else the checkpoint's]",
    ),
)

base_options = bundle(
    click.option(
        "--base",
        type=Name(),
        metavar="CONFIG",
        help="Configuration the emitted ones start from, as `bucketwise lint` reads it  "
        "[default: --current when that holds one, else the Model Zoo's, its values "
        "marked assumed]",
    ),
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
    click.option(
        "--batch-size",
        type=click.IntRange(min=1, max=MAX_BATCH_SIZE),
        help="Sequences decoded at once  [default: the base's, else the suggestion from "
        "the activity, marked assumed]",
    ),
)

decoder_options = bundle(
    click.option(
        "--activity",
        type=Name(),
        multiple=True,
        metavar="FILE",
        help="What the decoder carried: a request log, arrivals with tokens, vLLM's or "
        "SGLang's log or statistics, Prometheus JSON, a proxy's access log; repeatable. "
        "Without it INPUT rows that carry times or tokens are used.",
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
    click.option(
        "--decoder-graphs",
        type=BucketRange(),
        default="1-4",
        show_default=True,
        help="How many decoder graphs: a range or one number.",
    ),
    click.option(
        "--step-cost",
        type=StepCost(),
        default="roofline",
        show_default=True,
        metavar="roofline|slots|SIZE=MS,...",
        help="What a decode step costs: by the roofline of the NPU, by its slots, or "
        "measured milliseconds by batch size: 1=12.5,8=20.",
    ),
    click.option(
        "--measured-with",
        type=SeenOn(),
        metavar="LIST|gpu",
        help="Decoder graphs of the system that --activity is from  [default: what its "
        "log says, else one graph]",
    ),
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
    click.option(
        "--no-places",
        is_flag=True,
        help="Keep names of inputs and places of rejected rows out of every output.",
    ),
)
