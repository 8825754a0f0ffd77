"""What could not be used of an input, by reason, and how much was."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.core.encoder.plan import TextTraffic
from bucketwise.core.plan import InputUsed, RejectedRows, TrafficSummary
from bucketwise.report.blocks import Block, Column, Row, Table
from bucketwise.words.numbers import number, percent, plural, verb
from bucketwise.words.reject_reasons import left_out

MOST_ROWS = 50


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


def notes_block(inputs: Sequence[InputUsed], notes: Sequence[str]) -> list[Block]:
    """Return what was noticed while reading, input by input; nothing where nothing was."""
    rows = [
        Row(cells=(record.name or f"input {position}", note))
        for position, record in enumerate(inputs, start=1)
        for note in record.notes
    ]
    rows.extend(Row(cells=("all inputs", note)) for note in notes)
    if not rows:
        return []
    shown = rows[:MOST_ROWS]
    caption = "Noticed while reading"
    if len(shown) < len(rows):
        caption += f": the first {MOST_ROWS} of {len(rows):,}"
    head = (Column(text="Input"), Column(text="Note"))
    return [Table(caption=caption, head=head, rows=tuple(shown))]
