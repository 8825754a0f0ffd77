"""What the plan rests on, value by value."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.core.plan import Assumption
from bucketwise.report.blocks import Column, Paragraph, Row, Section, Table
from bucketwise.report.plan_queries import LEGEND, MARKS
from bucketwise.words.numbers import plural, verb


def assumptions(rows: Sequence[Assumption]) -> Section:
    """Return every value with how far to trust it."""
    n_assumed = sum(item.status == "assumed" for item in rows)
    rest = plural(n_assumed, "value") if n_assumed else "No value"
    table = Table(
        caption="What the plan rests on",
        head=(
            Column(text="Value of"),
            Column(text="Is"),
            Column(text="Mark", style="mark"),
            Column(text="Source"),
        ),
        rows=tuple(
            Row(cells=(item.name, item.value, MARKS[item.status], item.source))
            for item in rows
        ),
    )
    return Section(
        id="assumptions",
        title="Assumptions",
        finding=(
            f"{rest} of {len(rows):,} {verb(n_assumed or 1, 'is', 'are')} assumed; each "
            "can be replaced by your own."
            if n_assumed
            else "Every value was given, measured, or follows from published files."
        ),
        blocks=(table, Paragraph(text=LEGEND)),
    )
