"""What it costs to keep a list of lengths on other traffic, how sure that is, and what to change first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.confidence import Sample
from bucketwise.core.optimize import Problem
from bucketwise.core.optimize.budgets import Budget, total, within
from bucketwise.core.optimize.exact import frontier
from bucketwise.core.optimize.problem import unmarked
from bucketwise.core.plan import SEED
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells
from bucketwise.words.numbers import NOISE, less

RESAMPLES = 200
"""Draws behind an interval."""

TAIL = 0.05
"""Share of the draws beyond each end: the interval is one of 90 %."""

MOST_EDGES = 256
"""Lengths that a draw chooses among, spread evenly over the compute."""

MOST_MOVES = 3
"""Changes of one length that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One length put in the place of another, and the regret that is left then."""

    old: int
    new: int
    regret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """What a list takes beside the best list of as many lengths, over what it holds.

    Both have the same top and the same pins, and the best takes no more memory where
    that bound the list. `share` is the compute above the best's, as a share of it; `low`
    and `high` are the ends of its 90 % interval, None where counts are no whole images or
    something but the images binds the choice. `moves` change one length at a time, each
    the one that wins most.
    """

    vit_max_seq_lens: tuple[int, ...]
    best: tuple[int, ...]
    kept_compute: float
    best_compute: float
    share: float
    low: float | None
    high: float | None
    moves: tuple[Move, ...]

    @property
    def surely(self) -> float:
        """The regret that is told from chance: its lower end, else the regret itself."""
        return self.share if self.low is None else min(self.low, self.share)


def regret_of(
    lengths: tuple[int, ...],
    sample: Sample,
    length_bytes: Callable[[int], int] | None = None,
) -> Regret | None:
    """Price a list beside the best of as many lengths; None where it holds no image.

    Parameters
    ----------
    lengths : tuple of int
        Ascending; its top and the pins of the sample among it are kept.
    sample : Sample
        What the images need. Those above the top are left out.
    length_bytes : callable, optional
        What the graph of a length takes of a device, where the list was bound by that:
        the best then takes no more in all than the list does.
    """
    held = sample.held_by(lengths[-1])
    if not held.count.size:
        return None
    problem = held.problem(held.demand(), lengths[-1], lengths)
    bound = _bound(problem, lengths, length_bytes)
    found = within(problem, len(lengths), bound) if bound else None
    best = found or frontier(problem, len(lengths))[-1]
    kept, least = total(problem, lengths), total(problem, best)
    if kept <= least * (1 + NOISE):
        # Another list that costs as much is no reason to change this one.
        best, least = lengths, kept
    share = _above(least, kept)
    low, high = (None, None) if bound or held.marks else _interval(lengths, held, share)
    return Regret(
        vit_max_seq_lens=lengths,
        best=best,
        kept_compute=kept,
        best_compute=least,
        share=share,
        low=low,
        high=high,
        moves=tuple(_moves(lengths, problem, bound, least)),
    )


def _above(least: float, cost: float) -> float:
    """Return what a cost is above the least one, as a share of that."""
    return max(0.0, -less(least, cost))


def _bound(
    problem: Problem,
    lengths: tuple[int, ...],
    length_bytes: Callable[[int], int] | None,
) -> tuple[Budget, ...]:
    """Return the memory that a list was bound by, as a budget of what it takes."""
    if length_bytes is None:
        return ()
    uses = np.array([length_bytes(each) for each in problem.lengths.tolist()])
    room = float(sum(map(length_bytes, lengths)))
    return (Budget(uses=uses.astype(np.float64), room=room),)


def _interval(
    lengths: tuple[int, ...], held: Sample, share: float
) -> tuple[float, float] | tuple[None, None]:
    """Return the ends of the regret's interval, by the basic bootstrap.

    The best list is chosen anew on every draw, and fits the images of the draw better
    than others: the regret of a draw lies above that of the images by about as much as
    theirs above the traffic's. The basic interval, twice their regret less the quantiles
    of the draws', takes that off (Davison and Hinkley 1997, section 5.2); plain
    quantiles of the draws would have it twice. Near 0, below which no regret lies, it
    takes off too much: the upper end is no lower than the regret that was seen.
    """
    if (held.count % 1 != 0).any():
        return None, None
    problem = held.problem(held.demand(), lengths[-1], lengths)
    thin = problem.most_used(MOST_EDGES + len(lengths), also=lengths)
    keys, count = group_cells(
        (np.searchsorted(thin.lengths, held.needed), held.runs_each), held.count
    )
    edge, runs_each = keys[0].astype(np.int64), keys[1].astype(np.float64)

    def regret(images: FloatArray | IntArray) -> float:
        runs = np.bincount(edge, images * runs_each, thin.lengths.size)
        drawn = replace(thin, runs=runs.astype(np.float64))
        best = frontier(drawn, len(lengths))[-1]
        return _above(total(drawn, best), total(drawn, lengths))

    random = np.random.default_rng(SEED)
    draws = [regret(random.poisson(count)) for _ in range(RESAMPLES)]
    # Among few candidates it is a little less than among all.
    off = regret(count) - np.quantile(draws, [1 - TAIL, TAIL])
    low, high = (share + off).tolist()
    return max(low, 0.0), max(high, share)


def _moves(
    lengths: tuple[int, ...], problem: Problem, bound: Sequence[Budget], least: float
) -> Iterator[Move]:
    """Yield changes of one length, each the one that wins most after those before."""
    current = lengths
    for _ in range(MOST_MOVES):
        found = _best_move(current, problem, bound)
        if found is None:
            return
        old, new = found
        current = _moved(current, old, new)
        yield Move(old=old, new=new, regret=_above(least, total(problem, current)))


def _best_move(
    lengths: tuple[int, ...], problem: Problem, bound: Sequence[Budget]
) -> tuple[int, int] | None:
    """Return the length to drop and the one to put in its place; None where none wins."""
    movable = [each for each in lengths[:-1] if each not in problem.pinned]
    if not movable:
        return None
    costs = np.stack([_costs_with(lengths, each, problem) for each in movable])
    ceiling = total(problem, lengths) * (1 - NOISE)
    for at in np.argsort(costs, axis=None, kind="stable").tolist():
        row, column = divmod(at, problem.lengths.size)
        if costs[row, column] >= ceiling:
            return None
        old, new = movable[row], int(problem.lengths[column])
        moved = _moved(lengths, old, new)
        if unmarked(list(moved), problem.marks) or any(
            each.used(problem, moved) > each.room for each in bound
        ):
            continue
        return old, new
    return None


def _moved(lengths: tuple[int, ...], old: int, new: int) -> tuple[int, ...]:
    return tuple(sorted({*lengths} - {old} | {new}))


def _costs_with(lengths: tuple[int, ...], old: int, problem: Problem) -> FloatArray:
    """Return what the list costs with each candidate in the place of one length."""
    rest = np.array([each for each in lengths if each != old])
    above = np.searchsorted(rest, problem.lengths)
    served = np.cumsum(problem.runs)
    index = np.searchsorted(problem.lengths, rest)
    # What lies between the length below a candidate and the candidate runs on it then.
    below = np.concatenate([[0.0], served[index]])[above]
    wins = (problem.cost[index[above]] - problem.cost) * (served - below)
    return np.asarray(total(problem, rest) - wins, dtype=np.float64)
