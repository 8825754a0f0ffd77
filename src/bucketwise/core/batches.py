"""Images that run together, where a runtime has them share one run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.patching import Counts
from bucketwise.core.plan import Packing
from bucketwise.errors import ConfigError
from bucketwise.nouns.together import Together
from bucketwise.nouns.traffic import SIZE_COLUMNS, FloatArray, IntArray, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What runs once, an image or several; arrays of shape (n_items,).

    Attributes
    ----------
    needed : ndarray of int64
        Length that it needs; 0 where the processor refuses it.
    runs : ndarray of float64
        Weighted runs.
    images : ndarray of float64
        Weighted images in them that the processor accepts.
    """

    needed: IntArray
    runs: FloatArray
    images: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Images in runs, by their place among the distinct sizes of a traffic.

    Attributes
    ----------
    size : ndarray of int64, shape (n_members,)
        Which size each image has.
    ends : ndarray of int64, shape (n_batches,)
        Where the images of each run end.
    count : ndarray of float64, shape (n_batches,)
        How often it runs.
    most_images : int
        Images that may come to run together; 1 where those that do not fit run apart.
    """

    size: IntArray
    ends: IntArray
    count: FloatArray
    most_images: int = 1

    @classmethod
    def of(cls, together: Together, sizes: Sizes, *, most_images: int = 1) -> Batches:
        """Return what came together, and every other image alone.

        Parameters
        ----------
        together : Together
            Groups of images that are among the sizes.
        sizes : Sizes
            All images.
        most_images : int
            As above; 0 for as many as the largest group has.
        """
        place = _places_in(sizes, together)
        left = sizes.count.copy()
        np.subtract.at(left, place, together.images)
        alone = np.flatnonzero(left > 0)
        n_members = together.size.size
        n_each = np.diff(together.ends, prepend=0)
        return cls(
            size=np.concatenate([place[together.size], alone]).astype(np.int64),
            ends=np.concatenate(
                [together.ends, n_members + 1 + np.arange(alone.size)]
            ).astype(np.int64),
            count=np.concatenate([together.count, left[alone]]),
            most_images=most_images or int(n_each.max(initial=1)),
        )

    @property
    def starts(self) -> IntArray:
        """Where the images of each run start, shape (n_batches,)."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])

    @property
    def owner(self) -> IntArray:
        """Which run each image is in, shape (n_members,)."""
        n_each = np.diff(self.ends, prepend=0)
        return np.repeat(np.arange(self.ends.size, dtype=np.int64), n_each)

    def items(self, counts: Counts, needed: IntArray) -> Items:
        """Return what each run needs: what its images do, together."""
        needed = needed[self.size]
        accepted = (counts.accepted[self.size]).astype(np.float64)
        return Items(
            needed=np.add.reduceat(needed, self.starts).astype(np.int64),
            runs=self.count,
            images=self.count * np.add.reduceat(accepted, self.starts),
        )


def items_of(counts: Counts, needed: IntArray, batches: Batches | None) -> Items:
    """Return what runs: batches, or without them every image by itself.

    `needed` is the length of one run of each size, in whatever unit.
    """
    if batches is not None:
        return batches.items(counts, needed)
    return Items(
        needed=needed,
        runs=counts.runs,
        images=np.where(counts.accepted, counts.sizes.count, 0.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTogether:
    """How an engine runs images that came together: what a plan is to be made for.

    Attributes
    ----------
    batches : Batches or None
        Images in runs; None where each runs alone.
    lengths : tuple of int
        Lengths that a search found for them, in ViT patches; () lets the optimum choose.
    align : int
        Multiple that the runs ask of every length.
    packing : Packing or None
        What to say of it in the plan.
    """

    batches: Batches | None = None
    lengths: tuple[int, ...] = ()
    align: int = 1
    packing: Packing | None = None


def _places_in(sizes: Sizes, together: Together) -> IntArray:
    """Return where each size of the groups stands among others, which hold them all."""
    if not len(together):
        return np.zeros(0, dtype=np.int64)
    every = zip(*(getattr(sizes, name).tolist() for name in SIZE_COLUMNS), strict=True)
    place = {row: at for at, row in enumerate(every)}
    asked = zip(
        *(together.columns[name].tolist() for name in SIZE_COLUMNS), strict=True
    )
    found = [place.get(row, -1) for row in asked]
    if -1 in found:
        message = (
            "traffic: expected sizes of images that came together among all, got others"
        )
        raise ConfigError(message)
    return np.array(found, dtype=np.int64)
