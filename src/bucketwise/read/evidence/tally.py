"""Records that could not be used, counted while a log is gone through."""

from __future__ import annotations

from bucketwise.nouns.traffic import MAX_PLACES, Place, Rejection


class Tally:
    """Counts by reason, with the first places of each.

    Parameters
    ----------
    source : str
        Base name of the file.

    Attributes
    ----------
    count : int
        Records so far.
    """

    def __init__(self, source: str) -> None:
        self.count = 0
        self._source = source
        self._counts: dict[str, int] = {}
        self._lines: dict[str, list[int]] = {}

    def add(self, reason: str, line: int = 0) -> None:
        """Count a record.

        Parameters
        ----------
        reason : str
            Of `bucketwise.words.reasons`.
        line : int
            Where it stands; 0 where it has no line.
        """
        self.count += 1
        self._counts[reason] = self._counts.get(reason, 0) + 1
        lines = self._lines.setdefault(reason, [])
        if len(lines) < MAX_PLACES:
            lines.append(line)

    def rejections(self) -> tuple[Rejection, ...]:
        """Return what was counted, sorted by reason."""
        return tuple(
            Rejection(
                reason=reason,
                count=count,
                places=tuple(
                    Place(source=self._source, line=line)
                    for line in self._lines[reason]
                ),
            )
            for reason, count in sorted(self._counts.items())
        )
