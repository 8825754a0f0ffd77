"""Small questions several sections ask of a plan."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Demand
from bucketwise.core.decoder.sizing import QUEUEING_LIMIT
from bucketwise.core.plan import (
    Decoder,
    FrontierPoint,
    InputUsed,
    Planned,
    Status,
    StrategyLike,
    Visual,
)
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import compute, percent

UNIT = "ViT patches"

MARKS = {"measured": "● measured", "derived": "◐ derived", "assumed": "○ assumed"}
"""How far to trust a number, in words and in shapes that need no colour."""

LEGEND = (
    f"{MARKS['measured']}: given by you or read from your input. {MARKS['derived']}: "
    f"computed from that and from published files. {MARKS['assumed']}: rests on a value "
    "that nobody gave; replace it by your own."
)


def demand_of(analysis: Analysis) -> Demand:
    """Return how often each needed length is run."""
    return Demand.of(analysis.needed, analysis.counts.runs)


def spent(value: float, planned: Planned) -> str:
    """Return compute in the unit of the plan's cost."""
    return compute(value, planned.cost.unit)


def with_one_graph(visual: Visual) -> FrontierPoint | None:
    """Return the plan with one graph; None where pins demand more."""
    return next((point for point in visual.frontier if point.k == 1), None)


def one_graph_compute(visual: Visual) -> float:
    """Return the compute of every run on one graph of the top length."""
    top = visual.vit_max_seq_lens[-1]
    runs = sum(use.runs for use in visual.buckets)
    return runs * (visual.cost.a * top + visual.cost.b * top**2)


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
            "time"
        )
    larger = suggested or decoder.batch_sizes[-1].batch_size
    if queues < QUEUEING_LIMIT or larger <= planned:
        return ""
    still = "" if suggested else "still "
    return (
        f"With batch_size {planned:,} requests queue in {percent(queues)} of busy time, "
        f"with {larger:,} {still}in {percent(share_at[larger])}"
    )


def noun_of(analysis: Analysis) -> str:
    """Return what the traffic is made of: images, clips, or both."""
    summary = analysis.plan.traffic
    if not summary.clips:
        return "image"
    return "clip" if summary.clips == summary.images else "image or clip"


def cumulated(demand: Demand) -> FloatArray:
    """Return the share of runs at or below each needed length."""
    running = np.cumsum(demand.runs)
    return np.asarray(running / running[-1], dtype=np.float64)
