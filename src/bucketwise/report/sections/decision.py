"""What to compile, what it saves, and what to know before doing so."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.analysis import Analysis
from bucketwise.numbers import (
    change,
    compared,
    dotted,
    joined,
    number,
    percent,
    plural,
    plural_of,
    share_in_words,
    verb,
)
from bucketwise.plan import Current, Visual
from bucketwise.rbln.model_classes import first_release, serving_targets
from bucketwise.rbln.targets import TARGETS
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Fact,
    Facts,
    Folded,
    Row,
    Section,
    Table,
)
from bucketwise.report.reading import (
    UNIT,
    images_accepted,
    noun_of,
    setting_text,
    spent,
    with_one_graph,
)
from bucketwise.report.sections.decoder import decoder_facts

KEYS = (
    ("max_seq_lens", "optimum-rbln up to 0.10.3"),
    ("max_seq_len", "optimum-rbln from 0.10.4"),
)
"""The two names of the list (`bucket_key` of each target)."""


def decision(analysis: Analysis) -> Section:
    """Return the section that a reader with one minute reads."""
    visual = analysis.plan.visual
    blocks: list[Block] = [*_callouts(analysis), _key_facts(analysis)]
    blocks.append(_lists(analysis))
    blocks.extend(_warnings(analysis))
    return Section(
        id="decision",
        title="Decision",
        finding=_finding(analysis, visual),
        blocks=tuple(blocks),
    )


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
    text = f"{opening}{fails}{graphs}patches{_saving(visual)}."
    return text[0].upper() + text[1:]


def _failing(current: Current, analysis: Analysis) -> str:
    noun = noun_of(analysis)
    if not current.overflow_images:
        return f"no {noun} fails today"
    images = plural(current.overflow_images, noun)
    share = share_in_words(current.overflow_share)
    return f"{images} ({share}) {verb(current.overflow_images, 'fails', 'fail')} today"


def _saving(visual: Visual) -> str:
    parts = []
    one = with_one_graph(visual)
    if one is not None and len(visual.vit_max_seq_lens) > 1:
        against = (one.padded_compute, visual.padded_compute)
        parts.append(compared(*against, "ViT compute", "one graph"))
    current = visual.current
    if current is not None and current.padded_compute_served > 0:
        before, after = (
            current.padded_compute_served,
            current.proposed_compute_on_served,
        )
        served = " on what it serves" if current.overflow_images else ""
        parts.append(compared(before, after, "ViT compute", f"today{served}"))
    return f": {' and '.join(parts)}" if parts else ""


def _callouts(analysis: Analysis) -> list[Callout]:
    """Return what must be read before the numbers, the assumed model first."""
    plan, found = analysis.plan, []
    if plan.model.assumed:
        text = (
            f"No model was named, so {plan.model.hf_id} stands for it. Another model "
            "cuts images into other patches; name yours with --model."
        )
        found.append(Callout(level="warning", mark="Model assumed.", text=text))
    current = plan.visual.current
    if current is not None and current.overflow_images:
        found.append(_failure(current, analysis))
    if plan.visual.bucket_unit == "merged_patches":
        found.append(merged_callout(plan.visual))
    return found


def _failure(current: Current, analysis: Analysis) -> Callout:
    noun = noun_of(analysis)
    text = (
        f"{plural(current.overflow_images, noun)} of "
        f"{number(images_accepted(analysis))} "
        f"({share_in_words(current.overflow_share)}) "
        f"{verb(current.overflow_images, 'needs', 'need')} more than today's largest "
        f"length of {current.max_seq_lens[-1]:,} {UNIT}; the runtime raises an error "
        "instead of answering."
    )
    return Callout(level="danger", mark="Failing today:", text=text)


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


def _key_facts(analysis: Analysis) -> Facts:
    plan, visual = analysis.plan, analysis.plan.visual
    limits = visual.processor
    compile_ = Fact(
        label="Compile",
        value=dotted(visual.vit_max_seq_lens),
        note=UNIT,
        wide=True,
    )
    compute_ = Fact(
        label="ViT compute",
        value=spent(visual.padded_compute, visual),
        note=f"for the {plural(plan.traffic.runs, 'ViT run')} read",
    )
    waste = Fact(
        label="Waste", value=percent(visual.waste), note="of that compute is padding"
    )
    processor = Fact(
        label="Set on the processor: min_pixels and max_pixels",
        value=f"{limits.min_pixels:,} and {limits.max_pixels:,}",
        note=_limit_note(analysis),
        wide=True,
    )
    return Facts(
        items=(
            *_failing_fact(analysis),
            compile_,
            compute_,
            waste,
            *_against(analysis),
            _shrunk(analysis),
            processor,
            *decoder_facts(analysis),
        )
    )


def _failing_fact(analysis: Analysis) -> list[Fact]:
    current = analysis.plan.visual.current
    if current is None:
        return []
    note = "every one fits a length compiled today"
    if current.overflow_images:
        note = share_in_words(current.overflow_share)
    value = plural(current.overflow_images, noun_of(analysis))
    return [Fact(label="Failing today", value=value, note=note)]


def _against(analysis: Analysis) -> list[Fact]:
    visual = analysis.plan.visual
    facts: list[Fact] = []
    current, one = visual.current, with_one_graph(visual)
    if current is not None and current.padded_compute_served > 0:
        before, after = (
            current.padded_compute_served,
            current.proposed_compute_on_served,
        )
        facts.append(
            Fact(
                label="Against today",
                value=change(before, after),
                note=f"ViT compute, on the {plural_of(noun_of(analysis))} both serve",
            )
        )
    if one is not None and len(visual.vit_max_seq_lens) > 1:
        facts.append(
            Fact(
                label="Against one graph",
                value=change(one.padded_compute, visual.padded_compute),
                note=f"ViT compute, one length of {one.vit_max_seq_lens[-1]:,}",
            )
        )
    return facts


def _shrunk(analysis: Analysis) -> Fact:
    visual = analysis.plan.visual
    note = "none is made smaller by the upper limit"
    if visual.shrunk_images:
        note = f"{share_in_words(visual.shrunk_share)}, by the upper limit"
    value = plural(visual.shrunk_images, noun_of(analysis))
    return Fact(label="Shrunk", value=value, note=note)


def _limit_note(analysis: Analysis) -> str:
    model, processor = analysis.plan.model, analysis.plan.visual.processor
    if processor.max_pixels == model.max_pixels:
        return "the limit in force"
    return f"lowered from {model.max_pixels:,}; shrinks no image further"


def _lists(analysis: Analysis) -> Table:
    plan = analysis.plan
    head = [Column(text="Release"), Column(text="Set inside visual", style="code")]
    merged = plan.visual.bucket_unit == "merged_patches"
    unit = "merged patches" if merged else UNIT
    caption = f"What to write into the configuration, in {unit}"
    if plan.visual_by_target:
        rows = [
            Row(
                cells=(
                    TARGETS[version].covers if version in TARGETS else version,
                    setting_text(_key_for(version), visual),
                )
            )
            for version, visual in plan.visual_by_target.items()
        ]
        caption += ". The lists differ because releases before 0.12.0 count one more "
        caption += "attention window; the rest of this report is for the newest."
    else:
        rows = [
            Row(cells=(releases, setting_text(key, plan.visual)))
            for key, releases in _keys(plan.model.family)
        ]
    return Table(caption=caption, head=tuple(head), rows=tuple(rows))


def _keys(family: str) -> Sequence[tuple[str, str]]:
    """Return the names of the list that releases with the model's class take."""
    serving = serving_targets(family)
    if not serving:
        return [(KEYS[-1][0], f"none up to {list(TARGETS)[-1]}")]
    if serving[0].bucket_key == KEYS[0][0]:
        return KEYS
    return [(KEYS[-1][0], f"optimum-rbln from {first_release(serving[0], family)}")]


def _key_for(version: str) -> str:
    target = TARGETS.get(version)
    return target.bucket_key if target else KEYS[-1][0]


def _warnings(analysis: Analysis) -> list[Block]:
    """Return the plan's warnings; those only other releases have stand folded."""
    plan = analysis.plan
    loud: list[Block] = [_warning(text) for text in plan.visual.warnings]
    releases: dict[str, list[str]] = {}
    for version, visual in plan.visual_by_target.items():
        for text in visual.warnings:
            if text not in plan.visual.warnings:
                releases.setdefault(text, []).append(version)
    if not releases:
        return loud
    others = tuple(
        _warning(f"On optimum-rbln {', '.join(versions)}: {text}")
        for text, versions in releases.items()
    )
    summary = f"Other releases: {plural(len(others), 'warning')}"
    return [*loud, Folded(summary=summary, blocks=others)]


def _warning(text: str) -> Callout:
    return Callout(level="warning", mark="Warning:", text=text)
