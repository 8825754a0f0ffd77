"""What was sent together: distinct groups of sizes, and how often each came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

_MOST_AT_ONCE = 4 * MOST_MEMBERS
"""Images whose groups are added up at once: of more, half is added up before the rest."""

_CELLS_A_NUMBER = 4
"""Up to so many cells a number, to count is cheaper than to sort."""

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
        place, distinct = places_of(columns)
        place, group = place[is_kept], group[is_kept]
        if not group.size:
            return cls(told=named)
        is_used = np.bincount(place) > 0
        place = (np.cumsum(is_used) - 1)[place]
        distinct = {
            name: column[: is_used.size][is_used] for name, column in distinct.items()
        }
        base = int(place.max()) + 1
        group, place = np.divmod(np.sort(group * base + place), base)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        lengths = np.diff(starts, append=group.size)
        rank = _ranks(place, starts, lengths)
        first, nth = np.unique(rank, return_index=True, return_inverse=True)[1:]
        ends = np.cumsum(lengths[first])
        if ends[-1] > most:
            return cls(told=named, is_too_much=True)
        within = np.arange(ends[-1]) - np.repeat(ends - lengths[first], lengths[first])
        return cls(
            columns=distinct,
            size=place[np.repeat(starts[first], lengths[first]) + within],
            ends=ends.astype(np.int64),
            count=np.bincount(nth, weights=count[group[starts]]).astype(np.float64),
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


def _ranks(
    place: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many groups come before each, as lists of numbers sort.

    As many members as fit into 63 bits are compared at once, of groups that are equal up
    to there.
    """
    rank = np.zeros(starts.size, dtype=np.int64)
    base = int(place.max()) + 2
    fitting = int(
        63 * np.log(2) / np.log(base) - np.log(starts.size + 1) / np.log(base)
    )
    open_, at = np.arange(starts.size), 0
    while open_.size:
        key = rank[open_]
        for nth in range(at, at + max(fitting, 1)):
            there = lengths[open_] > nth
            member = place[np.where(there, starts[open_] + nth, 0)] + 1
            key = key * base + np.where(there, member, 0)
        at += max(fitting, 1)
        order = np.argsort(key, kind="stable")
        open_, key = open_[order], key[order]
        firsts = np.flatnonzero(np.diff(key, prepend=-1))
        n_alike = np.diff(firsts, append=key.size)
        old = rank[open_]
        # Those of one old rank stay together: they come one after the other.
        since = np.flatnonzero(np.diff(old, prepend=-1))
        begins = np.repeat(since, np.diff(since, append=old.size))
        rank[open_] = old + np.repeat(firsts, n_alike) - begins
        longest = np.maximum.reduceat(lengths[open_], firsts)
        open_ = open_[np.repeat((n_alike > 1) & (longest > at), n_alike)]
    return rank


def merge_together(parts: Sequence[Together], most: int = MOST_MEMBERS) -> Together:
    """Add groups up: adding two equals gathering the images of both."""
    told = tuple(sorted({each for part in parts for each in part.told}))
    if any(part.is_too_much for part in parts):
        return Together(told=told, is_too_much=True)
    held = [part for part in parts if len(part)]
    if len(held) <= 1:
        return replace(held[0], told=told) if held else Together(told=told)
    if sum(part.size.size for part in held) > _MOST_AT_ONCE and len(held) > 2:  # noqa: PLR2004 - one with the rest
        half = len(held) // 2
        first = merge_together(held[:half], most)
        return merge_together([replace(first, told=told), *held[half:]], most)
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
    size = max((key.size for key in columns.values()), default=0)
    place = np.zeros(size, dtype=np.int64)
    for key in columns.values():
        # A column of one value decides nothing, and most are.
        if size and (key != key[0]).any():
            nth = _dense(key)
            place = _dense(place * (int(nth.max()) + 1) + nth)
    one_of_each = np.zeros(int(place.max(initial=-1)) + 1, dtype=np.int64)
    one_of_each[place] = np.arange(size)
    return place, {name: key[one_of_each] for name, key in columns.items()}


def _dense(key: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each number among the distinct ones, sorted."""
    if key.dtype.kind == "i":
        least = int(key.min())
        span = int(key.max()) - least
        if span < _CELLS_A_NUMBER * key.size:
            is_there = np.bincount(key - least) > 0
            place: NDArray[np.int64] = np.cumsum(is_there)[key - least] - 1
            return place
    return np.unique(key, return_inverse=True)[1].astype(np.int64)
