"""Why a row or a file is not counted: the words that reports and plans use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Rejected(Protocol):
    """So many rows, for one reason."""

    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102


MISSING = "missing"
NOT_A_NUMBER = "not a number"
ZERO_OR_NEGATIVE = "zero or negative"
ABSURD = "absurd"
RAGGED = "ragged"

UNREADABLE = "unreadable image"
"""It starts as an image, and Pillow cannot open it."""

UNREADABLE_FILE = "unreadable file"
"""The disk, not the image: gone, forbidden, or failing while it was read."""

UNREADABLE_FOLDER = "unreadable folder"
"""A folder within the one asked for that may not be listed."""

DENIED = "access denied"
"""An object in a store that the credentials may not read."""

GONE = "no such object"
"""An object that a store listed, and no longer has."""

NOT_ANSWERED = "no answer from the store"
"""An object that a store did not give, however often it was asked."""

NOT_AN_IMAGE = "not an image"
"""Neither the first bytes nor Pillow know it as one: what stands beside images."""

LINKED_FOLDER = "link to a folder, not followed"
"""Following it could lead in a circle, or count images twice."""

UNSIZED = "unsized"
"""An image that is only referred to, so that its size stands nowhere."""

NOT_ONE_IMAGE = "not one image"
"""A request whose visual tokens belong to several images, or to none."""

NOT_SERVED = "reached no engine"
"""A request that a load balancer could hand to no engine, or had no answer to."""

NOT_A_COMPLETION = "no completion"
"""A request for something else of a server of completions, such as its health."""

OUTSIDE = frozenset(
    {
        NOT_AN_IMAGE,
        LINKED_FOLDER,
        UNSIZED,
        NOT_ONE_IMAGE,
        NOT_SERVED,
        NOT_A_COMPLETION,
    }
)
"""Reasons that are no fault of the data: such rows are counted, and are not bad."""


def left_out(rejections: Iterable[Rejected]) -> tuple[str, ...]:
    """Return how many rows are bad, and how many are left out for no fault of theirs."""
    counts = {each.reason: each.count for each in rejections}
    bad = sum(count for reason, count in counts.items() if reason not in OUTSIDE)
    return (
        *([f"{bad:,} rejected"] if bad else []),
        *(
            f"{counts[reason]:,} left out ({reason})"
            for reason in sorted(OUTSIDE & counts.keys())
        ),
    )


ENDS_BEFORE_START = "ends before it starts"

FRACTION = "not a whole number"
"""A count of requests that is an average of several."""

NO_TIME = "no readable time"
"""A record of the decoder's load that does not say when."""

GAP = "gap between readings"
"""Far more than the usual time passed; what happened then is not known."""

CLOCK_GOES_BACK = "clock goes back"
"""A restart, or logs of several engines in one file: nothing is held across it."""

DUPLICATE = "duplicate reading"
"""The same engine says the same for the same moment again."""

CONTRADICTION = "two readings for one moment"
"""They differ, so they are of several engines that the log does not tell apart."""

RESTART = "restart"
"""The engine says that it starts anew: nothing is held across it."""
