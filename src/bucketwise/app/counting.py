"""What the processor makes of sizes and of rows, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bucketwise.app.built_in import release_of
from bucketwise.app.preprocessing import VideoOptions, as_shipped
from bucketwise.app.size_table import COLUMNS, counts_table, with_unusable
from bucketwise.core.limits import Limit
from bucketwise.core.patching import count_patches
from bucketwise.nouns.traffic import Sizes, Traffic
from bucketwise.read import read_rows
from bucketwise.read.configs.profiles import find_profile
from bucketwise.read.paths import Given

if TYPE_CHECKING:
    import pandas as pd


def count(
    traffic: Traffic,
    *,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
) -> pd.DataFrame:
    """Return every distinct size and what it becomes, limits as the checkpoint's.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    model : str
        Built-in name, Hugging Face id or local folder.
    min_pixels, max_pixels : int, "checkpoint" or None
        Image limits; the checkpoint's by default.
    video : VideoOptions, optional
        Sampling and limits of clips.
    target : str, optional
        The SDK dialect whose needed length is told; the newest by default.

    Returns
    -------
    pandas.DataFrame
        One row a size, sorted by height, width, frames.
    """
    profile = find_profile(model)
    preprocessing = as_shipped(profile, min_pixels, max_pixels, video)
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    return counts_table(counts, release_of(target))


def count_rows(
    inputs: Sequence[Given],
    *,
    columns: Mapping[str, str] | None = None,
    max_bad_rows: float = 0.05,
    ignore_orientation: bool = False,
    model: str,
    min_pixels: Limit = None,
    max_pixels: Limit = None,
    video: VideoOptions | None = None,
    target: str | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield what each input row becomes, in order; as `count`, without merging rows."""
    profile = find_profile(model)
    preprocessing = as_shipped(profile, min_pixels, max_pixels, video)
    release = release_of(target)
    for rows in read_rows(
        inputs,
        columns=columns,
        max_bad_rows=max_bad_rows,
        ignore_orientation=ignore_orientation,
    ):
        reason = np.array(rows.reason, dtype=object)
        usable = reason == ""
        sizes = Sizes(
            height_px=rows.height_px[usable],
            width_px=rows.width_px[usable],
            frames=rows.frames[usable],
            fps=rows.fps[usable],
            visual_tokens=rows.visual_tokens[usable],
            **{name: column[usable] for name, column in rows.own.items()},
            count=rows.count[usable],
        )
        counts = count_patches(sizes, profile, preprocessing)
        # Limits of their own would be columns of some of the tables alone.
        table = counts_table(counts, release)[COLUMNS]
        yield with_unusable(table, usable, reason)
