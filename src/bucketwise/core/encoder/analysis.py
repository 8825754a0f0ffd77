"""Token counts and a text encoder in, a plan with its evidence out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.choose_buckets import solve
from bucketwise.core.confidence import Sample, confidence_of
from bucketwise.core.cost import ENCODER_COSTS, CostCurve, price, waste_of
from bucketwise.core.encoder.plan import (
    Encoder,
    EncoderModel,
    EncoderPlan,
    TextTraffic,
    TokenBucket,
    TokenCost,
    TokenCurrent,
    TokenPoint,
    TokenStrategy,
)
from bucketwise.core.encoder.verdict import verdict_of, warnings_of
from bucketwise.core.optimize import Problem, align_up
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import Assumption, Memory, RejectedRows
from bucketwise.core.plan_record import iso_time, provenance
from bucketwise.core.scenarios import check_robust
from bucketwise.core.verdict import UNDECIDED
from bucketwise.errors import InputError, UsageError, raise_all
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.traffic import Sizes, Traffic
from bucketwise.words.numbers import less, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimit:
    """The tokens past which a text is cut, and what sets that; None where nothing does."""

    tokens: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensToday:
    """The lengths that are compiled today, in tokens, and where they were read."""

    lengths: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderAnalysis:
    """A plan for a text encoder with the evidence that reports draw."""

    plan: EncoderPlan
    profile: EncoderProfile
    """The model it is for."""
    traffic: Traffic
    demand: Demand
    """How many texts need each length, cut at the limit."""


def analyze(
    traffic: Traffic,
    profile: EncoderProfile,
    question: PlanOptions,
    *,
    max_tokens: int | None = None,
    today: TokensToday | None = None,
    memory: Callable[[tuple[int, ...]], Memory] | None = None,
    version: str = "",
    options: dict[str, Any] | None = None,
) -> EncoderAnalysis:
    """Choose the lengths of a text encoder for a traffic and gather the evidence.

    A text runs alone, on the smallest compiled length that holds it: the same question
    as that of a ViT, with tokens in the place of patches.

    The tokenizer cuts at `max_tokens`, without it at the checkpoint's own limit.
    """
    check_robust(question, {})
    traffic = traffic.without_empty_cells()
    sizes = _texts_of(traffic)
    limit = _limit(profile, max_tokens)
    _check_pins(question, profile)
    if isinstance(question.cost, MeasuredCost):
        message = (
            "cost: expected flops or linear, as texts were not measured, got a file"
        )
        raise UsageError(message)
    curve = ENCODER_COSTS[question.cost](profile)
    needed = sizes.visual_tokens
    if limit.tokens is not None:
        needed = np.minimum(needed, limit.tokens)
    demand = Demand.of(needed, sizes.count)
    encoder = _encoder(demand, curve, question, profile, limit, today)
    cut = sizes.visual_tokens > needed
    encoder = replace(
        encoder,
        truncated_texts=float(sizes.count[cut].sum()),
        truncated_share=float(sizes.count[cut].sum() / sizes.count.sum()),
    )
    sample = Sample(
        needed=needed,
        runs_each=np.ones(len(sizes)),
        count=sizes.count,
        accepted=np.ones(len(sizes), dtype=bool),
        curve=curve,
        align=question.align or 1,
        pins=question.pins,
    )
    plan = EncoderPlan(
        verdict=UNDECIDED,
        model=_model(profile, limit),
        traffic=_traffic(traffic, sizes, demand),
        encoder=encoder,
        memory=memory(encoder.max_seq_lens) if memory else None,
        confidence=confidence_of(
            traffic, sample, encoder.max_seq_lens, _beside(encoder)
        ),
        warnings=warnings_of(encoder, limit.tokens, limit.source, traffic.images),
        assumptions=_assumptions(profile, limit, curve, chosen=max_tokens is not None),
        provenance=provenance(traffic, None, version, options or {}),
    )
    return EncoderAnalysis(
        plan=replace(plan, verdict=verdict_of(plan, question.min_saving)),
        profile=profile,
        traffic=traffic,
        demand=demand,
    )


def _beside(encoder: Encoder) -> tuple[int, ...]:
    """Return what a saving is against: one graph, or today's lengths where all fit."""
    current = encoder.current
    if current is None:
        return encoder.max_seq_lens[-1:]
    return () if current.overflow_texts else current.max_seq_lens


def _texts_of(traffic: Traffic) -> Sizes:
    """Return the distinct token counts; there must be some, and nothing else."""
    sizes = traffic.sizes()
    if not len(sizes):
        read = plural(traffic.rows_read, "row")
        why = "each count is 0" if traffic.rows_used else f"none of {read} can be used"
        message = f"traffic: {why}; at least one text is needed"
        raise InputError(message)
    if not sizes.is_told.all():
        message = (
            "traffic: expected token counts alone, in the column that --lengths names, "
            "got sizes of images"
        )
        raise InputError(message)
    return sizes


def _limit(profile: EncoderProfile, asked: int | None) -> TokenLimit:
    most = profile.usable_positions
    if asked is None:
        return TokenLimit(tokens=profile.max_tokens, source=profile.limit_source)
    if asked < 1 or (most is not None and asked > most):
        expected = (
            "1 or more"
            if most is None
            else f"1 to {most:,}, the positions of {profile.name}"
        )
        message = f"--max-tokens: expected {expected}, got {asked:,}"
        raise UsageError(message)
    return TokenLimit(tokens=asked, source="given with --max-tokens")


def _check_pins(question: PlanOptions, profile: EncoderProfile) -> None:
    most = profile.usable_positions
    raise_all(
        [
            f"--pin: expected at most {most:,}, the positions of {profile.name}, got "
            f"{pin:,}"
            for pin in question.pins
            if most is not None and pin > most
        ],
        UsageError,
    )


def _top(
    demand: Demand, question: PlanOptions, profile: EncoderProfile, limit: TokenLimit
) -> int:
    """Return the longest length: the largest need with headroom, or a pin above it."""
    largest = int(demand.needed[-1])
    top = int(np.ceil(largest * (1 + question.headroom)))
    if limit.tokens is not None:
        top = min(top, limit.tokens)
    top = int(align_up(np.array([top]), question.align or 1)[0])
    if profile.usable_positions is not None:
        top = min(top, profile.usable_positions)
    return max(top, *question.pins) if question.pins else top


def _encoder(
    demand: Demand,
    curve: CostCurve,
    question: PlanOptions,
    profile: EncoderProfile,
    limit: TokenLimit,
    today: TokensToday | None,
) -> Encoder:
    problem = Problem.of(
        demand,
        curve.at,
        align=question.align or 1,
        top=_top(demand, question, profile, limit),
        pinned=question.pins,
    )
    solution = solve(problem, demand, curve, question, float(demand.runs.sum()))
    lengths = solution.buckets.lengths
    bill = price(solution.buckets, demand, curve)
    return Encoder(
        max_seq_lens=lengths,
        decision=solution.decision,
        truncate_at=lengths[-1],
        truncated_texts=0.0,
        truncated_share=0.0,
        largest_needed=int(demand.needed[-1]),
        cost=TokenCost(
            kind=curve.kind,
            unit=curve.unit,
            a=curve.a,
            b=curve.b,
            source=curve.source,
            fixed=curve.fixed,
        ),
        useful_compute=bill.useful_compute,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        buckets=_buckets(lengths, demand, curve, question.pins),
        frontier=tuple(map(TokenPoint.of, solution.frontier)),
        strategies=tuple(map(TokenStrategy.of, solution.strategies)),
        current=_current(today, lengths, demand, curve) if today else None,
    )


def _buckets(
    lengths: tuple[int, ...],
    demand: Demand,
    curve: CostCurve,
    pins: tuple[int, ...],
) -> tuple[TokenBucket, ...]:
    bill = price(Buckets(lengths), demand, curve)
    total = float(bill.runs.sum())
    rows = zip(
        lengths,
        bill.runs.tolist(),
        bill.useful.tolist(),
        bill.padded.tolist(),
        strict=True,
    )
    return tuple(
        TokenBucket(
            tokens=length,
            texts=texts,
            share=texts / total,
            useful_compute=useful,
            padded_compute=padded,
            waste=waste_of(useful, padded),
            pinned=length in pins,
        )
        for length, texts, useful, padded in rows
    )


def _current(
    today: TokensToday, lengths: tuple[int, ...], demand: Demand, curve: CostCurve
) -> TokenCurrent:
    """Return what runs today, priced on the texts that both lists hold."""
    held = demand.needed <= today.lengths[-1]
    overflow = float(demand.runs[~held].sum())
    now = then = 0.0
    unused = today.lengths
    if held.any():
        both = Demand(demand.needed[held], demand.runs[held])
        bill = price(Buckets(today.lengths), both, curve)
        now = bill.padded_compute
        then = price(Buckets(lengths), both, curve).padded_compute
        unused = tuple(
            length
            for length, runs in zip(today.lengths, bill.runs, strict=True)
            if not runs
        )
    return TokenCurrent(
        max_seq_lens=today.lengths,
        overflow_texts=overflow,
        overflow_share=overflow / float(demand.runs.sum()),
        served_texts=float(demand.runs[held].sum()),
        padded_compute_served=now,
        proposed_compute_on_served=then,
        saving=less(now, then),
        unused_lengths=unused,
        source=today.source,
    )


def _model(profile: EncoderProfile, limit: TokenLimit) -> EncoderModel:
    return EncoderModel(
        name=profile.name,
        hf_id=profile.hf_id,
        family=profile.family,
        architecture=profile.architecture,
        class_name=profile.class_name,
        auto_class=profile.auto_class,
        assumed=False,
        positions=profile.positions,
        usable_positions=profile.usable_positions,
        max_tokens=limit.tokens,
        limit_source=limit.source,
        source=profile.source,
    )


def _traffic(traffic: Traffic, sizes: Sizes, demand: Demand) -> TextTraffic:
    return TextTraffic(
        rows_read=traffic.rows_read,
        rows_used=traffic.rows_used,
        rows_rejected=traffic.rows_rejected,
        texts=traffic.images,
        longest=int(sizes.visual_tokens.max()),
        distinct_lengths=int(demand.needed.size),
        weighted=traffic.weighted,
        rejections=tuple(RejectedRows.of(each) for each in traffic.rejections),
        labels=traffic.labels,
        slot_width_s=traffic.slot_width_s,
        first=iso_time(traffic.first_s),
        last=iso_time(traffic.last_s),
        notes=traffic.notes,
    )


def _assumptions(
    profile: EncoderProfile, limit: TokenLimit, curve: CostCurve, *, chosen: bool
) -> tuple[Assumption, ...]:
    """Return every value the plan rests on, with how far to trust it."""
    cut = "none" if limit.tokens is None else f"{limit.tokens:,} tokens"
    fixed = f"{curve.fixed:.6g} + " if curve.fixed else ""
    return (
        Assumption(
            name="model",
            value=profile.hf_id,
            status="measured",
            source="given with --model",
        ),
        Assumption(
            name="class",
            value=profile.class_name,
            status="derived",
            source=f"architectures of {profile.source}, as far as optimum-rbln has them",
        ),
        Assumption(
            name="longest text",
            value=cut,
            status="measured" if chosen else "derived",
            source=limit.source,
        ),
        Assumption(
            name="token counts",
            value="with the special tokens",
            status="assumed",
            source="as the tokenizer of the model counts them, [CLS] and [SEP] included",
        ),
        Assumption(
            name="texts in a run",
            value="1",
            status="assumed",
            source="batch_size of the class; a batch is padded to its longest text",
        ),
        Assumption(
            name="cost of one text",
            value=f"{fixed}{curve.a:.6g} * S + {curve.b:.6g} * S^2 {curve.unit}",
            status="derived",
            source=curve.source,
        ),
    )
