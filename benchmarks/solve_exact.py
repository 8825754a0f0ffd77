"""How long the exact optimum takes: 16,384 distinct lengths, one to eight buckets.

.venv/bin/python benchmarks/solve_exact.py
"""

from __future__ import annotations

import time

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.core.cost import vit_flops
from bucketwise.core.optimize import Problem
from bucketwise.core.optimize.exact import frontier
from bucketwise.read.configs.profiles import find_profile

LENGTHS, K_MAX, REPEATS = 16_384, 8, 5


def main() -> None:
    curve = vit_flops(find_profile("qwen3-vl-2b"))
    needed = np.arange(4, 4 * LENGTHS + 1, 4)
    runs = np.random.default_rng(0).integers(1, 1_000, LENGTHS).astype(np.float64)
    problem = Problem.of(Demand(needed, runs), curve.at, align=4, top=int(needed[-1]))
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        frontier(problem, K_MAX)
        seconds.append(time.perf_counter() - started)
    print(
        f"{LENGTHS:,} lengths, k = 1..{K_MAX}: median {np.median(seconds):.3f} s, "
        f"{min(seconds):.3f} to {max(seconds):.3f} s over {REPEATS} runs"
    )


if __name__ == "__main__":
    main()
