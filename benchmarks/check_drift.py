"""How often `check` says no: to a redraw of the mix a plan was made from, and to another mix.

A plan is made from 2,000 images drawn from a sample traffic. It is checked on n others
drawn from the same traffic, and on n of which a share comes from another one. Prints the
share of the seeds that fail at --max-regret 5%, what the regret alone would have failed,
and how often the 90 % interval holds the regret on the whole mix.

    .venv/bin/python benchmarks/check_drift.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import bucketwise
from bucketwise.core.analysis import Analysis
from bucketwise.core.check import Check
from bucketwise.nouns.traffic import Traffic, merge_traffic

SAMPLES = Path(__file__).parent.parent / "sample_traffic"
SEEDS, PLANNED_FROM, SIZES = 100, 2_000, (100, 1_000)
PLANTED = (
    ("docs_screenshots", "web_photos", 0.9),
    ("web_photos", "docs_screenshots", 0.95),
    ("phone_photos", "docs_screenshots", 0.3),
    ("chest_xrays", "docs_screenshots", 0.3),
)
"""A traffic, another one, and its share in the mix that the plan does not fit."""


def main() -> None:
    for own, other, planted in PLANTED:
        mixes = [read(own), read(other)]
        plans = [planned(mixes[0], seed) for seed in range(SEEDS)]
        for share in (0.0, planted):
            shares = (1 - share, share)
            whole = merge_traffic(map(weighted, mixes, shares))
            true = [bucketwise.check(plan, whole) for plan in plans]
            for n_images in SIZES:
                drawn = [
                    mixed(
                        mixes, share, n_images, np.random.default_rng((seed, n_images))
                    )
                    for seed in range(SEEDS)
                ]
                found = list(
                    zip(map(bucketwise.check, plans, drawn), true, strict=True)
                )
                print(
                    f"{own} + {share:.0%} {other}, {n_images:,} images: {told(found)}",
                    flush=True,
                )


def read(name: str) -> Traffic:
    return bucketwise.read_traffic([SAMPLES / f"{name}.csv"])


def mixed(
    mixes: Sequence[Traffic], share: float, n_images: int, random: np.random.Generator
) -> Traffic:
    """Return images of which about a share comes from the second traffic."""
    foreign = int(random.binomial(n_images, share))
    return merge_traffic(
        [
            images_of(mixes[0], n_images - foreign, random),
            images_of(mixes[1], foreign, random),
        ]
    )


def planned(traffic: Traffic, seed: int) -> Analysis:
    part = images_of(traffic, PLANNED_FROM, np.random.default_rng(seed))
    return bucketwise.analyze(part, model="qwen3-vl-2b")


def images_of(traffic: Traffic, n_images: int, random: np.random.Generator) -> Traffic:
    """Return so many images drawn from a traffic."""
    count = random.multinomial(n_images, traffic.count / traffic.count.sum())
    return replace(traffic, count=count.astype(np.float64)).without_empty_cells()


def weighted(traffic: Traffic, share: float) -> Traffic:
    return replace(traffic, count=traffic.count / traffic.count.sum() * share)


def told(found: Sequence[tuple[Check, Check]]) -> str:
    """Return the rates over the seeds."""
    draws = [draw for draw, _ in found]
    pairs = [
        (draw.lengths, whole.lengths.share)
        for draw, whole in found
        if draw.lengths and whole.lengths
    ]
    fails = np.mean([not each.passed for each in draws])
    alone = np.mean([each.share > draws[0].max_regret for each, _ in pairs])
    held = np.mean(
        [(each.low or 0.0) <= true <= (each.high or 0.0) for each, true in pairs]
    )
    true_regret = np.mean([true for _, true in pairs])
    return (
        f"regret {true_regret:.1%} on the whole, {fails:.0%} fail "
        f"({alone:.0%} by the regret alone), interval holds {held:.0%}"
    )


if __name__ == "__main__":
    main()
