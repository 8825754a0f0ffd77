"""How much of what was read may be unusable, and the message when it is more."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import MAX_PLACES, Place, Rejection
from bucketwise.words.numbers import percent, plural
from bucketwise.words.reject_reasons import OUTSIDE

MAX_BAD_ROWS = 0.05


def check_rejections(
    rejections: Sequence[Rejection],
    rows_read: int,
    max_bad_rows: float,
    notes: Sequence[str] = (),
) -> None:
    """Stop when too many rows were rejected."""
    rejected = sum(rejection.count for rejection in rejections)
    outside = any(each.reason in OUTSIDE for each in rejections)
    if found := _bad_of(rejections, rows_read, max_bad_rows):
        bad, seen = found
        verdict = (
            f"{bad:,} of {seen:,} rows ({percent(bad / seen)}) unusable, limit "
            f"{percent(max_bad_rows)}; raise it with --max-bad-rows "
            f"{math.ceil(100 * bad / seen)}%"
        )
    elif outside and rejected == rows_read:
        verdict = f"none of {rows_read:,} rows tells the size of an image"
    elif not rows_read:
        verdict = "expected at least one row or image, found none"
    else:
        return
    lines = [verdict, *listed_rejections(rejections)]
    lines += [f"  {note}" for note in dict.fromkeys(notes)]
    raise InputError("\n".join(lines))


def check_empty(
    name: str, rejections: Sequence[Rejection], rows_read: int, max_bad_rows: float
) -> str:
    """Return what to say of an input without a usable row, however few its rows are."""
    if not rows_read:
        return f"{name}: neither a row nor an image was found in it"
    if _bad_of(rejections, rows_read, max_bad_rows):
        try:
            check_rejections(rejections, rows_read, max_bad_rows)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return f"{name}: {plural(rows_read, 'row')}, none of which can be used"


def _bad_of(
    rejections: Sequence[Rejection], rows_read: int, max_bad_rows: float
) -> tuple[int, int] | None:
    """Return the bad rows and of how many, where that is more than may be."""
    outside = sum(each.count for each in rejections if each.reason in OUTSIDE)
    bad = sum(rejection.count for rejection in rejections) - outside
    seen = rows_read - outside
    return (bad, seen) if bad > max_bad_rows * seen else None


def listed_rejections(rejections: Sequence[Rejection]) -> Iterator[str]:
    """Yield a line for each reason, the most frequent first."""
    if not rejections:
        return
    width = max(18, *(len(rejection.reason) + 2 for rejection in rejections))
    yield f"  {'reason':<{width}}{'rows':>12}  first places"
    for rejection in sorted(rejections, key=lambda each: -each.count):
        places = ", ".join(map(str, rejection.places))
        yield f"  {rejection.reason:<{width}}{rejection.count:>12,}  {places}"


class Tally:
    """Counts by reason, with the first places of each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: defaultdict[str, list[Place]] = defaultdict(list)

    @property
    def count(self) -> int:
        """Records so far."""
        return self._counts.total()

    def add(self, reason: str, source: str, line: int = 0) -> None:
        """Count a record, and keep where it stands: 0 where it has no line."""
        self._counts[reason] += 1
        if len(self._places[reason]) < MAX_PLACES:
            self._places[reason].append(Place(source=source, line=line))

    def rejections(self) -> tuple[Rejection, ...]:
        """Return what was counted, sorted by reason."""
        return tuple(
            Rejection(reason=reason, count=count, places=tuple(self._places[reason]))
            for reason, count in sorted(self._counts.items())
        )
