"""The first section of a comparison: who fails, who is cheapest, what to know."""

from __future__ import annotations

from bucketwise.core.comparison.outcome import Comparison
from bucketwise.core.in_unit import divided
from bucketwise.report.blocks import (
    Callout,
    Fact,
    Facts,
    Level,
    Section,
)
from bucketwise.report.comparison.words import (
    against,
    compute_head,
    deciding_cost,
    equals,
    failing,
    finding,
    listed,
    noun_in,
    share_of,
    shown_over,
    spent_in,
)
from bucketwise.words.numbers import (
    change,
    dotted,
    joined,
    number,
    percent,
    plural,
    plural_of,
    share_in_words,
    verb,
)

MOST_SHOWN = 8
"""Lengths written out among the key numbers."""


def decision(comparison: Comparison) -> Section:
    """Return what a reader with one minute reads."""
    callouts = (
        *_assumed(comparison),
        *_failures(comparison),
        *_cannot_compile(comparison),
        *_shrunk(comparison),
        *_unproven(comparison),
    )
    return Section(
        id="decision",
        title="Decision",
        finding=_finding(comparison),
        blocks=(*callouts, _facts(comparison)),
    )


def _finding(comparison: Comparison) -> str:
    said, model = finding(comparison), comparison.model
    if not model.assumed:
        return said
    if said.startswith(("No ", "Each ")):
        said = said[0].lower() + said[1:]
    return f"Assuming the model is {model.hf_id}: {said}"


def _assumed(comparison: Comparison) -> list[Callout]:
    model = comparison.model
    if not model.assumed:
        return []
    text = (
        f"No model was named, so {model.hf_id} stands for it. Another model cuts images "
        "into other patches; name yours with --model."
    )
    return [Callout(level="warning", mark="Model assumed.", text=text)]


def _failures(comparison: Comparison) -> list[Callout]:
    noun, found = noun_in(comparison), []
    fails = comparison.release.engine.overflow == "raises"
    level: Level = "danger" if fails else "warning"
    for each in comparison.ranked:
        if not each.overflow_images:
            continue
        needs = verb(each.overflow_images, "needs", "need")
        meets = (
            "the runtime raises an error instead of answering"
            if fails
            else f"{verb(each.overflow_images, 'it', 'they')} "
            f"{verb(each.overflow_images, *comparison.does)}"
        )
        text = (
            f"{plural(each.overflow_images, noun)} of {number(comparison.images)} "
            f"({share_in_words(each.overflow_share)}) {needs} more than its largest "
            f"length of {each.vit_max_seq_lens[-1]:,} ViT patches, up to "
            f"{each.largest_needed:,}; {meets}."
        )
        mark = f"{each.name} fails:" if fails else f"{each.name}:"
        found.append(Callout(level=level, mark=mark, text=text))
    return found


def _cannot_compile(comparison: Comparison) -> list[Callout]:
    align = comparison.model.align
    return [
        Callout(
            level="danger",
            mark=f"{each.name} cannot be compiled:",
            text=f"{joined(each.unaligned)} {verb(len(each.unaligned), 'is', 'are')} no "
            f"{'multiple' if len(each.unaligned) == 1 else 'multiples'} of {align}, as "
            f"{comparison.model.hf_id} demands.",
        )
        for each in comparison.outcomes
        if each.unaligned
    ]


def _shrunk(comparison: Comparison) -> list[Callout]:
    """Say whom each makes smaller, where they differ in it."""
    shrunk = {each.shrunk_images for each in comparison.outcomes}
    if len(shrunk) == 1:
        return []
    noun = noun_in(comparison)
    told = [
        f"{each.name} {plural(each.shrunk_images, noun)} "
        f"({percent(each.shrunk_share)}, max_pixels {each.max_pixels:,})"
        for each in comparison.outcomes
    ]
    text = (
        f"{listed(told)}. A smaller image costs less and shows less; the compute below "
        "is under the lowest limits of all, and does not tell the two apart."
    )
    mark = f"Not the same {plural_of(noun)} are made smaller:"
    return [Callout(level="warning", mark=mark, text=text)]


def _unproven(comparison: Comparison) -> list[Callout]:
    engine = comparison.release.engine
    most = divided(
        engine.largest_published, engine.patches_per_length(comparison.profile)
    )
    long = [
        each.name for each in comparison.outcomes if each.vit_max_seq_lens[-1] > most
    ]
    if not long:
        return []
    text = (
        f"{listed(long)} {verb(len(long), 'compiles', 'compile')} a graph above "
        f"{most:,} ViT patches, the largest length of any published "
        "configuration; nobody has shown that such a graph compiles."
    )
    return [Callout(level="warning", mark="Unproven length:", text=text)]


def _facts(comparison: Comparison) -> Facts:
    best, noun = comparison.ranked[0], noun_in(comparison)
    names = listed([each.name for each in equals(comparison)])
    lengths = best.vit_max_seq_lens
    many = f"{len(lengths):,} lengths up to {lengths[-1]:,}"
    items = [
        Fact(
            label=f"The fewest {comparison.does[1]}, then costs least",
            value=names,
            note=f"{failing(best, noun)} {verb(best.overflow_images, *comparison.does)}"
            if best.overflow_images
            else f"no {noun} {comparison.does[0]}",
            wide=True,
        ),
        Fact(
            label=f"{best.name} compiles",
            value=dotted(lengths) if len(lengths) <= MOST_SHOWN else many,
            note="ViT patches",
            wide=True,
        ),
    ]
    items += _costs(comparison)
    items.append(
        Fact(
            label="Waste",
            value=percent(best.waste),
            note="of what it computes, over all it serves",
        )
    )
    if best.optimum:
        graphs = plural(len(best.vit_max_seq_lens), "graph")
        items.append(
            Fact(
                label="Possible saving",
                value=percent(best.optimum.possible_saving),
                note=f"at most, by the exact optimum with {graphs}",
            )
        )
    return Facts(items=tuple(items))


def _costs(comparison: Comparison) -> list[Fact]:
    """Return what the best costs, against those it is told against."""
    best, over = comparison.ranked[0], comparison.deciding
    noun = noun_in(comparison)
    if not over.images:
        return []
    other, cost = against(comparison), deciding_cost(best)
    found = [
        Fact(
            label=compute_head(comparison),
            value=spent_in(comparison, cost / shown_over(comparison, over)),
            note=f"over {share_of(comparison, over)}",
        ),
        Fact(
            label=f"Against {other.name}",
            value=change(deciding_cost(other), cost),
            note=f"ViT compute, on the same {plural_of(noun)}",
        ),
    ]
    first, shared = comparison.first, comparison.compared
    if first.deciding_compute is None and shared.images:
        found.append(
            Fact(
                label=f"Against {first.name}",
                value=change(first.compared_compute, best.compared_compute),
                note=f"ViT compute, on the {plural(shared.images, noun)} that all serve",
            )
        )
    return found
