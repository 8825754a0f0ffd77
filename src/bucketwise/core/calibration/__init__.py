"""Curves out of measurements: which form, how sure, and what to measure next.

A size is the unit of evidence: its repeats say how much a measurement wavers, and only
other sizes say how the curve goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bucketwise.core.calibration import polynomial, steps
from bucketwise.core.calibration.advice import next_to_measure, sizes_between
from bucketwise.core.calibration.repeats import Means, means_of
from bucketwise.errors import ConfigError
from bucketwise.nouns.measured_cost import (
    SIZES,
    TERMS,
    TIMED,
    Form,
    Kind,
    MeasuredCost,
    MeasuredCurve,
    Measurements,
    Points,
)
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import joined, plural_of

LEVEL = 0.95

UNEXPLAINED = 0.01
"""Repeats explain what a curve is off by where they do so this often at least."""

AS_WIDE = 4.0
"""The band of steps may be so many times as wide as the polynomial's."""

SIMPLER = 0.8
"""A quadratic has to foretell sizes left out by so much better than a line, in squares."""

STRICTER = 0.4
"""Of what the level leaves open: that repeats choose weights and form costs the rest."""

FURTHER = 4.0
"""The band is told up to so many times the largest size."""

GRID = 128


@dataclass(frozen=True, slots=True)
class Calibration:
    """A cost, what was measured of it, and what is to be said of either.

    `left_out` says why a kind has no curve, `advice` what to measure next, by kind.
    """

    cost: MeasuredCost
    measured: Measurements
    left_out: dict[Kind, str]
    advice: dict[Kind, str]


def calibrated(measured: Measurements, level: float = LEVEL) -> Calibration:
    """Return the curves of what was measured, each with what to measure next."""
    curves: dict[str, MeasuredCurve] = {}
    left_out: dict[Kind, str] = {}
    advice: dict[Kind, str] = {}
    for points in measured.points:
        try:
            means = _agreeing(means_of(points))
        except ConfigError as error:
            left_out[points.kind] = str(error)
        else:
            curve = _curve_through(points.kind, means, level)
            curves[points.kind] = curve
            advice[points.kind] = _advice(curve, means)
    if not {*TIMED} & {*curves}:
        raise ConfigError(*(f"{kind}: {why}" for kind, why in left_out.items()))
    cost = MeasuredCost(
        device=measured.device,
        engine=measured.engine,
        release=measured.release,
        source=", ".join(measured.names),
        **curves,
    )
    return Calibration(cost, measured, left_out, advice)


def curve_of(points: Points, level: float = LEVEL) -> MeasuredCurve:
    """Return the curve of measurements of one kind; `ConfigError` where they tell none."""
    return _curve_through(points.kind, _agreeing(means_of(points)), level)


def _curve_through(kind: Kind, means: Means, level: float) -> MeasuredCurve:
    """Return the line, the quadratic or the steps through the means.

    Steps are taken where repeats do not explain what a + b*S + c*S^2 is off by. Few sizes
    leave steps so much room that their band says little; then the polynomial stays, and
    its band grows by what it is off by.
    """
    smooth = _smooth(kind, means, level)
    if explained(means):
        return smooth
    stepped = _stepped(kind, means, level)
    return stepped if _width(stepped) <= AS_WIDE * _width(smooth) else smooth


def _agreeing(means: Means) -> Means:
    """Return the means without the one size that alone keeps them from being a curve."""
    if means.size.size < polynomial.HUBER_SIZES or explained(means):
        return means
    others = [means.without(each) for each in range(means.size.size)]
    curves = [each for each in others if explained(each)]
    return curves[0] if len(curves) == 1 else means


def _advice(curve: MeasuredCurve, means: Means) -> str:
    """Return what to measure next."""
    noun = plural_of(SIZES[curve.kind])
    known = means.size.astype(np.int64)
    if means.odd:
        return (
            f"{means.odd:,} {noun} again: its runs agree, and no curve through the other "
            "sizes has them"
        )
    if curve.form == "steps" or explained(means):
        return next_to_measure(curve, known)
    return (
        f"{joined(sizes_between(known, 2))} {noun}: repeats do not explain what the curve "
        "is off by, so between the sizes measured it may be off by more than its band"
    )


def explained(means: Means) -> bool:
    """Return whether repeats may explain what a + b*S + c*S^2 is off by."""
    if means.variance is None:
        return True
    terms = TERMS["quadratic"]
    most = polynomial.quantile(means.size.size - terms, means.free, 1 - UNEXPLAINED)
    return polynomial.unexplained(means, terms) <= most


def _smooth(kind: Kind, means: Means, level: float) -> MeasuredCurve:
    """Return the line, or the quadratic where that foretells sizes left out better.

    The band is that of the quadratic either way: that a curve does not bend is found, not
    known.
    """
    straight, bent = (
        float(
            (
                ((polynomial.left_out(means, terms) - means.mean) / means.scale) ** 2
            ).sum()
        )
        for terms in (TERMS["linear"], TERMS["quadratic"])
    )
    form: Form = "quadratic" if bent < SIMPLER * straight else "linear"
    stricter = _stricter(level)
    chosen = polynomial.fit(means, TERMS[form], stricter)
    full = polynomial.fit(means, TERMS["quadratic"], stricter)
    sizes = np.geomspace(1, FURTHER * means.size[-1], GRID)
    sizes = np.unique([*sizes.round(2), means.size[0], means.size[-1]])
    band = full.band(sizes, chosen.at(sizes) if means.relative else 1.0)
    terms = chosen.coefficients
    own = {
        "coefficients": _plain(terms),
        "coefficient_lows": _plain(np.clip(chosen.center - chosen.half, 0, terms)),
        "coefficient_highs": _plain(np.maximum(chosen.center + chosen.half, terms)),
    }
    at = chosen.at(means.size)
    return _curve(kind, form, means, own, at, (sizes, *band), level)


def _stepped(kind: Kind, means: Means, level: float) -> MeasuredCurve:
    """Return the curve that goes from size to size and never falls."""
    at = steps.rising(means)
    own = {"knots": _plain(means.size), "knot_values": _plain(at)}
    band = steps.band(means, _stricter(level))
    return _curve(kind, "steps", means, own, at, band, level)


def _curve(
    kind: Kind,
    form: Form,
    means: Means,
    own: Mapping[str, Any],
    at: FloatArray,
    band: tuple[FloatArray, FloatArray, FloatArray],
    level: float,
) -> MeasuredCurve:
    sizes, low, high = band
    # What never falls is below what it is later, and above what it was.
    low = np.maximum.accumulate(np.maximum(low, 0.0))
    high = np.minimum.accumulate(high[::-1])[::-1]
    return MeasuredCurve(
        kind=kind,
        form=form,
        **own,
        band_sizes=_plain(sizes),
        band_lows=_plain(np.minimum(low, high)),
        band_highs=_plain(np.maximum(low, high)),
        level=level,
        smallest=int(means.size[0]),
        largest=int(means.size[-1]),
        sizes=means.size.size,
        samples=means.samples,
        outliers=means.outliers,
        residual_share=float(np.sqrt(np.mean((means.mean / at - 1) ** 2))),
    )


def _stricter(level: float) -> float:
    return 1 - STRICTER * (1 - level)


def _width(curve: MeasuredCurve) -> float:
    """Return how wide a band is in the mean, as a share of its curve."""
    sizes = np.geomspace(curve.smallest, curve.largest, GRID)
    return float(np.mean((curve.high(sizes) - curve.low(sizes)) / curve.at(sizes)))


def _plain(values: FloatArray) -> tuple[float, ...]:
    return tuple(values.tolist())
