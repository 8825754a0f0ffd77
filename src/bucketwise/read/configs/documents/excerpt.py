"""Texts within texts, each character with its place in the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import NO_WORDS, Vocabulary

HOLE = "\ue000"
"""Stands for each character of a template's {{ ... }}: it is of no other use, and every
form takes it for plain text."""

_ACTION = re.compile(r"\$?\{\{[^{}\n]*\}\}|\{%[^%\n]*%\}")
_ACTIONS_ALONE = re.compile(rf"^[ \t]*(?:(?:{_ACTION.pattern})[ \t]*)+$", re.MULTILINE)

# What a YAML or JSON text in double quotes may be written as.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u....|x..|u.{4}|U.{8}|.)|''", re.DOTALL)
_CONTINUED = re.compile(r"(?:\\\n[ \t]*)+")
_BLANKS = re.compile(r"\s*")


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A whole file.

    Attributes
    ----------
    content : str
        Its text.
    starts : sequence of int
        Where lines begin.
    place_of : callable
        Place of the line with that position.
    words : Vocabulary
        What the engine it is read for calls things.
    """

    content: str
    starts: Sequence[int]
    place_of: Callable[[int], Place]
    words: Vocabulary = NO_WORDS

    def place(self, offset: int) -> Place:
        """Return the line that a character stands on."""
        return self.place_of(max(bisect_right(self.starts, offset) - 1, 0))

    def start_of(self, place: Place) -> int:
        """Return where a line of the file begins."""
        return self.starts[min(max(place.line, 1), len(self.starts)) - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """A text, and where each of its characters stands in the file.

    Attributes
    ----------
    text : str
        What it says, marks of quoting and indentation taken off.
    starts, ends : sequence of int
        Of each character, where it begins in the file and where the next may.
    at : int
        Where it stands, which an empty one does too.
    file : File
        The file.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    at: int
    file: File

    def __getitem__(self, part: slice) -> Excerpt:
        """Return some of it."""
        start, stop, _ = part.indices(len(self.text))
        return Excerpt(
            self.text[start:stop],
            self.starts[start:stop],
            self.ends[start:stop],
            self.offset(start),
            self.file,
        )

    def saying(self, text: str, start: int = 0, stop: int | None = None) -> Excerpt:
        """Return what a part of it is written for, such as an escaped character."""
        part = self[start:stop]
        first = part.at
        last = part.ends[-1] if part.ends else first
        size = len(text)
        return Excerpt(text, [first] * size, [last] * size, first, self.file)

    def as_long(self, text: str) -> Excerpt:
        """Return another text of the same length, character for character there."""
        return Excerpt(text, self.starts, self.ends, self.at, self.file)

    def without(self, pattern: re.Pattern[str]) -> Excerpt:
        """Return the rest where every match of a pattern is left out."""
        parts = []
        done = 0
        for match in pattern.finditer(self.text):
            parts.append(self[done : match.start()])
            done = match.end()
        return joined([*parts, self[done:]], self) if parts else self

    def in_lines(self) -> Excerpt:
        """Return it with all that stands between two lines taken for their parting."""
        ends = [
            self.starts[index + 1]
            if char == "\n" and index + 1 < len(self.starts)
            else self.ends[index]
            for index, char in enumerate(self.text)
        ]
        return Excerpt(self.text, self.starts, ends, self.at, self.file)

    @property
    def name(self) -> str:
        """What to call the file, or the cell of a notebook."""
        return self.place().source

    def place(self, index: int = 0) -> Place:
        """Return the line that a character stands on."""
        return self.file.place(self.offset(index))

    def where(self, index: int = 0) -> str:
        """Return that place as messages name it."""
        place = self.place(index)
        return f"{place.source}: line {place.line}"

    def written(self, start: int, stop: int) -> str:
        """Return what stands in the file for a part of it."""
        part = self[start:stop]
        return self.file.content[part.at : part.ends[-1]] if part.ends else ""

    def spelled(self, text: str) -> str:
        """Return a text as this one would stand in the file: its marks as here."""
        if self.text == self.written(0, len(self.text)):
            return text
        spelling: dict[str, str] = {}
        for char in {char for char in text if not char.isalnum()} & set(self.text):
            ways = {
                self.written(match.start(), match.end())
                for match in re.finditer(re.escape(char), self.text)
            }
            spelling[char] = min(ways, key=lambda way: (len(way), way))
        return "".join(spelling.get(char, char) for char in text)

    def offset(self, index: int) -> int:
        """Return where a character begins in the file."""
        if index < len(self.starts):
            return self.starts[index]
        return self.ends[-1] if self.ends else self.at


class Scalar(str):
    """A text of JSON or YAML, and where it stands in what was read."""

    __slots__ = ("end", "start")
    start: int
    end: int

    def __new__(cls, text: str, start: int = 0, end: int = 0) -> Self:
        """Make one."""
        made = super().__new__(cls, text)
        made.start, made.end = start, end
        return made


def whole(content: str, name: str, words: Vocabulary = NO_WORDS) -> Excerpt:
    """Return all of a file."""

    def place_of(line: int) -> Place:
        return Place(source=name, line=line + 1)

    file = File(content, line_starts(content), place_of, words)
    size = len(content)
    return Excerpt(content, range(size), range(1, size + 1), 0, file)


def line_starts(text: str) -> list[int]:
    """Return where the lines of a text begin."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def joined(parts: Iterable[Excerpt], nothing: Excerpt) -> Excerpt:
    """Return texts one after the other."""
    found = list(parts)
    if len(found) == 1:
        return found[0]
    return Excerpt(
        "".join(each.text for each in found),
        [start for each in found for start in each.starts],
        [end for each in found for end in each.ends],
        found[0].at if found else nothing.at,
        nothing.file,
    )


def with_holes(excerpt: Excerpt) -> Excerpt:
    """Return a text with what a template fills in made holes, line by line as long."""
    if "{{" not in excerpt.text and "{%" not in excerpt.text:
        return excerpt
    text = _ACTIONS_ALONE.sub(lambda found: " " * len(found[0]), excerpt.text)
    text = _ACTION.sub(lambda found: HOLE * len(found[0]), text)
    return excerpt.as_long(text)


def aligned(scalar: Scalar, outer: Excerpt) -> Excerpt:
    """Return what a scalar says, each character where it is written.

    Every character but blanks stands in the file in the same order, so that quotes,
    indentation, folded lines and escapes between them can be passed over in any style.
    """
    raw = outer.text[scalar.start : scalar.end]
    mark = raw[:1]
    if raw == scalar:
        return outer[scalar.start : scalar.end]
    if mark in ("'", '"') and raw[1:-1] == scalar:
        return outer[scalar.start + 1 : scalar.end - 1]
    spans = list(_spans(scalar, raw, mark))
    base = scalar.start
    return Excerpt(
        str(scalar),
        [outer.offset(base + start) for start, _ in spans],
        [
            outer.ends[base + end - 1] if end > start else outer.offset(base + start)
            for start, end in spans
        ],
        outer.offset(base),
        outer.file,
    )


def _spans(text: str, raw: str, mark: str) -> Iterator[tuple[int, int]]:
    """Yield where each character of a text stands in what it is written as."""
    at = raw.find("\n") + 1 if mark in ("|", ">") else int(mark in ("'", '"'))
    for index, char in enumerate(text):
        if mark == '"' and (gap := _CONTINUED.match(raw, at)):
            at = gap.end()
        blanks = _BLANKS.match(raw, at)
        after = blanks.end() if blanks else at
        escape = _ESCAPE.match(raw, at if char.isspace() else after)
        if char.isspace() and after > at:
            # The last of several takes what only parts two lines.
            follows = text[index + 1 : index + 2]
            end = at + 1 if follows.isspace() else after
        elif escape and mark == ("'" if escape[0] == "''" else '"'):
            at, end = escape.span()
        elif char.isspace():
            end = at
        else:
            at, end = after, after + 1
        yield at, end
        at = end
