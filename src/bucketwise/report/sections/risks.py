"""What could go wrong: what to check before compiling, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bucketwise.core.analysis import Analysis
from bucketwise.core.cost import FLOP
from bucketwise.core.plan import PlanWarning, Severity
from bucketwise.core.verdict import memory_reasons
from bucketwise.nouns.engine import OVERFLOWS
from bucketwise.report.blocks import Block, Callout, Folded, Level, Points, Section
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import UNIT
from bucketwise.report.sureness import deciding
from bucketwise.words.numbers import plural

NO_MATTER = "create_runtimes"
"""An assumed value that changes neither memory nor who is served."""


MEMORY_RULES = (
    "memory/blocks-beyond-memory",
    "memory/cache-below-context",
    "memory/compile-loads-what-does-not-fit",
    "memory/shared-devices-overfull",
    "memory/vit-inputs-too-large",
)
"""Rules of lint that find no more than the page's warning of memory says."""


def stated_rules(analysis: Analysis, inputs: ReportInputs) -> frozenset[str]:
    """Return the rules of lint that find in the files what this page warns of."""
    plan = analysis.plan
    said = {
        rule
        for visual in (plan.visual, *plan.visual_by_target.values())
        for warning in visual.warnings
        for rule in warning.rules
    }
    tight = inputs.memory is not None and inputs.memory.verdict != "fits"
    said |= {reason.id for reason in plan.verdict.reasons}
    return frozenset(said.union(MEMORY_RULES if tight else ()))


LEVELS: dict[Severity, Level] = {
    "error": "danger",
    "warning": "warning",
    "note": "note",
}
"""How loud a warning of the plan is."""


def risks(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return the warnings, and the assumed values that could change the answer."""
    found = tuple(_callouts(analysis, inputs))
    blocks: list[Block] = [*found, *_other_releases(analysis)]
    assumed = tuple(_assumed(analysis, inputs))
    if assumed:
        blocks.append(Points(items=assumed))
    return Section(
        id="risks",
        title="Risks",
        finding=_finding(analysis, inputs, sum(each.level != "note" for each in found)),
        blocks=tuple(blocks),
    )


def _finding(analysis: Analysis, inputs: ReportInputs, n_warnings: int) -> str:
    visual = analysis.plan.visual
    top = visual.vit_max_seq_lens[-1]
    if visual.bucket_unit == "merged_patches":
        return (
            "The lists are in a unit that no released runtime compares: larger images "
            "fail."
        )
    for reason in memory_reasons(inputs.memory):
        return reason.words
    if visual.overflow_possible > top:
        overflow = analysis.release.engine.overflow
        does = "can fail" if overflow == "raises" else OVERFLOWS[overflow][0]
        return (
            f"An image larger than any so far {does}: inputs of up to "
            f"{visual.overflow_possible:,} {UNIT} pass the limits, and the top "
            f"length is {top:,}."
        )
    if n_warnings:
        return (
            f"Nothing can outgrow the top length; {plural(n_warnings, 'warning')} "
            "to read before compiling."
        )
    return "Nothing can outgrow the top length, and there is no warning."


def _callouts(analysis: Analysis, inputs: ReportInputs) -> Iterator[Callout]:
    plan = analysis.plan
    yield from _memory(inputs)
    for warning in plan.warnings:
        yield _said(warning, warning.words)


def _memory(inputs: ReportInputs) -> Iterator[Callout]:
    for reason in memory_reasons(inputs.memory):
        level: Literal["danger", "warning"] = (
            "danger" if reason.severity == "error" else "warning"
        )
        yield Callout(level=level, mark="Memory:", text=reason.words)


def _said(warning: PlanWarning, text: str) -> Callout:
    """Return a warning as loud as it is."""
    return Callout(
        level=LEVELS[warning.severity],
        mark=f"{warning.severity.capitalize()}:",
        text=text,
    )


def _other_releases(analysis: Analysis) -> list[Block]:
    """Return warnings that only other releases have, folded."""
    plan = analysis.plan
    releases: dict[PlanWarning, list[str]] = {}
    for version, visual in plan.visual_by_target.items():
        for warning in visual.warnings:
            if warning not in plan.visual.warnings:
                releases.setdefault(warning, []).append(version)
    if not releases:
        return []
    others = tuple(
        _said(
            warning,
            f"On {analysis.release.engine.sdk} {', '.join(versions)}: {warning.words}",
        )
        for warning, versions in releases.items()
    )
    summary = f"Other releases: {plural(len(others), 'warning')}"
    return [Folded(summary=summary, blocks=others)]


def _assumed(analysis: Analysis, inputs: ReportInputs) -> Iterator[str]:
    names = deciding(analysis)
    if names:
        said = "; ".join(f"{name} ({value})" for name, value in names)
        yield f"Assumed, and able to change the lengths: {said}."
    base = inputs.base.assumed() if inputs.base else ()
    values = [item for item in base if item.path[-1] != NO_MATTER]
    if values:
        said = ", ".join(f"{'.'.join(item.path)} {item.value}" for item in values)
        yield f"Assumed, and able to change memory and files: {said}."
    if analysis.plan.visual.cost.unit == FLOP:
        yield (
            "Compute is not time: where a device waits for memory, a graph saves less "
            "than these shares. Measure one small and one large length."
        )
