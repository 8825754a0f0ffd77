"""Arrivals to an activity: a decoder with continuous batching, played through until its graphs fit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.decoder.graphs import Graphs
from bucketwise.core.decoder.step_cost import MS, StepCurve
from bucketwise.core.decoder.timeline import (
    activity_of,
    borders_s,
    cells_of,
    in_flight,
    slot_width_s,
)
from bucketwise.core.plan import DecoderDecision
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity, Arrivals
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What became of every arrival."""

    arrival_s: FloatArray
    admitted_s: FloatArray
    finished_s: FloatArray
    """When each request came, took a slot, and gave it back; of shape (n,)."""
    steps: FloatArray
    """Decode steps by the number of sequences in them; `steps[0]` is 0; of shape
    (batch_size + 1,)."""

    def activity(self) -> Activity:
        """Return how long how many slots were taken, and how many requests waited."""
        first_s, last_s = float(self.arrival_s[0]), float(self.finished_s.max())
        if not last_s > first_s:
            message = "activity: the requests take no time; tokens above 0 are needed"
            raise InputError(message)
        width_s = slot_width_s(first_s, last_s)
        edges = np.unique(
            np.concatenate(
                [
                    borders_s(first_s, last_s, width_s),
                    self.arrival_s,
                    self.admitted_s,
                    self.finished_s,
                ]
            )
        )
        seconds = np.diff(edges)
        cells = cells_of(
            edges[:-1] + seconds / 2,
            in_flight(self.admitted_s, self.finished_s, edges[:-1]),
            in_flight(self.arrival_s, self.admitted_s, edges[:-1]),
            seconds,
            width_s,
        )
        return activity_of(
            [cells], width_s=width_s, span_s=last_s - first_s, replicas=1
        )


def replay(
    arrivals: Arrivals,
    batch_size: int,
    step_s: Sequence[float],
    prefill_s: Sequence[float],
) -> Replay:
    """Play arrivals through one decoder.

    Continuous batching as vLLM schedules it on static graphs: a request takes a slot as
    soon as one is free, first come first served; its prompt is prefilled alone, while
    decoding stands still, and yields the first token; then every step yields one token
    for every sequence in the batch. Between two arrivals or ends the batch does not
    change, so such steps are taken together.
    """
    arrival_s = arrivals.arrival_s.tolist()
    decode_steps = np.maximum(arrivals.output - 1, 0).tolist()
    n_requests = len(arrival_s)
    admitted_s, finished_s = [0.0] * n_requests, [0.0] * n_requests
    steps = [0] * (batch_size + 1)
    batch: list[tuple[int, int]] = []  # (step after which it ends, request)
    done = 0  # steps so far
    now_s = arrival_s[0]
    next_up = 0
    while next_up < n_requests or batch:
        active = len(batch)
        if next_up < n_requests and active < batch_size:
            if not active:
                now_s = max(now_s, arrival_s[next_up])
            if arrival_s[next_up] <= now_s:
                admitted_s[next_up] = now_s
                now_s += prefill_s[next_up]
                if decode_steps[next_up]:
                    heappush(batch, (done + decode_steps[next_up], next_up))
                else:
                    finished_s[next_up] = now_s
                next_up += 1
                continue
        each_s = step_s[active]
        n_steps = batch[0][0] - done
        if next_up < n_requests and active < batch_size:
            # A step that runs is finished before the newcomer is looked at.
            until_arrival = ceil((arrival_s[next_up] - now_s) / each_s)
            n_steps = min(n_steps, until_arrival)
        now_s += n_steps * each_s
        done += n_steps
        steps[active] += n_steps
        while batch and batch[0][0] == done:
            finished_s[heappop(batch)[1]] = now_s
    return Replay(
        arrival_s=arrivals.arrival_s,
        admitted_s=np.array(admitted_s),
        finished_s=np.array(finished_s),
        steps=np.array(steps, dtype=np.float64),
    )


Sizes = tuple[int, ...]

MAX_ROUNDS = 12
"""Choice and replay settle within three or four rounds, or do not converge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Graphs, and the replay in which they run."""

    graphs: Graphs
    """What the steps of `replay` ask for."""
    replay: Replay
    """With the graphs in use."""
    one_graph: Replay
    """With one graph of the whole batch."""
    rounds: int
    """Replays it took."""
    fixed: bool
    """Whether the replay asks for the graphs that it ran with; otherwise the choice did
    not converge, and the best is taken."""


def settle(
    arrivals: Arrivals,
    batch_size: int,
    clock: StepCurve,
    prefill_s: Sequence[float],
    choose: Callable[[FloatArray], Graphs],
) -> Settled:
    """Choose and replay in turn until the choice no longer changes.

    A slow decoder fills up and asks for large graphs, a fast one for small ones: both
    can be consistent. So it starts once from one graph and once from a graph for every
    size, and takes what serves requests in the least mean time.

    `choose` takes steps by active sequences, from 1 to `batch_size`.
    """
    seen: dict[Sizes, tuple[Graphs, Replay]] = {}

    def played(sizes: Sizes) -> Sizes:
        ran = replay(arrivals, batch_size, step_seconds(sizes, clock), prefill_s)
        seen[sizes] = (choose(ran.steps[1:]), ran)
        return seen[sizes][0].sizes

    ends = [
        _followed(start, played, seen)
        for start in ((batch_size,), tuple(range(1, batch_size + 1)))
    ]
    fixed = [sizes for sizes in ends if seen[sizes][0].sizes == sizes]
    sizes = min(fixed or ends, key=lambda each: _mean_time_s(seen[each][1]))
    graphs, ran = seen[sizes]
    if not fixed:
        said = (
            f"graph choice and replay did not converge in {plural(len(seen), 'round')}; "
            "using the best"
        )
        decision = DecoderDecision(k=len(sizes), rule="circle", reason=said)
        graphs = dataclasses.replace(graphs, sizes=sizes, decision=decision)
    return Settled(
        graphs=graphs,
        replay=ran,
        one_graph=seen[(batch_size,)][1],
        rounds=len(seen),
        fixed=bool(fixed),
    )


def _followed(
    start: Sizes, played: Callable[[Sizes], Sizes], seen: Mapping[Sizes, object]
) -> Sizes:
    """Return where the choice comes to rest, or a set of its circle."""
    sizes, following = start, played(start)
    for _ in range(MAX_ROUNDS):
        if following == sizes:
            break
        sizes = following
        following = sizes if sizes in seen else played(sizes)
    return sizes


def _mean_time_s(ran: Replay) -> float:
    return float((ran.finished_s - ran.arrival_s).mean())


def step_seconds(sizes: tuple[int, ...], clock: StepCurve) -> list[float]:
    """Return the seconds of a step by active sequences, from 0, on given graphs."""
    active = np.arange(1, sizes[-1] + 1)
    ran_on = np.array(sizes)[Buckets(sizes).assign(active)]
    return [0.0, *(clock.at(ran_on) / MS).tolist()]
