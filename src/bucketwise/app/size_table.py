"""The table of sizes and what each becomes, as `count` prints it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bucketwise.core.patching import BoolArray, Counts, TextArray
from bucketwise.nouns.engine import Release
from bucketwise.nouns.traffic import OWN_COLUMNS, FloatArray, IntArray

COLUMNS = [
    "height", "width", "frames", "count", "resized_height", "resized_width", "grid_t",
    "grid_h", "grid_w", "vit_patches", "runs", "merged_patches", "needed", "error",
]  # fmt: skip


def counts_table(counts: Counts, release: Release) -> pd.DataFrame:
    """Return one row a size; where the processor refuses, only `error` is filled.

    Where only the visual tokens are known, sides and grid are empty. Where requests set
    limits of their own, these stand in columns more.
    """
    sizes, refused = counts.sizes, ~counts.accepted

    def whole(values: IntArray, empty: BoolArray) -> pd.Series[Any]:
        return pd.Series(values).astype("Int64").mask(empty)

    sides = {
        "resized_height": counts.resized_height_px,
        "resized_width": counts.resized_width_px,
        "grid_h": counts.grid_h,
        "grid_w": counts.grid_w,
    }
    columns = {
        "grid_t": counts.grid_t,
        "vit_patches": counts.vit_patches,
        "runs": counts.runs_each,
        "merged_patches": counts.merged_patches,
        "needed": counts.needed(release),
    }
    own = {name: getattr(sizes, name) for name in OWN_COLUMNS}
    told = own if any(column.any() for column in own.values()) else {}
    return pd.DataFrame(
        {
            "height": whole(sizes.height_px, sizes.is_told),
            "width": whole(sizes.width_px, sizes.is_told),
            "frames": whole(sizes.frames, sizes.frames == 0),
            "count": weights(sizes.count),
            **{
                name: whole(values, refused | sizes.is_told)
                for name, values in sides.items()
            },
            **{name: whole(values, refused) for name, values in columns.items()},
            "error": counts.error,
            **told,
        }
    )[[*COLUMNS, *told]]


def with_unusable(
    table: pd.DataFrame, usable: BoolArray, reason: TextArray
) -> pd.DataFrame:
    """Return the table with a row put in for each input row that cannot be used.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each usable input row, in order.
    usable : ndarray of bool, shape (n_rows,)
        Which input rows those are.
    reason : ndarray of object, shape (n_rows,)
        Why the others cannot be used.
    """
    placed = table.set_index(np.flatnonzero(usable)).reindex(range(usable.size))
    placed["error"] = np.where(usable, placed["error"], reason)
    return placed


def weights(count: FloatArray) -> pd.Series[Any]:
    """Return weights as integers where all of them are whole."""
    series = pd.Series(count)
    return series.astype("Int64") if (count == np.floor(count)).all() else series
