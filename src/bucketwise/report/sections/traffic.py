"""What was read: counts, sizes, the lengths they need, and what could not be used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan, TrafficSummary
from bucketwise.report.blocks import (
    Block,
    Column,
    Fact,
    Facts,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.figures.arrivals import arrivals_drawing
from bucketwise.report.figures.labels import labels_drawing
from bucketwise.report.figures.sizes import sizes_drawing
from bucketwise.report.figures.times import EPOCH_YEAR
from bucketwise.report.plan_queries import demand_of, noun_of
from bucketwise.report.rejections import rejections_table, used_rows
from bucketwise.words.numbers import dotted, duration, number, percent, plural
from bucketwise.words.reject_reasons import left_out
from bucketwise.words.text import one_line

MOST_SIZES = 5
"""Sizes named for each reason the processor gives."""

_TOLD = (
    "The input tells how many visual tokens each image became, and no size: there is "
    "no picture of sizes as sent."
)


def traffic(analysis: Analysis) -> Section:
    """Return what was read, in numbers and figures."""
    blocks: list[Block] = [_facts(analysis)]
    # All drawings are of the lengths that serve it.
    if analysis.release.engine.runs_on_lengths(analysis.profile):
        blocks += _drawings(analysis)
    blocks += _unused(analysis)
    return Section(
        id="traffic",
        title="Traffic",
        finding=_finding(analysis),
        blocks=tuple(blocks),
    )


def _drawings(analysis: Analysis) -> Iterator[Block]:
    sizes = analysis.counts.sizes
    if ((sizes.count > 0) & ~sizes.is_told).any():
        yield sizes_drawing(analysis)
    else:
        yield Paragraph(text=_TOLD)
    arrivals = arrivals_drawing(analysis)
    if arrivals is not None:
        yield arrivals
    if analysis.traffic.labels:
        yield labels_drawing(analysis)
    if analysis.plan.scenarios:
        yield _scenarios(analysis.plan)


def _scenarios(plan: Plan) -> Table:
    """Return what the lengths cost each scenario beside its own best."""
    rows = [
        (
            one_line(each.name),
            number(each.runs),
            percent(each.waste),
            percent(each.regret),
            dotted(each.vit_max_seq_lens),
        )
        for each in plan.scenarios
    ]
    return Table(
        caption="What the lengths cost each scenario: regret is compute above that of its "
        "own best lengths, as many under the same top",
        head=(
            Column(text="Scenario"),
            *(
                Column(text=each, style="number")
                for each in ("ViT runs", "Waste", "Regret")
            ),
            Column(text="Its own best", style="number"),
        ),
        rows=tuple(Row(cells=cells) for cells in rows),
    )


def _finding(analysis: Analysis) -> str:
    summary = analysis.plan.traffic
    noun = noun_of(analysis)
    needed = demand_of(analysis).needed
    low, high = int(needed[0]), int(needed[-1])
    by_tokens = summary.told == summary.images
    kind = "distinct token count" if by_tokens else "distinct size"
    sizes = plural(summary.distinct_sizes, kind)
    text = f"{plural(summary.images, noun)} of {sizes} "
    if low == high:
        return f"{text}all need the same length, {low:,} ViT patches."
    return (
        f"{text}need {plural(needed.size, 'distinct length')}, from {low:,} to "
        f"{high:,} ViT patches."
    )


def _facts(analysis: Analysis) -> Facts:
    summary = analysis.plan.traffic
    weighted = "weighted by a count column" if summary.weighted else "each row is one"
    apart = " and ".join(left_out(summary.rejections))
    images = summary.images - summary.clips
    facts = [
        Fact(
            label="Rows used",
            value=number(summary.rows_used),
            note=f"of {number(summary.rows_read)} read{f'; {apart}' if apart else ''}",
        ),
        Fact(label="Images", value=number(images), note=weighted),
    ]
    if summary.clips:
        facts += [
            Fact(label="Clips", value=number(summary.clips), note="of any length"),
            Fact(
                label="ViT runs",
                value=number(summary.runs),
                note="one an image, one a temporal patch",
            ),
        ]
    if summary.told:
        facts.append(
            Fact(
                label="Known by visual tokens",
                value=number(summary.told),
                note="their sizes as sent are unknown",
            )
        )
    if summary.refused_by_processor:
        facts.append(
            Fact(
                label="Refused by the processor",
                value=number(summary.refused_by_processor),
                note="counted above, served by no plan",
                level="warning",
            )
        )
    facts.append(_span(summary))
    return Facts(items=tuple(facts))


def _span(summary: TrafficSummary) -> Fact:
    if summary.first is None or summary.last is None:
        return Fact(label="Span", value="not told", note="no usable time column")
    first, last = (
        datetime.fromisoformat(text) for text in (summary.first, summary.last)
    )
    seconds = (last - first).total_seconds()
    note = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    if last.year == EPOCH_YEAR:
        note = "in plain seconds, on a clock of the log's own"
    return Fact(label="Span", value=duration(seconds), note=note)


def _unused(analysis: Analysis) -> list[Block]:
    """Return rejected rows, and sizes the processor refuses."""
    summary, blocks = analysis.plan.traffic, list[Block]()
    if summary.rejections:
        said = f"{used_rows(summary)}: the reasons"
        blocks.append(rejections_table(said, summary.rejections, summary.rows_read))
    if summary.refused_by_processor:
        blocks.append(_refused(analysis))
    return blocks


def _refused(analysis: Analysis) -> Table:
    counts = analysis.counts
    sizes = counts.sizes
    by_reason: dict[str, list[int]] = {}
    for index in np.flatnonzero(~counts.accepted).tolist():
        # The ratio that follows the rule is the image's own; the size tells it too.
        reason = str(counts.error[index]).split(", got ")[0]
        by_reason.setdefault(reason, []).append(index)
    rows = []
    for reason, found in by_reason.items():
        weight = float(sizes.count[found].sum())
        named = ", ".join(
            f"{sizes.width_px[index]:,} x {sizes.height_px[index]:,}"
            for index in found[:MOST_SIZES]
        )
        more = len(found) - MOST_SIZES
        text = f"{named} and {plural(more, 'more size')}" if more > 0 else named
        rows.append(Row(cells=(reason, number(weight), text)))
    return Table(
        caption="Refused by the processor: counted as traffic, in no other number",
        head=(
            Column(text="What the processor raises"),
            Column(text="Images", style="number"),
            Column(text="Sizes, px"),
        ),
        rows=tuple(rows),
    )
