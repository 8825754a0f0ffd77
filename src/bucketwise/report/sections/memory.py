"""Whether the proposed configuration fits its devices, term by term."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.memory import MemoryPlan, Pool, Term
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
from bucketwise.report.sections.before_after import fullest_bytes, more_or_less
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
    blocks.append(Paragraph(text=_cache(plan)))
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
    held, room = memory(fullest_bytes(plan)), memory(plan.usable_bytes)
    on = f"the fullest device holds {held} of {room} ({plan.device}), by estimate"
    if plan.verdict == "fits":
        return f"The proposed configuration fits: {on}."
    if plan.verdict == "does not fit":
        return f"The proposed configuration does not fit: {on}."
    if plan.lacks_bytes:
        return (
            f"By estimate the proposed configuration does not fit: {on.rpartition(',')[0]}"
            ", and only a compile can tell."
        )
    return (
        f"The proposed configuration is close: {on}, which leaves less than a third for "
        "what nobody has measured."
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
                pool.fit.verdict,
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
        cells=("All", memory(pool.device_bytes), "", pool.fit.verdict), marked=True
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


def _cache(plan: MemoryPlan) -> str:
    blocks = plan.blocks
    chosen = "as given" if blocks.given else "by estimate what the SDK takes"
    return (
        f"Cache: {plural(blocks.taken, 'block')} of {blocks.tokens:,} tokens, {chosen}; "
        f"{blocks.num_min:,} is the fewest that compile and {blocks.num_full:,} the most "
        f"ever used; {blocks.most:,} would leave room for everything else."
    )
