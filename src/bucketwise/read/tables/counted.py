"""What the columns of rows are called that were counted where they are."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.read.tables.names import SIZES

ROWS, FIRST, LAST, WEIGHT = "bw_rows", "bw_first", "bw_last", "bw_weight"
"""How many rows are alike, when the first and the last of them was, in microseconds since
1970 (ISO 8601 does too), and the sum of their numeric counts."""

COUNTED = frozenset({ROWS, FIRST, LAST, WEIGHT})


def counted_roles(names: Sequence[str]) -> dict[str, int]:
    """Return the column of each role in a table of counts; {} of any other table."""
    roles = {
        role: at
        for at, name in enumerate(names)
        if (role := name.strip().casefold()) in {*SIZES.aliases, *COUNTED}
    }
    return roles if ROWS in roles else {}
