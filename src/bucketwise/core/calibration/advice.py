"""What to measure next."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bucketwise.nouns.measured_cost import SIZES, MeasuredCurve
from bucketwise.nouns.traffic import IntArray
from bucketwise.words.numbers import percent, plural_of

ROUND = 64
"""What a size to measure is a multiple of where there is room: of every known model's
multiple of a ViT length."""

WIDE = 0.05
"""Half of a band that is wider, as a share of its curve, wants another size."""

GRID = 200


def sizes_between(known: IntArray, count: int) -> list[int]:
    """Return sizes to measure beside those known: in the widest gaps, then twice the last."""
    sizes = sorted({int(each) for each in known})
    added: list[int] = []
    while len(added) < count:
        ratio, at = max(
            ((after / before, before) for before, after in pairwise(sizes)),
            default=(0.0, 0),
        )
        following = 2 * sizes[-1]
        if ratio > 2:  # noqa: PLR2004 - more than the next doubling would leave
            following = _rounded(at * ratio**0.5)
        if following in sizes:
            following = 2 * sizes[-1]
        sizes = sorted([*sizes, following])
        added.append(following)
    return sorted(added)


def next_to_measure(curve: MeasuredCurve, measured: IntArray) -> str:
    """Return what to measure next, or how sure the curve is where that is sure enough."""
    noun = plural_of(SIZES[curve.kind])
    sizes = np.geomspace(curve.smallest, curve.largest, GRID)
    at = curve.at(sizes)
    off = np.maximum(curve.high(sizes) - at, at - curve.low(sizes)) / at
    widest = int(off.argmax())
    share = percent(float(off[widest]))
    if off[widest] <= WIDE:
        ends = f"{curve.smallest:,} to {curve.largest:,} {noun}"
        return f"nothing: the curve is known to {share} from {ends}"
    known = np.unique(measured)
    place = int(np.searchsorted(known, sizes[widest], "right"))
    gap = known[max(place - 1, 0) : place + 1]
    between = _rounded(float(np.prod(gap * 1.0)) ** (1 / gap.size))
    if curve.form == "steps" and between not in known:
        return f"{between:,} {noun}: the curve is known to {share} there"
    near = known[np.abs(np.log(known / sizes[widest])).argmin()]
    return f"{near:,} {noun}, more often: the curve is known to {share} there"


def _rounded(size: float) -> int:
    step = ROUND if size >= 2 * ROUND else 1
    return round(size / step) * step
