"""What a device was measured to take, by the size of what it runs."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bucketwise.errors import BucketwiseError, ConfigError, raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray

SCHEMA = "bucketwise.cost/1"

Kind = Literal["vit", "decoder", "prefill", "compile_s", "graph_bytes", "peak_bytes"]
Form = Literal["linear", "quadratic", "steps"]

UNITS = {
    "vit": "ms", "decoder": "ms", "prefill": "ms", "compile_s": "s",
    "graph_bytes": "bytes", "peak_bytes": "bytes",
}  # fmt: skip
"""What a curve of each kind is in."""

SIZES = {
    "vit": "patch", "decoder": "sequence", "prefill": "token", "compile_s": "patch",
    "graph_bytes": "patch", "peak_bytes": "patch",
}  # fmt: skip
"""What the size of each kind counts: of a ViT graph its length, of a decoder its batch."""

CALLED = dict.fromkeys(UNITS, "lengths") | {"decoder": "batch sizes"}
"""What the sizes of a kind are called."""

TIMED: tuple[Kind, ...] = ("vit", "decoder", "prefill")
TERMS = {"linear": 2, "quadratic": 3}
"""Coefficients of the forms that have any: of 1, S and S^2."""

MOST_KNOTS = 4_096
MOST_VALUE = 1e18
"""Of a size, a time or bytes; sums of squares of more leave the floats."""

_LIST = re.compile(r"\[[-+.\deE,\s]+\]")
"""Numbers, which stand on one line: text has no line ends in JSON."""

HOW = "bucketwise calibrate MEASUREMENTS -o cost.json writes one"


@dataclass(frozen=True, slots=True)
class Points:
    """What was measured of one kind: one value a run. Arrays have the shape (n_runs,)."""

    kind: Kind
    sizes: IntArray
    """From 1 up."""
    values: FloatArray
    """In the unit of the kind; positive."""

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        values = self.values
        if self.sizes.shape != values.shape or not values.size or min(self.sizes) < 1:
            raise_all([f"{self.kind}: expected a size from 1 up for each value"])
        if not ((values > 0) & (values <= MOST_VALUE)).all():
            raise_all([f"{self.kind}: expected values above 0, up to {MOST_VALUE:g}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured on one device, as it was read, and by which files."""

    points: tuple[Points, ...]
    device: str = ""
    engine: str = ""
    release: str = ""
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was read as what, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCurve:
    """A curve fitted to measurements, with the band that holds it; neither ever falls.

    `linear` is a + b*S and `quadratic` a + b*S + c*S^2, which hold beyond what was
    measured too. `steps` goes straight from knot to knot; before the first it stays, and
    past the last it rises as steeply as it last did, or as it does all over where that
    is more.
    """

    kind: Kind
    form: Form
    coefficients: tuple[float, ...] = ()
    """a, b and, of `quadratic`, c; none negative."""
    coefficient_lows: tuple[float, ...] = ()
    coefficient_highs: tuple[float, ...] = ()
    """Between which each of them lies, at the level of the band."""
    knots: tuple[float, ...] = ()
    knot_values: tuple[float, ...] = ()
    """Of `steps`."""
    band_sizes: tuple[float, ...]
    band_lows: tuple[float, ...]
    band_highs: tuple[float, ...]
    """Between which the whole curve lies, straight from size to size and continued."""
    level: float
    """How sure the band is, 0 to 1."""
    smallest: int
    largest: int
    """Sizes measured."""
    sizes: int
    """How many."""
    samples: int
    """Measurements used."""
    outliers: int = 0
    """Measurements set aside."""
    residual_share: float
    """Root mean square of what the curve is off by at the sizes, as a share of it."""

    def __post_init__(self) -> None:
        """Check that it is a curve: finite, non-negative, never falling."""
        raise_all(self._faults())

    @property
    def unit(self) -> str:
        """What its values are in: ms, s or bytes."""
        return UNITS[self.kind]

    def at(self, sizes: IntArray | FloatArray) -> FloatArray:
        """Return what one run at each size takes."""
        size = np.asarray(sizes, dtype=np.float64)
        if self.form == "steps":
            return _along(size, self.knots, self.knot_values)
        found = np.zeros_like(size)
        for each in reversed(self.coefficients):
            found = found * size + each
        return found

    def low(self, sizes: IntArray | FloatArray) -> FloatArray:
        """Return the lower end of the band at each size."""
        size = np.asarray(sizes, dtype=np.float64)
        band = _along(size, self.band_sizes, self.band_lows)
        return np.minimum(band, self.at(sizes))

    def high(self, sizes: IntArray | FloatArray) -> FloatArray:
        """Return the upper end of the band at each size."""
        size = np.asarray(sizes, dtype=np.float64)
        band = _along(size, self.band_sizes, self.band_highs)
        return np.maximum(band, self.at(sizes))

    def in_unit(self, patches: int) -> MeasuredCurve:
        """Return the same curve of sizes in a unit of so many."""
        if patches == 1:
            return self
        ends = (self.coefficients, self.coefficient_lows, self.coefficient_highs)
        terms, lows, highs = (
            tuple(each * float(patches) ** power for power, each in enumerate(of))
            for of in ends
        )
        smallest = -(-self.smallest // patches)
        return dataclasses.replace(
            self,
            coefficients=terms,
            coefficient_lows=lows,
            coefficient_highs=highs,
            knots=tuple(each / patches for each in self.knots),
            band_sizes=tuple(each / patches for each in self.band_sizes),
            smallest=smallest,
            largest=max(-(-self.largest // patches), smallest + 1),
        )

    def beyond(
        self, sizes: IntArray | FloatArray
    ) -> np.ndarray[Any, np.dtype[np.bool]]:
        """Return which sizes are outside what was measured."""
        size = np.asarray(sizes)
        return (size < self.smallest) | (size > self.largest)

    def _faults(self) -> list[str]:
        """Return what keeps it from being a curve."""
        faults = []
        if self.kind not in get_args(Kind) or self.form not in get_args(Form):
            known = ", ".join((*get_args(Kind), *get_args(Form)))
            return [f"expected a kind and a form of {known}; got {self.form!r}"]
        if self.form == "steps":
            faults += _faults_of_line("knots", self.knots, self.knot_values)
        terms = TERMS.get(self.form, 0)
        of_terms = (self.coefficients, self.coefficient_lows, self.coefficient_highs)
        if any(len(each) != terms or not _within(each) for each in of_terms):
            faults.append(f"expected {terms} coefficients of 0 or more, and their ends")
        elif not any(self.coefficients or self.knot_values[:1]):
            faults.append("expected a curve above 0")
        lows, highs = self.band_lows, self.band_highs
        faults += _faults_of_line("band", self.band_sizes, lows)
        faults += _faults_of_line("band", self.band_sizes, highs)
        if any(low > high for low, high in zip(lows, highs, strict=False)):
            faults.append("band: expected lows that are at most its highs")
        if not 0 < self.level < 1 or not 0 <= self.residual_share < math.inf:
            faults.append("expected a level between 0 and 1, and a share of 0 or more")
        counts = (self.smallest, self.sizes, self.samples, self.outliers + 1)
        if min(counts) < 1 or self.largest <= self.smallest:
            faults.append("expected counts from 1 up, the largest above the smallest")
        return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCost:
    """What one engine takes on one device, as `cost.json` holds it.

    Attributes
    ----------
    device, engine, release : str
        Where it was measured; "" untold.
    source : str
        Base name of the measurements.
    vit : MeasuredCurve or None
        Milliseconds of one ViT run, by its length in patches.
    decoder : MeasuredCurve or None
        Milliseconds of one decode step, by the sequences its graph is for.
    prefill : MeasuredCurve or None
        Milliseconds of one prefill, by its tokens.
    compile_s, graph_bytes, peak_bytes : MeasuredCurve or None
        What compiling one ViT graph takes, what the graph and a run of it hold, by its
        length in patches.
    """

    device: str = ""
    engine: str = ""
    release: str = ""
    source: str = ""
    vit: MeasuredCurve | None = None
    decoder: MeasuredCurve | None = None
    prefill: MeasuredCurve | None = None
    compile_s: MeasuredCurve | None = None
    graph_bytes: MeasuredCurve | None = None
    peak_bytes: MeasuredCurve | None = None

    def __post_init__(self) -> None:
        """Check that something was timed, and that every curve stands in its place."""
        problems = [
            f"{name}: expected a curve of this kind, got {curve.kind}"
            for name, curve in self.curves().items()
            if curve.kind != name
        ]
        if not any(name in self.curves() for name in TIMED):
            problems.append(f"expected a curve of {', '.join(TIMED)}, got none; {HOW}")
        raise_all(problems)

    def curves(self) -> dict[str, MeasuredCurve]:
        """Return the curves there are, by kind."""
        found = {kind: getattr(self, kind) for kind in get_args(Kind)}
        return {kind: curve for kind, curve in found.items() if curve is not None}

    @property
    def said(self) -> str:
        """What was measured on what, in words."""
        engine = f"{self.engine} {self.release}".strip()
        return " on ".join(each for each in (engine, self.device) if each)

    def to_json(self) -> str:
        """Return it as JSON text, stable to the byte."""
        plain = {"schema": SCHEMA, **dataclasses.asdict(self)}
        text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
        return _LIST.sub(lambda found: " ".join(found[0].split()), text) + "\n"

    @classmethod
    def from_json(cls, told: Any, name: str) -> MeasuredCost:
        """Return what parsed JSON says; `name` is what messages call it."""
        schema = told.get("schema") if isinstance(told, dict) else None
        if schema != SCHEMA:
            got = "none" if schema is None else repr(schema)[:60]
            raise ConfigError(f"{name}: expected the schema {SCHEMA}, got {got}; {HOW}")
        try:
            return cls(**_fields(told, cls, "schema"))
        except BucketwiseError as error:
            faults = (f"{name}: {fault}" for fault in error.problems)
            raise ConfigError(*faults) from error


def curve_of(told: dict[str, Any]) -> MeasuredCurve:
    """Return a curve as a plan's JSON tells it."""
    return MeasuredCurve(**_fields(told, MeasuredCurve))


def _fields(told: dict[str, Any], kind: type, *passed: str) -> dict[str, Any]:
    """Return the fields of a value as JSON tells them, each of its type."""
    types = {each.name: str(each.type) for each in dataclasses.fields(kind)}
    needed = {
        each.name
        for each in dataclasses.fields(kind)
        if each.default is dataclasses.MISSING
    }
    problems = [f"{key}: expected, and not there" for key in sorted(needed - {*told})]
    found: dict[str, Any] = {}
    for key, value in told.items():
        if key in passed:
            continue
        if key not in types:
            problems.append(f"{key[:60]!r}: expected one of {', '.join(types)}")
            continue
        expected, fits, made = _TYPES[types[key]]
        if not fits(value):
            problems.append(f"{key}: expected {expected}, got {repr(value)[:60]}")
            continue
        try:
            found[key] = made(value)
        except BucketwiseError as error:
            problems += [f"{key}: {fault}" for fault in error.problems]
    raise_all(problems)
    return found


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and abs(value) <= MOST_VALUE


def _is_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_KNOTS
        and all(map(_is_number, value))
    )


_TEXT = ("text", lambda value: isinstance(value, str), str)
_TYPES: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    "Kind": _TEXT,
    "Form": _TEXT,
    "str": _TEXT,
    "int": (
        "a whole number",
        lambda value: _is_number(value) and value == int(value),
        int,
    ),
    "float": ("a number", _is_number, float),
    "tuple[float, ...]": (
        f"a list of up to {MOST_KNOTS:,} numbers",
        _is_list,
        lambda value: tuple(map(float, value)),
    ),
    "MeasuredCurve | None": (
        "a curve or null",
        lambda value: value is None or isinstance(value, dict),
        lambda value: (
            None if value is None else MeasuredCurve(**_fields(value, MeasuredCurve))
        ),
    ),
}
"""Type of a field -> what JSON has there, whether a value is that, what it becomes."""


def _within(values: Sequence[float]) -> bool:
    return all(0 <= each <= MOST_VALUE for each in values)


def _faults_of_line(
    name: str, sizes: Sequence[float], values: Sequence[float]
) -> list[str]:
    """Return what keeps points from being a line that never falls."""
    if len(sizes) < 2 or len(sizes) != len(values):  # noqa: PLR2004 - a line
        return [f"{name}: expected two sizes at least, and a value for each"]
    if not _within(sizes) or not _within(values):
        return [f"{name}: expected sizes and values from 0 to {MOST_VALUE:g}"]
    if min(np.diff(sizes)) <= 0 or min(np.diff(values)) < 0:
        return [f"{name}: expected sizes that rise and values that never fall"]
    return []


def _along(
    sizes: FloatArray, knots: Sequence[float], values: Sequence[float]
) -> FloatArray:
    """Return the values on straight lines between knots, continued past the last."""
    last = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
    whole = (values[-1] - values[0]) / (knots[-1] - knots[0])
    past = np.maximum(sizes - knots[-1], 0.0) * max(last, whole)
    return np.interp(sizes, knots, values) + past
