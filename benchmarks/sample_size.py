"""How much a plan made from few images costs on all of them.

Draws n images from each sample traffic, plans three buckets for the draw, and prices
them on the whole; an image longer than the drawn top is priced at the true top, as if
that were compiled too. Prints the regret against the optimum of the whole.

    .venv/bin/python benchmarks/sample_size.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import CostCurve, price, vit_flops
from bucketwise.core.limits import image_limits, video_limits
from bucketwise.core.optimize import Problem
from bucketwise.core.optimize.exact import solve
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.read import read_traffic
from bucketwise.read.configs.profiles import find_profile

SAMPLES = Path(__file__).parent.parent / "sample_traffic"
K, DRAWS = 3, 200


def main() -> None:
    profile = find_profile("qwen3-vl-2b")
    curve = vit_flops(profile)
    preprocessing = Preprocessing(
        image=image_limits(profile),
        video=video_limits(profile, None, None),
        video_fps=2,
    )
    random = np.random.default_rng(0)
    print(f"regret of {K} buckets, mean / 95th percentile over {DRAWS} draws")
    for path in sorted(SAMPLES.glob("*.csv")):
        counts = count_patches(read_traffic([path]).sizes(), profile, preprocessing)
        whole = Demand.of(counts.needed(RBLN.release((0, 12, 0))), counts.runs)
        top = int(whole.needed[-1])
        best = price(Buckets(_solve(whole, curve)), whole, curve).padded_compute
        said = []
        for n_images in (100, 300, 1_000, 3_000):
            regrets = []
            for _ in range(DRAWS):
                drawn = random.multinomial(n_images, whole.runs / whole.runs.sum())
                part = Demand.of(whole.needed, drawn.astype(np.float64))
                lengths = {*_solve(part, curve)[:-1], top}
                found = price(Buckets(tuple(sorted(lengths))), whole, curve)
                regrets.append(found.padded_compute / best - 1)
            p95 = np.quantile(regrets, 0.95)
            said.append(f"{n_images:,}: {np.mean(regrets):.1%} / {p95:.1%}")
        print(f"{path.stem:<18} {'   '.join(said)}")


def _solve(demand: Demand, curve: CostCurve) -> tuple[int, ...]:
    problem = Problem.of(demand, curve.at, align=4, top=int(demand.needed[-1]))
    return solve(problem, K)


if __name__ == "__main__":
    main()
