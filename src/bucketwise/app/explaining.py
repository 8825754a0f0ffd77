"""The way of a single size to its bucket, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bucketwise.app.built_in import release_of
from bucketwise.app.options.commands import ExplainOptions
from bucketwise.app.options.option import takes
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.core.buckets import Buckets
from bucketwise.core.explain import SIZE, Explanation, explain_size
from bucketwise.read import read_traffic
from bucketwise.read.configs.profiles import find_profile


@takes(ExplainOptions)
def explain(sizes: Sequence[str], **options: Any) -> tuple[Explanation, ...]:
    """Follow sizes such as "1920x1080" or "1280x720@64f" to their bucket.

    Parameters
    ----------
    sizes : sequence of str
        WIDTHxHEIGHT, with "@64f" for a clip of 64 frames, or an image file.
    **options
        The fields of `ExplainOptions` by name: those of `bucketwise.count`, and `buckets`,
        compiled lengths in ViT patches.

    Returns
    -------
    tuple of Explanation
        One a size.
    """
    asked = ExplainOptions(**options)
    release = release_of(asked.target)
    profile = release.engine.as_run(find_profile(asked.model))
    preprocessing = preprocessing_of(profile, asked, deployed=False)
    buckets = Buckets(tuple(sorted(set(asked.buckets)))) if asked.buckets else None
    compiled = (release, buckets)
    found = []
    for size in sizes:
        if SIZE.fullmatch(size.strip()) or not os.path.isfile(size):  # noqa: PTH113 - no fault on odd names
            found.append(explain_size(size, profile, preprocessing, *compiled))
            continue
        for text in _sizes_in(size):
            told = explain_size(text, profile, preprocessing, *compiled)
            found.append(replace(told, line=f"{Path(size).name}, {told.line}"))
    return tuple(found)


def _sizes_in(path: str) -> Iterator[str]:
    """Yield the sizes of the images in a file, as displayed."""
    sizes = read_traffic([path]).sizes()
    for width_px, height_px in zip(sizes.width_px, sizes.height_px, strict=True):
        yield f"{width_px}x{height_px}"
