"""The way of a single size to its bucket, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bucketwise.app.built_in import release_of
from bucketwise.app.preprocessing import VideoOptions, as_shipped
from bucketwise.core.buckets import Buckets
from bucketwise.core.explain import SIZE, Explanation, explain_size
from bucketwise.core.limits import Limit
from bucketwise.read import read_traffic
from bucketwise.read.configs.profiles import find_profile


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
        WIDTHxHEIGHT, with "@64f" for a clip of 64 frames, or an image file.
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
    asked = (release_of(target), lengths)
    found = []
    for size in sizes:
        if SIZE.fullmatch(size.strip()) or not os.path.isfile(size):  # noqa: PTH113 - no fault on odd names
            found.append(explain_size(size, profile, preprocessing, *asked))
            continue
        for text in _sizes_in(size):
            told = explain_size(text, profile, preprocessing, *asked)
            found.append(replace(told, line=f"{Path(size).name}, {told.line}"))
    return tuple(found)


def _sizes_in(path: str) -> Iterator[str]:
    """Yield the sizes of the images in a file, as displayed."""
    sizes = read_traffic([path]).sizes()
    for width_px, height_px in zip(sizes.width_px, sizes.height_px, strict=True):
        yield f"{width_px}x{height_px}"
