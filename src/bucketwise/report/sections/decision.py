"""What to compile, what it saves, and how sure that is: the first screen."""

from __future__ import annotations

from typing import Literal

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Call, Current, Verdict, Visual
from bucketwise.core.verdict import CALLS
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import LEGEND, UNIT, noun_of
from bucketwise.report.sections.before_after import before_after
from bucketwise.report.sections.sureness import how_sure
from bucketwise.words.numbers import (
    compared,
    dotted,
    joined,
    literal,
    plural,
    share_in_words,
    verb,
)

LEVELS: dict[Call, Literal["note", "warning", "danger"]] = {
    "go": "note",
    "go_if": "warning",
    "keep": "note",
    "no": "danger",
}
"""How loud a verdict is."""


def decision(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return the section that a reader with one minute reads."""
    visual = analysis.plan.visual
    blocks: list[Block] = [verdict_callout(analysis.plan.verdict)]
    if visual.bucket_unit == "merged_patches":
        blocks.append(merged_callout(visual))
    blocks += [
        how_sure(analysis),
        before_after(analysis, inputs),
        Paragraph(text=LEGEND),
        _lists(analysis),
        Paragraph(text=_counts(visual) if visual.soft_tokens else _units(analysis)),
    ]
    return Section(
        id="decision",
        title="Decision",
        finding=_finding(analysis, visual),
        blocks=tuple(blocks),
    )


def verdict_callout(verdict: Verdict) -> Callout:
    """Return what to do, with every reason and what to type to change it."""
    reasons = (
        f"{each.words} ({each.option})" if each.option else each.words
        for each in verdict.reasons
    )
    return Callout(
        level=LEVELS[verdict.call],
        mark=f"Verdict: {CALLS[verdict.call]}.",
        text=" ".join(reasons),
    )


def merged_callout(visual: Visual) -> Callout:
    """Return the loud word on lists in the unit no runtime compares."""
    merged, vit = visual.merged_max_seq_lens, visual.vit_max_seq_lens
    text = (
        f"As asked, the lists hold merged patches ({dotted(merged)}). Every released "
        f"runtime compares ViT patches ({dotted(vit)}), so a graph compiled from these "
        f"lists takes only images of up to {merged[-1]:,} {UNIT} and raises an error "
        "for every larger one."
    )
    return Callout(level="danger", mark="Not the unit the runtime compares.", text=text)


def _finding(analysis: Analysis, visual: Visual) -> str:
    model = analysis.plan.model
    opening = (
        f"Assuming the model is {model.hf_id}, because none was named: "
        if model.assumed
        else ""
    )
    fails = ""
    if visual.current is not None:
        fails = f"{_failing(visual.current, analysis)}; "
    k = len(visual.vit_max_seq_lens)
    graphs = f"compile {plural(k, 'ViT graph')}, of {joined(visual.vit_max_seq_lens)} "
    decoder = analysis.plan.decoder
    decodes = ""
    if decoder is not None:
        sizes = joined(decoder.decoder_batch_sizes)
        decodes = f", and decoder graphs for {sizes} sequences"
        if len(decoder.decoder_batch_sizes) == 1:
            decodes = (
                f", and one decoder graph for {plural(decoder.batch_size, 'sequence')}"
            )
    unit = "soft tokens" if visual.soft_tokens else "patches"
    text = f"{opening}{fails}{graphs}{unit}{decodes}{_saving(visual)}."
    return text[0].upper() + text[1:]


def _failing(current: Current, analysis: Analysis) -> str:
    noun = noun_of(analysis)
    if not current.overflow_images:
        return f"no {noun} fails today"
    images = plural(current.overflow_images, noun)
    share = share_in_words(current.overflow_share)
    return f"{images} ({share}) {verb(current.overflow_images, 'fails', 'fail')} today"


def _saving(visual: Visual) -> str:
    """Return what the ViT saves: against today, or one graph where that saves nothing."""
    current, said = visual.current, []
    one, proposed = visual.one_graph_compute, visual.padded_compute
    if current is not None and current.padded_compute_served > 0:
        before, after = (
            current.padded_compute_served,
            current.proposed_compute_on_served,
        )
        served = " on what it serves" if current.overflow_images else ""
        said.append(compared(before, after, "ViT compute", f"today{served}"))
        one = one if after > before else 0.0
    if len(visual.vit_max_seq_lens) > 1 and one:
        said.insert(0, compared(one, proposed, "ViT compute", "one graph"))
    return f": {', and '.join(said)}" if said else ""


def _lists(analysis: Analysis) -> Table:
    plan = analysis.plan
    visual = plan.visual
    is_merged = visual.bucket_unit == "merged_patches"
    caption = f"What to write inside visual, in {_unit(is_merged)}"
    if plan.visual_by_target:
        caption += (
            ". The lists differ because releases before 0.12.0 count one more attention "
            "window; the rest of this report is for the newest"
        )
    if visual.soft_tokens:
        return _nested_lists(analysis)
    head = (
        Column(text=analysis.release.engine.sdk),
        Column(text="Setting", style="code"),
        Column(text=f"The same in {_unit(not is_merged)}", style="number"),
    )
    rows = []
    for each in analysis.release.engine.lists_to_set(plan):
        half = plan.visual_for(each.last)
        other = half.vit_max_seq_lens if is_merged else half.merged_max_seq_lens
        setting = f'"{each.key}": {literal(each.lengths)}'
        rows.append(Row(cells=(each.releases, setting, dotted(other))))
    if not rows:
        other = visual.vit_max_seq_lens if is_merged else visual.merged_max_seq_lens
        setting = f'"max_seq_len": {literal(visual.max_seq_lens)}'
        rows.append(Row(cells=("none so far", setting, dotted(other))))
    return Table(caption=caption, head=head, rows=tuple(rows))


def _nested_lists(analysis: Analysis) -> Table:
    """Return both lists of a family that compares soft tokens, and where they stand."""
    settings = analysis.release.engine.nested_lists(analysis.plan)
    return Table(
        caption="What to write, in soft tokens",
        head=(Column(text="Inside"), Column(text="Setting", style="code")),
        rows=tuple(
            Row(cells=(level, f'"{name}": {literal(found)}'))
            for level, name, found in settings
        ),
    )


def _counts(visual: Visual) -> str:
    """Say what the two lists are compared with."""
    return (
        f"The ViT takes max_soft_tokens {literal(visual.soft_tokens)} exactly, padded: "
        "whatever a processor scales to must be among them. A run of an image's own "
        "tokens in the prompt takes the least length that holds it."
    )


def _unit(is_merged: bool) -> str:
    return "merged patches" if is_merged else UNIT


def _units(analysis: Analysis) -> str:
    model = analysis.plan.model
    area = model.merge_size**2
    return (
        f"Released runtimes compare ViT patches, before {area} of them merge into one "
        "token. Vendor documents up to 0.11 say merged patches of the same setting; a "
        f"list in that unit holds images of {ordinal(area)} of the area."
    )


def ordinal(area: int) -> str:
    """Return one part of so many, in words."""
    return {4: "a quarter", 9: "a ninth"}.get(area, f"1/{area}")
