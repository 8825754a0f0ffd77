"""What a plan takes of each budget, and how many graphs share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from bucketwise.core.budgets import Budgets
from bucketwise.core.limits import Case
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.plan import BudgetPoint, BudgetUse, Decoder, Plan, Visual


def graphs_within(
    budgets: Budgets, visual: Visual, decoder: Decoder | None
) -> tuple[int, int] | None:
    """Return how many lengths and decoder graphs share the minutes for compiling.

    None where what was chosen keeps them, or where minutes are told by length and say
    nothing of a decoder graph. Of the pairs that keep them the one whose compute, ViT and
    decode step each as a share of what was chosen, is least; the fewest where none does.
    """
    if decoder is None or budgets.compile_min is None:
        return None
    each_min = budgets.decoder_graph_min
    most = int(budgets.compile_min // each_min) if each_min else None
    chosen = len(visual.vit_max_seq_lens), len(decoder.decoder_batch_sizes)
    if most is None or sum(chosen) <= most:
        return None
    lengths = {point.k: point.padded_compute for point in visual.frontier}
    sizes = {point.k: point.mean_step_cost for point in decoder.frontier} or {
        chosen[1]: 1.0
    }
    pairs = [
        (k, m)
        for k, m in product(lengths, sizes)
        if k + m <= most and k <= chosen[0] and m <= chosen[1]
    ]
    return min(
        pairs,
        key=lambda pair: (
            lengths[pair[0]] / lengths[chosen[0]] + sizes[pair[1]] / sizes[chosen[1]]
        ),
        default=(min(lengths), min(sizes)),
    )


def budget_uses(
    budgets: Budgets, setting: Case, visual: Visual, decoder: Decoder | None
) -> tuple[BudgetUse, ...]:
    """Return each budget that was given, and what the plan takes of it."""
    return tuple(_uses(budgets, setting, visual, decoder))


def _uses(
    budgets: Budgets, setting: Case, visual: Visual, decoder: Decoder | None
) -> Iterator[BudgetUse]:
    lengths = visual.vit_max_seq_lens
    if budgets.compile_min is not None and budgets.graph_minutes is not None:
        n_decoder = len(decoder.decoder_batch_sizes) if decoder else 0
        minutes = budgets.graph_minutes.of(lengths)
        yield BudgetUse(
            name="compile",
            room=budgets.compile_min,
            used=minutes + n_decoder * budgets.decoder_graph_min,
            unit="min",
        )
    if budgets.device_bytes is not None:
        yield BudgetUse(
            name="memory", room=budgets.device_bytes, used=None, unit="bytes"
        )
    if budgets.image is not None:
        used = float(setting.curve.at(np.array(lengths[-1:]))[0])
        limit = None if used <= budgets.image else _holding(setting, budgets)
        yield BudgetUse(
            name="image",
            room=budgets.image,
            used=used,
            unit=setting.curve.unit,
            option=None if limit is None else f"--max-pixels {limit}",
        )


def _holding(setting: Case, budgets: Budgets) -> int | None:
    """Return the image limit under which no graph costs more than one image may."""
    most = budgets.image or 0.0
    steps = np.arange(1, setting.demand().needed[-1] // setting.align + 1)
    kept = steps[setting.curve.at(steps * setting.align) <= most]
    if not kept.size:
        return None
    lowered = setting.lowered_to_hold(int(kept[-1]) * setting.align)
    return lowered.preprocessing.image.max_pixels if lowered else None


def with_memory(
    budgets: Iterable[BudgetUse], memory: MemoryPlan | None
) -> tuple[BudgetUse, ...]:
    """Return the uses with what the fullest device was found to hold."""
    if memory is None:
        return tuple(budgets)
    held = max(pool.fit.needed_bytes for pool in memory.pools)
    return tuple(
        replace(each, used=float(held)) if each.name == "memory" else each
        for each in budgets
    )


def with_sequences(
    plan: Plan, lengths_bytes: int, memory: MemoryPlan | None
) -> tuple[BudgetPoint, ...]:
    """Return the front with the sequences that the cache then has room for.

    `lengths_bytes` is what the lengths of the plan take, of which `memory` tells. Where
    the ViT has devices of its own its lengths take nothing of the cache.
    """
    points = plan.frontier_budgets
    shared = memory and any(each.vit and each.language_model for each in memory.pools)
    if memory is None or not shared:
        return points
    one = memory.blocks.device_bytes * memory.blocks.per_sequence
    room = memory.blocks.room_bytes + lengths_bytes
    return tuple(
        replace(each, sequences=max(room - each.memory_bytes, 0) / one)
        for each in points
    )


def bytes_left(memory: MemoryPlan, lengths_bytes: int, *, surely: bool) -> int | None:
    """Return what the lengths may take of a device; None where they take no more."""
    pools = [pool.fit for pool in memory.pools if pool.vit]
    if not pools:
        return None
    most = min(
        fit.room_bytes - (fit.margin_bytes if surely else 0) - fit.needed_bytes
        for fit in pools
    )
    return None if most >= 0 else lengths_bytes + most
