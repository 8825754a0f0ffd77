"""Arrivals and graphs that fit each other: faster steps leave fewer sequences active."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.decoder.graphs import Graphs
from bucketwise.core.decoder.replay import Replay, replay
from bucketwise.core.decoder.step_cost import MS, StepCurve
from bucketwise.core.plan import DecoderDecision
from bucketwise.nouns.activity import Arrivals
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import plural

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
