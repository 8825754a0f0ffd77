"""How often the band of `calibrate` holds the curve that measurements were drawn from.

Each row draws its measurements anew, seeded: a known curve, sizes, repeats, noise and
outliers, which are always slow. "holds" is the share of draws in which the whole curve
lies in the band from the smallest to the largest size, "terms" that in which each of a, b
and c lies in its range, of the draws whose form is the true one, "wide" the median of half
of the widest place of the band, as a share of the curve. The last rows cannot be told.

Run: .venv/bin/python benchmarks/calibration.py [DRAWS]
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bucketwise.core.calibration import curve_of
from bucketwise.errors import ConfigError
from bucketwise.nouns.measured_cost import Points
from bucketwise.nouns.traffic import FloatArray, IntArray

DRAWS = 1_000


@dataclass(frozen=True)
class Case:
    """What measurements are drawn from."""

    name: str
    curve: Callable[[FloatArray], FloatArray]
    sizes: tuple[int, ...]
    repeats: int
    noise: float
    """Of the value; below 0 in ms, the same at all sizes."""
    outliers: float = 0.0
    busy: int = 0
    """A length of which every repeat is slow."""


TERMS = {
    "linear": (0.8, 0.0021),
    "quadratic": (1.2, 0.002, 3e-7),
    "decoder": (18.0, 0.35),
}


def _of(terms: tuple[float, ...], size: FloatArray) -> FloatArray:
    return np.polynomial.Polynomial(terms)(size)


def linear(size: FloatArray) -> FloatArray:
    return _of(TERMS["linear"], size)


def quadratic(size: FloatArray) -> FloatArray:
    return _of(TERMS["quadratic"], size)


def decoder(size: FloatArray) -> FloatArray:
    return _of(TERMS["decoder"], size)


def steps(size: FloatArray) -> FloatArray:
    return 0.5 + 0.0021 * 1024 * np.ceil(size / 1024)


def bent_steps(size: FloatArray) -> FloatArray:
    return quadratic(2048 * np.ceil(size / 2048))


FOUR = (1_024, 3_072, 8_192, 16_384)
SIX = (256, 1_024, 2_048, 4_096, 8_192, 16_384)
MANY = tuple(range(512, 16_385, 512))
ODD = (700, 2_600, 5_300, 16_000)
TWELVE = (
    256,
    900,
    1_700,
    2_500,
    3_900,
    5_200,
    6_600,
    8_000,
    9_900,
    11_800,
    14_000,
    16_384,
)
BATCHES = (1, 2, 4, 8, 16, 32)

CASES = (
    Case("linear, 4 lengths", linear, FOUR, 5, 0.02),
    Case("linear", linear, SIX, 10, 0.02),
    Case("linear, even noise", linear, SIX, 10, -0.1),
    Case("linear, outliers", linear, SIX, 10, 0.02, 0.1),
    Case("quadratic, 4 lengths", quadratic, FOUR, 5, 0.02),
    Case("quadratic, 2 repeats", quadratic, SIX, 2, 0.02),
    Case("quadratic, 3 repeats, outliers", quadratic, SIX, 3, 0.02, 0.05),
    Case("quadratic", quadratic, SIX, 10, 0.02),
    Case("quadratic, noisy", quadratic, SIX, 10, 0.10),
    Case("quadratic, even noise", quadratic, SIX, 10, -0.1),
    Case("quadratic, outliers", quadratic, SIX, 10, 0.02, 0.1),
    Case("quadratic, 32 lengths, outliers", quadratic, MANY, 5, 0.02, 0.05),
    Case("quadratic, 12 lengths, outliers", quadratic, TWELVE, 5, 0.02, 0.05),
    Case("quadratic, 12 lengths, one busy", quadratic, TWELVE, 5, 0.02, busy=3_900),
    Case("decoder", decoder, BATCHES, 20, 0.01, 0.05),
    Case("steps, 4 lengths", steps, ODD, 5, 0.02),
    Case("steps, 6 lengths", steps, SIX, 10, 0.02),
    Case("steps, 32 lengths", steps, MANY, 5, 0.01),
    Case("steps, 32 lengths, outliers", steps, MANY, 10, 0.02, 0.05),
    Case("steps, 12 lengths", steps, TWELVE, 10, 0.02),
    Case("bent steps, 6 lengths", bent_steps, SIX, 10, 0.02),
    Case("bent steps, 32 lengths, outliers", bent_steps, MANY, 10, 0.02, 0.05),
    Case("three lengths", linear, SIX[:3], 10, 0.02),
    Case("lengths near each other", linear, (4_096, 4_608, 5_120, 5_632), 10, 0.02),
    Case("one repeat", linear, MANY, 1, 0.02),
    Case("means for repeats", linear, SIX, 5, 0.0),
)


def drawn(case: Case, random: np.random.Generator) -> Points:
    """Return measurements of a case."""
    sizes: IntArray = np.repeat(np.array(case.sizes), case.repeats)
    true = case.curve(sizes.astype(np.float64))
    spread = true * case.noise if case.noise >= 0 else -case.noise
    values = true + spread * random.standard_normal(sizes.size)
    slow = random.random(sizes.size) < case.outliers
    values = np.where(slow, values * random.uniform(1.2, 4, sizes.size), values)
    values = np.where(sizes == case.busy, 1.3 * values, values)
    return Points("vit", sizes, np.maximum(values, 1e-3))


def main(draws: int) -> None:
    print(f"{'':34}  holds  terms   wide refused  form")
    for case in CASES:
        at = np.unique(np.linspace(case.sizes[0], case.sizes[-1], 400).round())
        true, terms = case.curve(at), TERMS.get(case.curve.__name__, ())
        forms: Counter[str] = Counter()
        held: list[float] = []
        told: list[float] = []
        wide: list[float] = []
        for seed in range(draws):
            try:
                curve = curve_of(drawn(case, np.random.default_rng(seed)))
            except ConfigError:
                forms["refused"] += 1
                continue
            low, high = curve.low(at), curve.high(at)
            forms[curve.form] += 1
            held.append(bool(((low <= true) & (true <= high)).all()))
            wide.append(float(((high - low) / (2 * true)).max()))
            if len(curve.coefficients) == len(terms) > 0:
                ends = zip(
                    curve.coefficient_lows, terms, curve.coefficient_highs, strict=True
                )
                told.append(all(low <= each <= high for low, each, high in ends))
        refused = forms.pop("refused", 0) / draws
        numbers = (
            np.mean(held or [np.nan]),
            np.mean(told or [np.nan]),
            np.median(wide or [np.nan]),
        )
        shares = ["     -" if np.isnan(each) else f"{each:6.1%}" for each in numbers]
        said = ", ".join(f"{form} {n / draws:.0%}" for form, n in forms.most_common())
        print(f"{case.name:34} {' '.join(shares)} {refused:7.1%}  {said}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else DRAWS)
