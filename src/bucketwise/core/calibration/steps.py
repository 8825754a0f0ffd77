"""A curve that only rises, through the means of the sizes, where no polynomial fits."""

from __future__ import annotations

import numpy as np

from bucketwise.core.calibration.repeats import Means
from bucketwise.nouns.traffic import FloatArray

NEAR = 0.25
"""From a size to where the band opens beside it: sizes are whole."""


def rising(means: Means) -> FloatArray:
    """Return the values nearest to the means that never fall; shape (n_sizes,)."""
    from sklearn.isotonic import isotonic_regression  # noqa: PLC0415 - takes seconds

    weights = means.repeats / means.scale**2
    found: FloatArray = isotonic_regression(means.mean, sample_weight=weights)
    return found


def band(means: Means, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sizes, and the lows and highs of what lies between them.

    All sizes at once (Bonferroni). Between two of them a step may be anywhere: what is
    there takes as much as the size below at least, as the size above at most.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - a decision needs none of scipy

    each = (1 + level) / 2
    each = 1 - (1 - each) / means.size.size
    own = ((means.variance or 0.0) / means.repeats) ** 0.5 * means.scale
    half = stdtrit(means.free, each) * own
    value = rising(means)
    low = np.minimum(np.maximum.accumulate(means.mean - half), value)
    high = np.minimum.accumulate((means.mean + half)[::-1])[::-1]
    high = np.maximum(high, value)
    before, after = means.size[1:] - NEAR, means.size[:-1] + NEAR
    sizes = np.concatenate([means.size, before, after])
    lows = np.concatenate([low, low[:-1], low[:-1]])
    highs = np.concatenate([high, high[1:], high[1:]])
    order = np.argsort(sizes, kind="stable")
    return sizes[order], lows[order], highs[order]
