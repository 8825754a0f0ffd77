"""Requests to a model, read for the images they carry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bucketwise.numbers import number, plural
from bucketwise.reasons import RAGGED
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.item import Item
from bucketwise.sources.json_text import parse
from bucketwise.sources.requests.bodies import find_requests
from bucketwise.sources.requests.payloads import measure
from bucketwise.sources.tables.names import SIZES
from bucketwise.sources.tables.naming import Naming
from bucketwise.sources.tables.roles import find_name


class RequestLog:
    """The images of a log of requests, in order, and what else the log holds.

    Nothing of a prompt, an address or an identifier is kept.

    Parameters
    ----------
    lines : iterable of str
        The lines of the log, from its first; they are gone through once.
    name : str
        Base name of the file.
    chosen : mapping of str to str, optional
        Role ("time", "label") to top-level key, from the user; "" leaves it unread.

    Attributes
    ----------
    requests : int
        Requests so far.
    without_image : int
        Those of them without an image or a clip; they yield no item.
    other_lines : int
        Objects so far that are no request; they yield no item either.
    """

    def __init__(
        self, lines: Iterable[str], name: str, chosen: Mapping[str, str] | None = None
    ) -> None:
        self.requests = 0
        self.without_image = 0
        self.other_lines = 0
        self._lines = enumerate(lines, start=1)
        self._name = name
        self._chosen = Naming.of(chosen)

    def __iter__(self) -> Iterator[Item]:
        """Yield an item for each image, and for each line that is no JSON object."""
        for at, line in self._lines:
            if not line or line.isspace():
                continue
            parsed = parse(line)
            if isinstance(parsed, dict):
                yield from self._items(parsed, at)
            else:
                yield Item(source=self._name, line=at, reason=RAGGED)

    def notes(self) -> tuple[str, ...]:
        """Say what yielded no item, once all lines are gone through."""
        said = [plural(self.requests, "request")]
        if self.without_image:
            said.append(f"{number(self.without_image)} without an image")
        if self.other_lines:
            said.append(f"{plural(self.other_lines, 'line')} of something else")
        return (", ".join(said),)

    def _items(self, parsed: Mapping[str, Any], number: int) -> Iterator[Item]:
        found = False
        for request in find_requests(parsed):
            found = True
            self.requests += 1
            images = request.images()
            self.without_image += not images
            time = self._told("time", request.about) if images else ""
            label = self._told("label", request.about) if images else ""
            for source in images:
                measured = measure(source)
                header = measured if isinstance(measured, Header) else None
                reason = measured if isinstance(measured, str) else ""
                yield Item(
                    source=self._name,
                    line=number,
                    header=header,
                    reason=reason,
                    time=time,
                    label=label,
                )
        self.other_lines += not found

    def _told(self, role: str, about: Mapping[str, Any]) -> str:
        names = [key for key, value in about.items() if _is_scalar(value)]
        name = find_name(role, names, self._chosen)
        if name is None:
            return ""
        value = about[name]
        text = value if isinstance(value, str) else json.dumps(value)
        # JSON can write half a surrogate pair, which no text can hold.
        return text.encode("utf-8", "replace").decode()


def read_requests(
    lines: Iterable[str], name: str, chosen: Mapping[str, str] | None = None
) -> RequestLog:
    """Read the images of a log of requests, one JSON object a line.

    Chat Completions, Responses, Messages, generateContent and Ollama bodies, alone or
    within batch files and the logs of servers, and OpenTelemetry spans. Every image
    of a request counts, those of earlier turns too: the whole prompt is processed.

    Parameters
    ----------
    lines : iterable of str
        As `read_lines` gives them.
    name : str
        Base name of the file.
    chosen : mapping of str to str, optional
        Role ("time", "label") to top-level key, from the user; "" leaves it unread.

    Returns
    -------
    RequestLog
        Iterable once, item by item; it counts what yields no item.
    """
    return RequestLog(lines, name, chosen)


def looks_like_requests(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether JSON Lines are a log of requests, not a table of sizes.

    Parameters
    ----------
    objects : sequence of mapping
        What the first lines say.
    """
    found = [list(find_requests(each)) for each in objects]
    requests = sum(map(bool, found))
    tabular = sum(
        _has_size(each) or (_has_tokens(each) and not any(r.images() for r in its))
        for each, its in zip(objects, found, strict=True)
    )
    return 2 * requests >= len(objects) > 2 * tabular


def _has_size(parsed: Mapping[str, Any]) -> bool:
    roles = _roles(parsed)
    return {"height", "width"} <= roles or "resolution" in roles


def _has_tokens(parsed: Mapping[str, Any]) -> bool:
    """Return whether visual tokens are told, which say less than the images do."""
    roles = _roles(parsed)
    return "tokens" in roles or {"prompt", "text", "images"} <= roles


def _roles(parsed: Mapping[str, Any]) -> set[str | None]:
    return {SIZES.role_of(key) for key, value in parsed.items() if _is_scalar(value)}


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float)) and value != ""
