"""Which budgets to capture for calls of images: exact where each holds one image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import Literal

import numpy as np

from bucketwise.core.batches import Batches
from bucketwise.core.buckets import Demand
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.patching import Counts
from bucketwise.engines.vllm.encoder_graphs import (
    AS_QWEN3_VL,
    Asked,
    EncoderGraphs,
    Sharing,
    resolved,
)
from bucketwise.engines.vllm.replay import Bill, Call, Calls, prices, replay, starts
from bucketwise.errors import ConfigError
from bucketwise.nouns.engine import Version
from bucketwise.nouns.together import Together
from bucketwise.nouns.traffic import IntArray, Sizes

MOST_CANDIDATES = 64
"""Budgets tried in each place of a list: evenly picked where calls give more."""

MOST_SWEEPS = 8
"""A search that still improves after so many rounds stops; few take more than three."""

EACH_ITEMS = 4
"""Limits of images in a replay that are tried one by one; above them doubling ones."""

MOST_SEARCHED = 3_000
"""Images whose calls a search replays: of more calls it takes some that are evenly
spread, and what it finds is priced on all."""

How = Literal["exact", "local search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A list of budgets, how it was found, and what vLLM's own list would do.

    Attributes
    ----------
    graphs : EncoderGraphs
        What to capture.
    how : {"exact", "local search"}
        The former computes the fewest rows that any list of so many budgets does.
    bill, default_bill : Bill
        The same calls on these graphs and on those that vLLM would infer.
    default : EncoderGraphs
        The latter: doubling from the model's least to what one call holds.
    """

    graphs: EncoderGraphs
    how: How
    bill: Bill
    default: EncoderGraphs
    default_bill: Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Where budgets of a model lie, and what they have to be.

    Attributes
    ----------
    most : int
        What one call holds: the lesser of max_num_batched_tokens and max_model_len.
    align : int
        Multiple of every budget.
    pins : tuple of int
        Budgets that have to be there.
    most_items : int
        Most images that may share a replay; 0 for as many as there are.
    sharing : Sharing
        What its class makes of a budget, whose least is the smallest.
    """

    most: int = 8_192
    align: int = 1
    pins: tuple[int, ...] = ()
    most_items: int = 0
    sharing: Sharing = AS_QWEN3_VL

    def default(self, release: Version) -> EncoderGraphs:
        """Return what vLLM captures where no list is given, without clips."""
        asked = Asked(takes_clips=False)
        graphs = resolved(release, asked, self.sharing.least, self.most)
        return replace(graphs, sharing=self.sharing)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentCalls:
    """Calls of a traffic, and which of its sizes each of their images has.

    Attributes
    ----------
    calls : Calls
        In merged tokens.
    size : ndarray of int64, shape (n_calls, most_images)
        Places among the sizes; 0 where there is no image.
    """

    calls: Calls
    size: IntArray

    def batches(self, graphs: EncoderGraphs) -> Batches:
        """Return which images share a replay on some graphs, or run eagerly alone."""
        there = self.calls.tokens > 0
        first = starts(self.calls, np.array([graphs.budgets]), graphs)[0]
        begins = np.flatnonzero(first[there])
        return Batches(
            size=self.size[there],
            ends=np.append(begins[1:], np.count_nonzero(there)),
            count=self.calls.count[np.nonzero(first)[0]],
        )


def merged_tokens(counts: Counts) -> IntArray:
    """Return the merged tokens of an image or clip of each size; 0 where refused."""
    return np.where(counts.accepted, counts.merged_patches * counts.grid_t, 0)


def calls_sent(
    sizes: Sizes, tokens: IntArray, together: Together, most: int
) -> SentCalls:
    """Return the calls that images become: those that came at once, cut into steps.

    Images of a call are taken smallest first: nothing tells in which order they came.
    Clips run in calls of their own.

    Parameters
    ----------
    sizes : Sizes
        All images and clips.
    tokens : ndarray of int64, shape (n_sizes,)
        Merged tokens of each size; 0 leaves it out.
    together : Together
        Which images came at once.
    most : int
        Merged tokens of a step; the largest image fits one in any case.
    """
    is_clip, most = sizes.frames > 0, max(most, int(tokens.max(initial=0)))
    batches = Batches.of(together, sizes)
    groups = slice(0, len(together))
    order = np.lexsort((batches.size, tokens[batches.size], batches.owner))
    size = batches.size[order]
    each = tokens[size].tolist()
    found: dict[tuple[int, ...], float] = {}
    for start, end, count in zip(
        batches.starts[groups].tolist(),
        batches.ends[groups].tolist(),
        batches.count[groups].tolist(),
        strict=True,
    ):
        images = [at for at in range(start, end) if each[at]]
        clips = [at for at in images if is_clip[size[at]]] if is_clip.any() else []
        for alike in ([at for at in images if at not in clips], clips):
            for call in steps_of(alike, each, most):
                key = tuple(size[call].tolist())
                found[key] = found.get(key, 0.0) + count
    alone = batches.size[batches.starts[len(together) :]]
    used = (tokens[alone] > 0) & (batches.count[len(together) :] > 0)
    calls = sorted(found, key=lambda call: (-len(call), call))
    places = np.zeros((len(calls), len(calls[0]) if calls else 1), np.int64)
    there = np.zeros(places.shape, dtype=bool)
    for at, images_of in enumerate(calls):
        places[at, : len(images_of)] = images_of
        there[at, : len(images_of)] = True
    singles = np.zeros((int(used.sum()), places.shape[1]), np.int64)
    singles[:, 0] = alone[used]
    places = np.concatenate([places, singles])
    there = np.concatenate([there, np.arange(there.shape[1]) < np.ones_like(singles)])
    weights = np.array([found[call] for call in calls])
    return SentCalls(
        calls=Calls(
            tokens=np.where(there, tokens[places], 0),
            count=np.concatenate([weights, batches.count[len(together) :][used]]),
        ),
        size=places,
    )


def steps_of(
    images: Iterable[int], tokens: Sequence[int], most: int
) -> Iterator[list[int]]:
    """Yield the images of each step: in order, what fits it.

    A step takes no more merged tokens than the greater of max_num_batched_tokens and
    the largest image there can be (vllm 0.33.0, v1/core/sched/scheduler.py,
    _try_schedule_encoder_inputs).
    """
    current: list[int] = []
    held = 0
    for each in images:
        if current and held + tokens[each] > most:
            yield current
            current, held = [], 0
        current.append(each)
        held += tokens[each]
    if current:
        yield current


def choose(
    calls: Iterable[Call] | Calls, release: Version, k: int, span: Range
) -> Choice:
    """Choose k budgets and the most images of a replay, for the fewest rows computed.

    Where every call holds one image each image replays alone on the smallest budget that
    holds it, and the exact optimum of `core.optimize` is the answer. With more, which
    images run together depends on the list: then that optimum starts a search that moves
    one budget at a time, priced by replaying all calls, for each number of images. Every
    list holds the largest image, so that none runs eagerly.

    Parameters
    ----------
    calls : iterable of Call, or Calls
        What the encoder gets.
    release : tuple of int
        Of vLLM.
    k : int
        Most budgets.
    span : Range
        Where the model's budgets lie.

    Raises
    ------
    ConfigError
        Without a call.
    """
    table = calls if isinstance(calls, Calls) else Calls.of(calls)
    if not len(table):
        message = "calls: expected one at least, got none"
        raise ConfigError(message)
    demand = Demand.of(*table.images)
    most = min(table.most_images, span.most_items or table.most_images)
    best = _start(demand, release, k, 1, span)
    if most > 1:
        searched = _sample(table)
        found = [best]
        for items in _tried_items(min(most, int(demand.needed[-1]))):
            if any(pin % items for pin in span.pins):
                continue
            start = _start(demand, release, k, items, span)
            found += [start, _searched(start, searched, demand, span)]
        best = min(found, key=lambda graphs: _price(replay(table, graphs)))
    default = span.default(release)
    return Choice(
        graphs=best,
        how="exact" if table.most_images == 1 else "local search",
        bill=replay(table, best),
        default=default,
        default_bill=replay(table, default),
    )


def _sample(calls: Calls) -> Calls:
    """Return the calls to search on: all, or evenly spread ones that weigh as much."""
    n_images = calls.n_images
    if n_images.sum() <= MOST_SEARCHED:
        return calls
    n_searched = max(int(MOST_SEARCHED / n_images.mean()), 1)
    order = np.lexsort((calls.tokens.sum(axis=1), -n_images))
    reached = np.cumsum(calls.count[order])
    steps = (np.arange(n_searched) + 0.5) / n_searched * reached[-1]
    drawn, times = np.unique(np.searchsorted(reached, steps), return_counts=True)
    places = np.sort(order[drawn])
    weight = np.zeros(len(calls))
    weight[order[drawn]] = times * reached[-1] / n_searched
    return calls.only(places, weight[places])


def _tried_items(most: int) -> Iterator[int]:
    """Yield every number of images up to some, then doubling ones, and the most."""
    items = 1
    while items < most:
        yield items
        items += 1 if items < EACH_ITEMS else items
    yield most


def _start(
    demand: Demand, release: Version, k: int, items: int, span: Range
) -> EncoderGraphs:
    """Return the exact optimum of calls of one image, in multiples of the items."""
    align = lcm(items, span.align)
    top = int(align_up(demand.needed[-1:], align)[0])
    problem = Problem.of(
        demand,
        lambda lengths: lengths.astype(np.float64),
        align=align,
        top=max(top, *span.pins, 0),
        pinned=span.pins,
    )
    return EncoderGraphs(
        release=release,
        budgets=SOLVERS[EXACT](problem, max(k, problem.k_min)),
        max_items=items,
        sharing=span.sharing,
    )


def _price(bill: Bill) -> tuple[float, float]:
    """Return what is compared: rows, and of as many rows fewer replays."""
    return bill.computed, bill.replays


def _searched(
    graphs: EncoderGraphs, calls: Calls, demand: Demand, span: Range
) -> EncoderGraphs:
    """Move one budget at a time for as long as that computes less."""
    best = np.array(graphs.budgets)
    least = tuple(prices(calls, best[None], graphs)[0])
    align = lcm(graphs.max_items, span.align)
    tried = _candidates(calls, align, max(span.most, graphs.budgets[-1]), graphs)
    largest = int(demand.needed[-1])
    for _ in range(MOST_SWEEPS):
        before = least
        for place in range(best.size):
            if best[place] in span.pins:
                continue
            lists = np.repeat(best[None], tried.size, axis=0)
            lists[:, place] = tried
            lists = np.sort(lists, axis=1)
            lists = lists[lists[:, -1] >= largest]
            if not len(lists):
                continue
            found = prices(calls, lists, graphs)
            at = int(np.lexsort(found.T[::-1])[0])
            if tuple(found[at]) < least:
                best, least = lists[at], tuple(found[at])
        if least == before:
            break
    return EncoderGraphs(
        release=graphs.release,
        budgets=tuple(int(each) for each in np.unique(best)),
        max_items=graphs.max_items,
        sharing=graphs.sharing,
    )


def _candidates(calls: Calls, align: int, most: int, graphs: EncoderGraphs) -> IntArray:
    """Return what images that run together may need, in multiples of the alignment.

    Those that do are neighbours by size.
    """
    totals = np.concatenate([np.zeros((len(calls), 1), np.int64), calls.tokens], axis=1)
    totals = totals.cumsum(axis=1)
    sums = [
        (totals[:, width:] - totals[:, :-width]).ravel()
        for width in range(1, min(graphs.max_items, calls.most_images) + 1)
    ]
    found = np.unique(align_up(np.concatenate(sums), align))
    found = found[(found >= graphs.max_items) & (found <= most)]
    if found.size <= MOST_CANDIDATES:
        return found
    picked = np.linspace(0, found.size - 1, MOST_CANDIDATES).round().astype(int)
    return np.asarray(found[picked], dtype=np.int64)
