"""What of the input could not be used, and what was noticed while reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.encoder.plan import TextTraffic
from bucketwise.core.plan import InputUsed, RejectedRows, TrafficSummary
from bucketwise.report.blocks import Block, Column, Paragraph, Row, Section, Table
from bucketwise.report.plan_queries import traffic_inputs
from bucketwise.words.numbers import number, percent, plural, verb
from bucketwise.words.reject_reasons import left_out

MOST_ROWS = 50
MOST_SIZES = 5
"""Sizes named for each reason the processor gives."""


def quality(analysis: Analysis) -> Section:
    """Return rejected rows, refused sizes and notes."""
    blocks: list[Block] = []
    summary = analysis.plan.traffic
    if summary.rejections:
        blocks.append(
            rejections_table(
                "Rows that were not used, by reason",
                summary.rejections,
                summary.rows_read,
            )
        )
    if summary.refused_by_processor:
        blocks.append(_refused(analysis))
    blocks.append(notes_block(traffic_inputs(analysis), summary.notes))
    return Section(
        id="quality",
        title="Data quality",
        finding=f"{used_rows(summary)}{_refused_said(summary)}.",
        blocks=tuple(blocks),
    )


def used_rows(summary: TrafficSummary | TextTraffic) -> str:
    """Return how many rows were used, without a full stop."""
    if summary.rows_rejected:
        share = percent(summary.rows_rejected / summary.rows_read)
        return (
            f"{number(summary.rows_used)} of {plural(summary.rows_read, 'row')} "
            f"{verb(summary.rows_used, 'was', 'were')} used; "
            f"{' and '.join(left_out(summary.rejections))}, {share} of the rows"
        )
    if summary.rows_read == 1:
        return "The only row was used"
    return f"All {plural(summary.rows_read, 'row')} were used"


def _refused_said(summary: TrafficSummary) -> str:
    if not summary.refused_by_processor:
        return ""
    images = plural(summary.refused_by_processor, "image")
    return f"; the processor refuses {images}, real traffic that it cannot serve"


def rejections_table(
    caption: str, rejections: tuple[RejectedRows, ...], rows_read: int
) -> Table:
    """Return what was rejected or noticed by reason, the most frequent first."""
    ordered = sorted(rejections, key=lambda item: (-item.count, item.reason))
    shown = ordered[:MOST_ROWS]
    if len(shown) < len(ordered):
        caption += f": the {MOST_ROWS} most frequent of {len(ordered):,}"
    return Table(
        caption=caption,
        head=(
            Column(text="Reason"),
            Column(text="Rows", style="number"),
            Column(text="Share", style="number"),
            Column(text="For example"),
        ),
        rows=tuple(
            Row(
                cells=(
                    item.reason,
                    number(item.count),
                    percent(item.count / rows_read),
                    _places(item),
                )
            )
            for item in shown
        ),
    )


def _places(item: RejectedRows) -> str:
    if not item.examples:
        return "places not kept"
    return ", ".join(
        " ".join(
            [place.source or "", f"line {place.line:,}" if place.line else ""]
        ).strip()
        for place in item.examples
    )


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


def notes_block(inputs: Sequence[InputUsed], notes: Sequence[str]) -> Block:
    """Return what was noticed while reading, input by input."""
    rows = [
        Row(cells=(record.name or f"input {position}", note))
        for position, record in enumerate(inputs, start=1)
        for note in record.notes
    ]
    rows.extend(Row(cells=("all inputs", note)) for note in notes)
    if not rows:
        return Paragraph(text="Nothing else was noticed while reading.")
    shown = rows[:MOST_ROWS]
    caption = "Noticed while reading"
    if len(shown) < len(rows):
        caption += f": the first {MOST_ROWS} of {len(rows):,}"
    head = (Column(text="Input"), Column(text="Note"))
    return Table(caption=caption, head=head, rows=tuple(shown))
