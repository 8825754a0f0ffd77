"""What the repeats of each size come to, without those that something else held up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.calibration.advice import sizes_between
from bucketwise.errors import ConfigError
from bucketwise.nouns.measured_cost import CALLED, SIZES, TIMED, Points
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.words.numbers import joined, plural_of

LEAST_SIZES = 4
"""a + b*S + c*S^2 goes through any three."""

LEAST_SPREAD = 2.0
"""Of the largest size over the smallest; less of a curve is a point of it."""

LEAST_FREE = 4
"""Repeats beyond the first of each size, all sizes together."""

OUTLIER = 4.0
"""Standard deviations from the median of its size; 1 in 16,000 of Gaussian repeats."""

MAD, MEAN = 0.6745, 0.7979
"""Median and mean of a Gaussian's absolute deviation, in standard deviations."""

SURER = 2.0
"""So much more alike must the same deviation at all sizes be to be believed: that it is in
proportion is usual, and few repeats say little of either."""

LAGS = 10
"""Repeats up to so far apart are compared, so that thousands of them stay few pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What was measured at each size. Arrays have the shape (n_sizes,)."""

    size: FloatArray
    mean: FloatArray
    repeats: FloatArray
    relative: bool
    """Whether deviations are in proportion to the mean, or the same at all sizes."""
    variance: float | None
    """Of one repeat, in squares of `scale`; None where nothing was repeated."""
    free: int
    """Degrees of freedom of that."""
    samples: int
    outliers: int = 0
    odd: int = 0
    """A size set aside: its repeats agree, and it with no curve of the others; or 0."""

    @property
    def scale(self) -> FloatArray:
        """What deviations are in proportion to."""
        return self.mean if self.relative else np.ones_like(self.mean)

    def without(self, index: int) -> Means:
        """Return it with one size set aside."""
        repeats = int(self.repeats[index])
        return replace(
            self,
            size=np.delete(self.size, index),
            mean=np.delete(self.mean, index),
            repeats=np.delete(self.repeats, index),
            samples=self.samples - repeats,
            outliers=self.outliers + repeats,
            odd=int(self.size[index]),
        )


def means_of(points: Points) -> Means:
    """Return what each size comes to; `ConfigError` where they tell no curve."""
    known, index = np.unique(points.sizes, return_inverse=True)
    groups = [points.values[index == each] for each in range(known.size)]
    if points.kind not in TIMED:
        _check(points, known, "")
        middle = np.array([np.median(group) for group in groups])
        return Means(
            size=known.astype(np.float64),
            mean=middle,
            repeats=np.ones(known.size),
            relative=True,
            variance=None,
            free=0,
            samples=known.size,
        )
    repeated = [group.size > 1 for group in groups]
    known, groups = known[repeated], [group for group in groups if group.size > 1]
    _check(points, known, " with two repeats or more")
    middle = np.array([np.median(group) for group in groups])
    relative, spread = _spread(groups, middle)
    scale = middle if relative else np.ones_like(middle)
    # Two repeats that lie far apart do not say which of them is right: both go.
    kept = [
        group[np.abs(group - centre) <= OUTLIER * spread * each]
        for group, centre, each in zip(groups, middle, scale, strict=True)
    ]
    told = np.array([group.size > 0 for group in kept])
    kept, known, scale = (
        [group for group in kept if group.size],
        known[told],
        scale[told],
    )
    _check(points, known, " whose repeats agree")
    mean = np.array([group.mean() for group in kept])
    repeats = np.array([group.size for group in kept], dtype=np.float64)
    free = int(repeats.sum()) - known.size
    if free < LEAST_FREE:
        raise ConfigError(
            f"expected {LEAST_FREE} repeats more than {CALLED[points.kind]}, got {free}; "
            "measure each five times"
        )
    squares = [
        float((((group - centre) / each) ** 2).sum())
        for group, centre, each in zip(kept, mean, scale, strict=True)
    ]
    if not any(squares):
        raise ConfigError(
            "every repeat is the same as the others of its size: means, or rounded; give "
            "each run a row of its own, with all its digits"
        )
    return Means(
        size=known.astype(np.float64),
        mean=mean,
        repeats=repeats,
        relative=relative,
        variance=sum(squares) / free,
        free=free,
        samples=int(repeats.sum()),
        outliers=sum(group.size for group in groups) - int(repeats.sum()),
    )


def _check(points: Points, known: IntArray, which: str) -> None:
    """Refuse sizes that are too few or too near each other, and say which are lacking."""
    called, noun = CALLED[points.kind], plural_of(SIZES[points.kind])
    narrow = known.size > 0 and known[-1] < LEAST_SPREAD * known[0]
    if known.size >= LEAST_SIZES and not narrow:
        return
    got = joined(known.tolist()) if known.size else "none"
    measured = np.unique(points.sizes)
    lacking = max(LEAST_SIZES - measured.size, int(narrow))
    more = joined(sizes_between(measured, lacking)) if lacking else ""
    beside = f"measure {more} {noun} too, and " if more else "measure "
    raise ConfigError(
        f"expected {LEAST_SIZES} {called} or more{which}, the largest at least twice the "
        f"smallest, got {got}; {beside}each of them five times"
    )


def _spread(groups: list[FloatArray], middle: FloatArray) -> tuple[bool, float]:
    """Return whether repeats waver in proportion to the time, and by how much of it.

    By the same at all sizes, or in proportion: whichever makes the sizes more alike.
    Differences of repeats are told apart from outliers by their median.
    """
    apart = [
        np.concatenate([abs(each[lag:] - each[:-lag]) for lag in _lags(each)])
        for each in groups
    ]
    own = np.array([_deviation(each) for each in apart])
    seen = own > 0
    log_of = np.log(own[seen]), np.log(own[seen] / middle[seen])
    relative = seen.any() and np.var(log_of[1]) <= SURER * np.var(log_of[0])
    scale = middle if relative else np.ones_like(middle)
    shares = [each / size for each, size in zip(apart, scale, strict=True)]
    return bool(relative), _deviation(np.concatenate(shares))


def _lags(repeats: FloatArray) -> range:
    return range(1, min(repeats.size, LAGS + 1))


def _deviation(differences: FloatArray) -> float:
    """Return the standard deviation that makes differences so large."""
    # Rounded times have none more often than not.
    own = np.median(differences) / MAD or np.mean(differences) / MEAN
    return float(own) / 2**0.5
