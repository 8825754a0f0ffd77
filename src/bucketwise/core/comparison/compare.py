"""Scenarios and a traffic in, their outcomes out: the arithmetic of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.choose_buckets import bucket_uses
from bucketwise.core.comparison.outcome import (
    LEAST_SCENARIOS,
    Basis,
    Comparison,
    Optimum,
    Outcome,
    Scenario,
    check_names,
)
from bucketwise.core.cost import CostCurve, price
from bucketwise.core.in_service import Failures, lowest_limits
from bucketwise.core.limits import Case, weight_of
from bucketwise.core.optimize import EXACT, SOLVERS, Problem
from bucketwise.core.optimize.excess import top_as_safe
from bucketwise.core.patching import BoolArray
from bucketwise.core.plan import Cost
from bucketwise.core.plan_record import (
    model_facts,
    nothing_to_serve,
    provenance,
    traffic_summary,
)
from bucketwise.errors import InputError
from bucketwise.nouns.traffic import IntArray, Traffic
from bucketwise.words.numbers import less


@dataclass(frozen=True, slots=True)
class _Run:
    """One scenario under its own limits."""

    scenario: Scenario
    setting: Case
    failures: Failures


@dataclass(frozen=True, slots=True)
class _Shared:
    """What some scenarios are priced over; no demand where they serve nothing."""

    basis: Basis
    needed: IntArray
    demand: Demand | None

    def price(self, scenario: Scenario, curve: CostCurve) -> float:
        """Return the padded compute of one of them."""
        return _padded(scenario.buckets, self.demand, curve)


def compare_scenarios(
    scenarios: Sequence[Scenario],
    traffic: Traffic,
    setting: Case,
    target: str,
    *,
    model_assumed: bool = False,
    version: str = "",
    options: Mapping[str, Any] | None = None,
) -> Comparison:
    """Price several lists of lengths on the images that all of them serve.

    Each fails under its own limits. Computes are compared under the lowest limits of
    all, so that what a limit saves is not mistaken for what buckets do.
    """
    check_names([scenario.name for scenario in scenarios])
    if not (setting.counts.runs > 0).any():
        raise InputError(nothing_to_serve(traffic, setting.counts))
    runs = tuple(_run(scenario, setting) for scenario in scenarios)
    least = min(run.failures.overflow_images for run in runs)
    finalists = tuple(run for run in runs if run.failures.overflow_images == least)
    compared = deciding = _shared(runs, setting)
    if LEAST_SCENARIOS <= len(finalists) < len(runs):
        deciding = _shared(finalists, setting)
    counts = setting.counts
    return Comparison(
        model=model_facts(
            setting.profile, setting.preprocessing, assumed=model_assumed
        ),
        target=target,
        traffic=traffic_summary(traffic, counts, setting.release),
        cost=Cost.of(setting.curve),
        images=weight_of(counts, counts.accepted),
        compared=compared.basis,
        deciding=deciding.basis,
        outcomes=tuple(_outcome(run, compared, deciding, scenarios[0]) for run in runs),
        provenance=provenance(traffic, None, version, dict(options or {})),
        needed=Demand.of(compared.needed, counts.runs),
        release=setting.release,
        profile=setting.profile,
    )


def _run(scenario: Scenario, setting: Case) -> _Run:
    own = setting.under(scenario.limits or setting.preprocessing.image)
    return _Run(scenario, own, Failures.of(scenario.buckets, own.counts, own.release))


def _shared(runs: Sequence[_Run], setting: Case) -> _Shared:
    """Return what all of these serve, at what it needs under the lowest limits."""
    lowest = lowest_limits(*(run.setting.preprocessing.image for run in runs))
    counts = setting.under(lowest).counts
    needed = counts.needed(setting.release)
    served = counts.accepted & (needed <= min(run.scenario.buckets.top for run in runs))
    for run in runs:
        served &= ~run.failures.fails
    basis = Basis(
        scenarios=tuple(run.scenario.name for run in runs),
        images=weight_of(counts, served),
        min_pixels=lowest.min_pixels,
        max_pixels=lowest.max_pixels,
        useful_compute=float((counts.runs * setting.curve.at(needed))[served].sum()),
    )
    return _Shared(basis, needed, _demand(needed, setting, served))


def _demand(needed: IntArray, setting: Case, who: BoolArray) -> Demand | None:
    """Return the demand of the chosen sizes; None where nothing runs."""
    runs = setting.counts.runs
    return Demand.of(needed[who], runs[who]) if (runs[who] > 0).any() else None


def _padded(buckets: Buckets, demand: Demand | None, curve: CostCurve) -> float:
    return price(buckets, demand, curve).padded_compute if demand else 0.0


def _outcome(
    run: _Run, compared: _Shared, deciding: _Shared, first: Scenario
) -> Outcome:
    scenario, setting, counts = run.scenario, run.setting, run.setting.counts
    limits, lengths = setting.preprocessing.image, scenario.buckets.lengths
    failures, shrunk = run.failures, setting.shrunk_images()
    demand = setting.demand()
    uses = bucket_uses(scenario.buckets, demand, setting, ())
    bill = price(scenario.buckets, demand, setting.curve)
    before = compared.price(first, setting.curve)
    after = compared.price(scenario, setting.curve)
    decides = scenario.name in deciding.basis.scenarios
    return Outcome(
        name=scenario.name,
        source=scenario.source,
        vit_max_seq_lens=lengths,
        min_pixels=limits.min_pixels,
        max_pixels=limits.max_pixels,
        limits_source=limits.source,
        overflow_images=failures.overflow_images,
        overflow_share=failures.overflow_share,
        overflow_runs=failures.overflow_runs,
        largest_needed=int(demand.needed[-1]),
        served_images=weight_of(counts, counts.accepted & ~failures.fails),
        shrunk_images=shrunk,
        shrunk_share=shrunk / failures.images,
        useful_compute=bill.useful_compute,
        padded_compute=bill.padded_compute,
        waste=bill.waste,
        compared_compute=after,
        saving=less(before, after),
        deciding_compute=deciding.price(scenario, setting.curve) if decides else None,
        optimum=_optimum(run, bill.padded_compute),
        buckets=uses,
        unused_buckets=tuple(use.vit_patches for use in uses if not use.runs),
        unaligned=tuple(each for each in lengths if each % setting.profile.align),
        mask_bytes=sum(use.mask_bytes for use in uses),
    )


def _optimum(run: _Run, padded: float) -> Optimum | None:
    """Return the best list with as many lengths; None where nothing is served."""
    setting = run.setting
    served = setting.counts.accepted & ~run.failures.fails
    demand = _demand(run.failures.needed, setting, served)
    if demand is None:
        return None
    given, worst = run.scenario.buckets.lengths, setting.worst().needed
    top = top_as_safe(given, demand, setting.align, worst)
    problem = Problem.of(
        demand, setting.curve.at, align=setting.align, top=top, marks=setting.marks
    )
    lengths = SOLVERS[EXACT](problem, len(given))
    best = _padded(Buckets(lengths), demand, setting.curve)
    return Optimum(
        vit_max_seq_lens=lengths,
        padded_compute=best,
        possible_saving=max(less(padded, best), 0.0),
    )
