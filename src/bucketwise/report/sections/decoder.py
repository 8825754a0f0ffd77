"""Which decoder graphs: the choice, what each runs, and what other numbers of them do."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Decoder, StepCost
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Fact,
    Facts,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.figures.active import active_drawing
from bucketwise.report.figures.load import load_drawing
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.sections.decoder_load import load_blocks, sizing_blocks
from bucketwise.report.sentences import assumed_batch_size
from bucketwise.words.numbers import (
    change,
    dotted,
    joined,
    less,
    percent,
    plural,
    significant,
)

SLOTS = "slots"
"""The step cost that is itself the upper bound."""

COST_DIGITS = 4


def decoder(analysis: Analysis) -> Section | None:
    """Return the decoder half; None where nothing was asked of it."""
    decided = analysis.plan.decoder
    if decided is None:
        return None
    smaller = analysis.release.engine.picks_smaller_graphs(analysis.plan.model.family)
    assumed = assumed_batch_size(analysis.plan)
    blocks: list[Block] = [*_why(decided, smaller=smaller), _facts(decided, assumed)]
    if decided.active_share:
        if analysis.activity is not None:
            blocks.append(load_drawing(analysis.activity, decided.batch_size))
        blocks += [
            active_drawing(decided),
            _graphs_table(decided),
            _frontier_table(decided, smaller=smaller),
        ]
    blocks += [*sizing_blocks(decided), *load_blocks(decided)]
    return Section(
        id="decoder",
        title="Decoder",
        finding=_finding(decided, smaller=smaller),
        blocks=tuple(blocks),
    )


def decoder_note(decided: Decoder, *, smaller: bool) -> str:
    """Return in a few words what the choice saves, or why there is none."""
    if not smaller:
        return "this model never runs a smaller graph"
    if decided.decision.rule == "saturated":
        return "the decoder is full, one graph is enough"
    if len(decided.decoder_batch_sizes) == 1:
        return "one graph is enough"
    one, mean = decided.one_graph_step_cost, decided.mean_step_cost
    if one is None or mean is None:
        return "the vendor's pattern: no load was given"
    said = change(one, mean)
    if said == "the same":
        return said
    return f"{said} {'slots' if _priced(decided) is None else 'a step'}"


def _finding(decided: Decoder, *, smaller: bool) -> str:
    sizes, decision = decided.decoder_batch_sizes, decided.decision
    one = f"Compile one decoder graph, of {plural(decided.batch_size, 'sequence')}"
    if decided.batch_size == 1:
        return f"{one}: a batch_size of 1 has no other."
    if not smaller:
        return (
            f"{one}: every step of this model runs the whole batch, so a smaller graph "
            "would never be used."
        )
    if decision.rule == "assumed":
        return (
            f"Nothing is known of the decoder's load, so decoder graphs for "
            f"{joined(sizes)} sequences are assumed: the vendor's pattern."
        )
    if len(sizes) == 1:
        return f"{one}, because {decision.reason}."
    text = f"Compile decoder graphs for {joined(sizes)} sequences: {_saving(decided)}"
    cost, most = _priced(decided), decided.slots_saving
    if cost is not None and cost.status != "measured" and most is not None:
        text += f", and at most {percent(most)} less"
    return f"{text}."


def _saving(decided: Decoder) -> str:
    """Return what a step saves in words; "" where no load is known."""
    before, after = decided.one_graph_step_cost, decided.mean_step_cost
    if before is None or after is None:
        return ""
    other = f"one graph of {decided.batch_size:,}"
    if _priced(decided) is None:
        fewer = percent(less(before, after))
        return f"a step computes {fewer} fewer slots than with {other}"
    said = change(before, after)
    said = "no less" if said == "the same" else said
    return f"a step costs {said} than with {other}"


def _priced(decided: Decoder) -> StepCost | None:
    """Return the step cost; None where it is no more than the slots of a step."""
    cost = decided.step_cost
    return None if cost is None or cost.kind == SLOTS else cost


def _why(decided: Decoder, *, smaller: bool) -> list[Block]:
    decision = decided.decision
    if not smaller:
        return []
    if decision.rule == "assumed":
        said = f"{decision.reason[0].upper()}{decision.reason[1:]}."
        return [Callout(level="warning", mark="Assumed.", text=said)]
    if decision.k == 1:
        return []
    return [Paragraph(text=f"Why {decision.k}: {decision.reason}.")]


def _facts(decided: Decoder, assumed: str) -> Facts:
    batch = f"assumed {assumed}" if assumed else f"batch_size {decided.batch_size:,}"
    facts = [
        Fact(
            label="decoder_batch_sizes",
            value=dotted(decided.decoder_batch_sizes),
            note=f"sequences, for {batch}",
            wide=True,
        )
    ]
    if len(decided.decoder_batch_sizes) > 1:
        facts += _saving_facts(decided)
    if decided.mean_active is not None:
        facts.append(
            Fact(
                label="Active sequences",
                value=f"{significant(decided.mean_active, 2)} of {decided.batch_size:,}",
                note="in the mean of busy time",
            )
        )
    evidence = decided.evidence
    if evidence.clipped_share is not None:
        facts.append(
            Fact(
                label="Queueing",
                value=percent(evidence.clipped_share),
                note="of busy time: more was in flight than "
                f"{plural(decided.batch_size, 'slot')}",
            )
        )
    if evidence.idle_share is not None:
        facts.append(
            Fact(
                label="Idle",
                value=percent(evidence.idle_share),
                note="of the time seen: nothing was active",
            )
        )
    return Facts(items=tuple(facts))


def _saving_facts(decided: Decoder) -> list[Fact]:
    facts, cost = [], _priced(decided)
    if cost is not None and decided.saving is not None:
        mark = MARKS[cost.status]
        facts.append(
            Fact(
                label="A step costs",
                value=f"{percent(decided.saving)} less",
                note=f"than with one graph of {decided.batch_size:,} "
                f"({cost.kind}: {mark})",
            )
        )
    if decided.slots_saving is not None:
        facts.append(
            Fact(
                label="At most",
                value=f"{percent(decided.slots_saving)} less",
                note=f"if a step cost in proportion to its slots ({MARKS['assumed']})",
            )
        )
    return facts


def _graphs_table(decided: Decoder) -> Table:
    cost, least = _priced(decided), 1
    rows = []
    for use in decided.graphs:
        size = use.batch_size
        cells = [
            f"{size:,}",
            f"{size:,}" if least == size else f"{least:,} to {size:,}",
            percent(use.share),
            percent(use.slots_used) if use.share else "",
        ]
        if cost is not None:
            cells.append(_cost(cost.at[size - 1], cost))
        rows.append(Row(cells=tuple(cells)))
        least = size + 1
    heads = ["Runs with", "Share of steps", "Slots in use"]
    caption = (
        "The chosen graphs. Shares are of steps, not of time: slow steps last longer. A "
        "slot that is not in use is computed all the same."
    )
    if cost is not None:
        heads.append("A step costs")
        caption += f" Costs: {cost.kind}, {MARKS[cost.status]}."
    return Table(
        caption=caption,
        head=(
            Column(text="Graph, slots"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _frontier_table(decided: Decoder, *, smaller: bool) -> Table:
    cost, one = _priced(decided), decided.one_graph_step_cost
    rows = []
    for point in decided.frontier:
        chosen = point.k == decided.decision.k
        cells = [
            f"{point.k} (chosen)" if chosen else str(point.k),
            dotted(point.decoder_batch_sizes),
        ]
        if cost is not None and one is not None:
            saved = less(one, point.mean_step_cost)
            cells += [_cost(point.mean_step_cost, cost), percent(saved)]
        cells += [
            "" if point.saving is None else percent(point.saving),
            significant(point.slots_cost, 3),
            percent(less(decided.batch_size, point.slots_cost)),
        ]
        rows.append(Row(cells=tuple(cells), marked=chosen))
    heads = ["This graph saves", "Mean slots", "Saved at most"]
    caption = (
        "The exact optimum for every number of graphs; what one saves is a share of the "
        "step cost with one graph fewer."
    )
    if cost is not None:
        heads = ["Mean step", "Saved", *heads]
        caption += f" Saved, against one graph: {cost.kind}, {MARKS[cost.status]}."
    caption += f" Saved at most: if a step cost in proportion to its slots, {MARKS['assumed']}."
    if not smaller:
        caption += " This model would have to run smaller graphs for it; it runs none."
    return Table(
        caption=caption,
        head=(
            Column(text="Graphs"),
            Column(text="Slots", style="lengths"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _cost(value: float, cost: StepCost) -> str:
    return f"{significant(value, COST_DIGITS)} {cost.unit}"
