"""Which decoder graphs: the choice, what each runs, and what other numbers of them do."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.decoder_plan import on_batch_size
from bucketwise.core.decoder.sizing import QUEUEING_LIMIT
from bucketwise.core.plan import (
    BatchSizeOption,
    ContextLength,
    Decoder,
    DecoderEvidence,
    StepCost,
)
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Fact,
    Facts,
    Paragraph,
    Points,
    Row,
    Section,
    Table,
)
from bucketwise.report.figures.active import active_drawing
from bucketwise.report.figures.load import load_drawing
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.rejections import rejections_table
from bucketwise.report.sentences import assumed_batch_size, priced
from bucketwise.words.numbers import (
    change,
    dotted,
    duration,
    joined,
    less,
    number,
    percent,
    plural,
    significant,
)

COST_DIGITS = 4

RECORDS = {
    "requests": "requests, each with its start and its end",
    "arrivals": "arrivals with their tokens, replayed",
    "engine_log": "log lines in which an engine says what it holds",
    "engine_stats": "a table of what an engine held over time",
    "prometheus": "scrapes of an engine's metrics",
}


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
        ]
    blocks += _sizing(decided)
    return Section(
        id="decoder",
        title="Decoder",
        finding=_finding(decided, smaller=smaller),
        blocks=tuple(blocks),
    )


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
    cost, most = priced(decided), decided.slots_saving
    if cost is not None and cost.status != "measured" and most is not None:
        text += f", and at most {percent(most)} less"
    return f"{text}."


def _saving(decided: Decoder) -> str:
    """Return what a step saves in words; "" where no load is known."""
    before, after = decided.one_graph_step_cost, decided.mean_step_cost
    if before is None or after is None:
        return ""
    other = f"one graph of {decided.batch_size:,}"
    if priced(decided) is None:
        fewer = percent(less(before, after))
        return f"a step computes {fewer} fewer slots than with {other}"
    said = change(before, after)
    said = "no less" if said == "the same" else said
    return f"a step costs {said} than with {other}"


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
    batch = f"assumed {assumed}" if assumed else "as given"
    facts = [Fact(label="batch_size", value=f"{decided.batch_size:,}", note=batch)]
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
    facts, cost = [], priced(decided)
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
    cost, least = priced(decided), 1
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
    cost, one = priced(decided), decided.one_graph_step_cost
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


def _sizing(decided: Decoder) -> list[Block]:
    """Return what the load says of batch_size and max_seq_len."""
    blocks: list[Block] = []
    if decided.batch_sizes:
        if said := on_batch_size(decided):
            blocks.append(Callout(level="note", mark="Batch size.", text=said))
        blocks.append(_batch_sizes(decided))
    if decided.context_length is not None:
        blocks.append(_context_length(decided.context_length))
    return blocks


def decoder_evidence(analysis: Analysis) -> list[Block]:
    """Return other numbers of graphs, and what the load was read from; [] for no load."""
    decided = analysis.plan.decoder
    if decided is None:
        return []
    evidence, engine = decided.evidence, analysis.release.engine
    blocks: list[Block] = []
    if decided.active_share:
        smaller = engine.picks_smaller_graphs(analysis.plan.model.family)
        blocks.append(_frontier_table(decided, smaller=smaller))
    if evidence.samples:
        blocks.append(_evidence_table(evidence))
    for caption, found in (
        ("Records of the load that could not be used", evidence.rejections),
        ("Noticed in records that were used", evidence.faults),
    ):
        if found:
            blocks.append(rejections_table(caption, found, evidence.samples))
    notes = (*evidence.notes, *decided.notes)
    if notes:
        blocks.append(Points(items=notes))
    return blocks


def _batch_sizes(decided: Decoder) -> Table:
    limit = f"{QUEUEING_LIMIT * 100:g}%"
    planned, suggested = decided.batch_size, decided.suggested_batch_size
    caption = "The same load at other batch sizes; shares are of busy time. "
    if decided.evidence.kind == "arrivals":
        caption += "Each is a replay with one graph. "
    if suggested is None:
        looked_at = joined([option.batch_size for option in decided.batch_sizes])
        caption += f"Of {looked_at} each queues in {limit} of it or more."
    else:
        caption += f"Suggested is the smallest that queues in less than {limit} of it."
    rows = []
    for option in _with_planned(decided):
        words = [
            word
            for word, size in (("planned", planned), ("suggested", suggested))
            if option.batch_size == size
        ]
        said = f" ({', '.join(words)})" if words else ""
        rows.append(
            Row(
                cells=(
                    f"{option.batch_size:,}{said}",
                    significant(option.mean_active, 3),
                    percent(option.full_share),
                    percent(option.queueing_share),
                ),
                marked=option.batch_size == suggested,
            )
        )
    heads = ("Mean active", "All slots in use", "Queueing")
    return Table(
        caption=caption,
        head=(
            Column(text="batch_size"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _with_planned(decided: Decoder) -> list[BatchSizeOption]:
    """Return the batch sizes looked at, and the planned one, in order."""
    planned, options = decided.batch_size, list(decided.batch_sizes)
    mean_active, queues = decided.mean_active, decided.evidence.clipped_share
    listed = any(option.batch_size == planned for option in options)
    if mean_active is not None and queues is not None and not listed:
        own = BatchSizeOption(
            batch_size=planned,
            mean_active=mean_active,
            full_share=decided.active_share[str(planned)],
            queueing_share=queues,
        )
        options.append(own)
    return sorted(options, key=lambda option: option.batch_size)


def _context_length(context: ContextLength) -> Paragraph:
    images = ""
    if context.with_images:
        images = " Prompts are taken to count their visual tokens, as servers do."
    elif not context.visual:
        images = " No visual tokens are among them."
    twice = ""
    if context.max_seq_len - context.largest >= context.partition:
        twice = ", and twice that at least"
    return Paragraph(
        text=(
            f"A max_seq_len of {context.max_seq_len:,} holds every request seen: the "
            f"largest has {context.largest:,} tokens, 99.9% have {context.p999:,} or "
            f"fewer. It is a multiple of {context.partition:,}{twice}. Counted are "
            f"{context.source}.{images}"
        )
    )


def _evidence_table(evidence: DecoderEvidence) -> Table:
    several = evidence.replicas > 1
    lines = (
        ("Kind of record", RECORDS.get(evidence.kind, evidence.kind)),
        ("Read from", ", ".join(evidence.names) or "names not told"),
        ("Records read", number(evidence.samples)),
        ("Span", duration(evidence.span_s)),
        ("Replicas", number(evidence.replicas)),
        (
            "Time seen",
            duration(evidence.observed_s) + (", of all replicas" if several else ""),
        ),
        ("The load was seen on", evidence.measured_with),
    )
    return Table(
        caption="What is known of the decoder's load",
        head=(Column(text="What"), Column(text="Is")),
        rows=tuple(Row(cells=line) for line in lines),
    )
