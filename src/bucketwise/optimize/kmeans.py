"""k-means on the lengths, upper edges as ceilings: a heuristic."""

from __future__ import annotations

import numpy as np

from bucketwise.optimize.problem import Problem

SEED = 0
RESTARTS = 10


def solve(problem: Problem, k: int) -> tuple[int, ...]:
    """Return the largest length of each of k clusters.

    Lloyd's algorithm minimises squared distance to cluster means, which is not padded
    compute: this is a heuristic and never better than `exact`.

    Parameters
    ----------
    problem : Problem
        Candidates and weights.
    k : int
        Ceilings wanted.

    Returns
    -------
    tuple of int
        Ascending, pins and top included.
    """
    # Loaded here: scikit-learn takes seconds to import and most commands need none.
    from sklearn.cluster import KMeans  # noqa: PLC0415

    held = problem.runs > 0
    lengths, runs = problem.lengths[held], problem.runs[held]
    clusters = min(problem.free(k), lengths.size)
    model = KMeans(n_clusters=clusters, n_init=RESTARTS, random_state=SEED)
    labels = model.fit_predict(lengths.reshape(-1, 1), sample_weight=runs)
    edges = sorted(float(lengths[labels == label].max()) for label in np.unique(labels))
    # The last cluster's ceiling is the top, which may be above its own edge.
    return problem.complete(edges[:-1])
