"""What calls of images cost on a list of budgets, replayed by the engine's own rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bucketwise.core.patching import BoolArray
from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.releases import DEFERS
from bucketwise.errors import raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Images that the encoder gets at once.

    Attributes
    ----------
    tokens : tuple of int
        Merged tokens of each.
    count : float
        How many calls are like it.
    """

    tokens: tuple[int, ...]
    count: float = 1.0

    def __post_init__(self) -> None:
        """Check that there is something to run."""
        wrong = {
            f"call: expected images of 1 token or more, got {list(self.tokens)}": (
                not self.tokens or min(self.tokens) < 1
            ),
            f"call: expected a count above 0, got {self.count}": not self.count > 0,
        }
        raise_all([problem for problem, holds in wrong.items() if holds])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What calls cost.

    Attributes
    ----------
    hits, misses : float
        Images replayed, and images that ran eagerly: larger than every budget.
    replays : float
        Graphs replayed.
    hit_tokens, miss_tokens : float
        Merged tokens of either.
    rows : float
        Merged rows that the replays computed.
    budget_tokens : float
        Budgets of the replays, which the engine's own counter goes by.
    """

    hits: float
    misses: float
    replays: float
    hit_tokens: float
    miss_tokens: float
    rows: float
    budget_tokens: float

    @property
    def padded_rows(self) -> float:
        """Rows computed that hold no image."""
        return self.rows - self.hit_tokens

    @property
    def computed(self) -> float:
        """Rows of replays, and tokens of what ran eagerly, which pads nothing."""
        return self.rows + self.miss_tokens

    @property
    def waste(self) -> float:
        """Share of what is computed that holds no image, 0 to 1."""
        return self.padded_rows / self.computed if self.computed else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calls:
    """Distinct calls, to be replayed all at once.

    Attributes
    ----------
    tokens : ndarray of int64, shape (n_calls, most_images)
        Merged tokens of the images of each, ascending, and zeros after them. Those of
        more images stand first.
    count : ndarray of float64, shape (n_calls,)
        How many calls are like it.
    """

    tokens: IntArray
    count: FloatArray

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Calls:
        """Gather equal calls; the order of images in a call changes nothing."""
        counts: dict[tuple[int, ...], float] = {}
        for call in calls:
            images = tuple(sorted(call.tokens))
            counts[images] = counts.get(images, 0.0) + call.count
        order = sorted(counts, key=lambda images: (-len(images), images))
        tokens = np.zeros((len(order), len(order[0]) if order else 0), dtype=np.int64)
        for at, images in enumerate(order):
            tokens[at, : len(images)] = images
        return cls(tokens=tokens, count=np.array([counts[each] for each in order]))

    def __len__(self) -> int:
        """Return the number of distinct calls."""
        return int(self.count.size)

    @property
    def most_images(self) -> int:
        """Images of the largest call."""
        return int(self.tokens.shape[1])

    @property
    def n_images(self) -> IntArray:
        """Images of each, shape (n_calls,)."""
        return np.asarray(np.count_nonzero(self.tokens, axis=1), dtype=np.int64)

    @property
    def images(self) -> tuple[IntArray, FloatArray]:
        """Tokens of every image, and how often it comes."""
        return self.tokens[self.tokens > 0], np.repeat(self.count, self.n_images)

    def only(self, places: IntArray, count: FloatArray) -> Calls:
        """Return some of the calls, in their order, with other weights."""
        kept = self.tokens[places]
        width = np.count_nonzero(kept, axis=1).max(initial=0)
        return Calls(tokens=kept[:, :width], count=count)


def replay(calls: Iterable[Call] | Calls, graphs: EncoderGraphs) -> Bill:
    """Run calls on captured graphs and add up."""
    table = calls if isinstance(calls, Calls) else Calls.of(calls)
    if not len(table):
        return Bill(
            hits=0.0,
            misses=0.0,
            replays=0.0,
            hit_tokens=0.0,
            miss_tokens=0.0,
            rows=0.0,
            budget_tokens=0.0,
        )
    ran = _run(table, np.array([graphs.budgets]), graphs)
    hit = ran.budget > 0
    miss = ran.weight * ~hit
    weight = ran.weight * hit
    return Bill(
        hits=float((weight * ran.images).sum()),
        misses=float((miss * ran.images).sum()),
        replays=float(weight.sum()),
        hit_tokens=float((weight * ran.tokens).sum()),
        miss_tokens=float((miss * ran.tokens).sum()),
        rows=float((weight * ran.rows).sum()),
        budget_tokens=float((weight * ran.budget).sum()),
    )


def prices(calls: Calls, lists: IntArray, graphs: EncoderGraphs) -> FloatArray:
    """Return what is compared of lists: rows computed, and of as many fewer replays.

    Parameters
    ----------
    calls : Calls
        What is replayed.
    lists : ndarray of int64, shape (n_lists, n_budgets)
        Ascending budgets of each list; the same twice is as good as once.
    graphs : EncoderGraphs
        Release and limit of images, its own budgets aside.

    Returns
    -------
    ndarray of float64, shape (n_lists, 2)
    """
    ran = _run(calls, lists, graphs)
    hit = ran.budget > 0
    rows = np.where(hit, ran.rows, ran.tokens)
    return np.stack(
        [
            np.bincount(ran.which, weights=each, minlength=len(lists))
            for each in (ran.weight * rows, ran.weight * hit)
        ],
        axis=1,
    )


def starts(calls: Calls, lists: IntArray, graphs: EncoderGraphs) -> BoolArray:
    """Return which images start a replay, shape (n_lists, n_calls, most_images).

    What `packing.pack` does, for many calls and lists at once.
    """
    tokens, most = calls.tokens, graphs.max_items
    n_images, top = calls.n_images, lists[:, -1:]
    first = np.zeros((len(lists), *tokens.shape), dtype=bool)
    first[:, :, 0] = True
    held = np.repeat(tokens[None, :, 0], len(lists), axis=0)
    n_held = np.ones_like(held)
    own = _fitting(lists, held)
    for at in range(1, tokens.shape[1]):
        n_calls = int(np.count_nonzero(n_images > at))
        item = np.broadcast_to(tokens[:n_calls, at], (len(lists), n_calls))
        both = held[:, :n_calls] + item
        closes = (n_held[:, :n_calls] >= most) | (both > top)
        if graphs.release >= DEFERS:
            alone, together = _fitting(lists, item), _fitting(lists, both)
            before = own[:, :n_calls]
            closes |= (before + alone < together) & (alone >= before)
            own[:, :n_calls] = np.where(closes, alone, together)
        held[:, :n_calls] = np.where(closes, item, both)
        n_held[:, :n_calls] = np.where(closes, 1, n_held[:, :n_calls] + 1)
        first[:, :n_calls, at] = closes
    return first


@dataclass(frozen=True, slots=True)
class _Ran:
    """Every replay and eager run of some lists, arrays of shape (n_runs,)."""

    which: IntArray
    """Which list."""
    tokens: IntArray
    images: IntArray
    """What it held."""
    budget: IntArray
    """The graph; 0 where none holds it."""
    rows: IntArray
    """What it computes."""
    weight: FloatArray
    """How often."""


def _run(calls: Calls, lists: IntArray, graphs: EncoderGraphs) -> _Ran:
    there = calls.tokens > 0
    tokens, call = calls.tokens[there], np.nonzero(there)[0]
    begins = np.flatnonzero(starts(calls, lists, graphs)[:, there].ravel())
    total = np.add.reduceat(np.tile(tokens, len(lists)), begins)
    which = begins // tokens.size
    rows_of = {budget: graphs.rows(budget) for budget in np.unique(lists).tolist()}
    computed = np.vectorize(rows_of.__getitem__, otypes=[np.int64])(lists)
    budget, rows = np.zeros_like(total), np.zeros_like(total)
    for column, of_rows in zip(lists.T[::-1], computed.T[::-1], strict=True):
        fits = total <= column[which]
        budget = np.where(fits, column[which], budget)
        rows = np.where(fits, of_rows[which], rows)
    return _Ran(
        which=which,
        tokens=total,
        images=np.diff(begins, append=tokens.size * len(lists)),
        budget=budget,
        rows=rows,
        weight=calls.count[call[begins % tokens.size]],
    )


def _fitting(lists: IntArray, tokens: IntArray) -> IntArray:
    """Return the smallest budget of each list that holds so many tokens; 0 for none."""
    found = np.zeros_like(tokens)
    for column in reversed(lists.T):
        found = np.where(tokens <= column[:, None], column[:, None], found)
    return found
