"""A plan for vllm-gaudi: judged beside what it would do by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Demand
from bucketwise.core.plan import (
    KEPT,
    Assumption,
    Decoder,
    DecoderDecision,
    Reason,
    Verdict,
)
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.gaudi.base_config import GaudiBase
from bucketwise.engines.gaudi.decode import decode_shapes, prepared
from bucketwise.engines.gaudi.model_classes import NO_LENGTHS
from bucketwise.engines.gaudi.releases import LENGTHS
from bucketwise.engines.gaudi.strategies import own_axes
from bucketwise.engines.gaudi.targets import GaudiTarget
from bucketwise.engines.gaudi.vision import PADS, counts_images, own_lengths, padded
from bucketwise.engines.gaudi.warming import Warmed, warmed
from bucketwise.nouns.engine import Target
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import less, literal, memory, number, percent, plural

MASKS = 2
"""Of an image: that of whole attention and that of windows, a byte for each pair of
patches (models/qwen2_5_vl.py, get_image_embeds)."""


def base_to_emit(
    analysis: Analysis, base: object, targets: Sequence[Target]
) -> GaudiBase:
    """Return what stands beside the lists, the resolutions to warm among it."""
    del targets
    own = base if isinstance(base, GaudiBase) else analysis.base
    started = own if isinstance(own, GaudiBase) else GaudiBase()
    family = analysis.profile.family
    default = () if counts_images(family) else own_lengths(family)
    pads = family in PADS
    chosen = warmed(
        analysis.counts,
        analysis.profile,
        analysis.preprocessing,
        analysis.plan.visual.vit_max_seq_lens if pads else default,
        default,
    )
    return replace(started, warmed=chosen)


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge a plan, and say what vllm-gaudi's own lists would do on the same images."""
    settings = base_to_emit(analysis, base, targets)
    plan, pads = analysis.plan, analysis.profile.family in PADS
    reasons = [*_lengths(analysis, pads=pads)]
    named = any(isinstance(t, GaudiTarget) and t.warms_resolutions for t in targets)
    if named and settings.warmed and settings.warmed.total:
        reasons.append(_resolutions(settings.warmed))
    if plan.decoder:
        kept, reason = _decoder(plan.decoder, analysis.steps, settings)
        plan = replace(plan, decoder=kept)
        reasons.append(reason)
    rows = (
        Assumption(name=name, value=value, status="assumed", source=source)
        for name, value, _, source in settings.assumptions()
        if plan.decoder
    )
    one = Assumption(
        name="a call of the encoder",
        value="one image",
        status="assumed",
        source="Qwen2.5-VL runs them one by one; of other models traffic tells no more, and "
        "several images of one grid are a graph more",
    )
    plan = replace(plan, assumptions=(*plan.assumptions, *rows, one))
    verdict = verdict_of(plan, Grounds(min_saving=min_saving, overflow="recompiles"))
    # Where nothing is padded no list is to be set, and no length saves anything.
    said = (*verdict.reasons, *reasons) if pads else tuple(reasons)
    verdict = Verdict(
        call=verdict.call if pads else "no",
        reasons=tuple(sorted(said, key=lambda each: each.id == "saving")),
    )
    return replace(analysis, plan=replace(plan, verdict=verdict), base=settings)


def _lengths(analysis: Analysis, *, pads: bool) -> Iterator[Reason]:
    """Yield what is padded, and what the list that vllm-gaudi has by itself pads."""
    family = analysis.profile.family
    if not pads:
        words = f"{NO_LENGTHS.format(family=family)}."
        yield Reason(id="no-lengths", severity="error", words=words)
        return
    visual = analysis.plan.visual
    default = own_lengths(family)
    used = analysis.counts.accepted & (analysis.counts.sizes.count > 0)
    demand = Demand.of(analysis.needed[used], analysis.counts.runs[used])

    def rows(lengths: tuple[int, ...]) -> float:
        runs = [padded(int(need), lengths) for need in demand.needed]
        return float(np.dot(runs, demand.runs))

    ours, own = rows(visual.vit_max_seq_lens), rows(default)
    useful = float(np.dot(demand.needed, demand.runs))
    recompiled = float(demand.runs[demand.needed > default[-1]].sum())
    fewer = less(own, ours)
    said = (
        f"{percent(fewer)} fewer patches than" if fewer > 0 else "no fewer patches than"
    )
    exact = (
        f", which pads nothing of {plural(recompiled, 'image')} above its top and compiles "
        "a graph for each of their sizes"
        if recompiled
        else ""
    )
    yield Reason(
        id="default-list",
        severity="note",
        words=f"The lengths {literal(visual.vit_max_seq_lens)} compute {said} "
        f"{literal(default)}, vllm-gaudi's own where {LENGTHS} is not set{exact}: "
        f"{percent(less(ours, useful))} of the patches are padding instead of "
        f"{percent(less(own, useful))}.",
    )
    masks = MASKS * visual.vit_max_seq_lens[-1] ** 2
    yield Reason(
        id="masks",
        severity="note",
        words=f"While an image of the top length runs, its {MASKS} masks take "
        f"{memory(masks)} of the device.",
    )


def _resolutions(found: Warmed) -> Reason:
    """Say what the resolutions cover, and how far from the best that is at most."""
    bound = (
        "no choice of as many covers more"
        if found.is_best
        else f"no choice of as many covers more than {percent(found.most_share)}"
    )
    left = found.pairs - len(found.resolutions)
    return Reason(
        id="resolutions",
        severity="note",
        words=f"{plural(len(found.resolutions), 'resolution')} of {number(found.pairs)} "
        f"grids cover {percent(found.share)} of the images with what is warmed anyway "
        f"({bound}); the {plural(found.default_shapes, 'shape')} that vllm-gaudi warms by "
        f"itself cover {percent(found.default_share)}. Each of up to {number(left)} other "
        "grids waits for a compile the first time it comes.",
    )


def _decoder(
    decoder: Decoder, steps: FloatArray | None, base: GaudiBase
) -> tuple[Decoder, Reason]:
    """Return the batch sizes to prepare, and what the file has beside vllm-gaudi's own."""
    server = base.server(decoder.batch_size)
    own, ladder = own_axes(server)
    prepares = len(prepared(((each, 1, n) for each in own for n in ladder), server))
    if decoder.step_cost is None or steps is None:
        words = f"No load was given: the file keeps vllm-gaudi's own batch sizes {literal(own)}."
        decision = DecoderDecision(
            k=len(own), rule=KEPT, reason=words.removesuffix(".")
        )
        kept = replace(decoder, decoder_batch_sizes=own, decision=decision)
        return kept, _of_shapes(words)
    sizes = decoder.decoder_batch_sizes
    shapes = len(decode_shapes(sizes, ladder, server))
    at = np.array(decoder.step_cost.at)
    ran_on = np.array(own)[np.searchsorted(own, np.arange(1, steps.size + 1))]
    cost = float((steps * at[ran_on - 1]).sum() / steps.sum())
    saving = less(cost, decoder.mean_step_cost or cost)
    does = f"save {percent(saving)}" if saving >= 0 else f"cost {percent(-saving)} more"
    return decoder, _of_shapes(
        f"The batch sizes {literal(sizes)} {does} of a decode step with vllm-gaudi's own "
        f"{literal(own)}, and prepare {plural(shapes, 'decode shape')} instead of "
        f"{number(prepares)}, each 10 to 14 s of the start."
    )


def _of_shapes(words: str) -> Reason:
    return Reason(id="decode-shapes", severity="note", words=words)
