"""A plan for vLLM: which images share a replay, judged beside what vLLM would do by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import lcm

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.batches import RunTogether
from bucketwise.core.decoder.beside_own import OwnSizes, beside_own
from bucketwise.core.decoder.decoder_plan import OTHER_BATCH_SIZE
from bucketwise.core.optimize import EXACT
from bucketwise.core.options import PlanOptions
from bucketwise.core.patching import count_patches
from bucketwise.core.plan import (
    Assumption,
    Current,
    Found,
    Packing,
    Plan,
    Reason,
    Replayed,
)
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.vllm.base_config import OWN_REQUESTS, VllmBase
from bucketwise.engines.vllm.choosing import Range, calls_sent, choose, merged_tokens
from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.model_classes import sharing_of
from bucketwise.engines.vllm.releases import ITEMS, RENAMED_ITEMS, items_key
from bucketwise.engines.vllm.replay import Calls, replay
from bucketwise.engines.vllm.variants import VARIANTS
from bucketwise.nouns.engine import Target, parse_version
from bucketwise.nouns.together import STEP_MS
from bucketwise.words.numbers import less, literal, number, percent, plural

_FOUND: dict[Found, str] = {
    "exact": "Each image runs alone, and no list of as many budgets computes less.",
    "local search": "Which images share a replay depends on the list: a local search "
    "found this one, not proven the best.",
    "as asked": "The list is as asked for, and each image runs alone.",
}


def base_to_emit(
    analysis: Analysis, base: object, targets: Sequence[Target]
) -> VllmBase:
    """Return what stands beside the lists, the longest clip of the traffic among it."""
    del targets
    own = base if isinstance(base, VllmBase) else analysis.base
    counts = analysis.counts
    clips = counts.grid_t[counts.sizes.frames > 0]
    started = own if isinstance(own, VllmBase) else VllmBase()
    return replace(started, frames=int(clips.max(initial=0)))


def items_to_set(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return the limit of images in a replay, where several share one."""
    if plan.packing is None or plan.packing.plan.max_items == 1:
        return ()
    [*_, newest] = plan.provenance.options["target"]
    key = items_key(parse_version(newest.partition("==")[2]))
    return ((key, str(plan.packing.plan.max_items)),)


def run_together(
    analysis: Analysis, base: object, question: PlanOptions, targets: Sequence[Target]
) -> RunTogether | None:
    """Choose budgets for images that came together; None where each runs alone.

    A strategy or a budget that was asked for knows of single images alone; clips share no
    replay, for each would widen it by all its frames; and where images are cut into tiles
    or lines, a replay computes other rows than its budget.
    """
    together, sizes = analysis.traffic.calls, analysis.counts.sizes
    asked = question.strategy != EXACT or question.budgets.is_any
    sharing = sharing_of(analysis.profile)
    apart = (sizes.frames > 0).any() or sharing.tile or sharing.line
    if not len(together) or asked or apart:
        return None
    settings, visual = base_to_emit(analysis, base, targets), analysis.plan.visual
    tokens = merged_tokens(analysis.counts)
    sent = calls_sent(sizes, tokens, together, settings.call_tokens)
    scale = analysis.profile.lengths_per_merged
    span = Range(
        most=settings.call_tokens,
        sharing=sharing,
        align=lcm(question.align_for(analysis.profile), scale) // scale,
        pins=tuple(pin // scale for pin in question.pins),
    )
    k = len(visual.vit_max_seq_lens)
    graphs = choose(sent.calls, targets[-1].parsed, k, span).graphs
    if graphs.max_items == 1:
        found = _packing(analysis, settings, targets[-1], "local search")
        return RunTogether(packing=found)
    return RunTogether(
        batches=sent.batches(graphs),
        lengths=tuple(budget * scale for budget in graphs.budgets),
        align=graphs.max_items * scale,
        packing=_packing(analysis, settings, targets[-1], "local search", graphs),
    )


def _packing(
    analysis: Analysis,
    settings: VllmBase,
    target: Target,
    found: Found,
    graphs: EncoderGraphs | None = None,
) -> Packing:
    """Replay the calls of the traffic on a list, and on what vLLM would infer."""
    together, tokens = analysis.traffic.calls, merged_tokens(analysis.counts)
    calls = calls_sent(
        analysis.counts.sizes, tokens, together, settings.call_tokens
    ).calls
    graphs = graphs or EncoderGraphs(
        release=target.parsed,
        budgets=analysis.plan.visual.merged_max_seq_lens,
        max_items=1,
        max_frames=settings.frames if target.parsed >= RENAMED_ITEMS else 0,
        sharing=sharing_of(analysis.profile),
    )
    span = Range(most=settings.call_tokens, sharing=graphs.sharing)
    default = span.default(target.parsed)
    return Packing(
        found=found,
        told=together.told if len(together) else (),
        calls=float(calls.count.sum()),
        images=float((calls.count * calls.n_images).sum()),
        most_images=calls.most_images,
        plan=_replayed(calls, graphs),
        default=_replayed(calls, default),
    )


def _replayed(calls: Calls, graphs: EncoderGraphs) -> Replayed:
    bill = replay(calls, graphs)
    return Replayed(
        merged_max_seq_lens=graphs.budgets,
        max_items=graphs.max_items,
        hits=bill.hits,
        misses=bill.misses,
        replays=bill.replays,
        computed=bill.computed,
        rows=bill.rows,
        padded_rows=bill.padded_rows,
        waste=bill.waste,
    )


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge a plan, and say what vLLM's own lists would do on the same calls."""
    settings = base_to_emit(analysis, base, targets)
    plan = analysis.plan
    packing = plan.packing
    if packing is None:
        # One image a replay: what runs together depends on no list.
        exact = plan.visual.decision.strategy == EXACT and not plan.budgets
        found: Found = "exact" if exact else "as asked"
        packing = _packing(analysis, settings, targets[-1], found)
    visual = replace(plan.visual, current=_beside_today(analysis, settings, packing))
    plan = replace(plan, packing=packing, visual=visual)
    reasons = [*_beside_default(packing, targets[-1])]
    if plan.decoder:
        variant = VARIANTS[targets[-1].sdk]
        own = OwnSizes(
            key=variant.sizes_key,
            sizes=variant.own_sizes(plan.decoder.batch_size),
            one_more=variant.one_more,
            stays=f"those above {plan.decoder.batch_size} stay for steps that mix in "
            "prefill",
        )
        kept, reason = beside_own(plan.decoder, analysis.steps, own, min_saving)
        plan = replace(plan, decoder=kept)
        reasons.append(reason)
    rows = (
        Assumption(name=name, value=value, status="assumed", source=source)
        for name, value, _, source in (*settings.assumptions(), _call(packing))
        if all(each.name != name for each in plan.assumptions)
    )
    asked = plan.provenance.options.get("batch_size")
    slots = Assumption(
        name="max_num_seqs",
        value=str(OWN_REQUESTS),
        status="assumed",
        source="vLLM's own on a GPU of less than 70 GiB (engine/arg_utils.py); "
        "--batch-size sets it",
    )
    told = (slots,) if plan.decoder and asked is None else ()
    # Nothing is compiled for max_num_seqs: fewer would save nothing.
    warnings = tuple(each for each in plan.warnings if each.id != OTHER_BATCH_SIZE)
    plan = replace(
        plan,
        assumptions=(*plan.assumptions, *rows, *told),
        warnings=warnings,
    )
    engine = analysis.release.engine
    patches = engine.patches_per_length(analysis.profile)
    grounds = Grounds(min_saving=min_saving, overflow="eager", patches=patches)
    verdict = verdict_of(plan, grounds)
    said = sorted((*verdict.reasons, *reasons), key=lambda each: each.id == "saving")
    verdict = replace(verdict, reasons=tuple(said))
    return replace(analysis, plan=replace(plan, verdict=verdict), base=settings)


def _beside_today(
    analysis: Analysis, settings: VllmBase, packing: Packing
) -> Current | None:
    """Price what both lists serve by replay; today's has one image a replay."""
    current, counts = analysis.plan.visual.current, analysis.counts
    if current is None or packing.plan.max_items == 1:
        return current
    image = replace(
        analysis.preprocessing.image,
        min_pixels=min(analysis.preprocessing.image.min_pixels, current.min_pixels),
        max_pixels=current.compared_max_pixels,
    )
    limits = replace(analysis.preprocessing, image=image)
    tokens = merged_tokens(count_patches(counts.sizes, analysis.profile, limits))
    scale, ours = analysis.profile.lengths_per_merged, packing.plan
    top = min(current.max_seq_lens[-1] // scale, ours.merged_max_seq_lens[-1])
    calls = calls_sent(
        counts.sizes,
        np.where(tokens <= top, tokens, 0),
        analysis.traffic.calls,
        settings.call_tokens,
    ).calls
    graphs = EncoderGraphs(
        release=analysis.release.version,
        budgets=ours.merged_max_seq_lens,
        max_items=ours.max_items,
        sharing=sharing_of(analysis.profile),
    )
    after = replay(calls, graphs).computed * analysis.plan.visual.cost.a * scale
    return replace(
        current,
        proposed_compute_on_served=after,
        saving=less(current.padded_compute_served, after),
    )


def _call(packing: Packing) -> tuple[str, str, str, str]:
    """Return what a call of the encoder was taken to be: name, value, status, source."""
    n_shared = packing.plan.max_items
    source = f"{ITEMS} {n_shared}: images that come together " + (
        "run one after another" if n_shared == 1 else f"share replays, up to {n_shared}"
    )
    return ("a call of the encoder", _came(packing), "assumed", source)


def _came(packing: Packing) -> str:
    """Return which images one call holds, in words."""
    if "arrivals" in packing.told:
        step = f"images that came within {STEP_MS} ms, taken for one step of the engine"
        return f"{step}, or in one request" if "requests" in packing.told else step
    return "the images of one request" if packing.told else "one image"


def _beside_default(packing: Packing, target: Target) -> Iterator[Reason]:
    """Yield how the list was found, what it does, and what vLLM's own would do."""
    ours, own = packing.plan, packing.default
    several = packing.most_images > 1
    larger = less(own.computed, ours.computed)
    said = f"{percent(larger)} fewer rows than" if larger > 0 else "no fewer rows than"
    how = "On the calls as they came" if several else "One image a call"
    items = f" with up to {own.max_items} images a replay" if several else ""
    exact = ", the exact optimum," if packing.found == "exact" and not several else ""
    yield Reason(
        id="default-list",
        severity="note",
        words=f"{how}, the budgets {literal(ours.merged_max_seq_lens)}{exact} compute "
        f"{said} {literal(own.merged_max_seq_lens)}{items}, which {target.name} infers "
        f"where only the switch is set: {percent(ours.waste)} of the rows are padding "
        f"instead of {percent(own.waste)}. Without the switch, as by default, none are, "
        "and every image pays its launches.",
    )
    if several:
        yield Reason(
            id="packing",
            severity="note",
            words=f"They are {plural(packing.calls, 'call')} of up to "
            f"{plural(packing.most_images, 'image')}, each {_came(packing)}. "
            f"{_FOUND[packing.found]} With up to {plural(ours.max_items, 'image')} a "
            f"replay {plural(ours.hits, 'image')} ran in {plural(ours.replays, 'replay')} "
            f"and {number(ours.misses)} without a graph; {number(ours.padded_rows)} of "
            f"{number(ours.rows)} rows held no image.",
        )
    if ours.misses:
        yield Reason(
            id="runs-eagerly",
            severity="note",
            words=f"{plural(ours.misses, 'image')} of {number(packing.images)} "
            "are larger than every budget and run without a graph.",
        )
