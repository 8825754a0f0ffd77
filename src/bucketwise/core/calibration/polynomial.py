"""a + b*S + c*S^2, none of them negative, and the band that holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.calibration.repeats import MAD, Means
from bucketwise.nouns.traffic import FloatArray

HUBER = 2.0
"""Standard deviations up to which a size has its whole weight; one in 20 has less."""

HUBER_SIZES = 7
"""From so many sizes on, one that lies off is told from a curve that bends."""

ROUNDS = 30
TWICE = 2.0
"""Misfits of what repeats do not explain that the band has room for."""

TINY = 1e-300
"""Divides where nothing is off."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A polynomial fitted to the mean of each size."""

    coefficients: FloatArray
    """Shape (n_terms,)."""
    center: FloatArray
    half: FloatArray
    """Those without the constraint, and how far each may be from them."""
    shape: FloatArray
    """Shape (n_terms, n_terms): the norm of `shape @ powers(S)` is half of the band."""
    misfit: float
    """Deviation that repeats do not explain, as a share of `scale`."""

    def at(self, sizes: FloatArray) -> FloatArray:
        """Return the curve."""
        return powers(sizes, len(self.coefficients)) @ self.coefficients

    def band(
        self, sizes: FloatArray, scale: FloatArray | float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the band, which straight lines between sizes keep.

        `scale` is what deviations are in proportion to at each size.
        """
        rows = powers(sizes, len(self.center))
        half = np.linalg.norm(rows @ self.shape.T, axis=1)
        half += TWICE * self.misfit * scale
        middle = rows @ self.center
        # A line from size to size is above a curve that bends by so much at most.
        gap = np.diff(sizes, append=sizes[-1])
        gap = np.maximum(gap, np.roll(gap, 1))
        above = max(float(self.center[-1]), 0.0) * gap**2 / 4
        return middle - half - above, middle + half


def powers(sizes: FloatArray, terms: int) -> FloatArray:
    """Return 1, S, S^2 of each size; shape (n_sizes, n_terms)."""
    return np.vander(sizes, terms, increasing=True)


def fit(means: Means, terms: int, level: float) -> Fit:
    """Return the polynomial of so many terms nearest to the means.

    Sizes are weighed by what their repeats leave open and by the misfit that they share;
    those that lie off weigh less (Huber, 1964). The band is that of all sizes at once
    (Working and Hotelling, 1929; Scheffe, 1953).
    """
    rows, unit = _scaled(means, terms)
    if means.variance is None:
        weights = 1 / means.scale**2
        free = means.size.size - terms
        shared = _excess(means, rows, weights) + TINY
        weights = weights / shared
    else:
        own, free = means.variance / means.repeats, means.free
        weights = 1 / (means.scale**2 * own)
        robust = _excess(means, rows, weights * _huber(means, rows, weights))
        shared = max(robust - 1, 0.0) * float(np.median(own))
        weights = 1 / (means.scale**2 * (own + shared))
        weights = weights * _huber(means, rows, weights)
    root = np.sqrt(weights)
    triangle = np.linalg.qr(root[:, None] * rows, mode="r")
    rest = max(_excess(means, rows, weights), 1.0)
    reach = (rest * terms * quantile(terms, free, level)) ** 0.5
    shape = reach * np.linalg.inv(triangle).T / unit
    center = np.linalg.lstsq(root[:, None] * rows, root * means.mean, rcond=None)[0]
    return Fit(
        coefficients=_solved(means, rows, weights) / unit,
        center=center / unit,
        half=np.linalg.norm(shape, axis=0),
        shape=shape,
        misfit=shared**0.5,
    )


def unexplained(means: Means, terms: int) -> float:
    """Return the mean square of what repeats leave open, over what they explain of it."""
    own = (means.variance or 0.0) / means.repeats
    return _excess(means, _scaled(means, terms)[0], 1 / (means.scale**2 * own))


def left_out(means: Means, terms: int) -> FloatArray:
    """Return what the other sizes foretell of each."""
    weights = means.repeats / means.scale**2
    rows, _ = _scaled(means, terms)
    return np.array(
        [
            rows[each] @ _solved(means, rows, np.where(one, 0.0, weights))
            for each, one in enumerate(np.eye(means.size.size, dtype=bool))
        ]
    )


def _scaled(means: Means, terms: int) -> tuple[FloatArray, FloatArray]:
    """Return the powers of each size as shares of the largest, and its powers."""
    unit = powers(means.size[-1:], terms)[0]
    return powers(means.size, terms) / unit, unit


def _solved(means: Means, rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the non-negative coefficients of least squares (Lawson and Hanson, 1974)."""
    from scipy.optimize import nnls  # noqa: PLC0415 - a decision needs none of scipy

    root = np.sqrt(weights)
    found: FloatArray = nnls(root[:, None] * rows, root * means.mean)[0]
    return found


def _residual(means: Means, rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return what each size is off by, in standard deviations."""
    off: FloatArray = means.mean - rows @ _solved(means, rows, weights)
    return off * np.sqrt(weights)


def _excess(means: Means, rows: FloatArray, weights: FloatArray) -> float:
    """Return the mean square of the residuals."""
    squares = float((_residual(means, rows, weights) ** 2).sum())
    return squares / int(rows.shape[0] - rows.shape[1])


def _huber(means: Means, rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Return by how much of its weight each size counts, as Huber weighs."""
    share = np.ones_like(weights)
    n_sizes, terms = rows.shape
    if n_sizes < HUBER_SIZES:
        return share
    for _ in range(ROUNDS):
        off = np.abs(_residual(means, rows, weights * share)) / np.sqrt(share)
        wavers = float(np.median(off)) / MAD * (n_sizes / (n_sizes - terms)) ** 0.5
        share = np.minimum(1.0, HUBER * max(wavers, 1.0) / np.maximum(off, TINY))
    return share


def quantile(above: int, below: int, level: float) -> float:
    """Return the quantile of Fisher's F."""
    from scipy.special import fdtri  # noqa: PLC0415 - as in `_solved`

    return float(fdtri(above, below, level))
