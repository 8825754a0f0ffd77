"""A lower image limit to propose, where shrinking few images saves much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bucketwise.core.buckets import Buckets
from bucketwise.core.cost import price
from bucketwise.core.limits import CAP_QUANTILES, Case, share_shrunk
from bucketwise.core.optimize import EXACT, SOLVERS, Problem
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import Cap, TailLimit
from bucketwise.core.safe_top import safe_top
from bucketwise.words.numbers import less

MOST_SHRUNK = 0.03
"""A larger share of the images is no tail."""

LEAST_SAVING = 0.10
"""Less of the compute is not worth a picture that somebody misses."""

NEARLY = 0.8


def tail_limit(
    setting: Case,
    question: PlanOptions,
    caps: Iterable[Cap],
    *,
    n_lengths: int,
    padded_compute: float,
) -> TailLimit | None:
    """Return the limit at a high quantile of sizes that saves the most, if one is worth it.

    It is solved as the plan was, with as many lengths; nothing applies it.
    """
    quantiles = {name for name, _ in CAP_QUANTILES}
    # What a cap takes tells nearly what its limit would: most are not worth solving.
    limits = {
        cap.max_pixels
        for cap in caps
        if cap.name in quantiles
        and less(padded_compute, cap.padded_compute) >= NEARLY * LEAST_SAVING
    }
    found = [
        each
        for limit in limits
        for each in _tried(setting, question, limit, n_lengths, padded_compute)
        if each.shrinks_share <= MOST_SHRUNK and each.saving >= LEAST_SAVING
    ]
    return max(found, key=lambda each: (each.saving, each.max_pixels), default=None)


def _tried(
    setting: Case, question: PlanOptions, limit: int, n_lengths: int, before: float
) -> Iterator[TailLimit]:
    found = safe_top(setting.with_max_pixels(limit), question)
    lowered = found.setting
    if lowered.preprocessing.image.max_pixels >= setting.preprocessing.image.max_pixels:
        return
    demand = lowered.demand()
    problem = Problem.of(
        demand,
        lowered.curve.at,
        align=lowered.align,
        top=found.top,
        pinned=[pin for pin in lowered.pins if pin < found.top],
        marks=lowered.marks,
    )
    lengths = SOLVERS[EXACT](problem, max(n_lengths, problem.k_min))
    padded = price(Buckets(lengths), demand, lowered.curve).padded_compute
    share = share_shrunk(setting, lowered)
    yield TailLimit(
        max_pixels=lowered.preprocessing.image.max_pixels,
        shrinks_share=share,
        vit_max_seq_lens=lengths,
        padded_compute=padded,
        saving=less(before, padded),
    )
