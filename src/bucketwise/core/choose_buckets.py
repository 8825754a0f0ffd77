"""From a demand to buckets: candidates, solvers, how many, and what each bucket holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.budgets import budget_front, lists_within
from bucketwise.core.cost import CostCurve, price, waste_of
from bucketwise.core.limits import Case
from bucketwise.core.optimize import (
    EXACT,
    OF_SCENARIOS,
    ROBUST,
    SOLVERS,
    Problem,
    align_up,
)
from bucketwise.core.optimize.choose import Choice, Rule, by_price, by_saving
from bucketwise.core.optimize.exact import frontier as exact_frontier
from bucketwise.core.options import SEARCHED, PlanOptions
from bucketwise.core.patching import needed_lengths
from bucketwise.core.plan import (
    BucketUse,
    BudgetPoint,
    Decision,
    FrontierPoint,
    StrategyResult,
)
from bucketwise.nouns.engine import Release
from bucketwise.nouns.profile import ModelProfile
from bucketwise.words.numbers import less, literal

FRONTIER_K = 8
"""The table of the exact optimum goes to at least so many buckets."""


def top_bucket(setting: Case, demand: Demand, headroom: float) -> int:
    """Return the top bucket: the largest need, aligned, or a pin above it.

    Parameters
    ----------
    setting : Case
        Traffic, limits, alignment and pins.
    demand : Demand
        What is needed.
    headroom : float
        Share added before rounding; it stops at what the limits let through.
    """
    largest = int(demand.needed[-1])
    top = largest
    if headroom:
        reachable = max(setting.worst_needed(), largest)
        top = min(int(np.ceil(largest * (1 + headroom))), reachable)
    aligned = int(align_up(np.array([top]), setting.align)[0])
    return max(aligned, *setting.pins) if setting.pins else aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The lengths that were chosen, why so many, and what every strategy would choose."""

    buckets: Buckets
    decision: Decision
    frontier: tuple[FrontierPoint, ...]
    strategies: tuple[StrategyResult, ...]
    front: tuple[BudgetPoint, ...]


def solve(
    problem: Problem,
    demand: Demand,
    curve: CostCurve,
    question: PlanOptions,
    n_served: float,
    length_bytes: Callable[[int], int] | None = None,
) -> Solution:
    """Choose how many lengths, and which, for images and texts alike.

    `n_served` is what the price of a graph is spread over; `length_bytes` what the graph
    of a length takes of a device, for the front of compute and memory.
    """
    k_most, asked = max(FRONTIER_K, question.k_range[1]), question.budgets
    optima = exact_frontier(problem, k_most)
    sizes = [
        length_bytes(each) if length_bytes else 0 for each in problem.lengths.tolist()
    ]
    device_bytes = np.array(sizes, dtype=np.int64)
    budgets = asked.of(problem, device_bytes)
    kept = lists_within(problem, question.k_range[1], budgets) if budgets else optima
    frontier = frontier_of(kept or optima, demand, curve)
    strategies = (
        exact_only(frontier, question)
        if asked.is_any
        else strategies_of(
            problem, demand, curve, question, [point.k for point in frontier]
        )
    )
    price_of_one = price_per_graph(question, n_served, curve.unit, problem.top)
    if question.searched:
        return _searched(question, demand, curve, frontier, strategies)
    choice = choose(question, frontier, strategies, demand, price_of_one, curve.unit)
    best = next((each for each in optima if len(each) == choice.k), ())
    within = _within_budgets(choice, frontier, question, best) if budgets else ""
    lengths = next(
        result.lengths
        for result in strategies
        if result.name == question.strategy and result.k == choice.k
    )
    together = choice.k - len(lengths)
    fell = f"; {together} of its lengths fell together with others" if together else ""
    return Solution(
        buckets=Buckets(lengths),
        decision=Decision(
            k=len(lengths),
            strategy=question.strategy,
            rule=choice.rule,
            reason=choice.reason + within + fell,
            price_per_graph=price_of_one,
        ),
        frontier=frontier,
        strategies=strategies,
        front=budget_front(problem, [*optima, *kept], device_bytes, asked.graph_minutes)
        if length_bytes
        else (),
    )


def _searched(
    question: PlanOptions,
    demand: Demand,
    curve: CostCurve,
    frontier: tuple[FrontierPoint, ...],
    strategies: tuple[StrategyResult, ...],
) -> Solution:
    """Return lengths that a search found for runs that depend on them, beside the optima."""
    bill = price(Buckets(question.searched), demand, curve)
    own = StrategyResult(
        name=SEARCHED,
        exact=False,
        k=len(question.searched),
        vit_max_seq_lens=question.searched,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
    )
    return Solution(
        buckets=Buckets(question.searched),
        decision=Decision(
            k=own.k,
            strategy=SEARCHED,
            rule="fixed",
            reason="as many as for images one by one; which images run together depends "
            "on the list, and a local search, priced by replaying the calls, found this "
            "one",
            price_per_graph=None,
        ),
        frontier=frontier,
        strategies=(*strategies, own),
        front=(),
    )


def _within_budgets(
    choice: Choice,
    frontier: Sequence[FrontierPoint],
    question: PlanOptions,
    best: tuple[int, ...],
) -> str:
    """Say what the budgets forbid."""
    said = ""
    if all(point.vit_max_seq_lens != best for point in frontier):
        said += f"; {literal(best)} would save more, but the budgets do not hold it"
    if frontier[-1].k == choice.k < question.k_range[1]:
        said += f"; the budgets hold no list of {choice.k + 1}"
    return said


def frontier_of(
    optima: Iterable[tuple[int, ...]], demand: Demand, curve: CostCurve
) -> tuple[FrontierPoint, ...]:
    """Return the exact optimum for each k, priced, with the saving of each bucket."""
    points: list[FrontierPoint] = []
    for lengths in optima:
        bill = price(Buckets(lengths), demand, curve)
        before = points[-1].padded_compute if points else None
        points.append(
            FrontierPoint(
                k=len(lengths),
                vit_max_seq_lens=lengths,
                padded_compute=bill.padded_compute,
                waste=bill.waste,
                saving=None if before is None else less(before, bill.padded_compute),
            )
        )
    return tuple(points)


def exact_only(
    frontier: Sequence[FrontierPoint], question: PlanOptions
) -> tuple[StrategyResult, ...]:
    """Return the exact optimum alone: what others choose knows of no budget."""
    ks = [point.k for point in frontier]
    least, most = (min(max(k, ks[0]), ks[-1]) for k in question.k_range)
    return tuple(
        StrategyResult(
            name=EXACT,
            exact=True,
            k=point.k,
            vit_max_seq_lens=point.vit_max_seq_lens,
            padded_compute=point.padded_compute,
            waste=point.waste,
        )
        for point in frontier
        if least <= point.k <= most
    )


def strategies_of(
    problem: Problem,
    demand: Demand,
    curve: CostCurve,
    question: PlanOptions,
    ks: Sequence[int],
) -> tuple[StrategyResult, ...]:
    """Solve by every strategy at each k in the asked range, and price all alike.

    Parameters
    ----------
    problem : Problem
        Candidates and weights.
    demand : Demand
        What the lengths are priced on.
    curve : CostCurve
        Cost of one run.
    question : PlanOptions
        The range of k.
    ks : sequence of int
        Numbers of lengths that the exact optimum has an answer for, ascending.
    """
    least, most = (min(max(k, ks[0]), ks[-1]) for k in question.k_range)
    results = []
    of_scenarios = OF_SCENARIOS if len(problem.apart) else {}
    for k in range(least, most + 1):
        for name, solve in (SOLVERS | of_scenarios).items():
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


def choose(
    question: PlanOptions,
    frontier: tuple[FrontierPoint, ...],
    strategies: tuple[StrategyResult, ...],
    demand: Demand,
    price_of_one: float | None,
    unit: str,
) -> Choice:
    """Choose k on the exact frontier, or on the asked strategy's own results.

    Parameters
    ----------
    question : PlanOptions
        Strategy, range and rule.
    frontier : tuple of FrontierPoint
        The exact optimum.
    strategies : tuple of StrategyResult
        Every strategy at each k in the range.
    demand : Demand
        What is needed: one length needs one bucket.
    price_of_one : float or None
        What one more graph costs on the scale of the traffic, as `price_per_graph`
        returns it; decides k when given.
    unit : str
        That of the cost.
    """
    if demand.needed.size == len(frontier) == frontier[0].k == 1:
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
    if price_of_one is not None:
        return by_price(padded, question.k_range, price_of_one, unit)
    choice = by_saving(padded, question.k_range, question.min_saving)
    fixed = question.k_range[0] == question.k_range[1] == choice.k
    rule: Rule = "fixed" if fixed else choice.rule
    if question.strategy != EXACT:
        by = "asked of it" if fixed else "by the same rule on its own results"
        promise = "promises no optimum"
        if question.strategy == ROBUST:
            promise = "keeps the worst regret over the scenarios least"
        reason = f"{choice.k} {by}; {question.strategy} {promise}"
        return Choice(choice.k, rule, reason)
    asked = f"{choice.k} asked for; " if fixed else ""
    return Choice(choice.k, rule, f"{asked}{choice.reason}")


def price_per_graph(
    question: PlanOptions, inputs: float, unit: str, top: int
) -> float | None:
    """Return what one more graph costs on the scale of so many images, if told.

    Where minutes were measured by length, it is that of the longest: none is too cheap.
    """
    price, known = question.graph_price, question.budgets.graph_minutes
    if price is None:
        return None
    return price.of(inputs, unit, known.of([top]) if known else 0.0)


def bucket_uses(
    buckets: Buckets, demand: Demand, setting: Case, pins: tuple[int, ...]
) -> tuple[BucketUse, ...]:
    """Return what each bucket holds and wastes.

    Parameters
    ----------
    buckets : Buckets
        The chosen lengths.
    demand : Demand
        What is needed.
    setting : Case
        Model, release and cost.
    pins : tuple of int
        Lengths that were asked for.
    """
    bill = price(buckets, demand, setting.curve)
    total = float(bill.runs.sum())
    uses = []
    for index, length in enumerate(buckets.lengths):
        useful, padded = float(bill.useful[index]), float(bill.padded[index])
        uses.append(
            BucketUse(
                vit_patches=length,
                merged_patches=setting.profile.merged(length),
                largest_square=largest_square_px(
                    length, setting.profile, setting.release
                ),
                runs=float(bill.runs[index]),
                share=float(bill.runs[index]) / total if total else 0.0,
                useful_compute=useful,
                padded_compute=padded,
                waste=waste_of(useful, padded),
                mask_bytes=setting.release.engine.mask_bytes(length),
                pinned=length in pins,
            )
        )
    return tuple(uses)


def largest_square_px(length: int, profile: ModelProfile, release: Release) -> int:
    """Return the side in pixels of the largest square grid a bucket holds; 0 for none.

    Parameters
    ----------
    length : int
        The bucket in ViT patches.
    profile : ModelProfile
        The model.
    release : Release
        The release.
    """
    if profile.soft_tokens:
        return int(length**0.5) * profile.length_px
    most = int(length**0.5) + 1
    grid = np.arange(profile.merge, most + 1, profile.merge, dtype=np.int64)
    extra = release.extra_windows(profile.family)
    needed = needed_lengths(grid, grid, profile.window_patches, extra)
    fitting = grid[needed <= length]
    return int(fitting.max()) * profile.patch_px if fitting.size else 0
