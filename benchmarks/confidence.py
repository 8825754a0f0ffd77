"""How often the stated interval of the regret holds what comes next.

    .venv/bin/python benchmarks/confidence.py TABLE...

Each table has a width, a height and, for the first column of results, a timestamp. From
many places in it the images so far state an interval, and the next ones tell whether it
holds: by time the part that follows, without times as many others drawn at random.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bucketwise.core.confidence import PARTS, Sample, confidence_of
from bucketwise.core.cost import vit_flops
from bucketwise.core.limits import Case, image_limits, video_limits
from bucketwise.core.optimize.many import least_costs, priced
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.nouns.traffic import NO_TIME_S, Traffic
from bucketwise.read import read_traffic
from bucketwise.read.configs.profiles import find_profile

PLACES = 60
SIZES = (300, 1_000)
MODEL = "qwen3-vl-2b"


def sample_of(traffic: Traffic) -> Sample:
    profile = find_profile(MODEL)
    preprocessing = Preprocessing(
        image=image_limits(profile),
        video=video_limits(profile, None, None),
        video_fps=profile.sampling.fps,
    )
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    return Sample.of(
        Case(
            profile=profile,
            preprocessing=preprocessing,
            counts=counts,
            release=RBLN.release(NEWEST),
            curve=vit_flops(profile),
            align=profile.align,
            pins=(),
        )
    )


def is_held(seen: Traffic, new: Traffic, k: int, top: int) -> bool | None:
    """Return whether what the new images cost lies within what the seen ones state."""
    sample = sample_of(seen)
    lengths = (*range(4, 4 * k, 4), top)
    found = confidence_of(seen, sample, lengths)
    if found is None:
        return None
    before, after = sample, sample_of(new)
    candidates = np.unique(np.concatenate([before.needed, after.needed, [top]]))

    def runs(of: Sample) -> np.ndarray:
        at = np.searchsorted(candidates, of.needed)
        return np.bincount(at, of.runs, candidates.size)[None].astype(float)

    cost, none = sample.curve.at(candidates), np.zeros(0, dtype=np.int64)
    chosen, _ = least_costs(runs(before), cost, k, none)
    _, least = least_costs(runs(after), cost, k, none)
    regret = float(priced(runs(after), cost, chosen)[0] / least[0] - 1)
    return found.low - 1e-9 <= regret <= found.high + 1e-9


def rows_of(traffic: Traffic) -> np.ndarray:
    """Return the cell of every image, oldest first."""
    order = np.argsort(traffic.slot_start_s, kind="stable")
    return np.repeat(order, traffic.count[order].astype(int))


def taken(traffic: Traffic, rows: np.ndarray, *, timed: bool) -> Traffic:
    count = np.bincount(rows, minlength=traffic.count.size).astype(float)
    start_s = (
        traffic.slot_start_s if timed else np.full_like(traffic.slot_start_s, NO_TIME_S)
    )
    return replace(traffic, count=count, slot_start_s=start_s).without_empty_cells()


def by_time(traffic: Traffic, k: int, top: int) -> Iterator[bool | None]:
    rows = rows_of(traffic)
    for share in np.linspace(0.35, 0.93, PLACES):
        n = int(rows.size * share)
        seen, new = rows[:n], rows[n : n + max(1, n // PARTS)]
        yield is_held(
            taken(traffic, seen, timed=True), taken(traffic, new, timed=True), k, top
        )


def at_random(traffic: Traffic, k: int, top: int) -> Iterator[bool | None]:
    rows, random = rows_of(traffic), np.random.default_rng(0)
    for place in range(PLACES):
        size = min(SIZES[place % len(SIZES)], rows.size // 2)
        drawn = random.permutation(rows)
        yield is_held(
            taken(traffic, drawn[:size], timed=False),
            taken(traffic, drawn[size : 2 * size], timed=False),
            k,
            top,
        )


def main(paths: list[str]) -> None:
    print("| table | k | by time | at random |\n|---|---|---|---|")
    every: dict[str, list[bool]] = {"time": [], "random": []}
    for path in map(Path, paths):
        traffic = read_traffic([path])
        top = int(sample_of(traffic).needed.max())
        dated = np.unique(traffic.slot_start_s).size >= PARTS
        for k in (2, 3, 4):
            cells = []
            for name, found in (
                ("time", by_time(traffic, k, top) if dated else ()),
                ("random", at_random(traffic, k, top)),
            ):
                held = [each for each in found if each is not None]
                every[name] += held
                cells.append(
                    f"{np.mean(held):.1%} of {len(held)}" if held else "no times"
                )
            print(f"| {path.name} | {k} | {' | '.join(cells)} |", flush=True)
    told = [
        f"{np.mean(held):.1%} of {len(held)}" if held else "" for held in every.values()
    ]
    print(f"| all | | {' | '.join(told)} |")


if __name__ == "__main__":
    main(sys.argv[1:])
