"""The page: a view and its figures placed into one self-contained HTML file."""

from __future__ import annotations

from markupsafe import Markup

from bucketwise.report.blocks import Report, WhatIf, each_block
from bucketwise.report.script import page_script, policy_hash
from bucketwise.report.templating import drawn, fill


def to_html(report: Report) -> str:
    """Place a report into its page."""
    blocks = (
        each for section in report.sections for each in each_block(section.blocks)
    )
    script = page_script(panel=any(isinstance(block, WhatIf) for block in blocks))
    return fill(
        "report.html.j2",
        report=report,
        svg=drawn,
        safe_json=_safe_json,
        script=Markup(script),  # noqa: S704 - our own files, no input in them
        script_hash=policy_hash(script),
    )


def _safe_json(block: WhatIf) -> Markup:
    # script_json lets no mark through that could end the element.
    return Markup(block.data)  # noqa: S704
