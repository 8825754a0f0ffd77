"""The part of an axis that is shown, bins that cut it evenly, and lines across."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.traffic import FloatArray

Form = Literal["number", "whole", "percent", "date"]
"""What ticks say: whole ones skip fractions, shares are percent, days from 1970 dates."""

LOG_FROM = 8.0
"""Ranges over this factor are drawn on a logarithmic axis."""

NARROW = 1.001
"""Ranges under this factor are drawn as one value with room on both sides."""


@dataclass(frozen=True, slots=True)
class Span:
    """Ends of an axis, and whether it is logarithmic."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse what no axis can show."""
        ends = (self.low, self.high)
        if not (all(map(math.isfinite, ends)) and self.low < self.high):
            raise ValueError(f"expected a low end below a high one, got {ends}")
        if self.log and self.low <= 0:
            raise ValueError(f"expected a positive logarithmic axis, got {ends}")

    @classmethod
    def over(cls, values: Iterable[float]) -> Span:
        """Return a span with room around positive values, logarithmic where they lie far apart."""
        drawn = [*values]
        low, high = min(drawn), max(drawn)
        if high / low > LOG_FROM:
            margin = (high / low) ** 0.03
            return cls(low / margin, high * margin, log=True)
        margin = 0.04 * (high - low) if high > NARROW * low else 0.5 * low
        return cls(max(low - margin, 0.0), high + margin)

    @classmethod
    def from_zero(cls, values: Iterable[float], room: float = 1.06) -> Span:
        """Return the span from 0 to a little over the largest value."""
        return cls(0.0, (float(max(values)) or 1.0) * room)

    @classmethod
    def of_shares(cls, values: Iterable[float]) -> Span:
        """Return the span from 0 to well over the largest share: a label stands there."""
        # No tick is to say 120 %.
        return cls(0.0, min((float(max(values)) or 1.0) * 1.25, 1.19))

    def bins(self, n_bins: int) -> FloatArray:
        """Return bounds that cut the axis into equal widths on paper."""
        cut = np.geomspace if self.log else np.linspace
        return np.asarray(cut(self.low, self.high, n_bins + 1), dtype=np.float64)

    def fraction(self, value: float) -> float:
        """Return where a value lies, 0 at the low end and 1 at the high one."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Edge:
    """A line at a value of the horizontal axis."""

    at: float
    label: str
    style: Literal["proposed", "today", "limit"] = "proposed"


def check_bins(bounds: FloatArray, *values: NDArray[Any]) -> None:
    """Refuse bounds that do not ascend, and values that are not one for each bin."""
    if not (np.diff(bounds) > 0).all():
        raise ValueError(f"expected ascending bounds, got {bounds}")
    if any(each.size != bounds.size - 1 for each in values):
        sizes = [each.size for each in values]
        raise ValueError(f"expected values of {bounds.size - 1} bins, got {sizes}")
