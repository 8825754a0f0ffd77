"""What was sent together: distinct groups of sizes, and how often each came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bucketwise.errors import raise_all

MOST_MEMBERS = 500_000
"""Images in all distinct groups; past this none is kept, so that memory stays small."""

MOST_ROWS = 500_000
"""Of longer inputs nothing is gathered: it takes a second look at every row."""

STEP_MS = 50
"""A step of an engine: images whose times fall into one come to the encoder at once.
Assumed; a step that prefills images takes some tens of milliseconds."""

Told = Literal["arrivals", "requests"]
"""What tells images that came together: times that are near, or a common request."""

Columns = Mapping[str, NDArray[Any]]


def _none() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """Groups of images that came together; an image in none of them came alone.

    Groups are distinct and sorted, so equal ones have equal arrays however their images
    and they themselves were ordered. Nothing of an id or a time is kept.

    Attributes
    ----------
    columns : mapping of str to ndarray, each of shape (n_sizes,)
        Distinct sizes that are in a group, sorted.
    size : ndarray of int64, shape (n_members,)
        Which size each image of a group has, ascending within it.
    ends : ndarray of int64, shape (n_groups,)
        Where the images of each group end.
    count : ndarray of float64, shape (n_groups,)
        How often each came.
    told : tuple of {"arrivals", "requests"}
        By what; () where nothing told which images came together.
    is_too_much : bool
        Whether there were too many to keep, and none was.
    """

    columns: Columns = field(default_factory=dict)
    size: NDArray[np.int64] = field(default_factory=_none)
    ends: NDArray[np.int64] = field(default_factory=_none)
    count: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    told: tuple[Told, ...] = ()
    is_too_much: bool = False

    def __post_init__(self) -> None:
        """Check that groups are of two or more, and of known sizes."""
        n_sizes = {column.size for column in self.columns.values()} or {0}
        starts = np.concatenate([[0], self.ends])
        wrong = {
            "together: the columns have different lengths": len(n_sizes) > 1,
            "together: groups are of two images or more": (np.diff(starts) < 2).any(),  # noqa: PLR2004
            "together: give one weight a group, positive and finite": (
                self.count.shape != self.ends.shape
                or not (self.count > 0).all()
                or not np.isfinite(self.count).all()
            ),
            "together: groups end where their images do": starts[-1] != self.size.size,
            "together: an image has a size that is not told": self.size.size > 0
            and not 0 <= self.size.min() <= self.size.max() < min(n_sizes),
        }
        raise_all([problem for problem, holds in wrong.items() if holds])

    def __len__(self) -> int:
        """Return the number of distinct groups."""
        return int(self.ends.size)

    def __eq__(self, other: object) -> bool:
        """Compare group by group."""
        return isinstance(other, Together) and self._plain == other._plain

    __hash__ = None  # type: ignore[assignment] # it holds arrays

    @property
    def _plain(self) -> tuple[Any, ...]:
        held = (*self.columns.values(), self.size, self.ends, self.count)
        return *(each.tolist() for each in held), self.told, self.is_too_much

    @property
    def group(self) -> NDArray[np.int64]:
        """Which group each image is in, shape (n_members,)."""
        n_each = np.diff(self.ends, prepend=0)
        return np.repeat(np.arange(len(self), dtype=np.int64), n_each)

    @property
    def images(self) -> NDArray[np.float64]:
        """Images of each size that came with others, shape (n_sizes,)."""
        n_sizes = max((each.size for each in self.columns.values()), default=0)
        return np.bincount(
            self.size, weights=self.count[self.group], minlength=n_sizes
        ).astype(np.float64)

    @property
    def members(self) -> dict[str, NDArray[Any]]:
        """The size of each image of a group, each of shape (n_members,)."""
        return {name: column[self.size] for name, column in self.columns.items()}

    @classmethod
    def of(
        cls,
        columns: Columns,
        group: NDArray[np.int64],
        count: NDArray[np.float64],
        told: Iterable[Told] = (),
        most: int = MOST_MEMBERS,
    ) -> Together:
        """Gather equal groups; those of one image vanish.

        Parameters
        ----------
        columns : mapping of str to ndarray, each of shape (n_images,)
            Size of each image, the most significant column first.
        group : ndarray of int64, shape (n_images,)
            Which group it is in, from 0.
        count : ndarray of float64, shape (n_groups,)
            How often each group came.
        told : iterable of {"arrivals", "requests"}
            By what.
        most : int
            Images kept in all groups.
        """
        named: tuple[Told, ...] = tuple(sorted(set(told)))
        is_kept = np.bincount(group, minlength=count.size)[group] > 1
        columns = {name: column[is_kept] for name, column in columns.items()}
        group = group[is_kept]
        if not group.size:
            return cls(told=named)
        place, distinct = places_of(columns)
        order = np.lexsort((place, group))
        place, group = place[order], group[order]
        edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), group.size]
        # As bytes they are equal, and sort, as they are and do as numbers.
        written = place.astype(">i8")
        gathered: Counter[bytes] = Counter()
        for start, end in pairwise(edges):
            gathered[written[start:end].tobytes()] += count[group[start]]
        found = sorted(gathered)
        ends = np.cumsum([len(each) // written.itemsize for each in found])
        if ends[-1] > most:
            return cls(told=named, is_too_much=True)
        return cls(
            columns=distinct,
            size=np.frombuffer(b"".join(found), dtype=">i8").astype(np.int64),
            ends=ends.astype(np.int64),
            count=np.array([gathered[each] for each in found], dtype=np.float64),
            told=named,
        )

    def resized(self, columns: Columns) -> Together:
        """Return the same groups of images of other sizes, one for each of its own."""
        if not len(self):
            return self
        members = {name: column[self.size] for name, column in columns.items()}
        return type(self).of(members, self.group, self.count, self.told)

    def times(self, factor: float) -> Together:
        """Return the same groups, each come so many times as often."""
        return replace(self, count=self.count * factor)


def merge_together(parts: Sequence[Together], most: int = MOST_MEMBERS) -> Together:
    """Add groups up: adding two equals gathering the images of both."""
    told = tuple(sorted({each for part in parts for each in part.told}))
    if any(part.is_too_much for part in parts):
        return Together(told=told, is_too_much=True)
    held = [part for part in parts if len(part)]
    if len(held) <= 1:
        return replace(held[0], told=told) if held else Together(told=told)
    members = [part.members for part in held]
    starts = np.cumsum([0, *(len(part) for part in held)])
    groups = [part.group + start for part, start in zip(held, starts, strict=False)]
    return Together.of(
        {name: np.concatenate([each[name] for each in members]) for name in members[0]},
        np.concatenate(groups),
        np.concatenate([part.count for part in held]),
        told,
        most,
    )


def said_of_too_much() -> str:
    """Return what becomes of images where the groups they came in are too many."""
    return (
        f"too many groups of images that came together (up to {MOST_MEMBERS:,} images in "
        f"different ones, of inputs of up to {MOST_ROWS:,} rows, are kept): each "
        "image is taken to have come alone"
    )


def places_of(columns: Columns) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Return the place of each row among the distinct ones, sorted, and these."""
    keys = list(columns.values())
    order = np.lexsort(keys[::-1])
    is_new = np.zeros(order.size, dtype=bool)
    is_new[:1] = True
    for key in keys:
        is_new[1:] |= key[order][1:] != key[order][:-1]
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.cumsum(is_new) - 1
    return place, {name: key[order][is_new] for name, key in columns.items()}
