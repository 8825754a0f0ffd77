"""`bucketwise lint`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from bucketwise.cli.option_types import Amount, Name, Percent
from bucketwise.cli.options import (
    asked,
    bundle,
    columns_option,
    counts,
    image_limits,
    one_target,
    sql_option,
    target_option,
)
from bucketwise.cli.progress import shown_progress
from bucketwise.cli.settings import say_notes
from bucketwise.cli.terminal import say

if TYPE_CHECKING:
    from bucketwise.lint.case import LintReport

FORMATS = ("text", "json", "sarif", "github")
"""As `findings.RENDERERS` has them; importing that would make --help slow."""

GATE_SAID_NO = 3

VLLM = ("device_gb", "gpu_memory_utilization", "used_gb", "max_model_len")

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
    click.option(
        "--max-bad-rows",
        type=Percent(),
        default="5%",
        show_default=True,
        help="Stop when more than this share of the rows of --traffic cannot be used.",
    ),
)


vllm_options = bundle(
    click.option(
        "--device-gb",
        type=Amount(),
        help="With --target vllm: memory of the device in 10^9 bytes.",
    ),
    click.option(
        "--gpu-memory-utilization",
        type=Percent(zero=False),
        help="With --target vllm: vLLM's option of that name, a share of the device.",
    ),
    click.option(
        "--used-gb",
        type=Amount(zero=True),
        help="With --target vllm: what others hold of it when vLLM starts, in 10^9 "
        "bytes  [default: not told]",
    ),
    click.option(
        "--max-model-len",
        type=counts,
        help="With --target vllm: vLLM's option of that name, in tokens  [default: the "
        "model's]",
    ),
)


@click.command(
    epilog="Example: bucketwise lint compile.py --target optimum-rbln==0.12.0 "
    "--traffic traffic.csv"
)
@click.argument("configs", nargs=-1, metavar="CONFIG...")
@click.option(
    "--model",
    type=Name(),
    help="Built-in name, Hugging Face id or local folder  [default: what CONFIG names]",
)
@target_option("what CONFIG says, else the newest", ", or vllm")
@image_limits("what CONFIG sets, else the checkpoint's")
@click.option(
    "--npu",
    type=Name(),
    help="NPU name, such as RBLN-CA25  [default: what CONFIG says]",
)
@traffic_options
@vllm_options
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
def lint(
    configs: tuple[str, ...],
    target: tuple[str, ...],
    inputs: tuple[str, ...],
    columns: dict[str, str] | None,
    max_bad_rows: float,
    format_name: str,
    fix: bool,
    **options: Any,
) -> None:
    """Say whether configurations will work, and for this traffic.

    CONFIG is a rbln_config as JSON, YAML or TOML, a compiled folder, a Python file or a
    notebook that calls from_pretrained, whatever holds a command with `vllm serve` or
    `optimum-rbln-cli` (scripts, Compose files, manifests, Dockerfiles, units, READMEs),
    or - for standard input. Nothing in it is run. The exit status is 3 where an error
    was found.

    With --target vllm no CONFIG is read: what plain vLLM counts on one device of any
    kind is added up instead, and whether it would start.
    """
    vllm = {name: options.pop(name) for name in VLLM}
    if target == ("vllm",):
        _say_vllm(options["model"], configs, vllm)
        return
    _check_together(configs, vllm, columns if not inputs else None)
    one = one_target(target)
    from bucketwise.app import linting
    from bucketwise.lint.formats import RENDERERS
    from bucketwise.read import read_inputs

    traffic = evidence = None
    if inputs:
        with shown_progress() as progress:
            traffic, evidence = read_inputs(
                inputs, columns=columns, max_bad_rows=max_bad_rows, progress=progress
            )
        say_notes(traffic)
    report = linting.lint_config(
        *configs, target=one, traffic=traffic, evidence=evidence, **options
    )
    said = RENDERERS[format_name](report)
    if said:
        say(said.removesuffix("\n"), err=fix)
    if fix:
        _say_fixes(report)
    if report.failed:
        sys.exit(GATE_SAID_NO)


def _check_together(
    configs: tuple[str, ...], vllm: dict[str, Any], unread: dict[str, str] | None
) -> None:
    """Refuse options without what they go with."""
    given = [f"--{name.replace('_', '-')}" for name, value in vllm.items() if value]
    message = ""
    if given:
        message = f"{', '.join(given)} goes with --target vllm"
    elif not configs:
        message = "Missing argument 'CONFIG...'."
    elif unread:
        message = "--columns goes with --traffic"
    if message:
        raise click.UsageError(message)


def _say_vllm(
    model: str | None, configs: tuple[str, ...], vllm: dict[str, Any]
) -> None:
    missing = [
        f"--{name.replace('_', '-')}"
        for name in ("device_gb", "gpu_memory_utilization")
        if vllm[name] is None
    ]
    if missing or configs:
        message = (
            f"--target vllm needs {' and '.join(missing)}"
            if missing
            else "--target vllm reads no CONFIG"
        )
        raise click.UsageError(message)
    from bucketwise.app import memory

    fit = memory.vllm_fit(model=model, **vllm)
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
