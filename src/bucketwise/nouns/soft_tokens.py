"""Which soft-token counts to compile: every one that is used, and one for each length."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, pairwise


def compiled_counts(
    lengths: tuple[int, ...], used: Iterable[int], supported: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the soft-token counts to compile the ViT for.

    The runtime takes no other: an image that was scaled to a count that is not compiled
    raises, so all that processors scale to are in it. And optimum-rbln refuses a length
    that no count runs on, although images of fewer tokens than their count would: for
    each such length the least count is added (0.12.0, transformers/models/gemma4/,
    get_image_features and _update_image_prefill_chunk_size).
    """
    counts = set(used)
    for below, length in pairwise((0, *lengths)):
        if not any(below < count <= length for count in counts):
            fitting = (each for each in supported if below < each <= length)
            counts |= set(islice(fitting, 1))
    return tuple(sorted(counts))
