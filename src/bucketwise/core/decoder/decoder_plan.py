"""The decoder half of a plan: from evidence, or from the vendor's pattern without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bucketwise.core.decoder.graphs import Graphs, choose_graphs, graph_uses, mean_cost
from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.pricing import Deployment, Pricing
from bucketwise.core.decoder.replay import replay, settle, step_seconds
from bucketwise.core.decoder.sizing import (
    BATCH_SIZES,
    LARGER_BATCH_SIZES,
    QUEUEING_LIMIT,
    batch_size_options,
    context_length,
    suggested_batch_size,
)
from bucketwise.core.decoder.step_cost import slot_costs
from bucketwise.core.plan import (
    Assumption,
    BatchSizeOption,
    Decoder,
    DecoderDecision,
    DecoderEvidence,
    PlanWarning,
    RejectedRows,
    Severity,
    StepCost,
)
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.activity import Activity, Arrivals, Evidence
from bucketwise.nouns.engine import Engine
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import less, number, percent, plural

FEW_RECORDS = 100
"""Below so many records a share of time is told by a handful of them."""


BATCH_SIZE, OTHER_BATCH_SIZE = "batch_size", "other-batch-size"
"""The assumption that stands for one that nobody gave, by the name of its key."""

REPLAYED = "a replay"
"""What a load was measured with where only arrivals were seen."""

WHOLE_BATCH = "every step of this model runs the whole batch: one graph does"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decoder half, the load it was drawn from, and what it rests on.

    `steps` has shape (batch_size,): steps with 1, 2, ... active sequences; None without
    a load.
    """

    decoder: Decoder
    activity: Activity | None
    assumptions: tuple[Assumption, ...]
    steps: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """A load as this decoder would carry it.

    `steps` has shape (batch_size,); `activity` is what was seen, or what the last
    replay gives.
    """

    activity: Activity
    steps: FloatArray
    graphs: Graphs
    measured_with: str
    notes: tuple[str, ...]
    assumption: Assumption


def decide_pattern(batch_size: int, family: str, engine: Engine) -> Decided:
    """Return the vendor's pattern, for a decoder of whose load nothing is known."""
    smaller = engine.picks_smaller_graphs(family)
    sizes = engine.usual_graphs(batch_size) if smaller else (batch_size,)
    said = (
        "no evidence: the vendor's pattern 1, b//2, b; give --activity to choose from "
        "what the decoder carried"
        if smaller
        else WHOLE_BATCH
    )
    decoder = Decoder(
        batch_size=batch_size,
        decoder_batch_sizes=sizes,
        decision=DecoderDecision(k=len(sizes), rule="assumed", reason=said),
        evidence=DecoderEvidence(
            kind="none",
            samples=0,
            span_s=0.0,
            observed_s=0.0,
            replicas=0,
            clipped_share=None,
            idle_share=None,
            measured_with="",
            names=(),
            rejections=(),
            faults=(),
            notes=(),
        ),
        active_share={},
        mean_active=None,
        graphs=(),
        step_cost=None,
        mean_step_cost=None,
        one_graph_step_cost=None,
        saving=None,
        slots_saving=None,
        frontier=(),
        batch_sizes=(),
        suggested_batch_size=None,
        context_length=None,
        notes=engine.graph_rules(family, batch_size),
    )
    row = Assumption(
        name="decoder_batch_sizes",
        value=", ".join(map(str, sizes)),
        status="assumed",
        source=said,
    )
    return Decided(decoder=decoder, activity=None, assumptions=(row,))


def suggest_batch_size(
    evidence: Evidence,
    question: DecoderOptions,
    profile: ModelProfile,
    deployment: Deployment,
) -> tuple[DecoderOptions, Assumption]:
    """Return the question with the batch size that the load suggests, and why."""
    # A replay is dear, and none is longer than published configurations allow.
    seen = isinstance(evidence.load, Activity)
    most = (LARGER_BATCH_SIZES if seen else BATCH_SIZES)[-1]
    largest = replace(question, batch_size=most)
    options = _options(evidence, Pricing.of(largest, profile, deployment, evidence))
    suggested = suggested_batch_size(options)
    batch_size = suggested or max(
        (option.batch_size for option in options), default=question.batch_size
    )
    share = next(
        (each.queueing_share for each in options if each.batch_size == batch_size), 0.0
    )
    return replace(question, batch_size=batch_size), Assumption(
        name=BATCH_SIZE,
        value=str(batch_size),
        status="assumed",
        source="suggested by the activity, by which requests then queue in "
        f"{percent(share)} of busy time; --batch-size sets it",
    )


def decide_decoder(
    evidence: Evidence,
    question: DecoderOptions,
    profile: ModelProfile,
    deployment: Deployment,
) -> Decided:
    """Choose the decoder graphs from what a decoder carried."""
    _check_pins(question, profile, deployment)
    pricing = Pricing.of(question, profile, deployment, evidence)
    curve, load = pricing.curve(), _load(evidence, question, pricing)
    steps, sizes, batch_size = load.steps, load.graphs.sizes, question.batch_size
    one_graph = mean_cost((batch_size,), steps, curve)
    mean_step_cost = mean_cost(sizes, steps, curve)
    slots = mean_cost(sizes, steps, slot_costs(batch_size))
    seconds = load.activity.clipped(batch_size)
    busy_s = float(seconds[1:].sum())
    active = np.arange(1, batch_size + 1)
    options = _options(evidence, pricing)
    tokens = evidence.tokens
    decoder = Decoder(
        batch_size=batch_size,
        decoder_batch_sizes=sizes,
        decision=load.graphs.decision,
        evidence=_seen(evidence, load, batch_size),
        active_share={
            str(size): float(seconds[size] / busy_s) for size in active.tolist()
        },
        mean_active=float((active * seconds[1:]).sum() / busy_s),
        graphs=graph_uses(sizes, steps),
        step_cost=StepCost(
            kind=curve.kind,
            unit=curve.unit,
            at=tuple(curve.at(active).tolist()),
            status=curve.status,
            source=curve.source,
        ),
        mean_step_cost=mean_step_cost,
        one_graph_step_cost=one_graph,
        saving=less(one_graph, mean_step_cost),
        slots_saving=less(batch_size, slots),
        frontier=load.graphs.frontier,
        batch_sizes=options,
        suggested_batch_size=suggested_batch_size(options),
        context_length=None
        if tokens is None
        else context_length(
            tokens,
            visual=deployment.high_visual,
            step=deployment.engine.context_step(deployment.partition),
        ),
        notes=(
            *filter(None, [few_records(evidence.samples - evidence.rejected)]),
            *filter(None, [_beyond_measured(question)]),
            *load.notes,
            *deployment.engine.graph_rules(profile.family, batch_size),
        ),
    )
    return Decided(
        decoder=decoder,
        activity=load.activity,
        assumptions=(*pricing.assumptions(curve), load.assumption),
        steps=steps,
    )


def _beyond_measured(question: DecoderOptions) -> str:
    """Say that steps were measured with fewer sequences; "" where that is not so."""
    cost = question.step_cost
    curve = cost.decoder if isinstance(cost, MeasuredCost) else None
    if curve is None or question.batch_size <= curve.largest:
        return ""
    return (
        f"steps were measured with up to {plural(curve.largest, 'sequence')}; those of "
        f"{question.batch_size:,} continue the curve"
    )


def _load(evidence: Evidence, question: DecoderOptions, pricing: Pricing) -> _Load:
    choose = partial(
        choose_graphs,
        curve=pricing.curve(),
        k_range=question.k_range,
        min_saving=question.min_saving,
        pins=question.pins,
        limited_by=question.limited_by,
    )
    if not pricing.deployment.engine.picks_smaller_graphs(pricing.profile.family):
        choose = partial(_whole_batch, choose)
    if isinstance(evidence.load, Arrivals):
        return _replayed(evidence.load, question.batch_size, pricing, choose)
    seen_on = pricing.seen_on(evidence)
    steps = seen_on.steps(evidence.load, question.batch_size)
    _check_busy(steps)
    return _Load(
        activity=evidence.load,
        steps=steps,
        graphs=choose(steps),
        measured_with=seen_on.name,
        notes=(
            (
                "the load was seen on the steps of another set of graphs: faster steps "
                "leave fewer sequences active, so smaller graphs run more, not less"
            ),
        ),
        assumption=Assumption(
            name="the load was seen on",
            value=seen_on.name,
            status="assumed",
            source=seen_on.source,
        ),
    )


def _check_pins(
    question: DecoderOptions, profile: ModelProfile, deployment: Deployment
) -> None:
    """Check that the graphs that must be compiled can be used."""
    beyond = [size for size in question.pins if size > question.batch_size]
    if beyond:
        message = f"--decoder-pin: expected at most batch_size ({question.batch_size}), got {beyond}"
        raise UsageError(message)
    if question.pins and not deployment.engine.picks_smaller_graphs(profile.family):
        message = f"--decoder-pin: {profile.name} runs the whole batch in every step; leave it out"
        raise UsageError(message)


def _whole_batch(choose: Callable[[FloatArray], Graphs], steps: FloatArray) -> Graphs:
    """Keep the one graph of a model that never runs a smaller one."""
    decision = DecoderDecision(k=1, rule="whole_batch", reason=WHOLE_BATCH)
    return replace(choose(steps), sizes=(steps.size,), decision=decision)


def _replayed(
    arrivals: Arrivals,
    batch_size: int,
    pricing: Pricing,
    choose: Callable[[FloatArray], Graphs],
) -> _Load:
    arrivals.check_decodes()
    prefill_s = pricing.prefill_s(arrivals.prompt).tolist()
    settled = settle(arrivals, batch_size, pricing.clock(), prefill_s, choose)
    activity = settled.replay.activity()
    before, after = (
        number(_mean_active(each, batch_size))
        for each in (settled.one_graph.activity(), activity)
    )
    ended = "converged" if settled.fixed else "did not converge"
    said = (
        f"graph choice and replay {ended} in {plural(settled.rounds, 'round')}: on average "
        f"{before} sequences are active with one graph, {after} with the chosen ones"
    )
    return _Load(
        activity=activity,
        steps=settled.replay.steps[1:],
        graphs=settled.graphs,
        measured_with=REPLAYED,
        notes=(said,),
        assumption=Assumption(
            name="the load was replayed",
            value="one prompt at a time, one token a step, first come first served",
            status="assumed",
            source=f"arrivals and tokens, at the times of: {pricing.clock().source}",
        ),
    )


def few_records(used: int) -> str:
    """Return what to say of a load that is told by few records; "" by enough."""
    if used >= FEW_RECORDS:
        return ""
    return f"only {plural(used, 'record')}: a longer log may choose other graphs"


def load_warnings(decoder: Decoder | None) -> tuple[PlanWarning, ...]:
    """Return what must be said aloud of the load that a choice rests on."""
    if decoder is None or not decoder.evidence.samples:
        return ()
    rejected = sum(each.count for each in decoder.evidence.rejections)
    few = few_records(decoder.evidence.samples - rejected)
    found: tuple[tuple[str, Severity, str], ...] = (
        ("few-readings", "warning", few and f"The decoder's load: {few}."),
        (OTHER_BATCH_SIZE, "note", on_batch_size(decoder)),
    )
    return tuple(
        PlanWarning(id=name, severity=severity, words=words)
        for name, severity, words in found
        if words
    )


def on_batch_size(decoder: Decoder) -> str:
    """Return what the load says of the batch size planned; "" where it fits."""
    planned, suggested = decoder.batch_size, decoder.suggested_batch_size
    queues = decoder.evidence.clipped_share
    if queues is None or not decoder.batch_sizes or suggested == planned:
        return ""
    share_at = {each.batch_size: each.queueing_share for each in decoder.batch_sizes}
    if suggested is not None and suggested < planned:
        share = percent(share_at[suggested])
        return (
            f"A batch_size of {suggested:,} would do: requests queue in {share} of busy "
            "time."
        )
    larger = suggested or decoder.batch_sizes[-1].batch_size
    if queues < QUEUEING_LIMIT or larger <= planned:
        return ""
    still = "" if suggested else "still "
    return (
        f"With batch_size {planned:,} requests queue in {percent(queues)} of busy time, "
        f"with {larger:,} {still}in {percent(share_at[larger])}."
    )


def _check_busy(steps: FloatArray) -> None:
    if not steps.sum() > 0:
        message = (
            "activity: nothing was ever active in it; the decoder's busy time is needed"
        )
        raise InputError(message)


def _mean_active(activity: Activity, batch_size: int) -> float:
    seconds = activity.clipped(batch_size)[1:]
    return float((seconds * np.arange(1, batch_size + 1)).sum() / seconds.sum())


def _options(evidence: Evidence, pricing: Pricing) -> tuple[BatchSizeOption, ...]:
    load = evidence.load
    if isinstance(load, Activity):
        sizes = [
            *BATCH_SIZES,
            *(
                size
                for size in LARGER_BATCH_SIZES
                if size <= pricing.question.batch_size
            ),
        ]
        options = batch_size_options(lambda _: load, sizes)
        last = max(suggested_batch_size(options) or 0, BATCH_SIZES[-1])
        return tuple(option for option in options if option.batch_size <= last)
    prefill_s = pricing.prefill_s(load.prompt).tolist()
    clock = pricing.clock()
    return batch_size_options(
        lambda size: replay(
            load, size, step_seconds((size,), clock), prefill_s
        ).activity()
    )


def _seen(evidence: Evidence, load: _Load, batch_size: int) -> DecoderEvidence:
    activity = load.activity
    seconds = activity.clipped(batch_size)
    return DecoderEvidence(
        kind=evidence.kind,
        samples=evidence.samples,
        span_s=activity.span_s,
        observed_s=activity.observed_s,
        replicas=activity.replicas,
        clipped_share=activity.queueing_s(batch_size) / float(seconds[1:].sum()),
        idle_share=float(seconds[0]) / activity.observed_s,
        measured_with=load.measured_with,
        names=evidence.names,
        rejections=tuple(RejectedRows.of(each) for each in evidence.rejections),
        faults=tuple(RejectedRows.of(each) for each in evidence.faults),
        notes=evidence.notes,
    )
