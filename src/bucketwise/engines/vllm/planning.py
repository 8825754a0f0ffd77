"""A plan for vLLM: judged beside what vLLM would do by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.beside_own import OwnSizes, beside_own
from bucketwise.core.decoder.decoder_plan import OTHER_BATCH_SIZE
from bucketwise.core.plan import Assumption, Reason
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.vllm.base_config import OWN_REQUESTS, VllmBase
from bucketwise.engines.vllm.choosing import Range, single_calls
from bucketwise.engines.vllm.emit import ONE_IMAGE, EmitContext
from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.model_classes import sharing_of
from bucketwise.engines.vllm.releases import ITEMS
from bucketwise.engines.vllm.replay import Call, replay
from bucketwise.engines.vllm.variants import VARIANTS
from bucketwise.nouns.engine import Target
from bucketwise.words.numbers import less, literal, number, percent, plural


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


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge a plan, and say what vLLM's own lists would do on the same calls."""
    settings = base_to_emit(analysis, base, targets)
    plan = analysis.plan
    reasons = [*_beside_default(analysis, settings, targets[-1])]
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
        for name, value, _, source in settings.assumptions()
        if all(each.name != name for each in plan.assumptions)
    )
    one = Assumption(
        name="a call of the encoder",
        value="one image",
        status="assumed",
        source=f"{ITEMS} {ONE_IMAGE}: images that come together run one after another",
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
        assumptions=(*plan.assumptions, *rows, one, *told),
        warnings=warnings,
    )
    engine = analysis.release.engine
    patches = engine.patches_per_length(analysis.profile)
    grounds = Grounds(min_saving=min_saving, overflow="eager", patches=patches)
    verdict = verdict_of(plan, grounds)
    said = sorted((*verdict.reasons, *reasons), key=lambda each: each.id == "saving")
    verdict = replace(verdict, reasons=tuple(said))
    return replace(analysis, plan=replace(plan, verdict=verdict), base=settings)


def calls_of_traffic(analysis: Analysis) -> tuple[Call, ...]:
    """Return calls of one image or clip each: traffic tells no more."""
    counts = analysis.counts
    used = counts.accepted & (counts.sizes.count > 0)
    tokens = counts.merged_patches * counts.grid_t
    return single_calls(tokens[used], counts.sizes.count[used])


def _beside_default(
    analysis: Analysis, base: VllmBase, target: Target
) -> Iterator[Reason]:
    """Yield what is padded, and what the list that vLLM would infer pads."""
    calls = calls_of_traffic(analysis)
    context = EmitContext(plan=analysis.plan, base=base, target=target)
    ours = EncoderGraphs(
        release=target.parsed,
        budgets=context.budgets,
        max_items=ONE_IMAGE,
        max_frames=context.frames,
        sharing=sharing_of(analysis.profile),
    )
    span = Range(most=base.call_tokens, sharing=ours.sharing)
    default = span.default(target.parsed)
    bill, own = replay(calls, ours), replay(calls, default)
    larger = less(own.computed, bill.computed)
    said = f"{percent(larger)} fewer rows than" if larger > 0 else "no fewer rows than"
    yield Reason(
        id="default-list",
        severity="note",
        words=f"One image a call, the budgets {literal(ours.budgets)} compute {said} "
        f"{literal(default.budgets)}, which {target.name} infers where only the switch is "
        f"set: {percent(bill.waste)} of the rows are padding instead of "
        f"{percent(own.waste)}. Without the switch, as by default, none are, and every "
        "image pays its launches.",
    )
    if bill.misses:
        yield Reason(
            id="runs-eagerly",
            severity="note",
            words=f"{plural(bill.misses, 'image')} of {number(bill.misses + bill.hits)} "
            "are larger than every budget and run without a graph.",
        )
