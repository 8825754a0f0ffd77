"""The histogram that stands in the page: every size, as far as there is room."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.batches import items_of
from bucketwise.core.patching import BoolArray, Counts, resize_input
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells

MOST_SIZES = 20_000
"""Sizes told one by one: some 400 kB of text, and a limit is dragged without delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Sizes as the processor takes them; arrays of shape (n_sizes,).

    Attributes
    ----------
    height_px, width_px : ndarray of int64
        Sides, those of clips grown as the processor grows them.
    weight, rounded_weight : ndarray of int64
        Frames that multiply the area, as they are and in whole temporal patches; 1 for
        images.
    runs, images : ndarray of float64
        Weighted ViT runs, and images or clips.
    """

    height_px: IntArray
    width_px: IntArray
    weight: IntArray
    rounded_weight: IntArray
    runs: FloatArray
    images: FloatArray

    def only(self, which: IntArray | BoolArray) -> Sent:
        """Return some of the sizes, by position or by mask."""
        return replace(
            self,
            **{each.name: getattr(self, each.name)[which] for each in fields(self)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Needed lengths that no image limit changes, with their runs and images."""

    needed: IntArray
    runs: FloatArray
    images: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHistogram:
    """What the page computes from.

    Attributes
    ----------
    sent : Sent
        Sizes that follow the image limit.
    fixed : Lengths
        What does not: clips and images under limits of their own, and images known by
        their tokens.
    stand_in_share : float
        Share of the images that another size stands for, 0 to 1. Under the limit of the
        plan they need what they need; under another the size standing for them may
        need a little more or less.
    """

    sent: Sent
    fixed: Lengths
    stand_in_share: float


def page_histogram(analysis: Analysis, counts: Counts) -> PageHistogram:
    """Return the histogram of a page."""
    sizes = counts.sizes
    needed = counts.needed(analysis.release)
    if analysis.batches is not None:
        # Which images run together is no longer known under another limit.
        none = _sent(analysis, counts).only(np.zeros(0, dtype=np.int64))
        return PageHistogram(
            sent=none, fixed=_batched(analysis, needed), stand_in_share=0.0
        )
    used = counts.runs > 0
    asked = analysis.preprocessing
    # Limits of their own, or a share of one that also counts frames.
    apart = asked.video is not None or asked.cap_pixels_per_frame
    own_limit = ((sizes.frames > 0) & apart) | sizes.has_own_limits
    told = sizes.is_told.any()
    moves = used & ~own_limit & (not told)
    sent = _sent(analysis, counts).only(moves)
    kept, stand_in_share = _thinned(sent, needed[moves])
    stays = used & ~moves
    keys, runs = group_cells((needed[stays],), counts.runs[stays])
    _, images = group_cells((needed[stays],), sizes.count[stays])
    fixed = Lengths(needed=keys[0].astype(np.int64), runs=runs, images=images)
    return PageHistogram(sent=kept, fixed=fixed, stand_in_share=stand_in_share)


def _batched(analysis: Analysis, needed: IntArray) -> Lengths:
    items = items_of(analysis.counts, needed, analysis.batches)
    used = (items.needed > 0) & (items.runs > 0)
    keys, runs = group_cells((items.needed[used],), items.runs[used])
    _, images = group_cells((items.needed[used],), items.images[used])
    return Lengths(needed=keys[0].astype(np.int64), runs=runs, images=images)


def _sent(analysis: Analysis, counts: Counts) -> Sent:
    height, width, weight, rounded = resize_input(
        counts.sizes, analysis.profile, analysis.preprocessing
    )
    return Sent(
        height_px=height,
        width_px=width,
        weight=weight,
        rounded_weight=rounded,
        runs=counts.runs,
        images=counts.sizes.count,
    )


def _thinned(sent: Sent, needed: IntArray) -> tuple[Sent, float]:
    """Keep the most frequent sizes; of each length's others the first stands for all.

    Every length keeps its runs, so that nothing changes under the limit of the plan.
    """
    n_sizes = sent.images.size
    order = np.lexsort((sent.width_px, sent.height_px))
    if n_sizes <= MOST_SIZES:
        return sent.only(order), 0.0
    frequent = np.argsort(-sent.images, kind="stable")
    rank = np.empty(n_sizes, dtype=np.int64)
    rank[frequent] = np.arange(n_sizes)
    n_lengths = np.unique(needed).size
    own = rank < max(MOST_SIZES - n_lengths, 0)
    # The rest, by length: the most frequent size of each stands for its others.
    rest = frequent[~own[frequent]]
    lengths, first, where = np.unique(
        needed[rest], return_index=True, return_inverse=True
    )
    standing = rest[first]
    runs, images = sent.runs.copy(), sent.images.copy()
    runs[standing] = np.bincount(where, weights=sent.runs[rest], minlength=lengths.size)
    images[standing] = np.bincount(
        where, weights=sent.images[rest], minlength=lengths.size
    )
    share = 1 - float(sent.images[own].sum() + sent.images[standing].sum()) / float(
        sent.images.sum()
    )
    kept = np.zeros(n_sizes, dtype=bool)
    kept[own] = kept[standing] = True
    told = replace(sent, runs=runs, images=images)
    return told.only(order[kept[order]]), share
