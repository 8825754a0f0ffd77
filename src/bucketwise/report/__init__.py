"""The report: one HTML file a capacity review can decide from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bucketwise.core.analysis import Analysis
    from bucketwise.report.inputs import ReportInputs

__all__ = ["render"]


def render(
    analysis: Analysis,
    snippets: Mapping[str, Mapping[str, str]],
    inputs: ReportInputs | None = None,
) -> str:
    """Render an analysis as one self-contained HTML document.

    Parameters
    ----------
    analysis : Analysis
        The plan and its evidence.
    snippets : mapping of str to mapping of str to str
        For each release, for example "0.12.0", the text of each file by name.
    inputs : ReportInputs, optional
        What is known of the deployment: memory of its devices, lint of today's.

    Returns
    -------
    str
        The document: no script, no request, equal bytes for equal input.
    """
    # Drawing and templates load slowly; only a caller who renders pays for them.
    from bucketwise.report.page import to_html  # noqa: PLC0415
    from bucketwise.report.view import view_of  # noqa: PLC0415

    return to_html(view_of(analysis, snippets, inputs))
