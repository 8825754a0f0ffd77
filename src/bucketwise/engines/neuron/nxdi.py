"""The shapes of NxD Inference: which it compiles, and on which a request runs.

neuronx-distributed-inference 4bcdc54b: modules/autobucketing.py, and models/qwen3_vl and
models/qwen2_vl.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from math import log2

from bucketwise.errors import ConfigError


def generated(least: int, most: int) -> tuple[int, ...]:
    """Return the list that is made where none is given: doubling, then the most."""
    below = 2 ** round(log2(most))
    doubled = []
    while least < below:
        doubled.append(least)
        least *= 2
    return (*doubled, most)


def batch_shapes(
    batches: Iterable[int], whole: int, contexts: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Return the (batch, context) of every decode graph; the whole batch is added.

    Parameters
    ----------
    batches : iterable of int
        `token_generation_batches`.
    whole : int
        `tkg_batch_size`.
    contexts : sequence of int
        `token_generation_buckets`.
    """
    return tuple(product(sorted({*batches, whole}, reverse=True), contexts))


def too_large(patches: int, buckets: Sequence[int]) -> str:
    """Return what a request above the last bucket fails with; "" for one below."""
    if patches <= buckets[-1]:
        return ""
    return f"Total number of image patches {patches} exceeds largest bucket ({buckets[-1]})"


def bucket_for(buckets: Sequence[int], patches: int) -> int:
    """Return the bucket that all images of a request run in together.

    The first in the order of the list that holds them, not the smallest.

    Raises
    ------
    ConfigError
        Where they are more than the last of the list.
    """
    if said := too_large(patches, buckets):
        raise ConfigError(said)
    return next(each for each in buckets if each >= patches)


def bucket_for_images(
    buckets: Sequence[int], patches_per_image: int, patches: int
) -> int:
    """Return the number of images that Qwen2-VL pads a request to.

    Raises
    ------
    ConfigError
        Where no bucket holds as many.
    """
    images = -(-patches // patches_per_image)
    found = next((each for each in buckets if each >= images), None)
    if found is None:
        message = (
            f"No bucket found for provided pixel_values with shape {patches}. "
            f"Calculated pixels_per_image={patches_per_image}, buckets={[*buckets]}"
        )
        raise ConfigError(message)
    return found
