"""Which budgets to capture for calls of images: exact where each holds one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.engines.vllm.encoder_graphs import (
    AS_QWEN3_VL,
    Asked,
    EncoderGraphs,
    Sharing,
    resolved,
)
from bucketwise.engines.vllm.replay import Bill, Call, replay
from bucketwise.errors import ConfigError
from bucketwise.nouns.engine import Version
from bucketwise.nouns.traffic import FloatArray, IntArray

MOST_CANDIDATES = 64
"""Budgets tried in each place of a list: evenly picked where calls give more."""

MOST_SWEEPS = 8
"""A search that still improves after so many rounds stops; few take more than three."""

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
    """Where budgets of a model lie.

    Attributes
    ----------
    most : int
        What one call holds: the lesser of max_num_batched_tokens and max_model_len.
    sharing : Sharing
        What its class makes of a budget, whose least is the smallest.
    """

    most: int = 8_192
    sharing: Sharing = AS_QWEN3_VL

    def default(self, release: Version) -> EncoderGraphs:
        """Return what vLLM captures where no list is given, without clips."""
        asked = Asked(takes_clips=False)
        graphs = resolved(release, asked, self.sharing.least, self.most)
        return replace(graphs, sharing=self.sharing)


def single_calls(tokens: IntArray, count: FloatArray) -> tuple[Call, ...]:
    """Return calls of one image each.

    Parameters
    ----------
    tokens : ndarray of int64, shape (n,)
        Merged tokens of each size.
    count : ndarray of float64, shape (n,)
        Images of that size.
    """
    demand = Demand.of(tokens, count)
    return tuple(
        Call(tokens=(int(need),), count=float(runs))
        for need, runs in zip(demand.needed, demand.runs, strict=True)
    )


def calls_of(tokens: Sequence[int], most: int) -> Iterator[Call]:
    """Yield the calls that images sent together become: in order, what fits a step.

    A step takes no more merged tokens than the greater of max_num_batched_tokens and
    the largest image there can be (vllm 0.33.0, v1/core/sched/scheduler.py,
    _try_schedule_encoder_inputs).
    """
    current: list[int] = []
    for each in tokens:
        if current and sum(current) + each > most:
            yield Call(tokens=tuple(current))
            current = []
        current.append(each)
    if current:
        yield Call(tokens=tuple(current))


def choose(calls: Iterable[Call], release: Version, k: int, span: Range) -> Choice:
    """Choose k budgets and the most images of a replay, for the fewest rows computed.

    Where every call holds one image each image replays alone on the smallest budget that
    holds it, and the exact optimum of `core.optimize` is the answer. With more, which
    images run together depends on the list: then that optimum starts a search that moves
    one budget at a time, priced by replaying all calls, for each number of images. Every
    list holds the largest image, so that none runs eagerly.

    Parameters
    ----------
    calls : iterable of Call
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
    gathered = _gathered(calls)
    if not gathered:
        message = "calls: expected one at least, got none"
        raise ConfigError(message)
    demand = _demand(gathered)
    most_images = max(len(call.tokens) for call in gathered)
    graphs = _start(demand, release, k, 1)
    bill = replay(gathered, graphs)
    if most_images > 1:
        for items in _powers(min(most_images, int(demand.needed[-1]))):
            start = _start(demand, release, k, items)
            found = _searched(start, gathered, demand, span.most)
            if _price(found[1]) < _price(bill):
                graphs, bill = found
    default = span.default(release)
    return Choice(
        graphs=graphs,
        how="exact" if most_images == 1 else "local search",
        bill=bill,
        default=default,
        default_bill=replay(gathered, default),
    )


def _gathered(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Return equal calls as one; the order of images in a call changes nothing."""
    counts: Counter[tuple[int, ...]] = Counter()
    for call in calls:
        counts[tuple(sorted(call.tokens))] += call.count  # type: ignore[assignment]
    return tuple(Call(tokens=tokens, count=count) for tokens, count in counts.items())


def _demand(calls: Sequence[Call]) -> Demand:
    tokens = [each for call in calls for each in call.tokens]
    counts = [call.count for call in calls for _ in call.tokens]
    return Demand.of(np.array(tokens, dtype=np.int64), np.array(counts))


def _powers(most: int) -> Iterator[int]:
    """Yield 1, 2, 4 and so on up to the first that is not below the most."""
    items = 1
    while items < most:
        yield items
        items *= 2
    yield most


def _start(demand: Demand, release: Version, k: int, items: int) -> EncoderGraphs:
    """Return the exact optimum of calls of one image, in multiples of the items."""
    top = int(align_up(demand.needed[-1:], items)[0])
    problem = Problem.of(
        demand, lambda lengths: lengths.astype(np.float64), align=items, top=top
    )
    return EncoderGraphs(
        release=release, budgets=SOLVERS[EXACT](problem, k), max_items=items
    )


def _price(bill: Bill) -> tuple[float, float]:
    """Return what is compared: rows, and of as many rows fewer replays."""
    return bill.computed, bill.replays


def _searched(
    graphs: EncoderGraphs, calls: Sequence[Call], demand: Demand, most: int
) -> tuple[EncoderGraphs, Bill]:
    """Move one budget at a time for as long as that computes less."""
    best, bill = graphs, replay(calls, graphs)
    tried = _candidates(calls, graphs.max_items, max(most, graphs.budgets[-1]))
    largest = int(demand.needed[-1])
    for _ in range(MOST_SWEEPS):
        before = bill
        for place in range(len(best.budgets)):
            for budget in tried:
                moved = {*best.budgets[:place], budget, *best.budgets[place + 1 :]}
                if max(moved) < largest:
                    continue
                other = replace(best, budgets=tuple(sorted(moved)))
                cost = replay(calls, other)
                if _price(cost) < _price(bill):
                    best, bill = other, cost
        if bill is before:
            break
    return best, bill


def _candidates(calls: Sequence[Call], items: int, most: int) -> tuple[int, ...]:
    """Return what images that run together may need, in multiples of the items.

    Those that do are neighbours by size.
    """
    sums = set()
    for call in calls:
        ordered = sorted(call.tokens)
        for start in range(len(ordered)):
            total = 0
            for each in ordered[start : start + items]:
                total += each
                budget = -(-total // items) * items
                if items <= budget <= most:
                    sums.add(budget)
    found = sorted(sums)
    if len(found) <= MOST_CANDIDATES:
        return tuple(found)
    picked = np.linspace(0, len(found) - 1, MOST_CANDIDATES).round().astype(int)
    return tuple(found[each] for each in picked)
