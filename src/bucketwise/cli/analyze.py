"""`bucketwise analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options.analyze import AnalyzeOptions, EncoderOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.analyze_options import (
    base_options,
    decoder_options,
    lengths_option,
    output_options,
    price_options,
)
from bucketwise.cli.config_file import config_option
from bucketwise.cli.encoder import analyze_texts, check_options
from bucketwise.cli.options import (
    Grouped,
    bundle,
    connect_option,
    derived,
    half_life_option,
    k_anonymity_option,
    scenario_option,
    table_options,
    traffic_options,
)
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import (
    BASE_OPTIONS,
    base_config,
    base_document,
    check_log_format,
    config_in_service,
    current_of,
    graph_price,
    installed_here,
    read_with_activity,
    reading_of,
    reading_record,
)
from bucketwise.cli.terminal import can_print, say, terminal_width
from bucketwise.words.text import worded

if TYPE_CHECKING:
    from bucketwise.app.output import Written
    from bucketwise.core.analysis import Analysis
    from bucketwise.nouns.activity import Evidence
    from bucketwise.nouns.engine import Base, Engine
    from bucketwise.nouns.traffic import Traffic
    from bucketwise.read.progress import Progress

GATE = 3
"""Exit status where a gate says no."""

FAILING = {"no": ("no",), "go_if": ("no", "go_if")}
"""Verdicts that end a run with `GATE`, by the value of --fail-on."""

LENGTH = "length"
"""The role of the column that --lengths names."""


@click.command(
    cls=Grouped,
    epilog="Example: bucketwise analyze traffic.csv --model qwen3-vl-2b --current 4096,16384",
)
@bundle(
    traffic_options,
    scenario_option,
    half_life_option,
    connect_option,
    *table_options(),
    k_anonymity_option,
    group="Input",
)
@bundle(
    *derived(AnalyzeOptions, "model"),
    lengths_option,
    *derived(EncoderOptions, "texts"),
    *derived(AnalyzeOptions, "limits"),
    group="Model and limits",
)
@bundle(*derived(AnalyzeOptions, "choice"), price_options, group="Choice")
@bundle(*derived(AnalyzeOptions, "today"), base_options, group="Today")
@bundle(decoder_options, group="Decoder")
@bundle(*derived(AnalyzeOptions, "engine"), group="Engine")
@bundle(output_options, config_option, group="Output")
@click.pass_context
def analyze(ctx: click.Context, /, **options: Any) -> None:
    """Choose graphs from real traffic; write a plan, a report and configurations.

    The buckets of the ViT from the sizes that users sent, and decoder_batch_sizes from
    what the decoder carried; or, with --lengths, the lengths of a text encoder from the
    tokens of texts.
    """
    from bucketwise.app.output import check_folder, default_folder
    from bucketwise.app.pages import check_formats
    from bucketwise.engines import by_engine, engine_for

    columns = options["columns"] or {}
    folder = options["out"] or default_folder(
        str([*options["inputs"], *options["scenarios"]][0])
    )
    named_length = options["lengths"] or columns.get(LENGTH)
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
            {**options, "columns": {**columns, LENGTH: named_length}}, folder
        )
        _gate([texts.plan.verdict.call], options["fail_on"])
        return
    own, *others = by_engine(options["target"])
    options["target"] = own
    asked = typed(AnalyzeOptions, options)
    engine: Engine = engine_for(options["target"])
    current = current_of(options["current"], engine.vocabulary)
    named = options["model"] or (current.model if current else "")
    configs = base_document(options["base"], engine.vocabulary)
    if current is not None:
        configs = configs or current.documents
    base = base_config(engine, named, configs, options)
    places = options["places"]
    with shown_progress(quiet=options["quiet"]) as progress:
        traffic, evidence = _read(options, progress)
    from bucketwise.app import planning

    analysis = planning.analyze(
        traffic,
        evidence=evidence,
        recorded={
            **reading_record(options),
            "base": Path(options["base"]).name if options["base"] and places else None,
            "activity": [Path(name).name for name in options["activity"]]
            if places
            else len(options["activity"]),
            "log_format": options["log_format"],
            "scenarios": {
                name: [factor for _, factor in files]
                for name, files in options["scenarios"].items()
            },
            **{
                name: options[name]
                for name in BASE_OPTIONS
                if options[name] is not None
            },
        },
        **{**asked, "graph_price": price, "current": current, "base": base},
    )
    told = {**asked, "graph_price": price, "model": named or None, "current": None}
    analysis = analysis.with_beside(
        [
            planning.analyze(
                traffic,
                evidence=evidence,
                recorded=reading_record(options),
                **told | {"target": names, "base": _own_base(names, named, options)},
            )
            for names in others
        ]
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
        _say_decisions(analysis)
    written = planning.write_plan(
        analysis, folder, **known, formats=options["formats"], inputs=deployment
    )
    _say_results(analysis, written, folder, quiet=quiet)
    if options["as_json"]:
        _print_decision(analysis, written, folder)
    _gate(
        [each.plan.verdict.call for each in (analysis, *analysis.beside)],
        options["fail_on"],
    )


def _own_base(
    names: tuple[str, ...], model: str, options: dict[str, Any]
) -> Base | None:
    """Return what the files of another engine start from: its own, as if alone.

    What is set over a configuration is meant for that of the engine named first.
    """
    from bucketwise.engines import engine_for

    unset = {**options, **dict.fromkeys(BASE_OPTIONS)}
    return base_config(engine_for(names), model, (), unset)


def _gate(calls: list[str], fail_on: str | None) -> None:
    """End with status 3 on a verdict that is to fail."""
    if {*calls} & {*FAILING.get(fail_on or "", ())}:
        raise SystemExit(GATE)


def _read(
    options: dict[str, Any], progress: Progress
) -> tuple[Traffic, Evidence | None]:
    """Read the sizes, and the load from its own files or from the same rows."""
    from bucketwise.read import read_inputs

    if not options["activity"] and not options["scenarios"]:
        check_log_format(options)
        return read_inputs(
            options["inputs"],
            columns=options["columns"],
            progress=progress,
            **reading_of(options),
        )
    return read_with_activity(options, progress)


def _say_decisions(analysis: Analysis) -> None:
    """Say the decision, and those for other engines."""
    _say_decision(analysis)
    for each in analysis.beside:
        say(f"On {each.release.engine.name}:")
        _say_decision(each)


def _say_decision(analysis: Analysis) -> None:
    """Say the decision, before anything of it is drawn or written."""
    from bucketwise.cli.chart import ASCII_GLYPHS, GLYPHS, chart_lines
    from bucketwise.cli.decision_lines import decision_lines

    glyphs = GLYPHS if can_print(GLYPHS) else ASCII_GLYPHS
    visual = analysis.as_told().plan.visual
    chart = chart_lines(visual.buckets, terminal_width(), glyphs=glyphs)
    for line in (*decision_lines(analysis), *chart):
        say(worded(line, "", unit=visual.cost.unit))


def _print_decision(analysis: Analysis, written: Written, folder: Path) -> None:
    """Print the decision for programs: ASCII, one object."""
    import json

    from bucketwise.core.plan import integral
    from bucketwise.report.decision_record import decision_record

    names = [path.relative_to(folder).as_posix() for path in written.paths]
    text = json.dumps(integral(decision_record(analysis, names)), indent=2)
    plan = analysis.plan
    say(worded(text, plan.model.family, unit=plan.visual.cost.unit))


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
    for line in (
        *planning.plan_changes(written, analysis),
        *installed_here(analysis.release.engine.sdk),
    ):
        say(line)
    say(f"Wrote {len(written.paths)} files into {folder}: open {written.first}.")
