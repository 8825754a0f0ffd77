"""The section on other engines: the same traffic, planned for each."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.core.analysis import Analysis
from bucketwise.core.in_unit import in_own_words
from bucketwise.report.blocks import Block, Paragraph, Section
from bucketwise.report.sections.decision import finding, verdict_callout
from bucketwise.report.settings import settings_table


def beside(analysis: Analysis) -> Section | None:
    """Return what to do on each other engine; None where one alone was asked for."""
    if not analysis.beside:
        return None
    names = [each.release.engine.name for each in analysis.beside]
    return Section(
        id="beside",
        title="Other engines",
        finding=f"The same traffic, planned for {' and '.join(names)}; the rest of this "
        "page is not about " + ("it." if len(names) == 1 else "them."),
        blocks=tuple(
            in_own_words(block, each.release.engine.words(each.profile))
            for each in analysis.beside
            for block in _engine(each)
        ),
    )


def _engine(analysis: Analysis) -> Iterator[Block]:
    analysis = analysis.as_told()
    engine, visual = analysis.release.engine, analysis.plan.visual
    why = f" Why {len(visual.vit_max_seq_lens)}: {visual.decision.reason}."
    yield Paragraph(
        text=f"{engine.name} ({engine.sdk}): {finding(analysis)}"
        f"{'' if engine.no_lengths else why}"
    )
    yield verdict_callout(analysis.plan.verdict)
    yield settings_table(analysis.plan, engine)
