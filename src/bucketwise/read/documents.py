"""A JSON document, walked piece by piece to the lists of records in it.

A document is JSON that is not one object a line: an array, an object around one, or what
is written over many lines. It may be larger than memory; one record of it is not.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TextIO

from bucketwise.errors import InputError
from bucketwise.read.database import Workspace
from bucketwise.read.detect import File
from bucketwise.read.json_text import MAX_CHARACTERS, fault_in
from bucketwise.read.lines import open_unpacked
from bucketwise.read.query import query_of_text, typed

Path = tuple[str, ...]

ROOT: Path = ("",)
"""Stands for what is no list: the objects that a document consists of."""

MOST_WHOLE_CHARACTERS = 64 << 20
"""A document in which no list has the records is held whole only up to here."""

MOST_ROOT_CHARACTERS = 4 << 20
"""Of one of the objects that a document may consist of."""

SAMPLE_RECORDS = 100

_CHUNK_CHARACTERS = 1 << 20
_DEPTH = 5
"""Keys that lead to a list; `aggregations.NAME.buckets` of OpenSearch has three."""

_LAST = 16
"""Characters at the end of what was read in which a fault may be that the rest lacks."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Record:
    """An element of a list."""

    line: int
    """Where it starts."""
    text: str
    """Its JSON, on one line."""
    value: Any
    """What that says."""


def lists_in(file: File) -> Iterator[tuple[Path, Iterator[Record]]]:
    """Yield every list of a document with the keys that lead to it, as it is come upon."""
    for path, found in groupby(_walked(file), key=itemgetter(0)):
        yield path, (record for _, record in found)


def whole(file: File) -> list[Any]:
    """Return all that a document says, unless that is too much to hold."""
    values = []
    characters = 0
    for record in _roots(file):
        values.append(record.value)
        characters += len(record.text)
        if characters > MOST_WHOLE_CHARACTERS:
            return []
    return values


def stage_list(workspace: Workspace, file: File, path: Path) -> tuple[File, bool]:
    """Write the records of a list down as JSON Lines, each on the line it starts on."""
    records = (
        (each for found, each in _walked(file) if found == path)
        if path != ROOT
        else _roots(file)
    )
    return _staged(workspace, file, records)


def stage_values(workspace: Workspace, file: File, values: Iterator[Any]) -> File:
    """Write values down as JSON Lines."""
    records = (Record(1, json.dumps(each), each) for each in values)
    return _staged(workspace, file, records)[0]


def roots(file: File, characters: int = MOST_ROOT_CHARACTERS) -> list[Any]:
    """Return the first values that a document consists of; none where one is long."""
    first = islice(_roots(file, characters), SAMPLE_RECORDS)
    try:
        return [record.value for record in first]
    except InputError:
        return []  # too long, or a fault, and that is told where it matters


def _staged(
    workspace: Workspace, file: File, records: Iterator[Record]
) -> tuple[File, bool]:
    path = workspace.scratch.new("records")
    line, placed = 0, True
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as staged:
        for record in records:
            placed &= record.line > line
            gap = max(record.line - line - 1, 0)
            staged.write("\n" * gap + record.text + "\n")
            line += gap + 1
    return replace(file, path=path, kind="jsonlines", compression="none"), placed


def _roots(file: File, characters: int = MAX_CHARACTERS) -> Iterator[Record]:
    with _opened(file, characters) as text:
        while text.peek():
            yield text.value()


def _walked(file: File) -> Iterator[tuple[Path, Record]]:
    with _opened(file) as text:
        while text.peek():
            yield from _within(text, ())


def _within(text: _Text, path: Path) -> Iterator[tuple[Path, Record]]:
    start = text.peek()
    if start == "[":
        for _ in text.items("]"):
            yield path, text.value()
    elif start == "{" and len(path) < _DEPTH:
        for _ in text.items("}"):
            key = text.value().value
            text.expect(":")
            yield from _within(text, (*path, str(key)))
    else:
        text.value()


@contextmanager
def _opened(file: File, characters: int = MAX_CHARACTERS) -> Iterator[_Text]:
    packed = open_unpacked(file.path, file.compression)
    with packed, io.TextIOWrapper(packed, "utf-8-sig", "replace", newline="") as text:
        yield _Text(file.name, text, characters)


class _Text:
    """The text of a document as far as it is read, and where in it the walk stands."""

    def __init__(self, name: str, text: TextIO, characters: int) -> None:
        self._name = name
        self._most = characters
        self._chunks = iter(partial(text.read, _CHUNK_CHARACTERS), "")
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no space; "" at the end."""
        while True:
            self._go(_SPACE.match(self._buffer, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def expect(self, character: str) -> None:
        """Pass over a character that must stand here."""
        if self.peek() != character:
            raise self._fault(f"expected {character!r}", self._at)
        self._go(self._at + 1)

    def items(self, closing: str) -> Iterator[None]:
        """Step from item to item of a list or an object, up to its end."""
        self._go(self._at + 1)
        if self.peek() != closing:
            yield
            while self.peek() != closing:
                self.expect(",")
                if self.peek() == closing:
                    raise self._fault("a comma before a closing bracket", self._at)
                yield
        self._go(self._at + 1)

    def value(self) -> Record:
        """Return the value that stands here."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                ahead = error.pos - self._at
                at_end = error.pos >= len(self._buffer) - _LAST
                may_be_cut = at_end or "Unterminated" in error.msg
                fits = len(self._buffer) - self._at <= self._most
                if not (may_be_cut and fits and self._more()):
                    raise self._fault(error.msg, self._at + ahead) from error
                continue
            except RecursionError as error:
                raise self._fault("nested too deep", self._at) from error
            # A number may go on.
            if end < len(self._buffer) or not self._more():
                break
        # No string of JSON has a line end in it (RFC 8259, 7).
        text = self._buffer[self._at : end].replace("\n", " ").replace("\r", " ")
        record = Record(self._line, text, value)
        self._go(end)
        return record

    def _more(self) -> bool:
        """Read on, twice as much as is held, so that no long value is tried often."""
        wanted = max(1, (len(self._buffer) - self._at) // _CHUNK_CHARACTERS)
        more = "".join(islice(self._chunks, wanted))
        self._ended = not more
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)

    def _go(self, end: int) -> None:
        self._line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _fault(self, said: str, at: int) -> InputError:
        line = self._line + self._buffer.count("\n", self._at, at)
        is_cut = not self._buffer[at:].strip() or "Unterminated" in said
        if self._ended and is_cut:
            said = "the text ends, and its brackets are still open; is it whole?"
        else:
            said = fault_in(self._buffer, at) or said
        return InputError(
            f"{self._name}: line {line} is no JSON: {said}; what reads any text is like "
            f"{typed(query_of_text(self._name))}"
        )
