"""The main job: traffic and a model in, a plan with its evidence out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bucketwise.buckets import Buckets
from bucketwise.cautions import cautions
from bucketwise.cost import COSTS, CostCurve, price
from bucketwise.demand import Demand
from bucketwise.errors import InputError, UsageError, raise_all
from bucketwise.limits import UNLIMITED_PIXELS as UNLIMITED
from bucketwise.limits import Setting, caps, processor_limits, shrunk_by, weight_of
from bucketwise.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.optimize.choose import Choice, GraphPrice, by_price, by_saving
from bucketwise.optimize.exact import frontier as exact_frontier
from bucketwise.patching import Counts, Preprocessing, count_patches
from bucketwise.plan import (
    BucketUnit,
    BucketUse,
    Cost,
    Decision,
    FrontierPoint,
    Plan,
    StrategyResult,
    Visual,
)
from bucketwise.profile import ModelProfile
from bucketwise.rbln.lengths import mask_bytes, needed_lengths
from bucketwise.rbln.targets import Target, Version
from bucketwise.summary import assumptions, model_facts, provenance, traffic_summary
from bucketwise.today import Today, compare_today
from bucketwise.traffic import IntArray, Traffic

FRONTIER_K = 8
"""The table of the exact optimum goes to at least so many buckets."""

MOST_BUCKETS = 64
"""More graphs than anybody compiles: the most any published advice names is 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the traffic; lengths are in ViT patches.

    Attributes
    ----------
    strategy : str
        A key of `SOLVERS`.
    k_range : tuple of int
        Least and most buckets.
    min_saving : float
        Share of the compute left that the last bucket must save, 0 to 1.
    graph_price : GraphPrice or None
        What one more graph costs; decides k when given.
    align : int or None
        Multiple of every bucket; the model's own when None.
    headroom : float
        Share added to the top bucket.
    pins : tuple of int
        Lengths that must be compiled.
    bucket_unit : {"vit_patches", "merged_patches"}
        Unit of the lists that are emitted.
    cost : str
        A key of `COSTS`.
    """

    strategy: str = EXACT
    k_range: tuple[int, int] = (2, 4)
    min_saving: float = 0.05
    graph_price: GraphPrice | None = None
    align: int | None = None
    headroom: float = 0.0
    pins: tuple[int, ...] = ()
    bucket_unit: BucketUnit = "vit_patches"
    cost: str = "flops"

    def __post_init__(self) -> None:
        """Check every option by itself.

        Raises
        ------
        UsageError
            Naming each option that is out of range.
        """
        least, most = self.k_range
        wrong = {
            f"strategy: {self.strategy!r} found; one of {', '.join(SOLVERS)}": (
                self.strategy not in SOLVERS
            ),
            f"cost: {self.cost!r} found; one of {', '.join(COSTS)}": (
                self.cost not in COSTS
            ),
            f"buckets: {least}-{most} found; 1 to {MOST_BUCKETS}, ascending": (
                not 1 <= least <= most <= MOST_BUCKETS
            ),
            f"min-saving: {self.min_saving} found; 0 to 1 is right": (
                not 0 <= self.min_saving < 1
            ),
            f"align: {self.align} found; at least 1 is right": (
                self.align is not None and self.align < 1
            ),
            f"headroom: {self.headroom} found; 0 or more is right": (
                not 0 <= self.headroom < float("inf")
            ),
            f"pin: {list(self.pins)} found; positive lengths are right": any(
                pin < 1 for pin in self.pins
            ),
            "graph-minutes: the price of a graph needs --cost flops": (
                self.graph_price is not None and self.cost != "flops"
            ),
        }
        problems = [problem for problem, holds in wrong.items() if holds]
        raise_all(problems, UsageError)

    def align_for(self, profile: ModelProfile) -> int:
        """Return the alignment in force: a multiple of the model's own."""
        own = profile.align
        return own if self.align is None else -(-self.align // own) * own


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A plan with the evidence that reports draw.

    Attributes
    ----------
    plan : Plan
        The answer.
    traffic : Traffic
        What was read.
    counts : Counts
        What every distinct size becomes under the limits in force.
    needed : ndarray of int64, shape (n_sizes,)
        Needed length of one run of each size, for the newest target; 0 where refused.
    """

    plan: Plan
    traffic: Traffic
    counts: Counts
    needed: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the plan records about how it was asked for.

    Attributes
    ----------
    model_assumed : bool
        Whether nobody named the model.
    version : str
        Of bucketwise.
    options : dict
        The options as given, without inputs and outputs.
    base : tuple of tuple of str
        (name, value, status, source) of each value of the base configuration.
    """

    model_assumed: bool = False
    version: str = ""
    options: dict[str, Any] | None = None
    base: tuple[tuple[str, str, str, str], ...] = ()


def analyze(
    traffic: Traffic,
    profile: ModelProfile,
    preprocessing: Preprocessing,
    question: Question,
    targets: Sequence[Target],
    *,
    today: Today | None = None,
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
    question : Question
        What is asked.
    targets : sequence of Target
        SDK dialects, oldest first; the last one's lists stand in `plan.visual`.
    today : Today, optional
        What is compiled now.
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
    _check_pins(question, profile)
    context = context or Context()
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    if not (counts.runs > 0).any():
        message = (
            f"traffic: none of {traffic.rows_used} usable rows passes the processor "
            f"({counts.error[0] if len(counts.error) else 'no rows'}); at least one "
            "image is needed"
        )
        raise InputError(message)
    curve = COSTS[question.cost](profile)
    visuals: dict[str, Visual] = {}
    by_lengths: dict[bytes, Visual] = {}
    for target in targets:
        setting = Setting(
            profile=profile,
            preprocessing=preprocessing,
            counts=counts,
            version=target.parsed,
            curve=curve,
            align=question.align_for(profile),
            pins=question.pins,
        )
        # Releases that compare the same lengths share one plan.
        key = counts.needed(target.parsed).tobytes()
        if key not in by_lengths:
            by_lengths[key] = _visual(setting, question, today)
        visuals[target.version] = by_lengths[key]
    newest = targets[-1]
    plan = Plan(
        model=model_facts(profile, preprocessing, assumed=context.model_assumed),
        traffic=traffic_summary(traffic, counts, newest.parsed),
        visual=visuals[newest.version],
        visual_by_target=visuals if len(by_lengths) > 1 else {},
        decoder=None,
        assumptions=assumptions(
            profile, preprocessing, curve, context.base, assumed=context.model_assumed
        ),
        provenance=provenance(traffic, context.version, context.options or {}),
    )
    return Analysis(
        plan=plan,
        traffic=traffic,
        counts=counts,
        needed=counts.needed(newest.parsed),
    )


def _check_pins(question: Question, profile: ModelProfile) -> None:
    raise_all(
        [
            f"--pin: {pin} found; a multiple of {profile.align} is right for "
            f"{profile.name} ({-(-pin // profile.align) * profile.align} is the next)"
            for pin in question.pins
            if pin % profile.align
        ],
        UsageError,
    )


def _visual(setting: Setting, question: Question, today: Today | None) -> Visual:
    demand = setting.demand()
    top = _top(setting, demand, question.headroom)
    problem = Problem.of(
        demand, setting.curve.at, align=setting.align, top=top, pinned=question.pins
    )
    k_most = max(FRONTIER_K, question.k_range[1])
    frontier = _frontier(problem, demand, setting.curve, k_most)
    strategies = _strategies(problem, demand, setting.curve, question)
    choice = _choose(question, frontier, strategies, setting, demand)
    chosen = next(
        result
        for result in strategies
        if result.name == question.strategy and result.k == choice.k
    )
    buckets = Buckets(chosen.vit_max_seq_lens)
    bill = price(buckets, demand, setting.curve)
    processor, worst, safe = processor_limits(setting, top)
    unlimited = setting.with_max_pixels(UNLIMITED).counts
    shrunk = weight_of(setting.counts, shrunk_by(setting.counts, unlimited))
    merge = setting.profile.patches_per_merged
    merged = tuple(-(-length // merge) for length in buckets.lengths)
    is_merged = question.bucket_unit == "merged_patches"
    images = weight_of(setting.counts, setting.counts.accepted)
    visual = Visual(
        bucket_unit=question.bucket_unit,
        max_seq_lens=merged if is_merged else buckets.lengths,
        vit_max_seq_lens=buckets.lengths,
        merged_max_seq_lens=merged,
        decision=Decision(
            k=len(buckets.lengths),
            strategy=question.strategy,
            rule=choice.rule,
            reason=choice.reason,
            price_per_graph=_graph_price(question, setting),
        ),
        processor=processor,
        overflow_possible=worst.needed,
        worst=worst,
        max_pixels_safe=safe,
        overflow_images=0.0,
        shrunk_images=shrunk,
        shrunk_share=shrunk / images,
        largest_needed=int(demand.needed[-1]),
        cost=Cost(
            kind=setting.curve.kind,
            unit=setting.curve.unit,
            a=setting.curve.a,
            b=setting.curve.b,
            source=setting.curve.source,
        ),
        useful_compute=bill.useful_compute,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        buckets=_bucket_uses(buckets, demand, setting, question.pins),
        frontier=frontier,
        strategies=strategies,
        caps=caps(setting, len(buckets.lengths)),
        current=compare_today(today, buckets, setting) if today else None,
        warnings=(),
    )
    return replace(visual, warnings=cautions(visual, setting))


def _top(setting: Setting, demand: Demand, headroom: float) -> int:
    """Return the largest need, with headroom up to what the limits let through."""
    largest = int(demand.needed[-1])
    top = largest
    if headroom:
        reachable = max(setting.worst().needed, largest)
        top = min(int(np.ceil(largest * (1 + headroom))), reachable)
    aligned = int(align_up(np.array([top]), setting.align)[0])
    return max(aligned, *setting.pins) if setting.pins else aligned


def _frontier(
    problem: Problem, demand: Demand, curve: CostCurve, k_most: int
) -> tuple[FrontierPoint, ...]:
    points: list[FrontierPoint] = []
    for lengths in exact_frontier(problem, k_most):
        bill = price(Buckets(lengths), demand, curve)
        before = points[-1].padded_compute if points else None
        points.append(
            FrontierPoint(
                k=len(lengths),
                vit_max_seq_lens=lengths,
                padded_compute=bill.padded_compute,
                waste=bill.waste,
                saving=1 - bill.padded_compute / before if before else None,
            )
        )
    return tuple(points)


def _strategies(
    problem: Problem, demand: Demand, curve: CostCurve, question: Question
) -> tuple[StrategyResult, ...]:
    """Solve by every strategy at each k in the asked range, and price all alike."""
    least = min(max(question.k_range[0], problem.k_min), problem.k_max)
    most = min(max(question.k_range[1], problem.k_min), problem.k_max)
    results = []
    for k in range(least, most + 1):
        for name, solve in SOLVERS.items():
            lengths = solve(problem, k)
            bill = price(Buckets(lengths), demand, curve)
            results.append(
                StrategyResult(
                    name=name,
                    exact=name == EXACT,
                    k=k,
                    vit_max_seq_lens=lengths,
                    padded_compute=bill.padded_compute,
                    waste=bill.waste,
                )
            )
    return tuple(results)


def _choose(
    question: Question,
    frontier: tuple[FrontierPoint, ...],
    strategies: tuple[StrategyResult, ...],
    setting: Setting,
    demand: Demand,
) -> Choice:
    """Choose k on the exact frontier, or on the strategy's own results."""
    if demand.needed.size == 1 and len(frontier) == 1:
        one = int(demand.needed[0])
        return Choice(
            1,
            "single_length",
            f"every run needs the same length ({one}): one graph is enough, and "
            "buckets cannot save anything",
        )
    padded = {point.k: point.padded_compute for point in frontier}
    if question.strategy != EXACT:
        own = {
            result.k: result.padded_compute
            for result in strategies
            if result.name == question.strategy
        }
        padded = {k: own.get(k, padded[k]) for k in padded if k <= max(own)}
    price_per_graph = _graph_price(question, setting)
    if price_per_graph is not None:
        return by_price(padded, question.k_range, price_per_graph)
    choice = by_saving(padded, question.k_range, question.min_saving)
    if question.k_range[0] == question.k_range[1]:
        return Choice(choice.k, "fixed", f"{choice.k} asked for; {choice.reason}")
    return choice


def _graph_price(question: Question, setting: Setting) -> float | None:
    if question.graph_price is None:
        return None
    return question.graph_price.flop(float(setting.counts.sizes.count.sum()))


def _bucket_uses(
    buckets: Buckets, demand: Demand, setting: Setting, pins: tuple[int, ...]
) -> tuple[BucketUse, ...]:
    bill = price(buckets, demand, setting.curve)
    total = float(bill.runs.sum())
    uses = []
    for index, length in enumerate(buckets.lengths):
        useful, padded = float(bill.useful[index]), float(bill.padded[index])
        uses.append(
            BucketUse(
                vit_patches=length,
                merged_patches=-(-length // setting.profile.patches_per_merged),
                largest_square=largest_square_px(
                    length, setting.profile, setting.version
                ),
                runs=float(bill.runs[index]),
                share=float(bill.runs[index]) / total,
                useful_compute=useful,
                padded_compute=padded,
                waste=1 - useful / padded if padded else 0.0,
                mask_bytes=mask_bytes(length),
                pinned=length in pins,
            )
        )
    return tuple(uses)


def largest_square_px(length: int, profile: ModelProfile, version: Version) -> int:
    """Return the side in pixels of the largest square grid a bucket holds; 0 for none.

    Parameters
    ----------
    length : int
        The bucket in ViT patches.
    profile : ModelProfile
        The model.
    version : tuple of int
        The optimum-rbln release.
    """
    most = int(length**0.5) + 1
    grid = np.arange(profile.merge, most + 1, profile.merge, dtype=np.int64)
    needed = needed_lengths(grid, grid, profile.window_patches, version)
    fitting = grid[needed <= length]
    return int(fitting.max()) * profile.patch_px if fitting.size else 0
