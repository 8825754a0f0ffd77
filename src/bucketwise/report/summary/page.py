"""The one page as HTML for A4 paper."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.report.summary.content import Summary
from bucketwise.report.templating import drawn, fill

SIZES_PT = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0)


def sheets(summary: Summary) -> Iterator[str]:
    """Place the summary on a sheet of paper, in ever smaller text."""
    figure = drawn(summary.drawing) if summary.drawing else ""
    for size_pt in SIZES_PT:
        yield fill("summary.html.j2", summary=summary, figure=figure, size_pt=size_pt)
