"""The report: one HTML file a capacity review can decide from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bucketwise.core.analysis import Analysis
    from bucketwise.report.deployment import ReportInputs

__all__ = ["render"]


def render(
    analysis: Analysis,
    snippets: Mapping[str, Mapping[str, str]],
    inputs: ReportInputs | None = None,
) -> str:
    """Render an analysis as one self-contained HTML document."""
    # Drawing and templates load slowly; only a caller who renders pays for them.
    from bucketwise.report.page import to_html  # noqa: PLC0415
    from bucketwise.report.view import view_of  # noqa: PLC0415

    return to_html(view_of(analysis, snippets, inputs))
