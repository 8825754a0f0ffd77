"""Drawings of a comparison: what each scenario pays, and where its lengths lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.comparison.outcome import Comparison, Outcome
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.comparison.words import basis, deciding_cost, spent_in
from bucketwise.report.drawings.lengths import (
    N_BINS,
    NEEDED,
    bin_table,
    binned,
    snapped,
)
from bucketwise.report.drawings.scales import bins, span_axis, spread, zero_axis
from bucketwise.report.plots import BarsPlot, Edge, HistogramPlot
from bucketwise.words.numbers import dotted, percent, plural, si_scale
from bucketwise.words.text import one_line

MOST_LABELS = 12

MOST_CHARACTERS = 28
"""Of a name beside a bar; the table behind the figure has it whole."""


def compute_drawing(comparison: Comparison) -> Drawing:
    """Return useful compute and padding of each scenario that has a say.

    Parameters
    ----------
    comparison : Comparison
        With images over which it is decided.
    """
    over, unit = comparison.deciding, comparison.cost.unit
    outcomes = [each for each in comparison.outcomes if each.name in over.scenarios]
    useful = over.useful_compute
    padding = [max(deciding_cost(each) - useful, 0.0) for each in outcomes]
    shares = [part / (useful + part) for part in padding]
    largest = useful + max(padding)
    scale, prefix = (1.0, "") if unit == "patch" else si_scale(largest)
    label = "ViT patches" if unit == "patch" else f"ViT compute, {prefix}{unit}"
    said = "; ".join(
        f"{each.name}: {spent_in(comparison, deciding_cost(each))}, "
        f"{percent(share)} padding"
        for each, share in zip(outcomes, shares, strict=True)
    )
    left_out = (
        ""
        if len(outcomes) == len(comparison.outcomes)
        else " Scenarios that fail more are not drawn."
    )
    return Drawing(
        id="figure-compute",
        title="Useful compute and padding of each scenario",
        description=f"One bar a scenario. {said}.",
        caption=(
            f"A whole bar is what the ViT computes over {basis(comparison, over)}. "
            f"Useful is the same for all; the hatched part is padding.{left_out}"
        ),
        plot=BarsPlot(
            names=tuple(_short(each.name) for each in outcomes),
            useful=(useful / scale,) * len(outcomes),
            padding=tuple(part / scale for part in padding),
            notes=tuple(f"{percent(share)} padding" for share in shares),
            x=zero_axis(label, largest / scale, room=1.2),
        ),
        table=_compute_table(comparison, outcomes, padding),
    )


def _compute_table(
    comparison: Comparison, outcomes: Sequence[Outcome], padding: Sequence[float]
) -> Table:
    useful = comparison.deciding.useful_compute
    heads = ("Useful", "Padding", "All", "Waste")
    return Table(
        caption="Useful compute and padding of each scenario",
        head=(
            Column(text="Scenario"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(
            Row(
                cells=(
                    each.name,
                    spent_in(comparison, useful),
                    spent_in(comparison, part),
                    spent_in(comparison, useful + part),
                    percent(part / (useful + part)),
                )
            )
            for each, part in zip(outcomes, padding, strict=True)
        ),
    )


def lengths_drawing(comparison: Comparison, outcome: Outcome, index: int) -> Drawing:
    """Return runs over needed length with the lengths of one scenario.

    The axis is the same for every scenario of a comparison.

    Parameters
    ----------
    comparison : Comparison
        What is needed, and everybody's lengths.
    outcome : Outcome
        Whose lengths are drawn.
    index : int
        Its position, which names the figure.
    """
    demand, lengths = comparison.needed, outcome.vit_max_seq_lens
    places = [
        *demand.needed[[0, -1]].tolist(),
        *(end for each in comparison.outcomes for end in each.vit_max_seq_lens),
    ]
    axis = span_axis(NEEDED, places)
    bounds = snapped(bins(axis, N_BINS), lengths)
    weights = binned(demand.needed.astype(np.float64), demand.runs, bounds)
    # More labels than that leave no room for what they stand on: the ends tell enough.
    labelled = lengths if len(lengths) <= MOST_LABELS else (lengths[0], lengths[-1])
    edges = [
        Edge(
            at=float(length),
            label=f"{length:,}" if length in labelled else "",
            row=0,
            style="proposed",
        )
        for length in lengths
    ]
    return Drawing(
        id=f"figure-lengths-{index}",
        title=f"ViT runs by needed length, with the lengths of {outcome.name}",
        description=(
            f"Histogram of {plural(float(demand.runs.sum()), 'run')} over needed length. "
            f"The lengths of {outcome.name}: {dotted(lengths)}."
        ),
        caption=(
            f"{outcome.name}: each run is padded up to the next line on its right; a "
            "run right of every line fails."
        ),
        plot=HistogramPlot(
            bounds=tuple(bounds.tolist()),
            weights=tuple(weights.tolist()),
            edges=spread(edges, axis),
            x=axis,
            y=zero_axis("ViT runs", float(weights.max())),
        ),
        table=bin_table(
            f"ViT runs by needed length ({outcome.name})",
            "ViT patches",
            bounds,
            weights,
        ),
    )


def _short(name: str) -> str:
    text = one_line(name)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
