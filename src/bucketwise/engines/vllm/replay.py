"""What calls of images cost on a list of budgets, replayed by the engine's own rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.packing import pack
from bucketwise.errors import raise_all


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


def replay(calls: Iterable[Call], graphs: EncoderGraphs) -> Bill:
    """Run calls on captured graphs and add up."""
    hits = misses = replays = hit_tokens = miss_tokens = rows = room = 0.0
    rows_of = {budget: graphs.rows(budget) for budget in graphs.budgets}
    for call in calls:
        for batch in pack(call.tokens, graphs):
            [held], [budget] = batch.tokens, batch.budgets
            if budget is None:
                misses += call.count * batch.misses
                miss_tokens += call.count * held
                continue
            hits += call.count * batch.hits
            replays += call.count
            hit_tokens += call.count * held
            rows += call.count * rows_of[budget]
            room += call.count * budget
    return Bill(
        hits=hits,
        misses=misses,
        replays=replays,
        hit_tokens=hit_tokens,
        miss_tokens=miss_tokens,
        rows=rows,
        budget_tokens=room,
    )
