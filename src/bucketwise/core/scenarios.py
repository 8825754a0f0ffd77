"""What one plan costs each of several scenarios: the labels of a traffic."""

from __future__ import annotations

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import price
from bucketwise.core.limits import Case
from bucketwise.core.optimize import EXACT, ROBUST, SOLVERS, Problem
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import ScenarioUse
from bucketwise.errors import UsageError
from bucketwise.nouns.traffic import Traffic

FEWEST, MOST = 2, 12
"""So many labels are scenarios; more are many users, of whom no table tells."""

UNLABELLED = "(no label)"


def demands_of(traffic: Traffic, setting: Case) -> dict[str, Demand]:
    """Return what each scenario needs, by its name; nothing where labels are none."""
    if setting.batches is not None:
        # Whose images run together is not kept.
        return {}
    counts = setting.counts
    runs_each = np.where(counts.accepted, counts.runs_each, 0)
    size = traffic.size_of_cell()
    needed, runs = counts.needed(setting.release)[size], runs_each[size] * traffic.count
    used = np.unique(traffic.label[runs > 0])
    if not FEWEST <= used.size <= MOST:
        return {}
    names = (*traffic.labels, UNLABELLED)
    return {
        names[each]: Demand.of(needed, np.where(traffic.label == each, runs, 0.0))
        for each in used.tolist()
    }


def check_robust(
    question: PlanOptions, demands: dict[str, Demand], *, marked: bool = False
) -> None:
    """Check that there are scenarios where lengths are chosen for the worst of them."""
    if question.strategy == ROBUST and marked:
        message = "--robust: soft tokens bind the lengths of this model; leave it out"
        raise UsageError(message)
    if question.strategy == ROBUST and not demands:
        message = (
            f"--robust: expected {FEWEST} to {MOST} scenarios, as --scenario NAME=FILES "
            "or the label column name them, got others"
        )
        raise UsageError(message)


def scenario_uses(
    demands: dict[str, Demand],
    problem: Problem,
    lengths: tuple[int, ...],
    setting: Case,
) -> tuple[ScenarioUse, ...]:
    """Return what the lengths cost each scenario, beside its own best as many."""
    uses = []
    for name, demand in demands.items():
        own = SOLVERS[EXACT](problem.of_runs(demand), len(lengths))
        bill = price(Buckets(lengths), demand, setting.curve)
        least = price(Buckets(own), demand, setting.curve).padded_compute
        uses.append(
            ScenarioUse(
                name=name,
                runs=float(demand.runs.sum()),
                padded_compute=bill.padded_compute,
                waste=bill.waste,
                regret=max(bill.padded_compute / least - 1, 0.0),
                vit_max_seq_lens=own,
            )
        )
    return tuple(uses)
