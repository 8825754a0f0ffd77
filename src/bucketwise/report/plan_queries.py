"""Small questions several sections ask of a plan."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Demand
from bucketwise.core.plan import (
    InputUsed,
    Planned,
    Status,
    StrategyLike,
)
from bucketwise.words.numbers import compute

UNIT = "ViT patches"

MARKS = {"measured": "● given or read", "derived": "◐ derived", "assumed": "○ assumed"}
"""How far to trust a number, in words and in shapes that need no colour."""

LEGEND = (
    f"{MARKS['measured']}: by you, or from your input. {MARKS['derived']}: "
    f"computed from that and from published files. {MARKS['assumed']}: rests on a value "
    "that nobody gave; replace it by your own."
)


def demand_of(analysis: Analysis) -> Demand:
    """Return how often each needed length is run."""
    items = analysis.items
    return Demand.of(items.needed, np.where(items.needed > 0, items.runs, 0.0))


def spent(value: float, planned: Planned) -> str:
    """Return compute in the unit of the plan's cost."""
    return compute(value, planned.cost.unit)


def mark_of(analysis: Analysis, *, assumed: bool = False) -> Status:
    """Return the mark of a number computed from the images."""
    return "assumed" if assumed or analysis.plan.model.assumed else "derived"


def exact_at(planned: Planned, k: int) -> StrategyLike | None:
    """Return the exact optimum among the strategies compared at k."""
    found = (item for item in planned.strategies if item.exact and item.k == k)
    return next(found, None)


def images_accepted(analysis: Analysis) -> float:
    """Return the images the processor accepts, weighted."""
    return float(analysis.counts.sizes.count[analysis.counts.accepted].sum())


def traffic_inputs(analysis: Analysis) -> tuple[InputUsed, ...]:
    """Return the inputs that told images; that of the decoder's load stands last."""
    return analysis.plan.provenance.inputs[: len(analysis.traffic.inputs)]


def noun_of(analysis: Analysis) -> str:
    """Return what the traffic is made of: images, clips, or both."""
    summary = analysis.plan.traffic
    if not summary.clips:
        return "image"
    return "clip" if summary.clips == summary.images else "image or clip"
