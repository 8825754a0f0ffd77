"""What the processor makes of sizes and of rows, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bucketwise.app.built_in import release_of
from bucketwise.app.options.commands import CountOptions
from bucketwise.app.options.option import takes
from bucketwise.app.preprocessing import preprocessing_of
from bucketwise.app.size_table import BY_RULE, COLUMNS, counts_table, with_unusable
from bucketwise.core.patching import count_patches
from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Sizes, Traffic
from bucketwise.read import Rows
from bucketwise.read.configs.profiles import find_profile
from bucketwise.words.numbers import plural

if TYPE_CHECKING:
    import pandas as pd


@takes(CountOptions)
def count(traffic: Traffic, **options: Any) -> pd.DataFrame:
    """Return every distinct size and what it becomes, limits as the checkpoint's.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic` returned.
    **options
        The fields of `CountOptions` by name: `model`, which must be given, `min_pixels`,
        `max_pixels`, `soft_tokens`, `video`, and `target`, whose needed length is told.

    Returns
    -------
    pandas.DataFrame
        One row a size, sorted by height, width, frames.

    Raises
    ------
    InputError
        When no row of the traffic can be used.
    """
    if not traffic.rows_used:
        rows = plural(traffic.rows_read, "row")
        message = f"traffic: none of {rows} can be used; at least one image is needed"
        raise InputError(message)
    asked = CountOptions(**options)
    release = release_of(asked.target)
    profile = release.engine.as_run(find_profile(asked.model))
    preprocessing = preprocessing_of(profile, asked, deployed=False)
    counts = count_patches(traffic.sizes(), profile, preprocessing)
    by_rule = profile.image_rule is not None
    return counts_table(counts, release, by_rule=by_rule)


def count_rows(read: Iterable[Rows], asked: CountOptions) -> Iterator[pd.DataFrame]:
    """Yield what each row becomes, in order; as `count`, without merging rows."""
    release = release_of(asked.target)
    profile = release.engine.as_run(find_profile(asked.model))
    preprocessing = preprocessing_of(profile, asked, deployed=False)
    by_rule = profile.image_rule is not None
    for rows in read:
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
        shown = [*COLUMNS, *BY_RULE] if by_rule else COLUMNS
        table = counts_table(counts, release, by_rule=by_rule)[shown]
        yield with_unusable(table, usable, reason)
