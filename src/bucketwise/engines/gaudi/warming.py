"""Which resolutions to warm, so that most images meet a graph that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bucketwise.core.patching import Counts, Preprocessing, count_patches
from bucketwise.engines.gaudi.coverage import Coverage, cover
from bucketwise.engines.gaudi.vision import (
    WARNED_GRAPHS,
    Resolution,
    guessed_sizes,
)
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Sizes

LEAST_SHARE = 0.005
"""A resolution that fewer images have is not warmed: it takes 10 s of every start."""

ONE_IMAGE = 1

Grid = tuple[int, int]
"""Patches along the height and the width of an image."""

Pair = tuple[Grid, int]
"""A grid, and the images of it in one call: what one graph is compiled for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """Resolutions to warm, and what of the images they cover.

    Attributes
    ----------
    guessed_share : float
        Share of the images that the five shapes of each length of the plan cover.
    coverage : Coverage of Resolution
        What is chosen for the others.
    default_share : float
        Share that what vllm-gaudi warms by itself covers.
    default_shapes : int
        How many shapes that is.
    pairs : int
        Distinct pairs in the traffic.
    total : float
        Images.
    """

    guessed_share: float
    coverage: Coverage[Resolution]
    default_share: float
    default_shapes: int
    pairs: int
    total: float

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """Those to name, the one that covers most first."""
        return self.coverage.chosen

    @property
    def share(self) -> float:
        """Share of the images that meet a graph that is there."""
        return self._of_all(self.coverage.covered)

    @property
    def most_share(self) -> float:
        """Share that any choice of as many resolutions covers at most."""
        return self._of_all(self.coverage.most)

    @property
    def is_best(self) -> bool:
        """Whether no choice of as many covers more."""
        return self.coverage.most <= self.coverage.covered

    def _of_all(self, weight: float) -> float:
        return self.guessed_share + weight / self.total if self.total else 1.0


def pairs_of(counts: Counts) -> dict[Pair, float]:
    """Return how many images have each grid: calls of one image, as traffic tells."""
    found: dict[Pair, float] = {}
    used = counts.accepted & (counts.sizes.count > 0) & (counts.sizes.frames == 0)
    for index in np.flatnonzero(used & (counts.grid_h > 0)):
        pair = (_grid(counts, index), ONE_IMAGE)
        found[pair] = found.get(pair, 0.0) + float(counts.sizes.count[index])
    return found


def warmed(
    counts: Counts,
    profile: ModelProfile,
    preprocessing: Preprocessing,
    lengths: Sequence[int],
    default: Sequence[int],
) -> Warmed:
    """Choose the resolutions that cover most images beside what is warmed anyway.

    Parameters
    ----------
    counts : Counts
        Of the traffic.
    profile, preprocessing
        What makes a grid of a size.
    lengths : sequence of int
        Lengths that the plan sets, of which each warms five guessed shapes.
    default : sequence of int
        Those that vllm-gaudi has by itself.
    """
    weights = pairs_of(counts)
    total = sum(weights.values())

    def guessed(of: Sequence[int]) -> set[Pair]:
        sizes = guessed_sizes(of, profile.patch_px)
        return pairs_at(sizes, profile, preprocessing)

    def share(of: set[Pair]) -> float:
        met = sum(weight for pair, weight in weights.items() if pair in of)
        return met / total if total else 0.0

    ours, own = guessed(lengths), guessed(default)
    left = {pair: weight for pair, weight in weights.items() if pair not in ours}
    offers = {
        Resolution(
            width_px=columns * profile.patch_px,
            height_px=rows * profile.patch_px,
            counts=(images, images),
        ): {((rows, columns), images)}
        for (rows, columns), images in left
    }
    return Warmed(
        guessed_share=share(ours),
        coverage=cover(left, offers, WARNED_GRAPHS, LEAST_SHARE * total),
        default_share=share(own),
        default_shapes=len(guessed_sizes(default, profile.patch_px)),
        pairs=len(weights),
        total=total,
    )


def pairs_at(
    sizes: Sequence[tuple[int, int]],
    profile: ModelProfile,
    preprocessing: Preprocessing,
) -> set[Pair]:
    """Return the pairs that one image each of these widths and heights has."""
    # Of a length below a merged patch some guesses have no width.
    distinct = sorted({(height, width) for width, height in sizes if width})
    sides = np.array(distinct, dtype=np.int64).reshape(-1, 2)
    none = np.zeros(len(distinct), dtype=np.int64)
    counts = count_patches(
        Sizes(
            height_px=sides[:, 0],
            width_px=sides[:, 1],
            frames=none,
            fps=none.astype(np.float64),
            visual_tokens=none,
            count=np.ones(len(distinct)),
        ),
        profile,
        preprocessing,
    )
    return set(pairs_of(counts))


def _grid(counts: Counts, index: np.intp) -> Grid:
    return int(counts.grid_h[index]), int(counts.grid_w[index])
