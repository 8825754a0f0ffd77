"""What to compile, what it saves, whether it fits, and how sure: the first screen."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.memory import fit_in_words
from bucketwise.core.plan import Call, Current, Plan, Verdict, Visual, sizes_to_set
from bucketwise.core.verdict import CALLS
from bucketwise.nouns.engine import OVERFLOWS
from bucketwise.report.before_after import (
    before_after,
    minutes,
)
from bucketwise.report.blocks import (
    Block,
    Callout,
    Drawing,
    Fact,
    Facts,
    Level,
    Opening,
    Paragraph,
    Section,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.figures.lengths import PATCHES, Other, lengths_drawing
from bucketwise.report.plan_queries import LEGEND, UNIT, demand_of, noun_of
from bucketwise.report.sections.memory import limits_of_fixed
from bucketwise.report.sentences import pace
from bucketwise.report.settings import settings_table
from bucketwise.report.sureness import how_sure
from bucketwise.words.numbers import (
    change,
    dotted,
    joined,
    memory,
    number,
    percent,
    plural,
    plural_of,
)

LEVELS: dict[Call, Level] = {
    "go": "good",
    "go_if": "warning",
    "keep": "note",
    "no": "danger",
}
"""How loud a verdict is."""

FIT_LEVELS: dict[str, Level] = {"fits": "good", "close": "warning"}
"""How loud it is that a configuration fits; in other words it does not."""


def decision(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return the section that a reader with one minute reads."""
    plan, engine = analysis.plan, analysis.release.engine
    if not engine.runs_on_lengths(analysis.profile):
        return Section(
            id="decision",
            title="Decision",
            finding=finding(analysis),
            blocks=(verdict_callout(plan.verdict), settings_table(plan, engine)),
        )
    blocks: list[Block] = [
        Opening(
            verdict=verdict_callout(plan.verdict),
            facts=Facts(
                items=(
                    _saved(plan),
                    _failing(analysis),
                    _fits(analysis, inputs),
                    _graphs(analysis),
                )
            ),
            drawing=headline(analysis),
            sure=how_sure(analysis),
            beside=(
                limits_of_fixed(plan.visual)
                if engine.no_lengths
                else settings_table(plan, engine),
            ),
        )
    ]
    if plan.visual.bucket_unit == "merged_patches":
        blocks.append(merged_callout(plan.visual))
    blocks += [before_after(analysis, inputs), Paragraph(text=LEGEND)]
    return Section(
        id="decision",
        title="Decision",
        finding=finding(analysis),
        blocks=tuple(blocks),
    )


def headline(analysis: Analysis) -> Drawing:
    """Return the lengths over what the traffic needs, against today or one graph."""
    visual = analysis.plan.visual
    lengths, current = visual.vit_max_seq_lens, visual.current
    other = Other(lengths[-1:], "with one graph", today=False)
    if current is not None:
        other = Other(current.max_seq_lens, "at today's lengths", today=True)
    seen_against = other if other.lengths != lengths else None
    return lengths_drawing(
        demand_of(analysis), lengths, visual.cost, PATCHES, seen_against
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


def finding(analysis: Analysis) -> str:
    """Return what to compile in one sentence."""
    model, visual, decoder = (
        analysis.plan.model,
        analysis.plan.visual,
        analysis.plan.decoder,
    )
    opening = (
        f"Assuming the model is {model.hf_id}, because none was named: "
        if model.assumed
        else ""
    )
    advised = analysis.plan.verdict.call in ("go", "go_if")
    k = len(visual.vit_max_seq_lens)
    merged = analysis.release.engine.patches_per_length(analysis.profile) > 1
    unit = (
        "soft tokens"
        if visual.soft_tokens
        else ("merged patches" if merged else "patches")
    )
    graphs = f"{plural(k, 'ViT graph')}, of {joined(visual.vit_max_seq_lens)} {unit}"
    decodes, engine = "", analysis.release.engine
    if engine.no_lengths:
        graphs = dotted(sizes_to_set(decoder))
        said = f" Decode graphs to set: {graphs} sequences." if graphs else ""
        return f"{opening}{engine.no_lengths}{said}"
    if decoder is not None and sizes_to_set(decoder):
        sizes = joined(decoder.decoder_batch_sizes)
        decodes = f", and decoder graphs for {sizes} sequences"
        if len(decoder.decoder_batch_sizes) == 1:
            decodes = (
                f", and one decoder graph for {plural(decoder.batch_size, 'sequence')}"
            )
    verb = "compile " if advised else "planned, not advised: "
    text = f"{opening}{verb}{graphs}{decodes}."
    return text[0].upper() + text[1:]


def _saved(plan: Plan) -> Fact:
    """Return the compute against today's, or against one graph."""
    visual, current, label = plan.visual, plan.visual.current, "ViT compute"
    padding = f"{percent(visual.waste)} of it is padding"
    if plan.savings is not None:
        padding = f"{pace(plan.savings.ms_an_image)}, measured"
    if current is not None and current.padded_compute_served > 0:
        served = f" on the {number(current.served_images)} it serves"
        said = change(current.padded_compute_served, current.proposed_compute_on_served)
        beside = f"than today{served if current.overflow_images else ''}; {padding}"
    elif len(visual.vit_max_seq_lens) > 1:
        said = change(visual.one_graph_compute, visual.padded_compute)
        beside = f"than one graph of {visual.vit_max_seq_lens[-1]:,}; {padding}"
    else:
        return Fact(
            label=label, value=f"{percent(visual.waste)} padding", note="with one graph"
        )
    good: Level = "good" if said.endswith("less") else "note"
    return Fact(label=label, value=said, note=beside, level=good)


def _failing(analysis: Analysis) -> Fact:
    """Return how many images fail today and as planned."""
    visual, noun = analysis.plan.visual, plural_of(noun_of(analysis))
    current, then = visual.current, visual.overflow_images
    outgrows = visual.overflow_possible > visual.vit_max_seq_lens[-1]
    _, several = OVERFLOWS[analysis.release.engine.overflow]
    note = f"a larger {noun_of(analysis)} could" if outgrows else "none can as planned"
    if analysis.release.engine.overflow == "shrinks":
        then, note = visual.shrunk_images, "by the limit in force"
    level: Level = "danger" if then else "note"
    if visual.bucket_unit == "merged_patches":
        note, level = "larger ones raise: the lists are in merged patches", "danger"
    if current is None:
        return Fact(
            label=f"{noun.capitalize()} that {several}",
            value=number(then),
            note=note,
            level=level,
        )
    return Fact(
        label=f"{noun.capitalize()} that {several}, today → planned",
        value=f"{_count(current)} → {number(then)}",
        note=f"{note}{_limit(current)}",
        level="danger" if current.overflow_images else level,
    )


def _count(current: Current) -> str:
    fails = current.overflow_images
    share = f" ({percent(current.overflow_share)})" if fails else ""
    return f"{number(fails)}{share}"


def _limit(current: Current) -> str:
    if not current.max_pixels_assumed or not current.overflow_images:
        return ""
    return "; today's max_pixels is assumed"


def _fits(analysis: Analysis, inputs: ReportInputs) -> Fact:
    """Return what the fullest device holds of its memory."""
    plan = inputs.memory
    unknown = "whether it fits is not known: no device was named"
    if plan is None and not analysis.plan.visual.has_masks:
        return Fact(label="Device memory", value="not known", note=unknown)
    if plan is None:
        lengths = analysis.plan.visual.vit_max_seq_lens
        masks = sum(map(analysis.release.engine.mask_bytes, lengths))
        return Fact(
            label="Attention masks",
            value=memory(masks),
            note=unknown,
        )
    held, fits = plan.fullest.device_bytes, fit_in_words(plan)
    assumed = ", assumed" if plan.device_assumed else ""
    return Fact(
        label=f"Device memory ({plan.device}{assumed})",
        value=f"{memory(held)} of {memory(plan.usable_bytes)}",
        note=fits if "estimate" in fits else f"{fits}, by estimate",
        level=FIT_LEVELS.get(fits, "danger"),
        filled=held / plan.usable_bytes,
    )


def _graphs(analysis: Analysis) -> Fact:
    """Return how many graphs to compile, and how long that takes where it is known."""
    plan, each = analysis.plan, analysis.graph_minutes
    current, decoder = plan.visual.current, plan.decoder
    n_vit = len(plan.visual.vit_max_seq_lens)
    n_decoder = len(decoder.decoder_batch_sizes) if decoder else 0
    time = "compile time unknown"
    if each is not None:
        taken = minutes(each.of(plan.visual.vit_max_seq_lens))
        time = f"{taken} for those of the ViT"
    if used := [each for each in plan.budgets if each.name == "compile"]:
        time = f"{minutes(used[0].used or 0.0)} of the {minutes(used[0].room)} allowed"
    today = f"{len(current.max_seq_lens)} ViT today; " if current else ""
    if analysis.release.engine.no_lengths:
        return Fact(label="Graphs", value=f"{n_vit} ViT", note="built in")
    return Fact(
        label="Graphs to compile",
        value=f"{n_vit} ViT" + (f" + {n_decoder} decoder" if decoder else ""),
        note=f"{today}{time}",
    )
