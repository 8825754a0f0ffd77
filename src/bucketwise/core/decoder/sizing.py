"""What the same load says about batch_size itself, and about max_seq_len."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bucketwise.core.plan import BatchSizeOption, ContextLength
from bucketwise.nouns.activity import Activity, RequestTokens

BATCH_SIZES = (4, 8, 16, 32)
"""Batch sizes that published configurations have."""

LARGER_BATCH_SIZES = (64, 128, 256)
"""Looked at where nobody plans a smaller one, and told where only they hardly queue."""

QUEUEING_LIMIT = 0.05
"""The smallest batch size that queues in less than this share of busy time is
suggested."""


def batch_size_options(
    activity_at: Callable[[int], Activity], sizes: Sequence[int] = BATCH_SIZES
) -> tuple[BatchSizeOption, ...]:
    """Return what each batch size would meet."""
    options = []
    for size in sizes:
        activity = activity_at(size)
        seconds = activity.clipped(size)[1:]
        busy_s = float(seconds.sum())
        if not busy_s:
            continue
        options.append(
            BatchSizeOption(
                batch_size=size,
                mean_active=float((seconds * np.arange(1, size + 1)).sum() / busy_s),
                full_share=float(seconds[-1] / busy_s),
                queueing_share=activity.queueing_s(size) / busy_s,
            )
        )
    return tuple(options)


def suggested_batch_size(options: Sequence[BatchSizeOption]) -> int | None:
    """Return the smallest batch size that hardly ever queues; None where all do."""
    for option in options:
        if option.queueing_share < QUEUEING_LIMIT:
            return option.batch_size
    return None


def context_length(
    tokens: RequestTokens, *, visual: int, step: tuple[int, int]
) -> ContextLength:
    """Return the `max_seq_len` that holds every request seen."""
    added = 0 if tokens.with_images else visual
    reached = np.cumsum(tokens.count) / tokens.count.sum()
    p999 = int(tokens.total[np.searchsorted(reached, 0.999)]) + added
    largest = int(tokens.total[-1]) + added
    multiple, least = step
    source = "prompt and output tokens of the requests"
    if added:
        source += f", and {added:,} visual tokens (p99.9 of the images) added to each"
    return ContextLength(
        p999=p999,
        largest=largest,
        with_images=tokens.with_images,
        visual=added,
        partition=multiple,
        max_seq_len=max(-(-largest // multiple), least) * multiple,
        source=source,
    )
