"""How long the exact optimum under budgets takes, beside the optimum without.

.venv/bin/python benchmarks/budgets.py [N_LENGTHS]
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bucketwise.core.optimize.budgets import Budget, total, within
from bucketwise.core.optimize.exact import frontier
from bucketwise.core.optimize.problem import Problem


def main(n_lengths: int) -> None:
    """Print milliseconds of processor time, one budget and two, loose and tight."""
    draw = np.random.default_rng(0)
    lengths = np.sort(
        draw.choice(np.arange(1, 10 * n_lengths), n_lengths, replace=False)
    )
    sizes = 4.0 * lengths
    problem = Problem(
        lengths=4 * lengths.astype(np.int64),
        runs=draw.integers(0, 50, n_lengths).astype(np.float64),
        cost=657_457_152.0 * sizes + 98_304.0 * sizes**2,
        pinned=frozenset(),
        align=4,
    )
    bytes_, minutes = 2 * sizes**2 + 12_000 * sizes, 3 + sizes / 1_000
    for k in (2, 3, 4, 6):
        start = time.process_time()
        free = frontier(problem, k)[-1]
        alone = time.process_time() - start
        for shares in ((0.5, None), (0.02, None), (0.3, 0.6), (0.5, 0.2)):
            budgets = [
                _budget(problem, uses, share, free)
                for uses, share in zip((bytes_, minutes), shares, strict=True)
                if share is not None
            ]
            start = time.process_time()
            found = within(problem, k, budgets)
            took = time.process_time() - start
            dearer = total(problem, found) / total(problem, free) if found else np.nan
            print(
                f"k {k}  rooms {shares}: {1000 * took:6.0f} ms ({took / alone:5.1f} times "
                f"the optimum without), {dearer:.3f} times its compute"
            )


def _budget(
    problem: Problem, uses: np.ndarray, share: float, free: tuple[int, ...]
) -> Budget:
    """Return a budget with a share of what lies between the least and the optimum's use."""
    whole = Budget(uses=uses, room=0)
    most = whole.used(problem, free)
    least = float(uses[: len(free) - 1].sum() + uses[-1])
    return Budget(uses=uses, room=least + share * (most - least))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
