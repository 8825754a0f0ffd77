"""Whether the proposed configuration fits its devices, term by term."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.memory import MemoryPlan, Pool, Term, cache_in_words, fit_in_words
from bucketwise.report.blocks import (
    Block,
    Column,
    Paragraph,
    Points,
    Row,
    Section,
    Table,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.sections.before_after import more_or_less
from bucketwise.words.numbers import memory, plural


def memory_section(analysis: Analysis, inputs: ReportInputs) -> Section | None:
    """Return what each device holds; None where the deployment is not known."""
    plan, before = inputs.memory, inputs.memory_before
    if plan is None:
        return None
    is_today = analysis.plan.visual.current is not None
    blocks: list[Block] = []
    if before is not None:
        blocks.append(_sides(before, plan, is_today=is_today))
    blocks += [_terms(pool) for pool in plan.pools]
    blocks.append(Paragraph(text=cache_in_words(plan.blocks)))
    notes = (
        *(f"It would fit with {each.words}." for each in plan.changes),
        *plan.notes,
    )
    if notes:
        blocks.append(Points(items=notes))
    return Section(
        id="memory",
        title="Memory",
        finding=_finding(plan),
        blocks=tuple(blocks),
    )


def _finding(plan: MemoryPlan) -> str:
    held, has = memory(plan.fullest.device_bytes), memory(plan.usable_bytes)
    return (
        f"The proposed configuration {fit_in_words(plan)}: the fullest device holds "
        f"{held} of {has} ({plan.device}), by estimate."
    )


def _sides(before: MemoryPlan, plan: MemoryPlan, *, is_today: bool) -> Table:
    old = {pool.name: pool for pool in before.pools}
    rows = [
        Row(
            cells=(
                f"{pool.name}, on {plural(len(pool.device_ids), 'device')}",
                memory(old[pool.name].device_bytes) if pool.name in old else "",
                memory(pool.device_bytes),
                more_or_less(old[pool.name].device_bytes, pool.device_bytes)
                if pool.name in old
                else "",
                fit_in_words(pool.fit),
            )
        )
        for pool in plan.pools
    ]
    return Table(
        caption=f"Each device, {'today' if is_today else 'with one graph of the top'} and "
        f"proposed; {MARKS['assumed']}, because some terms are",
        head=(
            Column(text="Devices"),
            Column(text="Today" if is_today else "One graph", style="number"),
            Column(text="Proposed", style="number"),
            Column(text="Change", style="number"),
            Column(text="Verdict"),
        ),
        rows=tuple(rows),
    )


def _terms(pool: Pool) -> Table:
    total = Row(
        cells=("All", memory(pool.device_bytes), "", fit_in_words(pool.fit)),
        marked=True,
    )
    return Table(
        caption=f"What a device with {pool.name} holds as proposed",
        head=(
            Column(text="Term"),
            Column(text="A device", style="number"),
            Column(text="Mark", style="mark"),
            Column(text="Made of"),
        ),
        rows=(*map(_term, pool.terms), total),
    )


def _term(term: Term) -> Row:
    return Row(
        cells=(term.name, memory(term.device_bytes), MARKS[term.status], term.source)
    )
