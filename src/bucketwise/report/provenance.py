"""What was read, with its hashes."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.core.plan import InputUsed
from bucketwise.report.blocks import Column, Row, Table
from bucketwise.words.numbers import number

MOST_INPUTS = 50


def inputs_table(inputs: Sequence[InputUsed]) -> Table:
    """Return the first inputs, each with the hash of its histogram."""
    shown = inputs[:MOST_INPUTS]
    caption = "Inputs; the hash is of the histogram each was reduced to"
    if len(shown) < len(inputs):
        caption += f" (the first {MOST_INPUTS} of {len(inputs):,})"
    return Table(
        caption=caption,
        head=(
            Column(text="Input"),
            Column(text="Kind"),
            Column(text="Rows", style="number"),
            Column(text="SHA-256", style="code"),
        ),
        rows=tuple(
            Row(
                cells=(
                    record.name or f"input {position}",
                    record.kind,
                    number(record.rows),
                    record.sha256 or "not recorded",
                )
            )
            for position, record in enumerate(shown, start=1)
        ),
    )
