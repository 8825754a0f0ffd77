"""A comparison as a page, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Callable

from bucketwise.core.comparison.outcome import Comparison
from bucketwise.report.blocks import Report
from bucketwise.report.comparison.front_section import decision
from bucketwise.report.comparison.markdown import to_markdown
from bucketwise.report.comparison.sections import (
    compute_section,
    lengths_section,
    method,
    optimum_section,
    side_by_side,
)
from bucketwise.report.comparison.words import listed, noun_in
from bucketwise.words.numbers import plural

MOST_NAMES = 3


def report_of(comparison: Comparison) -> Report:
    """Return the page of a comparison, in reading order."""
    comparison = comparison.as_told()
    sections = (
        decision(comparison),
        side_by_side(comparison),
        compute_section(comparison),
        optimum_section(comparison),
        lengths_section(comparison),
        method(comparison),
    )
    version = comparison.provenance.bucketwise
    return Report(
        title=f"{_names(comparison)} compared for {comparison.model.hf_id}",
        subtitle=_subtitle(comparison),
        sections=tuple(section for section in sections if section is not None),
        footer=f"Made by bucketwise {version}".rstrip() + ". Sizes only: this file "
        "holds no image, prompt or address, and loads nothing.",
    )


def to_page(comparison: Comparison) -> str:
    """Render a comparison as one self-contained HTML document."""
    # Drawing and templates load slowly; only a caller who renders pays for them.
    from bucketwise.report.page import to_html  # noqa: PLC0415

    return to_html(report_of(comparison))


RENDERERS: dict[str, Callable[[Comparison], str]] = {
    ".html": to_page,
    ".md": lambda comparison: to_markdown(report_of(comparison)),
    ".json": lambda comparison: comparison.to_json(),
}
"""What a file's name may end in, and what writes it."""


def _names(comparison: Comparison) -> str:
    names = [each.name for each in comparison.outcomes]
    if len(names) > MOST_NAMES:
        return f"{len(names):,} scenarios"
    return listed(names)


def _subtitle(comparison: Comparison) -> str:
    inputs = comparison.provenance.inputs
    names = [record.name for record in inputs if record.name]
    said = ", ".join(names[:MOST_NAMES]) or plural(len(inputs), "input")
    if len(names) > MOST_NAMES:
        said += f" and {len(inputs) - MOST_NAMES:,} more"
    assumed = " Model assumed." if comparison.model.assumed else ""
    images = plural(comparison.traffic.images, noun_in(comparison))
    return f"From {images}: {said}.{assumed}"
