"""Figures of a comparison: what each scenario pays, and where its lengths lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.comparison.outcome import Comparison, Outcome
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.comparison.words import basis, deciding_cost, spent_in
from bucketwise.report.figures.histogram import bin_table
from bucketwise.report.figures.labels import short
from bucketwise.report.figures.lengths import runs_by_length
from bucketwise.report.figures.rows import Rows
from bucketwise.report.figures.spans import Edge
from bucketwise.report.plan_queries import UNIT
from bucketwise.words.numbers import dotted, percent, plural, scale_of

MOST_LABELS = 12


def compute_drawing(comparison: Comparison) -> Drawing:
    """Return useful compute and padding of each scenario that has a say."""
    over, unit = comparison.deciding, comparison.cost.unit
    outcomes = [each for each in comparison.outcomes if each.name in over.scenarios]
    useful = over.useful_compute
    padding = [max(deciding_cost(each) - useful, 0.0) for each in outcomes]
    shares = [part / (useful + part) for part in padding]
    scale, label = 1.0, "ViT compute, patches"
    if unit != "patch":
        scale, scaled = scale_of(useful + max(padding), unit)
        label = f"ViT compute, {scaled}"
    said = "; ".join(
        f"{each.name}: {spent_in(comparison, deciding_cost(each))}, "
        f"{percent(share)} padding"
        for each, share in zip(outcomes, shares, strict=True)
    )
    left_out = (
        ""
        if len(outcomes) == len(comparison.outcomes)
        else f" Scenarios with which more {comparison.does[1]} are not drawn."
    )
    return Drawing(
        id="figure-compute",
        title="Useful compute and padding of each scenario",
        description=f"One bar a scenario. {said}.",
        caption=(
            f"A whole bar is what the ViT computes over {basis(comparison, over)}. "
            f"Useful is the same for all; the hatched part is padding.{left_out}"
        ),
        plot=Rows(
            names=tuple(
                f"{short(each.name)}, {percent(share)} padding"
                for each, share in zip(outcomes, shares, strict=True)
            ),
            series=("useful", "padding"),
            parts=np.array(([useful] * len(outcomes), padding)) / scale,
            x_label=label,
        ),
        table=_compute_table(comparison, outcomes, padding),
    )


def _compute_table(
    comparison: Comparison, outcomes: Sequence[Outcome], padding: Sequence[float]
) -> Table:
    useful = comparison.deciding.useful_compute
    return Table.of_numbers(
        "Useful compute and padding of each scenario",
        ("Scenario", "Useful", "Padding", "All", "Waste"),
        (
            (
                each.name,
                spent_in(comparison, useful),
                spent_in(comparison, part),
                spent_in(comparison, useful + part),
                percent(part / (useful + part)),
            )
            for each, part in zip(outcomes, padding, strict=True)
        ),
    )


def lengths_drawing(comparison: Comparison, outcome: Outcome, index: int) -> Drawing:
    """Return runs over needed length with the lengths of one scenario.

    The axis is the same for every scenario; `index` names the figure.
    """
    demand, lengths = comparison.needed, outcome.vit_max_seq_lens
    # More labels than that leave no room for what they stand on: the ends tell enough.
    labelled = lengths if len(lengths) <= MOST_LABELS else (lengths[0], lengths[-1])
    edges = [Edge(each, f"{each:,}" if each in labelled else "") for each in lengths]
    ends = [end for each in comparison.outcomes for end in each.vit_max_seq_lens]
    plot = runs_by_length(demand, edges, ends)
    return Drawing(
        id=f"figure-lengths-{index}",
        title=f"ViT runs by needed length, with the lengths of {outcome.name}",
        description=(
            f"Histogram of {plural(float(demand.runs.sum()), 'run')} over needed length. "
            f"The lengths of {outcome.name}: {dotted(lengths)}."
        ),
        caption=(
            f"{outcome.name}: each run is padded up to the next line on its right; a "
            f"run right of every line {comparison.does[0]}."
        ),
        plot=plot,
        table=bin_table(
            f"ViT runs by needed length ({outcome.name})",
            UNIT,
            plot.bounds,
            plot.weights,
        ),
    )
