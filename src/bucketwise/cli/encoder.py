"""`bucketwise analyze --lengths`: token counts of a text encoder instead of images."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options.analyze import EncoderOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.settings import PRICE_TERMS, graph_price, installed_here, read_sizes
from bucketwise.cli.terminal import can_print, say, terminal_width

if TYPE_CHECKING:
    from bucketwise.app.output import Written
    from bucketwise.core.encoder.analysis import EncoderAnalysis

OF_TEXTS = {
    *("connect", "table", "query", "where", "k_anonymity"),
    *("inputs", "sql", "columns", "max_bad_rows", "lengths", *PRICE_TERMS),
    *(each.name for each in fields(EncoderOptions)),
    *("out", "formats", "quiet", "as_json", "fail_on", "config"),
}
"""Options that mean something where there are texts alone."""

GIVEN = (
    click.core.ParameterSource.COMMANDLINE,
    click.core.ParameterSource.DEFAULT_MAP,
)


def check_options(ctx: click.Context) -> None:
    """Refuse options that tell of images or of a decoder."""
    given = [
        max(each.opts, key=len)
        for each in ctx.command.params
        if (name := each.name or "") not in OF_TEXTS
        and ctx.get_parameter_source(name) in GIVEN
    ]
    if given:
        message = (
            f"{', '.join(given)}: of images or a decoder; with --lengths leave it out"
        )
        raise click.UsageError(message, ctx)


def analyze_texts(options: dict[str, Any], folder: Path) -> EncoderAnalysis:
    """Read token counts, plan, print the decision and write the files."""
    columns = options["columns"]
    if not options["model"]:
        message = (
            f"--lengths {columns['length']} needs --model: a text encoder such as bert-base-uncased or bge-m3, "
            "or the folder of one"
        )
        raise click.UsageError(message)
    price = graph_price(options)
    from bucketwise.app import encoding

    asked = typed(EncoderOptions, options)
    traffic = read_sizes(options)
    analysis = encoding.analyze_lengths(
        traffic,
        recorded={
            "columns": columns,
            "max_bad_rows": options["max_bad_rows"],
            "no_places": not options["places"],
            "npu": options["npu"],
        },
        **{**asked, "graph_price": price},
    )
    quiet = options["quiet"] or options["as_json"]
    if not quiet:
        _say_decision(analysis)
    written = encoding.write_encoder_plan(
        analysis,
        folder,
        target=options["target"],
        formats=options["formats"],
        npu=options["npu"],
    )
    _say_results(analysis, written, folder, quiet=quiet)
    if options["as_json"]:
        _print_decision(analysis, written, folder)
    return analysis


def _say_decision(analysis: EncoderAnalysis) -> None:
    from bucketwise.cli.chart import ASCII_GLYPHS, GLYPHS, chart_lines
    from bucketwise.core.encoder.words import decision_lines

    glyphs = GLYPHS if can_print(GLYPHS) else ASCII_GLYPHS
    chart = chart_lines(
        analysis.plan.encoder.buckets,
        terminal_width(),
        glyphs=glyphs,
        noun="Compute by length",
        of="texts",
    )
    for line in (*decision_lines(analysis), *chart):
        say(line)


def _print_decision(analysis: EncoderAnalysis, written: Written, folder: Path) -> None:
    import json

    from bucketwise.core.encoder.words import decision_record
    from bucketwise.core.plan import integral

    names = [path.relative_to(folder).as_posix() for path in written.paths]
    say(json.dumps(integral(decision_record(analysis.plan, names)), indent=2))


def _say_results(
    analysis: EncoderAnalysis, written: Written, folder: Path, *, quiet: bool
) -> None:
    import json

    from bucketwise.core.plan_diff import plan_changes

    for note in written.notes:
        say(note, err=True)
    if quiet:
        return
    if written.previous is not None:
        for line in plan_changes(written.previous, json.loads(analysis.plan.to_json())):
            say(line)
    for line in installed_here(analysis.profile.sdk):
        say(line)
    say(f"Wrote {len(written.paths)} files into {folder}: open {written.first}.")
