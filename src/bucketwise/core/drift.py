"""What came and what went between two traffics, by what images need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bucketwise.core.patching import Counts
from bucketwise.nouns.engine import Release
from bucketwise.nouns.traffic import FloatArray, IntArray

CELLS = 10
"""Cells that hold about as many of the older images each; fewer where sizes repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCell:
    """Images that need more than `above` and up to `up_to`, as shares of all.

    `up_to` is None for what is above all that was there before. `size` is the one sent
    most often among them, by which the cell is known: "1024x768", "" where none is told.
    """

    above: int
    up_to: int | None
    size: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """By how much the share rose."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the needed lengths of two traffics are apart.

    `distance` is the total variation over the cells: the share of the images that would
    have to change cell for the two to be alike, 0 to 1. `by_chance` is what two samples
    of as many images of one traffic come to in the mean.
    """

    images_before: float
    distance: float
    by_chance: float
    cells: tuple[DriftCell, ...]

    @property
    def largest(self) -> tuple[DriftCell, ...]:
        """The cells, those whose share changed most first."""
        return tuple(sorted(self.cells, key=lambda each: -abs(each.change)))


def drift_of(before: Counts, after: Counts, release: Release) -> Drift | None:
    """Compare two traffics; None where one of them holds no image."""
    older, newer = (_images(each, release) for each in (before, after))
    if not (older[1].size and newer[1].size):
        return None
    edges = _edges(*older)
    placed = [np.searchsorted(edges, needed) for needed, _ in (older, newer)]
    shares = [
        np.bincount(at, count, edges.size + 1) / count.sum()
        for at, (_, count) in zip(placed, (older, newer), strict=True)
    ]
    n_before, n_after = float(older[1].sum()), float(newer[1].sum())
    pooled = (shares[0] * n_before + shares[1] * n_after) / (n_before + n_after)
    # The mean of a normal deviate's absolute value is sqrt(2 / pi) of its deviation.
    spread = pooled * (1 - pooled) * (1 / n_before + 1 / n_after)
    cells = _cells(edges, shares, (before, after), release)
    return Drift(
        images_before=n_before,
        distance=float(np.abs(shares[1] - shares[0]).sum()) / 2,
        by_chance=min(float(np.sqrt(2 / np.pi * spread).sum()) / 2, 1.0),
        cells=tuple(each for each in cells if each.before or each.after),
    )


def _images(counts: Counts, release: Release) -> tuple[IntArray, FloatArray]:
    used = counts.accepted & (counts.sizes.count > 0)
    return counts.needed(release)[used], counts.sizes.count[used]


def _edges(needed: IntArray, count: FloatArray) -> IntArray:
    """Return the lengths that part the older images into even cells; the last is theirs."""
    order = np.argsort(needed, kind="stable")
    reached = np.cumsum(count[order]) / count.sum()
    at = np.searchsorted(reached, np.arange(1, CELLS) / CELLS)
    return np.unique(np.append(needed[order][at], needed.max()))


def _cells(
    edges: IntArray,
    shares: list[FloatArray],
    traffics: tuple[Counts, Counts],
    release: Release,
) -> Iterator[DriftCell]:
    bounds = [0, *edges.tolist(), None]
    for at, (old, new) in enumerate(
        zip(*(each.tolist() for each in shares), strict=True)
    ):
        low, high = bounds[at], bounds[at + 1]
        sizes = [_most_sent(each, release, low or 0, high) for each in traffics]
        known, other = sizes if old > new else reversed(sizes)
        yield DriftCell(
            above=low or 0, up_to=high, size=known or other, before=old, after=new
        )


def _most_sent(counts: Counts, release: Release, low: int, high: int | None) -> str:
    needed, sizes = counts.needed(release), counts.sizes
    inside = counts.accepted & (needed > low) & (sizes.width_px > 0)
    if high is not None:
        inside &= needed <= high
    if not (sizes.count[inside] > 0).any():
        return ""
    at = int(np.argmax(np.where(inside, sizes.count, -1.0)))
    frames = int(sizes.frames[at])
    clip = f"@{frames}f" if frames else ""
    return f"{sizes.width_px[at]}x{sizes.height_px[at]}{clip}"
