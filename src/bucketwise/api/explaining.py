"""The way of a single size to its bucket, in words."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.api.built_in import newest
from bucketwise.api.preprocessing import VideoOptions, as_shipped
from bucketwise.buckets import Buckets
from bucketwise.explanation import Explanation, explain_size
from bucketwise.limits import Limit
from bucketwise.sources.configs.profiles import find_profile


def explain(
    sizes: Sequence[str],
    *,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
    buckets: Sequence[int] | None = None,
) -> tuple[Explanation, ...]:
    """Follow sizes such as "1920x1080" or "1280x720@64f" to their bucket.

    Parameters
    ----------
    sizes : sequence of str
        WIDTHxHEIGHT, with "@64f" for a clip of 64 frames.
    model, min_pixels, max_pixels, video
        As for `bucketwise.count`.
    target : str, optional
        The SDK dialect that compares; the newest by default.
    buckets : sequence of int, optional
        Compiled lengths in ViT patches.

    Returns
    -------
    tuple of Explanation
        One a size.
    """
    profile = find_profile(model)
    preprocessing = as_shipped(profile, min_pixels, max_pixels, video)
    lengths = Buckets(tuple(sorted(set(buckets)))) if buckets else None
    return tuple(
        explain_size(size, profile, preprocessing, newest(target), lengths)
        for size in sizes
    )
