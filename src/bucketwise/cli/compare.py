"""`bucketwise compare`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.app.options.commands import CompareOptions
from bucketwise.app.options.option import typed
from bucketwise.cli.config_file import config_option
from bucketwise.cli.option_types import Name
from bucketwise.cli.options import bundle, derived, half_life_option, traffic_options
from bucketwise.cli.settings import read_sizes, reading_record, say_notes
from bucketwise.cli.terminal import say
from bucketwise.words.text import worded

if TYPE_CHECKING:
    from bucketwise.core.comparison.outcome import Comparison

MOST_NAME = 28
MOST_LENGTHS = 60
"""Characters of a name and of a list of lengths; pages and JSON have them whole."""


@click.command(
    epilog="Example: bucketwise compare traffic.csv --plan today=1024,3136,16384 "
    "--plan proposed=bucketwise-traffic/plan.json -o comparison.html"
)
@traffic_options
@half_life_option
@click.option(
    "--plan",
    "plans",
    type=Name(),
    multiple=True,
    required=True,
    metavar="[NAME=]PLAN|CONFIG|LIST",
    help="A plan.json or its folder, a configuration as `bucketwise lint` reads it, or "
    "lengths such as 1024,4096; two or more.",
)
@bundle(*derived(CompareOptions))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page too; its name ends in .html, .md or .json.",
)
@config_option
def compare(plans: tuple[str, ...], output: Path | None, **options: Any) -> None:
    """Set plans or bucket lists side by side: who fails first, then what each costs.

    All are judged on the same images. Limits that a plan or a configuration sets are its
    own unless --min-pixels or --max-pixels says otherwise.
    """
    asked = typed(CompareOptions, options)
    from bucketwise.app import comparing
    from bucketwise.app.given_plans import read_plans
    from bucketwise.report.comparison.words import finding, told_over

    if output is not None:
        comparing.check_comparison_name(output)
    read = read_plans(plans, target=asked["target"], places=options["places"])
    traffic = read_sizes(options)
    say_notes(traffic)
    comparison = comparing.compare(
        traffic, read, recorded=reading_record(options), **asked
    )
    if comparison.model.assumed:
        say(f"No --model was given: {comparison.model.name} is assumed.")
    told, family = comparison.as_told(), comparison.model.family
    reword = partial(worded, family=family, words=told.words, unit=told.cost.unit)
    say(reword(finding(told)))
    for line in table_lines(told):
        say(line)
    over = (
        f"{told_over(told)} Possible saving: by the exact optimum with as many graphs."
    )
    say(reword(over))
    if output is not None:
        say(f"Wrote {comparing.write_comparison(comparison, output)}.")


def table_lines(comparison: Comparison) -> tuple[str, ...]:
    """Return the scenarios as a table for a terminal."""
    from bucketwise.report.comparison.words import deciding_columns, fails
    from bucketwise.words.numbers import percent

    columns = deciding_columns(comparison)
    heads = (
        "scenario",
        comparison.does[0],
        *(_short(column.head) for column in columns),
    )
    family, unit = comparison.model.family, comparison.cost.unit
    named = (*heads, "waste", "possible saving", "ViT patches")
    rows = [tuple(worded(head, family, comparison.words, unit) for head in named)]
    for index, each in enumerate(comparison.outcomes):
        lengths = ",".join(map(str, each.vit_max_seq_lens))
        rows.append(
            (
                _short(each.name),
                fails(each),
                *(column.cells[index] for column in columns),
                percent(each.waste),
                percent(each.optimum.possible_saving) if each.optimum else "none",
                _short(lengths, MOST_LENGTHS),
            )
        )
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return tuple("  ".join(_padded(row, widths)).rstrip() for row in rows)


def _padded(cells: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    """Yield names and lengths flush left, numbers flush right."""
    last = len(cells) - 1
    for index, (text, width) in enumerate(zip(cells, widths, strict=True)):
        yield text.ljust(width) if index in (0, last) else text.rjust(width)


def _short(text: str, most: int = MOST_NAME) -> str:
    from bucketwise.words.text import one_line

    flat = one_line(text)
    return flat if len(flat) <= most else f"{flat[: most - 3]}..."
