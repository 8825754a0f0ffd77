"""`bucketwise analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options import AnalyzeOptions, options_in
from bucketwise.cli.analyze_options import (
    base_options,
    decoder_options,
    output_options,
    price_options,
    solver_options,
    text_options,
    today_options,
)
from bucketwise.cli.config_file import config_option
from bucketwise.cli.encoder import analyze_texts, check_options
from bucketwise.cli.options import (
    Grouped,
    bundle,
    image_limits,
    model_option,
    target_option,
    traffic_options,
    video_limits,
)
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import (
    base_config,
    base_document,
    config_in_service,
    current_of,
    graph_price,
    installed_sdk,
    video_options,
)
from bucketwise.cli.terminal import can_print, say, terminal_width

if TYPE_CHECKING:
    from bucketwise.app.output import Written
    from bucketwise.core.analysis import Analysis
    from bucketwise.nouns.activity import Evidence
    from bucketwise.nouns.traffic import Traffic

GATE = 3
"""Exit status where a gate says no."""

FAILING = {"no": ("no",), "go_if": ("no", "go_if")}
"""Verdicts that end a run with `GATE`, by the value of --fail-on."""

LENGTH = "length"
"""The role of the column that --lengths names."""

TAKEN = (
    *("min_pixels", "max_pixels", "target", "current_max_pixels"),
    *options_in(AnalyzeOptions, "choice"),
    *options_in(AnalyzeOptions, "decoder"),
    *options_in(AnalyzeOptions, "output"),
)
"""Options that `analyze` takes as they were read."""

BASE_OPTIONS = (
    "devices",
    "max_seq_len",
    "kvcache_partition_len",
    "npu",
)


@click.command(
    cls=Grouped,
    epilog="Example: bucketwise analyze traffic.csv --model qwen3-vl-2b --current 4096,16384",
)
@bundle(traffic_options, group="Input")
@bundle(
    model_option,
    text_options,
    image_limits("the model's published RBLN deployment, else the checkpoint's"),
    video_limits,
    group="Model and limits",
)
@bundle(solver_options, price_options, group="Choice")
@bundle(today_options, base_options, group="Today")
@bundle(decoder_options, group="Decoder")
@bundle(target_option("the newest", "; repeatable, `all` for each"), group="Engine")
@bundle(output_options, config_option, group="Output")
@click.pass_context
def analyze(
    ctx: click.Context,
    /,
    inputs: tuple[str, ...],
    columns: dict[str, str] | None,
    max_bad_rows: float,
    ignore_orientation: bool,
    model: str | None,
    **options: Any,
) -> None:
    """Choose graphs from real traffic; write a plan, a report and configurations.

    The buckets of the ViT from the sizes that users sent, and decoder_batch_sizes from
    what the decoder carried; or, with --lengths, the lengths of a text encoder from the
    tokens of texts.
    """
    from bucketwise.app.output import check_folder, default_folder
    from bucketwise.app.pages import check_formats

    folder = options["out"] or default_folder(str(inputs[0]))
    named_length = options["lengths"] or (columns or {}).get(LENGTH)
    if named_length:
        check_options(ctx)
    elif options["max_tokens"]:
        message = "--max-tokens: of texts; --lengths names the column of their tokens"
        raise click.UsageError(message, ctx)
    price = graph_price(options)
    check_folder(folder)
    check_formats(options["formats"])
    if named_length:
        texts = analyze_texts(
            inputs,
            {**(columns or {}), LENGTH: named_length},
            folder,
            {**options, "model": model, "max_bad_rows": max_bad_rows},
        )
        _gate(texts.plan.verdict.call, options["fail_on"])
        return
    current = current_of(options["current"])
    named = model or (current.model if current else "")
    configs = base_document(options["base"])
    if current is not None:
        configs = configs or current.documents
    base = base_config(named, configs, options)
    places = not options["no_places"]
    with shown_progress(quiet=options["quiet"]) as progress:
        traffic, evidence = _read(
            inputs,
            options["activity"],
            log_format=options["log_format"],
            columns=columns,
            max_bad_rows=max_bad_rows,
            places=places,
            ignore_orientation=ignore_orientation,
            progress=progress,
        )
    from bucketwise.app import planning

    analysis = planning.analyze(
        traffic,
        model=model,
        video=video_options(options),
        graph_price=price,
        current=current,
        base=base,
        evidence=evidence,
        places=places,
        **{name: options[name] for name in TAKEN},
        recorded={
            **({"config": options["config"]} if options["config"] and places else {}),
            "columns": columns,
            "max_bad_rows": max_bad_rows,
            "ignore_orientation": ignore_orientation,
            "no_places": options["no_places"],
            "base": Path(options["base"]).name if options["base"] and places else None,
            "activity": [Path(name).name for name in options["activity"]]
            if places
            else len(options["activity"]),
            "log_format": options["log_format"],
            **{name: options[name] for name in BASE_OPTIONS},
        },
    )
    known: dict[str, Any] = {"target": options["target"]}
    deployment = planning.deployment_of(
        analysis,
        **known,
        config=config_in_service(current.documents if current else ())
        or config_in_service(configs),
    )
    quiet = options["quiet"] or options["as_json"]
    if not quiet:
        _say_decision(analysis)
    written = planning.write_plan(
        analysis, folder, **known, formats=options["formats"], inputs=deployment
    )
    _say_results(analysis, written, folder, quiet=quiet)
    if options["as_json"]:
        _print_decision(analysis, written, folder)
    _gate(analysis.plan.verdict.call, options["fail_on"])


def _gate(call: str, fail_on: str | None) -> None:
    """End with status 3 on a verdict that is to fail."""
    if call in FAILING.get(fail_on or "", ()):
        raise SystemExit(GATE)


def _read(
    inputs: tuple[str, ...],
    activity: tuple[str, ...],
    *,
    log_format: str | None,
    columns: dict[str, str] | None,
    ignore_orientation: bool,
    **reading: Any,
) -> tuple[Traffic, Evidence | None]:
    """Read the sizes, and the load from its own files or from the same rows."""
    from bucketwise import read as sources
    from bucketwise.read.tables.naming import Naming

    if not activity:
        if log_format is not None:
            message = "--log-format says how --activity is written; name that, too"
            raise click.UsageError(message)
        return sources.read_inputs(
            inputs, columns=columns, ignore_orientation=ignore_orientation, **reading
        )
    naming = Naming(columns, apart=True)
    traffic = sources.read_traffic(
        inputs, columns=naming, ignore_orientation=ignore_orientation, **reading
    )
    evidence = sources.read_evidence(
        activity, columns=naming, log_format=log_format, **reading
    )
    naming.check()
    return traffic, evidence


def _say_decision(analysis: Analysis) -> None:
    """Say the decision, before anything of it is drawn or written."""
    from bucketwise.cli.chart import ASCII_GLYPHS, GLYPHS, chart_lines
    from bucketwise.cli.decision_lines import decision_lines

    glyphs = GLYPHS if can_print(GLYPHS) else ASCII_GLYPHS
    buckets = analysis.plan.visual.buckets
    for line in (
        *decision_lines(analysis),
        *chart_lines(buckets, terminal_width(), glyphs=glyphs),
    ):
        say(line)


def _print_decision(analysis: Analysis, written: Written, folder: Path) -> None:
    """Print the decision for programs: ASCII, one object."""
    import json

    from bucketwise.core.plan import integral
    from bucketwise.report.decision_record import decision_record

    names = [path.relative_to(folder).as_posix() for path in written.paths]
    say(
        json.dumps(
            integral(decision_record(analysis.plan, analysis.release.engine, names)),
            indent=2,
        )
    )


def _say_results(
    analysis: Analysis, written: Written, folder: Path, *, quiet: bool
) -> None:
    """Say what changed, and where the files are.

    What could not be made is said however quiet it is to be.
    """
    from bucketwise.app import planning

    for note in written.notes:
        say(note, err=True)
    if quiet:
        return
    installed = installed_sdk()
    for line in (
        *planning.plan_changes(written, analysis),
        *([f"optimum-rbln {installed} is installed here."] if installed else []),
    ):
        say(line)
    say(f"Wrote {len(written.paths)} files into {folder}: open {written.first}.")
