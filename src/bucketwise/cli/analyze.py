"""`bucketwise analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bucketwise.cli.options import (
    BucketRange,
    Percent,
    Pixels,
    bundle,
    limit_options,
    target_option,
    traffic_options,
)
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import (
    base_config,
    current_of,
    graph_price,
    installed_sdk,
    video_options,
)
from bucketwise.cli.terminal import say

BASE_OPTIONS = (
    "devices",
    "max_seq_len",
    "kvcache_partition_len",
    "npu",
    "batch_size",
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
        metavar="LIST|rbln_config.json",
        help="What is compiled today, in the unit the runtime compares.",
    ),
    click.option(
        "--current-max-pixels",
        type=Pixels(checkpoint=False),
        help="The image limit in service today.",
    ),
)

base_options = bundle(
    click.option(
        "--base",
        metavar="rbln_config.json",
        help="Configuration the emitted ones start from; --current when it is a file.",
    ),
    click.option("--devices", type=click.IntRange(min=1), help="Devices, both levels."),
    click.option("--max-seq-len", type=click.IntRange(min=1), help="LM context."),
    click.option(
        "--kvcache-partition-len", type=click.IntRange(min=1), help="KV block length."
    ),
    click.option("--npu", help="NPU name, such as RBLN-CA25."),
    click.option("--batch-size", type=click.IntRange(min=1), help="LM batch size."),
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
        type=click.Choice(["html", "none"]),
        default="html",
        show_default=True,
        help="The report's format; none writes no report.",
    ),
    click.option("--quiet", is_flag=True, help="Print nothing when all went well."),
    click.option(
        "--no-places",
        is_flag=True,
        help="Keep names of inputs and places of rejected rows out of every output.",
    ),
)


@click.command(
    epilog="Example: bucketwise analyze traffic.csv --model qwen3-vl-2b --current 4096,16384"
)
@traffic_options
@click.option(
    "--model",
    help="Built-in name, Hugging Face id or local folder  [qwen3-vl-2b, said aloud]",
)
@limit_options
@solver_options
@today_options
@base_options
@target_option
@output_options
def analyze(
    inputs: tuple[str, ...],
    columns: dict[str, str] | None,
    max_bad_rows: float,
    ignore_orientation: bool,
    model: str | None,
    **options: Any,
) -> None:
    """Choose ViT buckets from real traffic; write a plan, a report and configurations."""
    price = graph_price(options)
    from bucketwise import api
    from bucketwise.cli.decision import decision_lines

    folder = options["out"] or api.default_folder(inputs[0])
    api.check_folder(folder)
    current = current_of(options["current"])
    base = base_config(model, current, options)
    places = not options["no_places"]
    with shown_progress(quiet=options["quiet"]) as progress:
        traffic = api.read_traffic(
            inputs,
            columns=columns,
            max_bad_rows=max_bad_rows,
            places=places,
            ignore_orientation=ignore_orientation,
            progress=progress,
        )
    analysis = api.analyze(
        traffic,
        model=model,
        min_pixels=options["min_pixels"],
        max_pixels=options["max_pixels"],
        video=video_options(options),
        strategy=options["strategy"],
        buckets=options["buckets"],
        min_saving=options["min_saving"],
        graph_price=price,
        align=options["align"],
        headroom=options["headroom"],
        pins=options["pins"],
        bucket_unit=options["bucket_unit"],
        cost=options["cost"],
        current=current.lengths if current else None,
        current_source=current.source if current else "",
        current_max_pixels=options["current_max_pixels"],
        base=base,
        target=options["target"],
        places=places,
        recorded={
            "columns": columns,
            "max_bad_rows": max_bad_rows,
            "ignore_orientation": ignore_orientation,
            "no_places": options["no_places"],
            "base": Path(options["base"]).name if options["base"] and places else None,
            **{name: options[name] for name in BASE_OPTIONS},
        },
    )
    written = api.write_plan(
        analysis,
        folder,
        base=base,
        target=options["target"],
        report=options["formats"] == "html",
    )
    if options["quiet"]:
        return
    installed = installed_sdk()
    for line in (
        *decision_lines(analysis),
        *api.plan_changes(written, analysis),
        *([f"optimum-rbln {installed} is installed here."] if installed else []),
    ):
        say(line)
    say(f"Wrote {len(written.paths)} files into {folder}: open {written.first}.")
