"""The options of `bucketwise analyze`, bundled by meaning."""

from __future__ import annotations

from pathlib import Path

import click

from bucketwise.cli.options import (
    BucketRange,
    Formats,
    Percent,
    Pixels,
    SeenOn,
    StepCost,
    bundle,
)

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
        help="Share of the compute left that the last bucket must save.",
    ),
    click.option("--graph-minutes", type=float, help="Minutes one more graph costs."),
    click.option("--images-per-day", type=float, help="Images a day it will serve."),
    click.option("--keep-days", type=float, help="Days it stays in use."),
    click.option("--vit-tflops", type=float, help="TFLOP/s the ViT reaches."),
    click.option("--cost", default="flops", show_default=True, help="flops or linear."),
    click.option(
        "--align",
        type=click.IntRange(min=1),
        help="Multiple of every bucket; the model's own when not given.",
    ),
    click.option(
        "--headroom",
        type=Percent(),
        default="0%",
        show_default=True,
        help="Share added to the top bucket.",
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
        help="A length that must be compiled; repeatable.",
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
        metavar="CONFIG",
        help="Configuration the emitted ones start from, as `bucketwise lint` reads it; "
        "--current when that holds one.",
    ),
    click.option("--devices", type=click.IntRange(min=1), help="Devices, both levels."),
    click.option("--max-seq-len", type=click.IntRange(min=1), help="LM context."),
    click.option(
        "--kvcache-partition-len", type=click.IntRange(min=1), help="KV block length."
    ),
    click.option("--npu", help="NPU name, such as RBLN-CA25."),
    click.option("--batch-size", type=click.IntRange(min=1), help="LM batch size."),
)

decoder_options = bundle(
    click.option(
        "--activity",
        multiple=True,
        metavar="FILE",
        help="What the decoder carried: a request log, arrivals with tokens, vLLM's "
        "log or statistics, Prometheus JSON; repeatable. Without it INPUT rows that "
        "carry times or tokens are used.",
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
        help="roofline, slots, or measured ms by batch size: 1=12.5,8=20.",
    ),
    click.option(
        "--measured-with",
        type=SeenOn(),
        metavar="LIST|gpu",
        help="Decoder graphs of the system that --activity is from  [one graph, or "
        "what its log says]",
    ),
)

output_options = bundle(
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder for the results  [bucketwise-<stem of the first INPUT>]",
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
        "--no-places",
        is_flag=True,
        help="Keep names of inputs and places of rejected rows out of every output.",
    ),
)
