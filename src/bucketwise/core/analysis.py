"""The main job: traffic and a model in, a plan with its evidence out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.core.batches import Batches, Items, items_of
from bucketwise.core.buckets import Demand
from bucketwise.core.budget_uses import budget_uses, graphs_within
from bucketwise.core.budgets import GraphMinutes
from bucketwise.core.choose_buckets import bucket_uses, solve
from bucketwise.core.confidence import Sample, confidence_of
from bucketwise.core.cost import CostCurve, cost_of, price
from bucketwise.core.decoder.decide import DecoderAsk, decide
from bucketwise.core.decoder.decoder_plan import Decided, load_warnings
from bucketwise.core.in_service import InService, Shared, compare_today
from bucketwise.core.in_unit import divided, in_own_words, in_unit
from bucketwise.core.limits import (
    Case,
    bytes_measured,
    caps,
    length_bytes,
    weight_of,
    worst_let_through,
)
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.optimize import ROBUST, Problem
from bucketwise.core.options import PlanOptions
from bucketwise.core.patching import Counts, Preprocessing, count_patches
from bucketwise.core.plan import (
    BudgetPoint,
    Cost,
    Plan,
    RequestBudget,
    ScenarioUse,
    TrafficSummary,
    Visual,
    in_order,
)
from bucketwise.core.plan_record import (
    assumptions,
    model_facts,
    nothing_to_serve,
    provenance,
    traffic_summary,
)
from bucketwise.core.request_budget import request_budget
from bucketwise.core.safe_top import processor_of, safe_top
from bucketwise.core.savings import savings_of
from bucketwise.core.scenarios import check_robust, demands_of, scenario_uses
from bucketwise.core.tail_limit import tail_limit
from bucketwise.core.verdict import UNDECIDED, Grounds, verdict_of
from bucketwise.core.warnings import cost_warnings, model_warnings, warnings_of
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity
from bucketwise.nouns.engine import Base, Engine, Release
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import FloatArray, IntArray, Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A plan with the evidence that reports draw.

    Attributes
    ----------
    plan : Plan
        The answer.
    profile : ModelProfile
        The model it is for.
    preprocessing : Preprocessing
        Limits and frame sampling it was decided under.
    traffic : Traffic
        What was read.
    counts : Counts
        What every distinct size becomes under the limits in force.
    release : Release
        The newest release planned for.
    needed : ndarray of int64, shape (n_sizes,)
        Needed length of one run of each size, for the newest target; 0 where refused.
    activity : Activity or None
        The load that the decoder graphs were chosen for: as it was seen, or as the
        last replay gives it; None where nothing was read.
    steps : ndarray of float64, shape (batch_size,), or None
        Decode steps with 1, 2, ... active sequences under that load.
    batches : Batches or None
        Images that run together; None where each runs alone.
    base : Base or None
        The configuration that emitted ones start from, in the engine's own form; None
        where nothing is emitted.
    memory, memory_before : MemoryPlan or None
        What each device holds as planned, and with the lengths of today or with one
        graph of the top; None where too little is known.
    beside : tuple of Analysis
        The same traffic for the other engines that were asked for.
    rooms_for_lengths : tuple of int
        Where it does not fit: bytes of a device that all lengths may take so that it does
        with everything else as small as may be, surely first; () where none would do.
    cost : MeasuredCost or None
        What was measured; None where cost follows from dimensions or lengths.
    curve : CostCurve
        What one run costs.
    graph_minutes : GraphMinutes or None
        What compiling a graph takes, where somebody said or measured it.
    """

    plan: Plan
    profile: ModelProfile
    preprocessing: Preprocessing
    traffic: Traffic
    counts: Counts
    release: Release
    needed: IntArray
    activity: Activity | None = None
    steps: FloatArray | None = None
    batches: Batches | None = None
    base: Base | None = None
    memory: MemoryPlan | None = None
    memory_before: MemoryPlan | None = None
    rooms_for_lengths: tuple[int, ...] = ()
    beside: tuple[Analysis, ...] = ()
    cost: MeasuredCost | None = None
    curve: CostCurve
    graph_minutes: GraphMinutes | None = None

    @property
    def graph_bytes(self) -> MeasuredCurve | None:
        """What ViT graphs were measured to hold, by length."""
        return bytes_measured(self.cost, self.profile)

    def length_bytes(self, length: int) -> int:
        """Return what the graph of a length takes of a device beside weights."""
        return length_bytes(self.release, self.profile, self.graph_bytes, length)

    def as_told(self) -> Analysis:
        """Return the same with lengths in the unit of its engine, as readers see it."""
        patches = self.release.engine.patches_per_length(self.profile)
        minutes = self.graph_minutes
        return replace(
            self,
            plan=in_unit(self.plan, patches),
            needed=divided(self.needed, patches),
            graph_minutes=minutes and minutes.in_unit(patches),
        )

    def in_own_words(self) -> Analysis:
        """Return the same with what the plan says in the words of its engine."""
        words = self.release.engine.words(self.profile)
        return replace(self, plan=in_own_words(self.plan, words))

    def with_beside(self, others: Sequence[Analysis]) -> Analysis:
        """Return the analysis with those for other engines, whose plans its own holds."""
        named = {
            f"{each.release.engine.sdk}-{each.release.name}": each.plan
            for each in others
        }
        return replace(self, beside=tuple(others), plan=self.plan.beside(named))

    @property
    def items(self) -> Items:
        """What runs: images, or batches of them."""
        return items_of(self.counts, self.needed, self.batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the plan records about how it was asked for."""

    model_assumed: bool = False
    """Whether nobody named the model."""
    version: str = ""
    """Of bucketwise."""
    options: dict[str, Any] | None = None
    """The options as given, without inputs and outputs."""
    base: tuple[tuple[str, str, str, str], ...] = ()
    """(name, value, status, source) of each value of the base configuration."""
    as_stored: bool = False
    """Whether images were read with their stored size."""
    device: str | None = None
    """Name of the device that is planned for; None where nobody named it."""


def analyze(
    traffic: Traffic,
    profile: ModelProfile,
    preprocessing: Preprocessing,
    question: PlanOptions,
    releases: Sequence[Release],
    *,
    today: InService | None = None,
    ask: DecoderAsk | None = None,
    context: Context | None = None,
) -> Analysis:
    """Choose the buckets for a traffic and gather the evidence.

    Parameters
    ----------
    traffic : Traffic
        What users sent.
    profile : ModelProfile
        The model.
    preprocessing : Preprocessing
        Limits and frame sampling in force.
    question : PlanOptions
        What is asked.
    releases : sequence of Release
        Of one engine, oldest first; the last one's lists stand in `plan.visual`.
    today : InService, optional
        What is compiled now.
    ask : DecoderAsk, optional
        What is asked of the decoder.
    context : Context, optional
        What to record.

    Returns
    -------
    Analysis
        The plan and what it was drawn from.

    Raises
    ------
    InputError
        When no image in the traffic passes the processor.
    UsageError
        When a pin is not a multiple of the model's alignment.
    """
    question.check_pins(profile)
    context, together = context or Context(), question.together
    batches = together.batches if together else None
    traffic = traffic.without_empty_cells()
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    if not (counts.runs > 0).any():
        raise InputError(nothing_to_serve(traffic, counts))
    curve = cost_of(question.cost, profile)
    measured = question.cost if isinstance(question.cost, MeasuredCost) else None
    settings = {
        release.name: Case(
            profile=profile,
            preprocessing=preprocessing,
            counts=counts,
            release=release,
            curve=curve,
            align=question.align_for(profile),
            pins=question.pins,
            batches=batches,
            graph_bytes=bytes_measured(measured, profile),
        )
        for release in releases
    }
    newest = releases[-1]
    halves = _solve(settings, question, today, traffic)
    decided = decide(ask, profile, halves[newest.name].counts, traffic) if ask else None
    split = graphs_within(
        question.budgets,
        halves[newest.name].visual,
        decided.decoder if decided else None,
    )
    if ask and split:
        n_decoder = split[1]
        left = question.budgets.beside_decoder(n_decoder)
        halves = _solve(settings, replace(question, budgets=left), today, traffic)
        allowed = replace(
            ask.question, k_range=(n_decoder, n_decoder), limited_by="--compile-budget"
        )
        ask = replace(ask, question=allowed)
        decided = decide(ask, profile, halves[newest.name].counts, traffic)
    visuals = {name: half.visual for name, half in halves.items()}
    setting = halves[newest.name].setting
    counts = setting.counts
    evidence = ask.evidence if ask else None
    told = {each.name for each in decided.assumptions} if decided else set()
    model = model_facts(profile, preprocessing, assumed=context.model_assumed)
    plan = Plan(
        verdict=UNDECIDED,
        model=model,
        traffic=_summary(traffic, setting),
        visual=visuals[newest.name],
        visual_by_target=visuals
        if _releases_differ(profile, counts, newest.engine)
        else {},
        decoder=decided.decoder if decided else None,
        memory=None,
        budgets=budget_uses(
            question.budgets,
            setting,
            visuals[newest.name],
            decided.decoder if decided else None,
        ),
        frontier_budgets=halves[newest.name].front,
        packing=together.packing if together else None,
        savings=savings_of(
            visuals[newest.name],
            setting,
            halves[newest.name].both,
            question.service,
            question.budgets.graph_minutes,
        ),
        request=_request(visuals[newest.name], setting, decided, ask, measured),
        confidence=confidence_of(
            traffic,
            Sample.of(setting),
            visuals[newest.name].vit_max_seq_lens,
            _beside(visuals[newest.name]),
        )
        if batches is None
        else None,
        scenarios=halves[newest.name].scenarios,
        warnings=in_order(
            *model_warnings(model),
            *visuals[newest.name].warnings,
            *cost_warnings(measured, visuals[newest.name], newest, context.device),
            *load_warnings(decided.decoder if decided else None),
        ),
        assumptions=(
            *assumptions(
                profile,
                preprocessing,
                setting.preprocessing.image.max_pixels,
                curve,
                # What the load suggests stands in the place of the base's.
                tuple(row for row in context.base if row[0] not in told),
                assumed=context.model_assumed,
                as_stored=context.as_stored,
                patches=newest.engine.patches_per_length(profile),
            ),
            *(decided.assumptions if decided else ()),
        ),
        provenance=provenance(
            traffic, evidence, context.version, context.options or {}
        ),
    )
    grounds = Grounds(
        min_saving=question.min_saving,
        overflow=newest.engine.overflow,
        patches=newest.engine.patches_per_length(profile),
    )
    return Analysis(
        plan=replace(plan, verdict=verdict_of(plan, grounds)),
        profile=profile,
        preprocessing=setting.preprocessing,
        traffic=traffic,
        counts=counts,
        release=newest,
        needed=counts.needed(newest),
        activity=decided.activity if decided else None,
        steps=decided.steps if decided else None,
        batches=batches,
        cost=measured,
        curve=curve,
        graph_minutes=question.budgets.graph_minutes,
    )


def _beside(visual: Visual) -> tuple[int, ...]:
    """Return what a saving is against: one graph, or today's lengths where none fails."""
    current, limit = visual.current, visual.processor.max_pixels
    if current is None:
        return visual.vit_max_seq_lens[-1:]
    same = current.max_pixels == current.compared_max_pixels == limit
    return () if current.overflow_images or not same else current.max_seq_lens


def lengths_bytes(analysis: Analysis) -> int:
    """Return what the graphs of all lengths take of a device beside weights."""
    return sum(map(analysis.length_bytes, analysis.plan.visual.vit_max_seq_lens))


def _request(
    visual: Visual,
    setting: Case,
    decided: Decided | None,
    ask: DecoderAsk | None,
    cost: MeasuredCost | None,
) -> RequestBudget | None:
    """Return what a request takes, part by part; None where runs were not measured."""
    if cost is None or setting.profile.soft_tokens:
        return None
    counts, accepted = setting.counts, setting.counts.accepted
    images = weight_of(counts, accepted)
    visual_tokens = float((counts.visual_tokens * counts.sizes.count)[accepted].sum())
    return request_budget(
        visual.padded_compute / images,
        (ask.question.prefill if ask else None) or cost.prefill,
        decided.decoder if decided else None,
        decided.steps if decided else None,
        ask.evidence.tokens if ask and ask.evidence else None,
        visual_tokens / images,
    )


def _summary(traffic: Traffic, setting: Case) -> TrafficSummary:
    """Return what was read, in numbers, with the runs that images share."""
    summary = traffic_summary(traffic, setting.counts, setting.release)
    if setting.batches is None:
        return summary
    demand = setting.demand()
    return replace(
        summary,
        runs=float(demand.runs.sum()),
        distinct_lengths=int(demand.needed.size),
    )


def _releases_differ(profile: ModelProfile, counts: Counts, engine: Engine) -> bool:
    """Return whether some releases compare other lengths, asked for or not."""
    releases = [
        engine.release(each.parsed) for each in engine.targets_of(profile.family)
    ]
    return len({counts.needed(each).tobytes() for each in releases}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """The ViT half of a plan, the traffic under its limits, and what else could be."""

    visual: Visual
    setting: Case
    front: tuple[BudgetPoint, ...]
    both: Demand | None
    """What today's lengths and these both serve."""
    scenarios: tuple[ScenarioUse, ...]

    @property
    def counts(self) -> Counts:
        return self.setting.counts


def _solve(
    settings: Mapping[str, Case],
    question: PlanOptions,
    today: InService | None,
    traffic: Traffic,
) -> dict[str, _Half]:
    """Solve for each release; those that compare the same lengths share one plan."""
    halves: dict[str, _Half] = {}
    by_lengths: dict[bytes, _Half] = {}
    for version, asked in settings.items():
        key = asked.counts.needed(asked.release).tobytes()
        if key not in by_lengths:
            by_lengths[key] = _visual(asked, question, today, traffic)
        halves[version] = by_lengths[key]
    return halves


def _visual(
    asked: Case, question: PlanOptions, today: InService | None, traffic: Traffic
) -> _Half:
    """Return the ViT half of the plan, and the traffic under its limits."""
    found = safe_top(asked, question)
    setting, top = found.setting, found.top
    demand = setting.demand()
    problem = Problem.of(
        demand,
        setting.curve.at,
        align=setting.align,
        top=top,
        pinned=question.pins,
        marks=setting.marks,
    )
    # Lists of images that run together are priced as one.
    demands = {} if question.together else demands_of(traffic, setting)
    check_robust(question, demands, marked=bool(setting.marks))
    if question.strategy == ROBUST:
        problem = problem.with_scenarios(demands.values())
    n_images = float(setting.counts.sizes.count.sum())
    solution = solve(
        problem,
        demand,
        setting.curve,
        question,
        n_images,
        setting.length_bytes,
    )
    buckets = solution.buckets
    bill = price(buckets, demand, setting.curve)
    worst = worst_let_through(setting)
    shrunk = setting.shrunk_images()
    merged = tuple(map(setting.profile.merged, buckets.lengths))
    is_merged = question.bucket_unit == "merged_patches"
    images = weight_of(setting.counts, setting.counts.accepted)
    other_limits = caps(
        setting, buckets.lengths, allow_overflow=found.choice.way == "overflow"
    )
    visual = Visual(
        bucket_unit=question.bucket_unit,
        max_seq_lens=merged if is_merged else buckets.lengths,
        vit_max_seq_lens=buckets.lengths,
        merged_max_seq_lens=merged,
        soft_tokens=setting.soft_tokens_for(buckets.lengths),
        decision=solution.decision,
        processor=processor_of(setting, top),
        overflow_possible=worst.needed * setting.most_images,
        worst=worst,
        top=found.choice,
        max_pixels_safe=found.safe,
        overflow_images=0.0,
        shrunk_images=shrunk,
        shrunk_share=shrunk / images,
        largest_needed=int(demand.needed[-1]),
        cost=Cost.of(setting.curve),
        useful_compute=bill.useful_compute,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        buckets=bucket_uses(buckets, demand, setting, question.pins),
        frontier=solution.frontier,
        strategies=solution.strategies,
        caps=other_limits,
        tail_limit=tail_limit(
            setting,
            question,
            other_limits,
            n_lengths=len(buckets.lengths),
            padded_compute=bill.padded_compute,
        ),
        current=compare_today(today, buckets, setting) if today else None,
        warnings=(),
    )
    warnings = warnings_of(visual, setting, traffic)
    return _Half(
        visual=replace(visual, warnings=warnings),
        setting=setting,
        front=solution.front,
        both=Shared.of(today, buckets, setting).demand if today else None,
        scenarios=scenario_uses(demands, problem, buckets.lengths, setting),
    )
