"""How vLLM packs the images of one call into replays of encoder graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs, fitting
from bucketwise.engines.vllm.releases import DEFERS
from bucketwise.nouns.engine import Version

Item = tuple[int, ...]
"""Merged tokens of an image on each path of its model; of most models there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images that run together.

    Attributes
    ----------
    items : tuple of int
        Their positions in the call.
    tokens : tuple of int
        What they need together on each path.
    budgets : tuple of int or None
        The graph that is replayed on each path: 0 for none needed, None where no graph
        holds them and the path runs eagerly.
    """

    items: tuple[int, ...]
    tokens: Item
    budgets: tuple[int | None, ...]

    @property
    def hits(self) -> int:
        """Images replayed, counted on each path as the engine counts them."""
        return sum(len(self.items) for budget in self.budgets if budget)

    @property
    def misses(self) -> int:
        """Images that no path replays."""
        return 0 if self.hits else len(self.items)


def pack(tokens: Sequence[int], graphs: EncoderGraphs) -> tuple[Batch, ...]:
    """Pack the images of one call, of a model with one path.

    Parameters
    ----------
    tokens : sequence of int
        Merged tokens of each image.
    graphs : EncoderGraphs
        What was captured.
    """
    return pack_paths(
        [(each,) for each in tokens],
        (graphs.budgets,),
        graphs.max_items,
        graphs.release,
    )


def pack_paths(
    items: Sequence[Item],
    budgets: tuple[tuple[int, ...], ...],
    max_items: int,
    release: Version,
) -> tuple[Batch, ...]:
    """Pack the images of one call: smallest first, each with those before it.

    A batch is closed where the next image does not fit it, or, from 0.32, where that
    image weighs at least as much as the batch and two replays take less than one.

    Parameters
    ----------
    items : sequence of tuple of int
        Merged tokens of each image on each path.
    budgets : tuple of tuple of int
        Ascending budgets of each path.
    max_items : int
        Most images in one replay.
    release : tuple of int
        Of vLLM.

    Notes
    -----
    vllm 0.33.0, v1/worker/encoder_cudagraph.py, _execute_local.
    """
    batches: list[Batch] = []
    current: list[int] = []
    held = (0,) * len(budgets)

    def close() -> None:
        fits = tuple(map(fitting, budgets, held))
        batches.append(
            Batch(
                items=tuple(current),
                tokens=held,
                budgets=tuple(
                    budget if need else 0
                    for budget, need in zip(fits, held, strict=True)
                ),
            )
        )

    for index in sorted(range(len(items)), key=lambda each: sum(items[each])):
        item = items[index]
        if current and (
            len(current) >= max_items
            or not _fits(held, item, budgets)
            or (release >= DEFERS and _better_apart(held, item, budgets))
        ):
            close()
            current, held = [], (0,) * len(budgets)
        current.append(index)
        held = tuple(map(sum, zip(held, item, strict=True)))
    if current:
        close()
    return tuple(batches)


def _fits(held: Item, item: Item, budgets: tuple[tuple[int, ...], ...]) -> bool:
    return all(
        before + more <= each[-1]
        for before, more, each in zip(held, item, budgets, strict=True)
    )


def _better_apart(held: Item, item: Item, budgets: tuple[tuple[int, ...], ...]) -> bool:
    """Return whether, on some path, two replays have less room than one for both."""
    for before, more, each in zip(held, item, budgets, strict=True):
        if not more:
            continue
        own = (fitting(each, before) or 0) if before else 0
        alone, together = fitting(each, more) or 0, fitting(each, before + more) or 0
        if own + alone < together and alone >= own:
            return True
    return False
