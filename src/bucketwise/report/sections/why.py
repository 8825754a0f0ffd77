"""Why these lengths and why this many, in the numbers that decide."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.plan import Current, Visual
from bucketwise.report.blocks import Block, Points, Section
from bucketwise.report.figures.lengths import lengths_drawing
from bucketwise.report.plan_queries import (
    UNIT,
    cumulated,
    demand_of,
    noun_of,
)
from bucketwise.words.numbers import joined, percent, plural, verb


def why(analysis: Analysis) -> Section:
    """Return the reasons, with today's and the proposed lengths on the traffic."""
    visual = analysis.plan.visual
    points = [
        _top(analysis),
        _these(visual),
        f"Why {visual.decision.k}: {_many(visual)}.",
    ]
    points += _limit(analysis)
    current = visual.current
    if current is not None:
        points += _today(analysis, current)
    blocks: list[Block] = [Points(items=tuple(points))]
    if current is not None:
        blocks.append(lengths_drawing(analysis, current))
    return Section(
        id="why", title="Why", finding=_finding(analysis), blocks=tuple(blocks)
    )


def _finding(analysis: Analysis) -> str:
    visual = analysis.plan.visual
    demand = demand_of(analysis)
    smallest, largest = int(demand.needed[0]), int(demand.needed[-1])
    if smallest == largest:
        return (
            f"Every run needs {largest:,} {UNIT}: one graph fits all of them, and more "
            "would save nothing."
        )
    half = int(demand.needed[np.searchsorted(cumulated(demand), 0.5)])
    top = visual.vit_max_seq_lens[-1]
    if len(visual.vit_max_seq_lens) == 1:
        return (
            f"Half of the runs need {half:,} {UNIT} or less, and one graph pads all of "
            f"them to {top:,}."
        )
    times = visual.one_graph_compute / visual.padded_compute
    return (
        f"Half of the runs need {half:,} {UNIT} or less; one graph would pad them all to "
        f"{top:,} and do {times:,.2f} times the ViT compute."
    )


def _top(analysis: Analysis) -> str:
    visual, noun = analysis.plan.visual, noun_of(analysis)
    top, largest = visual.vit_max_seq_lens[-1], visual.largest_needed
    held = f"the largest {noun} read needs {largest:,} under max_pixels "
    held += f"{visual.processor.max_pixels:,}"
    if top == largest:
        return f"Why {top:,} at the top: {held}."
    raised = "headroom, alignment or a pinned length raises it"
    if visual.top.way == "raised":
        raised = "it is raised so that everything the limit lets through fits"
    return f"Why {top:,} at the top: {held}; {raised}."


def _these(visual: Visual) -> str:
    if len(visual.vit_max_seq_lens) == 1:
        return "Why no other length: one graph was asked for, or is all it takes."
    below = joined(visual.vit_max_seq_lens[:-1])
    pinned = [use.vit_patches for use in visual.buckets if use.pinned]
    given = f" ({joined(pinned)} as asked)" if pinned else ""
    if visual.decision.strategy == "exact":
        return (
            f"Why {below} below it{given}: exact optimum. No other lengths, as many, "
            "cost less on this traffic."
        )
    return (
        f"Why {below} below it{given}: chosen by {visual.decision.strategy}, as asked; "
        "the section on strategies has the exact optimum beside it."
    )


def _many(visual: Visual) -> str:
    return visual.decision.reason


def _today(analysis: Analysis, current: Current) -> list[str]:
    """Return what the lengths of today do to this traffic."""
    demand = demand_of(analysis)
    proposed = analysis.plan.visual.vit_max_seq_lens
    before, after = (
        _share_of_top(demand, lengths) for lengths in (current.max_seq_lens, proposed)
    )
    said = []
    if before > after:
        said.append(
            f"Against today: {percent(before)} of the runs take today's largest graph of "
            f"{current.max_seq_lens[-1]:,}, {percent(after)} will take the one of "
            f"{proposed[-1]:,}."
        )
    if current.unused_buckets:
        n = len(current.unused_buckets)
        said.append(
            f"No run uses today's {'length' if n == 1 else 'lengths'} "
            f"{joined(current.unused_buckets)}: {plural(n, 'graph')} "
            f"{verb(n, 'takes', 'take')} compile time and device memory for nothing."
        )
    return said


def _share_of_top(demand: Demand, lengths: tuple[int, ...]) -> float:
    """Return the share of the runs that take the largest of the graphs."""
    where = Buckets(lengths).assign(demand.needed)
    return float(demand.runs[where == len(lengths) - 1].sum() / demand.runs.sum())


def _limit(analysis: Analysis) -> list[str]:
    """Return why another limit than the one in force is to be set; nothing if none is."""
    force, visual = analysis.plan.model.max_pixels, analysis.plan.visual
    limit = visual.processor.max_pixels
    if limit == force:
        return []
    text = (
        f"Why max_pixels {limit:,} instead of {force:,}: under it nothing outgrows the "
        f"top length, and no {noun_of(analysis)} read becomes smaller."
    )
    return [text]
