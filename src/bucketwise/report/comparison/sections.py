"""The sections that stand behind the decision of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.core.comparison.outcome import LEAST_SCENARIOS, Comparison
from bucketwise.core.cost import waste_of
from bucketwise.report.blocks import (
    Block,
    Column,
    Folded,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.comparison.drawings import compute_drawing, lengths_drawing
from bucketwise.report.comparison.tables import (
    bucket_table,
    limits_table,
    lists_table,
    outcome_table,
)
from bucketwise.report.comparison.words import (
    deciding_cost,
    listed,
    noun_in,
    spent_in,
)
from bucketwise.report.provenance import inputs_table
from bucketwise.report.sentences import time_of_run
from bucketwise.words.numbers import (
    dotted,
    joined,
    percent,
    plural,
    plural_of,
    significant,
)

MOST_DRAWN = 6
MOST_LENGTHS = 4
MOST_ROWS = 16
"""Rows of single lengths shown at once; more stand folded."""


def side_by_side(comparison: Comparison) -> Section:
    """Return a row for each scenario."""
    return Section(
        id="side-by-side",
        title="Side by side",
        finding=_failing_finding(comparison),
        blocks=(outcome_table(comparison), lists_table(comparison)),
    )


def compute_section(comparison: Comparison) -> Section | None:
    """Return useful compute and padding; None where there is nothing to compare over."""
    over = comparison.deciding
    if not over.useful_compute:
        return None
    shares = [
        percent(waste_of(over.useful_compute, deciding_cost(each)))
        for each in sorted(comparison.outcomes, key=deciding_cost)
        if each.name in over.scenarios
    ]
    least, most = shares[0], shares[-1]
    said = least if least == most else f"between {least} and {most}"
    return Section(
        id="compute",
        title="Useful compute and padding",
        finding=(
            f"On the same {plural_of(noun_in(comparison))}, {said} of what "
            f"{listed(over.scenarios)} compute is padding."
        ),
        blocks=(compute_drawing(comparison),),
    )


def optimum_section(comparison: Comparison) -> Section | None:
    """Return how far each is from the best list of as many lengths."""
    rows = [
        Row(
            cells=(
                each.name,
                str(len(each.vit_max_seq_lens)),
                spent_in(comparison, each.padded_compute),
                dotted(each.optimum.vit_max_seq_lens),
                spent_in(comparison, each.optimum.padded_compute),
                percent(each.optimum.possible_saving),
            )
        )
        for each in comparison.outcomes
        if each.optimum
    ]
    if not rows:
        return None
    table = Table(
        caption=(
            "The exact optimum has as many lengths, serves what the scenario serves and "
            "runs under its limits: no other list of that many costs less."
        ),
        head=(
            Column(text="Scenario"),
            Column(text="Graphs", style="number"),
            Column(text="Its ViT compute", style="number"),
            Column(text="Exact optimum, ViT patches", style="lengths"),
            Column(text="Optimum's compute", style="number"),
            Column(text="Possible saving", style="number"),
        ),
        rows=tuple(rows),
    )
    return Section(
        id="optimum",
        title="How much better is possible",
        finding=_optimum_finding(comparison),
        blocks=(table,),
    )


def lengths_section(comparison: Comparison) -> Section:
    """Return where the lengths of each scenario lie, and whom each length serves."""
    drawn = comparison.outcomes[:MOST_DRAWN]
    blocks: list[Block] = [
        lengths_drawing(comparison, each, index)
        for index, each in enumerate(drawn, start=1)
    ]
    table = bucket_table(comparison)
    if len(table.rows) > MOST_ROWS:
        summary = f"The {len(table.rows):,} lengths one by one"
        blocks.append(Folded(summary=summary, blocks=(table,)))
    else:
        blocks.append(table)
    if len(drawn) < len(comparison.outcomes):
        blocks.append(Paragraph(text=f"The first {MOST_DRAWN} scenarios are drawn."))
    return Section(
        id="lengths",
        title="Where the lengths lie",
        finding=_unused_finding(comparison),
        blocks=tuple(blocks),
    )


def method(comparison: Comparison) -> Section:
    """Return limits, cost and what made the page."""
    model, cost = comparison.model, comparison.cost
    fails = comparison.release.engine.overflow == "raises"
    raises = "; the runtime raises an error then" if fails else ""
    text = (
        f"An image {comparison.does[0]} in a scenario when it needs more than the largest "
        f"length there, under the limits of that scenario's own processor{raises}. Lengths are compared as {comparison.target} compares them. Compute is "
        "compared over the images that every scenario serves, and under the lowest "
        "limits of all, so that what a limit saves is not mistaken for what lengths do. "
        "Shares and waste are over ViT runs: one an image, one a temporal patch of a "
        "clip."
    )
    if cost.is_time:
        tops = [each.vit_max_seq_lens[-1] for each in comparison.outcomes]
        priced = time_of_run(cost, max(tops))
    else:
        text += (
            " Compute is arithmetic, not time: a device may be bound by memory instead."
        )
        priced = (
            f"Cost of one run at length S: f(S) = a * S + b * S^2, with a = "
            f"{_coefficient(cost.a)} and b = {_coefficient(cost.b)} {cost.unit} "
            f"({cost.source})."
        )
    priced += (
        f" Limits in force where a scenario brings none: "
        f"{model.min_pixels:,} to {model.max_pixels:,} px ({model.limits_source})."
    )
    same = (
        len({(each.min_pixels, each.max_pixels) for each in comparison.outcomes}) == 1
    )
    return Section(
        id="method",
        title="Limits and method",
        finding=(
            "All scenarios run under the same image limits."
            if same
            else "The scenarios run under different image limits, which decide who is "
            "made smaller."
        ),
        blocks=(
            limits_table(comparison),
            Paragraph(text=text),
            Paragraph(text=priced),
            inputs_table(comparison.provenance.inputs),
        ),
    )


def _failing_finding(comparison: Comparison) -> str:
    noun = noun_in(comparison)
    worse = [each for each in comparison.outcomes if each.overflow_images]
    n_all = len(comparison.outcomes)
    one, several = comparison.does
    if not worse:
        everyone = "both" if n_all == LEAST_SCENARIOS else f"all {n_all}"
        images = plural(comparison.images, noun)
        return f"With {everyone} none of {images} {several}."
    if len(worse) == n_all:
        return f"With each of the {n_all} some {plural_of(noun)} {several}."
    return (
        f"With {n_all - len(worse)} of {n_all} no {noun} {one}; with "
        f"{listed([each.name for each in worse])} some do."
    )


def _optimum_finding(comparison: Comparison) -> str:
    best = comparison.ranked[0]
    if best.optimum is None:
        return f"{best.name} serves nothing, so nothing can be better or worse."
    graphs = plural(len(best.vit_max_seq_lens), "length")
    saving = percent(best.optimum.possible_saving)
    if saving == "0%":
        return f"No list of {graphs} is better than {best.name}."
    return (
        f"At most {saving} less is possible than with {best.name}: no list of {graphs} "
        "saves more."
    )


def _some(lengths: Sequence[int]) -> str:
    if len(lengths) <= MOST_LENGTHS:
        return joined(lengths)
    return f"{len(lengths):,} lengths"


def _unused_finding(comparison: Comparison) -> str:
    idle = [
        f"{_some(each.unused_buckets)} of {each.name}"
        for each in comparison.outcomes
        if each.unused_buckets
    ]
    if not idle:
        return "Every length of every scenario is used by some run."
    return (
        f"No run uses {listed(idle)}: compile time and device memory spent on nothing."
    )


def _coefficient(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else significant(value, 6)
