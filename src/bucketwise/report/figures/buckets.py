"""The figure of what each bucket computes: useful work, then padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bucketwise.core.plan import UseLike
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.figures.rows import Rows
from bucketwise.words.numbers import (
    LENGTH_UNITS,
    compute,
    percent,
    plural_of,
    si_scale,
)

USEFUL_AND_PADDING = ("useful", "padding")


def padding_of(use: UseLike) -> float:
    """Return the compute of a bucket that is padding."""
    return use.padded_compute - use.useful_compute


def bars_drawing(
    uses: Sequence[UseLike], unit: str, counted: str, noun: str
) -> Drawing:
    """Return one bar a length: useful compute, then padding.

    `unit` is that of the compute, `counted` what lengths count, `noun` what bars are.
    """
    scale, prefix = si_scale(max(use.padded_compute for use in uses))
    counts = unit in LENGTH_UNITS
    shown = f"{prefix} {plural_of(unit)}".strip() if counts else f"{prefix}{unit}"
    said = "; ".join(
        f"{use.length:,}: {compute(use.useful_compute, unit)} useful of "
        f"{compute(use.padded_compute, unit)}"
        for use in uses
    )
    parts = ([use.useful_compute for use in uses], [padding_of(use) for use in uses])
    return Drawing(
        id="figure-buckets",
        title="Useful compute and padding of each bucket",
        description=f"One bar a bucket. {said}.",
        caption=(
            "A whole bar is what the runs of a bucket cost; the hatched part is "
            "padding. A long hatched part is where one more length would help."
        ),
        plot=Rows(
            names=tuple(
                f"{use.length:,}, {percent(use.waste)} padding" for use in uses
            ),
            series=USEFUL_AND_PADDING,
            parts=np.array(parts) / scale,
            x_label=f"{noun}, {shown}",
        ),
        table=_table(uses, unit, counted),
    )


def _table(uses: Sequence[UseLike], unit: str, counted: str) -> Table:
    total = sum(map(padding_of, uses))
    heads = (f"Bucket, {counted}", "Useful", "Padding", "Share of all padding")
    return Table(
        caption="Useful compute and padding of each bucket",
        head=tuple(Column(text=text, style="number") for text in heads),
        rows=tuple(
            Row(
                cells=(
                    f"{use.length:,}",
                    compute(use.useful_compute, unit),
                    compute(padding_of(use), unit),
                    percent(padding_of(use) / total) if total > 0 else "0%",
                )
            )
            for use in uses
        ),
    )
