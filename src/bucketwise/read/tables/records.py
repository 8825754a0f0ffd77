"""Lines of a delimited text to its records, whatever line a stray quote stands on.

A quote that nobody closed makes one cell of all that follows it (RFC 4180 knows no other
end of it). So a record that spans lines is believed only while it may be one: where it is
malformed, or the lines it took in would be rows themselves, its first line alone is at
fault, and reading goes on with the second.
"""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

SOFT_LINES = 64
SOFT_CHARACTERS = 1 << 16
"""What a record takes in before the lines it took in are first looked at."""

_HARD_LINES = 1 << 16
_HARD_CHARACTERS = 16_000_000
"""No record takes in more. A single line may be longer: images are sent as one."""

_MAX_RETURNS = 2
"""Times that lines are taken in again, on average; hostile quotes ask for it at each."""

_BLOCK_LINES = 2_000
_BLOCK_CHARACTERS = 1 << 20

Record = tuple[int, list[str] | None]
"""The line it starts on, from 1, and its cells; None where it is malformed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What records look like."""

    separator: str
    """What stands between cells."""
    width: int
    """Cells of a record."""
    is_row: Callable[[Sequence[str]], bool]
    """Whether cells, as many as that, are what a row of this table has."""

    def split(self, line: str) -> list[str]:
        """Return the cells of a line taken alone, whatever its quotes are."""
        return next(iter(self.reader([line], strict=False)), [])

    def split_open(self, line: str) -> list[str]:
        """Return the cells of a line without the quote that is open at its end."""
        try:
            return next(self.reader([line], strict=True), [])
        except csv.Error:
            *closed, rest = self.split(line)
            return [*closed, *rest.rstrip("\r\n").split(self.separator)]

    def reader(self, lines: Iterable[str], *, strict: bool) -> Iterator[list[str]]:
        """Return Python's reader of such records."""
        csv.field_size_limit(sys.maxsize)
        return csv.reader(
            lines, delimiter=self.separator, skipinitialspace=True, strict=strict
        )

    def is_ragged(self, record: Sequence[str]) -> bool:
        """Return whether a record has too few cells, or filled ones too many."""
        return len(record) < self.width or any(record[self.width :])

    def rows_among(self, lines: Sequence[str]) -> float:
        """Return which share of lines, blank ones aside, would be rows.

        A line with a quote that is not closed on it is none by itself.
        """
        filled = [line for line in lines if not line.isspace()]
        rows = 0
        for line in filled:
            if line.count(self.separator) + 1 >= self.width:
                with suppress(csv.Error):
                    rows += self._would_be_row(next(self.reader([line], strict=True)))
        return rows / max(len(filled), 1)

    def rows_within(self, lines: Sequence[str]) -> float:
        """Return which share of what a record took in would be rows.

        A cell with a line break may stand before the others, and then the last line has
        them all. Only where nothing else tells is that line asked, and the first, taken
        without the quote that is open at its end.
        """
        inner = [line for line in lines[1:-1] if not line.isspace()]
        if inner:
            return self.rows_among(inner)
        first, last = self.split_open(lines[0]), self.split(lines[-1])
        return float(self._would_be_row(first) and self._would_be_row(last))

    def _would_be_row(self, cells: Sequence[str]) -> bool:
        return not self.is_ragged(cells) and self.is_row(cells)


def read_records(
    lines: Iterable[str], form: Form, *, cut: bool = False
) -> Iterator[Record]:
    """Yield every record, and [] for each line without a character."""
    ahead = _Ahead(iter(lines), form)
    reader = form.reader(ahead, strict=True)
    while block := ahead.block():
        if '"' not in "".join(block):
            yield from zip(count(ahead.passed + 1), _whole(block, form), strict=False)
            ahead.passed += len(block)
            continue
        ahead.waiting.extend(block)
        while ahead.waiting:
            record: list[str] | None
            try:
                record = next(reader)
            except csv.Error:
                record = None
            if len(ahead.taken) > 1 and ahead.is_at_fault(record):
                if cut and ahead.ended and not form.rows_among(ahead.taken[1:]):
                    record = next(form.reader(ahead.taken, strict=False))
                else:
                    record = None
                    ahead.take_back()
            elif record is not None:
                record = _with_blanks(record, ahead.taken[-1], form)
            yield ahead.passed + 1, record
            ahead.finish()


def _whole(block: Sequence[str], form: Form) -> list[list[str]]:
    """Return the records of lines without a quote."""
    records = list(form.reader(block, strict=True))
    if max(map(len, records)) > form.width:
        for record, line in zip(records, block, strict=True):
            _with_blanks(record, line, form)
    return records


def _with_blanks(record: list[str], line: str, form: Form) -> list[str]:
    """Fill surplus cells: the reader skips a space that is content to DuckDB."""
    surplus = len(record) - form.width
    if surplus > 0 and not any(record[form.width :]):
        record[form.width :] = line.rstrip("\r\n").rsplit(form.separator, surplus)[1:]
    return record


@dataclass(slots=True)
class _Ahead:
    """Lines as Python's reader asks for them, which can be taken back."""

    lines: Iterator[str]
    form: Form
    waiting: deque[str] = field(default_factory=deque)
    """Lines to give before any further one."""
    taken: list[str] = field(default_factory=list)
    """Lines of the record at hand."""
    passed: int = 0
    """Lines of the records before it."""
    ended: bool = False
    """Whether the record at hand met the end of the text."""
    _characters: int = 0
    _lines_due: int = SOFT_LINES
    _characters_due: int = SOFT_CHARACTERS
    _since: int = 0
    _reach: int = 0
    _returned: int = 0

    def block(self) -> list[str]:
        """Return the next lines, between records."""
        block: list[str] = []
        characters = 0
        for line in self.lines:
            block.append(line)
            characters += len(line)
            if len(block) >= _BLOCK_LINES or characters >= _BLOCK_CHARACTERS:
                break
        return block

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Give the record at hand one line more, while it may be a record."""
        if self.taken and self._is_doubtful() and not self._may_go_on():
            raise StopIteration
        if self.waiting:
            line = self.waiting.popleft()
        else:
            try:
                line = next(self.lines)
            except StopIteration:
                self.ended = True
                raise
        if self.taken:
            self._characters += len(line)
        self.taken.append(line)
        return line

    def is_at_fault(self, record: Sequence[str] | None) -> bool:
        """Return whether a record that spans lines is none."""
        if record is None:
            return True
        rows = self.form.rows_within(self.taken)
        if self.form.is_ragged(record):
            return (
                rows > 0
                or self._lines_due > SOFT_LINES
                or self._characters_due > SOFT_CHARACTERS
            )
        return rows >= 1 / 2

    def take_back(self) -> None:
        """Keep no more than the first line of the record at hand."""
        if self.passed >= self._reach:
            self._since, self._returned = self.passed, 0
        self._returned += len(self.taken)
        self._reach = max(self._reach, self.passed + len(self.taken))
        self.waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def finish(self) -> None:
        """Turn to the next record."""
        self.passed += len(self.taken)
        self.taken.clear()
        self.ended = False
        self._characters = 0
        self._lines_due, self._characters_due = SOFT_LINES, SOFT_CHARACTERS

    def _is_doubtful(self) -> bool:
        return (
            len(self.taken) > self._lines_due
            or self._characters > self._characters_due
            or self.passed < self._reach
        )

    def _may_go_on(self) -> bool:
        swallowed = len(self.taken) - 1
        if swallowed >= _HARD_LINES or self._characters >= _HARD_CHARACTERS:
            return False
        again = self._reach - self._since + SOFT_LINES
        if self.passed < self._reach and self._returned > _MAX_RETURNS * again:
            return False
        if swallowed < self._lines_due and self._characters <= self._characters_due:
            return True
        self._lines_due = max(self._lines_due, 2 * swallowed)
        self._characters_due = max(self._characters_due, 2 * self._characters)
        return self.form.rows_among(self.taken[1:]) < 1 / 2
