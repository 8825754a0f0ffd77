"""The pages of a plan for a text encoder, made of the same blocks as those for images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from bucketwise.core.encoder.analysis import EncoderAnalysis
from bucketwise.core.encoder.plan import Encoder, EncoderPlan
from bucketwise.core.encoder.verdict import FEW_TEXTS
from bucketwise.core.encoder.words import read, saves
from bucketwise.core.memory import CLOSE, LACKS
from bucketwise.core.plan import Memory
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Drawing,
    Fact,
    Facts,
    Opening,
    Paragraph,
    Part,
    Points,
    Report,
    Row,
    Section,
    Table,
)
from bucketwise.report.figures.lengths import TOKENS, Other, lengths_drawing
from bucketwise.report.plan_queries import LEGEND, MARKS
from bucketwise.report.provenance import inputs_table
from bucketwise.report.rejections import notes_block, rejections_table, used_rows
from bucketwise.report.sections.appendix import RECURRENCE, assumptions, folded_method
from bucketwise.report.sections.buckets import how_many
from bucketwise.report.sections.configuration import configuration
from bucketwise.report.sections.decision import verdict_callout
from bucketwise.report.strategies import side_by_side
from bucketwise.report.summary.content import Summary, files_table, shortened
from bucketwise.report.sureness import on_new_traffic
from bucketwise.words.numbers import (
    change,
    compute,
    joined,
    literal,
    memory,
    number,
    percent,
    plural,
    significant,
)

UNIT = "tokens"
MOST_NAMES = 3

HOLDS = "every section, figure and table"
"""What the report holds beside its summary."""

TOP = (
    "The longest length is the longest text that came, cut where the tokenizer cuts, with "
    "any headroom asked for. A text of exactly a length fits it (transformers/"
    "modeling_generic.py of optimum-rbln: the smallest length that is not below the "
    "text's). Waste is 1 - useful / padded compute, over texts that run alone."
)
PADDING = (
    "What is not counted: tokens that the tokenizer itself pads, and batches. A class "
    "compiled for a larger batch_size takes that many texts at once and pads them to "
    "their longest, so that it runs at longer lengths than texts alone."
)


def encoder_view(
    analysis: EncoderAnalysis, snippets: Mapping[str, Mapping[str, str]]
) -> Report:
    """Return the report of a plan for a text encoder, in reading order."""
    plan = analysis.plan
    sections = (
        _decision(analysis),
        _traffic(plan),
        _lengths(analysis),
        _memory(plan.memory),
        configuration(snippets, analysis.profile.sdk),
        _method(analysis),
    )
    return Report(
        title=f"What to compile for {plan.model.hf_id}",
        subtitle=_subtitle(plan),
        sections=tuple(section for section in sections if section is not None),
        footer=f"Made by bucketwise {plan.provenance.bucketwise}".rstrip()
        + ". Lengths only: this file holds no text or address, and loads nothing.",
    )


def encoder_summary(
    analysis: EncoderAnalysis,
    snippets: Mapping[str, Mapping[str, str]],
    *,
    beside: Mapping[str, str] | None = None,
) -> Summary:
    """Return the one page of a plan for a text encoder."""
    plan = analysis.plan
    return Summary(
        title=f"What to compile for {shortened(plan.model.hf_id)}",
        subtitle=_subtitle(plan),
        finding=_finding(plan),
        alarms=(verdict_callout(plan.verdict),),
        settings=_settings(plan, analysis.profile),
        before_after=_before_after(plan.encoder),
        why=tuple(saves(plan)),
        warnings=tuple(each.words for each in plan.warnings),
        buckets=_table(plan.encoder),
        drawing=_drawing(analysis),
        sure=_how_sure(analysis),
        grounds=_grounds(plan),
        files=files_table(
            snippets, beside or {}, analysis.profile.sdk, "compile and load files"
        ),
        footer=f"Made by bucketwise {plan.provenance.bucketwise}".rstrip()
        + ". Lengths only: no text or address is kept.",
    )


def _decision(analysis: EncoderAnalysis) -> Section:
    plan = analysis.plan
    notes = (
        *(each.words for each in plan.warnings if each.severity == "note"),
        *analysis.profile.notes,
    )
    blocks: list[Block] = [
        Opening(
            verdict=verdict_callout(plan.verdict),
            facts=_facts(plan),
            drawing=_drawing(analysis),
            sure=_how_sure(analysis),
            beside=(_settings(plan, analysis.profile),),
        ),
        _before_after(plan.encoder),
        *([Points(items=notes)] if notes else []),
        Paragraph(text=LEGEND),
    ]
    return Section(
        id="decision", title="Decision", finding=_finding(plan), blocks=tuple(blocks)
    )


def _facts(plan: EncoderPlan) -> Facts:
    """Return what it saves, who fails, whether it fits, and what is compiled."""
    encoder, current, held = plan.encoder, plan.encoder.current, plan.memory
    said = next(iter(_gain(plan)))
    saved = Fact(label="Compute", value=f"{percent(encoder.waste)} padding", note=said)
    if current is not None and current.padded_compute_served > 0:
        value = change(
            current.padded_compute_served, current.proposed_compute_on_served
        )
        note = f"than today, on the {plural(current.served_texts, 'text')} both hold"
        saved = Fact(label="Compute", value=value, note=note)
    today = f"{number(current.overflow_texts)} today → " if current else ""
    fails = Fact(
        label="Texts longer than every length",
        value=f"{today}0",
        note=f"{plural(encoder.truncated_texts, 'text')} cut at {encoder.truncate_at:,}",
        level="danger" if current and current.overflow_texts else "note",
    )
    memory_fact = Fact(label="Device memory", value="not known", note="not estimated")
    if held is not None:
        memory_fact = Fact(
            label=f"Device memory ({held.device})",
            value=f"{memory(held.needed_bytes)} of {memory(held.device_bytes)}",
            note=FITS[held.fits],
            level="good"
            if held.fits
            else "danger"
            if held.fits is False
            else "warning",
            filled=held.needed_bytes / held.device_bytes,
        )
    graphs = Fact(
        label="Graphs to compile",
        value=f"{len(encoder.lengths)}",
        note="compile time unknown",
    )
    return Facts(items=(saved, fails, memory_fact, graphs))


FITS = {True: "fits", None: CLOSE, False: LACKS}
"""Whether it fits, in words."""


def _finding(plan: EncoderPlan) -> str:
    lengths = plan.encoder.lengths
    verb = "Compile" if plan.verdict.call in ("go", "go_if") else "Planned:"
    graphs = plural(len(lengths), "graph")
    return f"{verb} {graphs}, of {joined(lengths)} tokens: {next(iter(_gain(plan)))}."


def _gain(plan: EncoderPlan) -> Iterator[str]:
    encoder = plan.encoder
    one = encoder.frontier[0]
    if one.k == 1 and len(encoder.lengths) > 1:
        said = change(one.padded_compute, encoder.padded_compute)
        yield f"{said} compute than one of {one.lengths[-1]:,}"
    yield f"{percent(encoder.waste)} of the compute is padding"


def _before_after(encoder: Encoder) -> Table:
    """Return what it costs beside one length, and beside today's."""
    unit, current = encoder.cost.unit, encoder.current
    rows = [
        ("Texts that a length holds", "all", MARKS["derived"]),
        ("Compute", compute(encoder.padded_compute, unit), MARKS["derived"]),
        ("of it padding", percent(encoder.waste), MARKS["derived"]),
    ]
    one = encoder.frontier[0]
    if one.k == 1 and len(encoder.lengths) > 1:
        rows.append(
            (
                f"One length of {one.lengths[-1]:,} would take",
                compute(one.padded_compute, unit),
                MARKS["derived"],
            )
        )
    if current is not None:
        held = plural(current.served_texts, "text")
        rows += [
            (
                f"Today's {literal(current.max_seq_lens)} take, on the {held} they hold",
                compute(current.padded_compute_served, unit),
                MARKS["derived"],
            ),
            (
                "The proposed ones on the same",
                compute(current.proposed_compute_on_served, unit),
                MARKS["derived"],
            ),
            (
                "Longer than the longest of today",
                plural(current.overflow_texts, "text"),
                MARKS["measured"],
            ),
        ]
    return Table(
        caption="What it saves",
        head=(
            Column(text="What"),
            Column(text="Is", style="number"),
            Column(text="Mark", style="mark"),
        ),
        rows=tuple(Row(cells=row) for row in rows),
    )


def _settings(plan: EncoderPlan, profile: EncoderProfile) -> Table:
    encoder, model = plan.encoder, plan.model
    rows = [
        ("class", model.class_name, f"or {model.auto_class}"),
        (
            "max_seq_len",
            literal(encoder.lengths)
            if len(encoder.lengths) > 1
            else str(encoder.truncate_at),
            f"{profile.sdk} {profile.lists_since} and newer"
            if len(encoder.lengths) > 1
            else "every release",
        ),
    ]
    if len(encoder.lengths) > 1:
        rows.append(
            (
                "max_seq_len",
                str(encoder.truncate_at),
                f"releases before {profile.lists_since}",
            )
        )
    rows += [
        ("truncation", "True", "the tokenizer"),
        ("max_length", str(encoder.truncate_at), "the tokenizer"),
    ]
    return Table(
        caption="What to set; lengths in tokens",
        head=(
            Column(text="Set", style="code"),
            Column(text="To", style="code"),
            Column(text="For"),
        ),
        rows=tuple(Row(cells=row) for row in rows),
    )


def _how_sure(analysis: EncoderAnalysis) -> Callout:
    return Callout(
        level="note", mark="How sure:", text=" ".join(_sure_sentences(analysis))
    )


def _sure_sentences(analysis: EncoderAnalysis) -> Iterator[str]:
    traffic = analysis.plan.traffic
    only = "Only " if traffic.texts < FEW_TEXTS else ""
    yield f"{only}{plural(traffic.texts, 'text')}{_span(analysis)}."
    if analysis.plan.confidence is not None:
        today = analysis.plan.encoder.current is not None
        yield on_new_traffic(analysis.plan.confidence, "text", today=today)
    if analysis.plan.encoder.cost.unit == "token":
        yield "Compute is tokens, not measured time."
    else:
        yield "Compute is arithmetic by the model's dimensions, not measured time."


def _span(analysis: EncoderAnalysis) -> str:
    traffic = analysis.plan.traffic
    if traffic.first is None or traffic.last is None:
        return ", of times unknown"
    return f", {traffic.first[:10]} to {traffic.last[:10]}"


def _lengths(analysis: EncoderAnalysis) -> Section:
    encoder = analysis.plan.encoder
    wasted = max(encoder.buckets, key=lambda use: use.padded_compute * use.waste)
    finding = f"{percent(encoder.waste)} of the compute is padding"
    if encoder.waste and len(encoder.buckets) > 1:
        finding += f", most of it in the length of {wasted.tokens:,}"
    return Section(
        id="buckets",
        title="Lengths",
        finding=f"{finding}.",
        blocks=(
            _table(encoder),
            how_many(encoder, analysis.plan.provenance.options, UNIT),
        ),
    )


def _drawing(analysis: EncoderAnalysis) -> Drawing:
    encoder = analysis.plan.encoder
    lengths, current = encoder.lengths, encoder.current
    other = Other(lengths[-1:], "at one length", today=False)
    if current is not None:
        other = Other(current.max_seq_lens, "at today's lengths", today=True)
    seen_against = other if other.lengths != lengths else None
    return lengths_drawing(analysis.demand, lengths, encoder.cost, TOKENS, seen_against)


def _table(encoder: Encoder) -> Table:
    unit = encoder.cost.unit
    heads = ("Tokens", "Texts", "Share", "Useful", "Padded", "Padding")
    rows = [
        Row(
            cells=(
                f"{use.tokens:,}" + (" (pinned)" if use.pinned else ""),
                number(use.texts),
                percent(use.share),
                compute(use.useful_compute, unit),
                compute(use.padded_compute, unit),
                percent(use.waste),
            )
        )
        for use in encoder.buckets
    ]
    return Table(
        caption="Whom each length serves: texts longer than the one above, and no longer "
        "than itself",
        head=tuple(Column(text=text, style="number") for text in heads),
        rows=tuple(rows),
    )


def _memory(found: Memory | None) -> Section | None:
    """Return what the one device holds; None where nobody estimated it."""
    if found is None:
        return None
    return Section(
        id="memory",
        title="Memory",
        finding=f"It {FITS[found.fits]}: {memory(found.needed_bytes)} of the "
        f"{memory(found.device_bytes)} of a device ({found.device}).",
        blocks=(
            Table(
                caption="What the device holds with all lengths",
                head=(
                    Column(text="Term"),
                    Column(text="A device", style="number"),
                    Column(text="Mark", style="mark"),
                ),
                rows=tuple(
                    Row(cells=(each.name, memory(each.bytes), MARKS[each.status]))
                    for each in found.terms
                ),
            ),
        ),
    )


def _traffic(plan: EncoderPlan) -> Section:
    traffic = plan.traffic
    blocks: list[Block] = []
    if traffic.rejections:
        blocks.append(
            rejections_table(
                "Rejected rows by reason", traffic.rejections, traffic.rows_read
            )
        )
    blocks += notes_block(plan.provenance.inputs, traffic.notes)
    return Section(
        id="traffic",
        title="Traffic",
        finding=f"{used_rows(traffic)}: {plural(traffic.texts, 'text')}.",
        blocks=tuple(blocks),
    )


def _method(analysis: EncoderAnalysis) -> Section:
    plan = analysis.plan
    encoder = plan.encoder
    made = plan.provenance
    lines = (
        ("bucketwise", made.bucketwise or "version not recorded"),
        ("plan schema", plan.schema),
        ("model", f"{plan.model.hf_id} ({plan.model.source})"),
        ("seed", str(made.seed)),
        ("options", json.dumps(made.options, sort_keys=True)),
    )
    computed = (RECURRENCE, TOP, _cost(encoder), PADDING)
    parts = (
        Part(
            id="computed",
            title="How it was computed",
            blocks=tuple(Paragraph(text=text) for text in computed),
        ),
        side_by_side(encoder, UNIT),
        assumptions(plan.assumptions),
        Part(
            id="provenance",
            title="Provenance",
            blocks=(
                Table(
                    caption="What made this plan",
                    head=(Column(text="What"), Column(text="Value")),
                    rows=tuple(Row(cells=line) for line in lines),
                ),
                inputs_table(made.inputs),
            ),
        ),
    )
    return folded_method(encoder.decision.strategy, parts)


def _cost(encoder: Encoder) -> str:
    cost, top = encoder.cost, encoder.truncate_at
    if cost.unit == "token":
        return (
            "Cost: one text at a length of S tokens counts S, so compute is in tokens "
            f"({cost.source}). It says how much is padded, not how long it takes."
        )
    linear, square = cost.a * top, cost.b * top**2
    return (
        f"Cost: one text at length S takes f(S) = c + a * S + b * S^2, with c = "
        f"{significant(cost.fixed, 6)}, a = {significant(cost.a, 6)} and b = "
        f"{significant(cost.b, 6)} {cost.unit} ({cost.source}). At {top:,} tokens that is "
        f"{compute(cost.fixed + linear + square, cost.unit)}, "
        f"{compute(square, cost.unit)} of it attention. Compute is arithmetic, not time: "
        "a device may be bound by memory instead."
    )


def _grounds(plan: EncoderPlan) -> Table:
    """Return what the page stands on, the surest first."""

    def values(status: str) -> Sequence[str]:
        return [
            f"{row.name} {row.value}"
            for row in plan.assumptions
            if row.status == status
        ]

    rows = (
        (MARKS["measured"], [read(plan).removesuffix("."), *values("measured")]),
        (MARKS["derived"], values("derived")),
        (MARKS["assumed"], values("assumed")),
    )
    return Table(
        caption="What it stands on",
        head=(Column(text="Mark"), Column(text="What")),
        rows=tuple(
            Row(cells=(mark, f"{'; '.join(said) or 'nothing'}.")) for mark, said in rows
        ),
    )


def _subtitle(plan: EncoderPlan) -> str:
    inputs = plan.provenance.inputs
    names = [shortened(record.name) for record in inputs if record.name][:MOST_NAMES]
    more = len(inputs) - len(names)
    if names and more:
        names.append(f"{more:,} more")
    said = ", ".join(names) or plural(len(inputs), "input")
    return f"From {plural(plan.traffic.texts, 'text')}: {said}."
