"""`bucketwise lint`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options.commands import LintOptions, VllmOptions
from bucketwise.app.options.option import options_in, typed, typed_name
from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import (
    asked,
    bad_rows_option,
    bundle,
    columns_option,
    derived,
    sql_option,
)
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import reading_of, say_notes
from bucketwise.cli.terminal import say

if TYPE_CHECKING:
    from bucketwise.lint.case import LintReport

FORMATS = ("text", "json", "sarif", "github")
"""As `findings.RENDERERS` has them; importing that would make --help slow."""

GATE_SAID_NO = 3

traffic_options = bundle(
    click.option(
        "--traffic",
        "inputs",
        multiple=True,
        callback=asked,
        metavar="INPUT",
        help="What users send, as `bucketwise analyze` reads it; repeatable.",
    ),
    sql_option,
    columns_option,
    bad_rows_option("the rows of --traffic"),
)


@click.command(
    epilog="Example: bucketwise lint compile.py --target optimum-rbln==0.12.0 "
    "--traffic traffic.csv"
)
@click.argument("configs", nargs=-1, metavar="CONFIG...")
@bundle(*derived(LintOptions))
@traffic_options
@bundle(*derived(VllmOptions))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to tell findings.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="Print what would put it right as a diff of CONFIG that patch -p0 applies, "
    "findings going to standard error. No file is changed.",
)
@config_option
def lint(configs: tuple[str, ...], format_name: str, fix: bool, **options: Any) -> None:
    """Say whether configurations will work, and for this traffic.

    CONFIG is a rbln_config as JSON, YAML or TOML, a compiled folder, a Python file or a
    notebook that calls from_pretrained, whatever holds a command with `vllm serve` or
    `optimum-rbln-cli` (scripts, Compose files, manifests, Dockerfiles, units, READMEs),
    or - for standard input. Nothing in it is run. The exit status is 3 where an error
    was found.

    With --target vllm no CONFIG is read: what plain vLLM counts on one device of any
    kind is added up instead, and whether it would start.
    """
    if options["target"] == "vllm":
        _say_vllm(configs, options)
        return
    _check_together(configs, options)
    judging = typed(LintOptions, options)
    from bucketwise.app import linting
    from bucketwise.lint.formats import RENDERERS
    from bucketwise.read import read_inputs

    traffic = evidence = None
    if options["inputs"]:
        with shown_progress() as progress:
            traffic, evidence = read_inputs(
                options["inputs"],
                columns=options["columns"],
                progress=progress,
                **reading_of(options),
            )
        say_notes(traffic)
    report = linting.lint_config(
        *configs, traffic=traffic, evidence=evidence, **judging
    )
    said = RENDERERS[format_name](report)
    if said:
        say(said.removesuffix("\n"), err=fix)
    if fix:
        _say_fixes(report)
    if report.failed:
        sys.exit(GATE_SAID_NO)


def _check_together(configs: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse options without what they go with."""
    given = [typed_name(name) for name in options_in(VllmOptions) if options[name]]
    message = ""
    if given:
        message = f"{', '.join(given)} goes with --target vllm"
    elif not configs:
        message = "Missing argument 'CONFIG...'."
    elif options["columns"] and not options["inputs"]:
        message = "--columns goes with --traffic"
    elif options["cost"] and not options["inputs"]:
        message = "--cost goes with --traffic"
    if message:
        raise click.UsageError(message)


def _say_vllm(configs: tuple[str, ...], options: dict[str, Any]) -> None:
    from bucketwise.app import memory

    fit = memory.vllm_fit(**typed(VllmOptions, options))
    if configs:
        message = "--target vllm reads no CONFIG"
        raise click.UsageError(message)
    for line in memory.vllm_lines(fit):
        say(line)
    if fit.outcome == "refuses":
        sys.exit(GATE_SAID_NO)


def _say_fixes(report: LintReport) -> None:
    """Print diffs for patch on standard output, and on standard error how to use them."""
    from bucketwise.app.fixing import fixes_of

    for fix in fixes_of(report):
        if fix.diff:
            if sys.stdout.isatty():
                say(fix.diff.removesuffix("\n"))
            else:
                click.echo(fix.diff.encode(), nl=False)
            at = f" -d {shlex.quote(fix.folder)}" if fix.folder else ""
            say(f"{fix.source}: pipe standard output into patch -p0{at}", err=True)
        else:
            say(
                f"{fix.source}: no diff of this text can be made; what would be right, as "
                "JSON:",
                err=True,
            )
            for value in fix.values:
                say(value.removesuffix("\n"))
