"""Texts whose records are no lines: answers of Loki, and lines that a terminal broke."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from bucketwise.errors import InputError
from bucketwise.read.database import Workspace
from bucketwise.read.detect import File
from bucketwise.read.evidence.timestamps import epoch_s
from bucketwise.read.json_text import parse
from bucketwise.read.lines import read_lines

MAX_CHARACTERS = 64 * 1024 * 1024
"""Some three million samples; what Prometheus answers, 11,000 a series, is less."""

_STREAMS = re.compile(r'"resultType"\s{0,9}:\s{0,9}"streams"')
_EVENTS = re.compile(r'\A\s{0,99}\{\s{0,99}"events"\s{0,9}:\s{0,9}\[')
_NARROWEST, _WIDEST = 40, 400
"""Columns of a terminal."""
_FEW = 3
_MOST_CHARACTERS = 65_536
_STAMPED = re.compile(
    r"\W{0,2}(?:\d{4}[-/]\d\d[-/]\d\d|[A-Z]{4,8}(?: \d\d-\d\d|: {4}))"
)
"""How lines of servers start, and the rest of one does not."""
_LOOKED_AT = 6
_SHAPES = str.maketrans(
    digits + ascii_lowercase + ascii_uppercase,
    "0" * len(digits) + "a" * len(ascii_lowercase) + "A" * len(ascii_uppercase),
)


def bounded(lines: Iterable[str], name: str) -> list[str]:
    """Return all lines of a text that fits into memory."""
    kept: list[str] = []
    characters = 0
    for line in lines:
        characters += len(line)
        if characters > MAX_CHARACTERS:
            raise InputError(
                f"{name}: more than {MAX_CHARACTERS >> 20} MiB of samples or entries; "
                "ask for a longer step or a shorter range"
            )
        kept.append(line)
    return kept


def documents(lines: Sequence[str], name: str, right: str) -> Iterator[Any]:
    """Yield every document of a text."""
    whole = parse("".join(lines))
    if whole is not None:
        yield whole
        return
    for at, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        document = parse(line)
        if document is None:
            raise InputError(
                f"{name}: neither the whole nor line {at:,} is JSON; expected the "
                f"answer of {right}, or one such answer a line"
            )
        yield document


def unfold(workspace: Workspace, file: File, start: str) -> tuple[File, str]:
    """Return a text with a record a line, and what was done to have it so."""
    lines: Iterable[str] = read_lines(file.path, file.compression)
    if _STREAMS.search(start) or _EVENTS.match(start):
        lines, said = _entries(lines, file.name), ""
    elif file.kind == "delimited" and (broken := _breaks(start)) is not None:
        width, starts = broken
        lines = _joined(lines, width, starts)
        said = (
            f"{file.name}: lines were broken at {width} columns, and are joined again"
        )
    else:
        return file, ""
    path = workspace.scratch.new("unfolded")
    with path.open("w", encoding="utf-8", newline="") as written:
        written.writelines(lines)
    return replace(file, path=path, compression="none"), said


def _entries(lines: Iterable[str], name: str) -> Iterator[str]:
    """Yield each entry of Loki's streams, or event of CloudWatch, as a line of JSON."""
    entries: list[tuple[int, str]] = []
    for document in documents(bounded(lines, name), name, "Loki's query_range"):
        for told in _told(document):
            time_s = epoch_s(told["timestamp"])
            if time_s is not None:
                moment = datetime.fromtimestamp(time_s, UTC)
                told["timestamp"] = moment.isoformat(timespec="microseconds")
            line = json.dumps(told, ensure_ascii=False)
            entries.append((round((time_s or 0) * 1e6), line))
    entries.sort(key=lambda each: each[0])
    yield from (f"{line}\n" for _, line in entries)


def _told(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries of a document: when, of what, and the line."""
    document = document if isinstance(document, dict) else {}
    data = document.get("data", document)
    events, streams = document.get("events"), None
    if isinstance(data, dict):
        streams = data.get("result")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and isinstance(event.get("message"), str):
            of = event.get("logStreamName", "")
            yield {
                "timestamp": event.get("timestamp"),
                "stream": of,
                "line": event["message"],
            }
    for stream in streams if isinstance(streams, list) else ():
        values = stream.get("values") if isinstance(stream, dict) else None
        for entry in values if isinstance(values, list) else ():
            if isinstance(entry, list) and len(entry) > 1 and isinstance(entry[1], str):
                yield {
                    "timestamp": entry[0],
                    "stream": stream.get("stream"),
                    "line": entry[1],
                }


def _breaks(start: str) -> tuple[int, set[str]] | None:
    """Return where a terminal broke lines, and how records start; None where it did not.

    What follows a line that is not full starts a record; what follows a full one would
    seldom look otherwise if it were a record, too.
    """
    lines = [line for line in start.splitlines()[:-1] if line.strip()]
    width = max(map(len, lines), default=0)
    pairs = list(pairwise(lines))
    full = [after for line, after in pairs if len(line) == width]
    starts = {_shape(after) for line, after in pairs if len(line) < width - 1}
    starts |= {_shape(line) for line in lines[:1]}
    rests = sum(_is_rest(after, starts) for after in full)
    if _NARROWEST <= width <= _WIDEST and len(full) >= _FEW:
        return (width, starts) if 2 * rests > len(full) else None
    return None


def _shape(line: str) -> str:
    return line[:_LOOKED_AT].translate(_SHAPES)


def _is_rest(line: str, starts: set[str]) -> bool:
    return _shape(line) not in starts and _STAMPED.match(line) is None


def _joined(lines: Iterable[str], width: int, starts: set[str]) -> Iterator[str]:
    """Yield the lines as they were; a blank at the last column may have been lost."""
    record, last = "", 0
    for line in lines:
        piece = line.rstrip("\r\n")
        goes_on = last >= width - 1 and len(record) < _MOST_CHARACTERS
        if goes_on and _is_rest(piece, starts):
            record += " " * (last == width - 1 and not piece.startswith(" ")) + piece
        else:
            yield f"{record}\n"
            record = piece
        last = len(piece)
    yield f"{record}\n"
