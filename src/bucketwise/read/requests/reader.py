"""Requests to a model, read for the images they carry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bucketwise.nouns.traffic import NO_LIMITS
from bucketwise.read.images.header import Header, Item
from bucketwise.read.json_text import parse
from bucketwise.read.requests.payloads import ABSENT, measure
from bucketwise.read.requests.walk import Request, find_requests
from bucketwise.read.tables.names import SIZES
from bucketwise.read.tables.naming import Chosen, Naming
from bucketwise.words.numbers import number, plural
from bucketwise.words.reject_reasons import RAGGED, UNSIZED

_MORE = {
    "time": (
        "start_time", "starttime", "starttimeunixnano", "timeunixnano",
        "observedtimeunixnano", "received_at", "request_time",
    ),
}  # fmt: skip
"""Names of times that logs of requests and traces have beside those of tables; in OTLP
JSON they are `startTimeUnixNano` of a span and `timeUnixNano` of a log record
(opentelemetry-proto 1.7)."""

Record = tuple[int, object]
"""Where something stands in a file, from 1, and what it says."""
_BY_REQUEST = (
    "under limits of their own (mm_processor_kwargs of the request), which take the place "
    "of the processor's"
)
_BY_PART = (
    "under limits of their own (min_pixels, max_pixels, resized_height of the message), "
    "resized before the processor, as qwen_vl_utils does"
)
_DETAIL = "asked for with a detail, of which Qwen's processors know nothing"
"""What is told of images whose request says how to see them."""
_MOST_LAYOUTS = 64
_DETAILS = frozenset({"low", "high", "original"})


def find_name(role: str, names: Iterable[str], chosen: Chosen) -> str | None:
    """Return the name that plays a role, or None."""
    folded = {name.strip().casefold(): name for name in reversed(list(names))}
    naming = Naming.of(chosen)
    key = naming.wanted(SIZES).get(role)
    if key is not None:
        name = folded.get(naming[key].strip().casefold()) if naming[key] else None
        if name is not None:
            naming.mark_role(role)
        return name
    others = naming.wanted(SIZES).values()
    named = {naming[key].strip().casefold() for key in others}
    for alias in (*SIZES.aliases[role], *_MORE.get(role, ())):
        if alias in folded and alias not in named:
            return folded[alias]
    return None


class RequestLog:
    """The images of a log of requests, in order, and what else the log holds.

    Nothing of a prompt, an address or an identifier is kept.
    It counts `requests`, those `without_image`, and `other_lines`: objects that are no
    request. Neither of the latter yields an item.
    """

    def __init__(
        self, records: Iterable[Record], name: str, chosen: Chosen = None
    ) -> None:
        self.requests = 0
        self.without_image = 0
        self.other_lines = 0
        self._records = records
        self._name = name
        self._chosen = Naming.of(chosen)
        self._asked = self._shown = False
        self._noticed: Counter[str] = Counter()
        # Most records of a log have the same keys.
        self._find_name = lru_cache(_MOST_LAYOUTS)(
            lambda role, names: find_name(role, names, self._chosen)
        )

    def __iter__(self) -> Iterator[Item]:
        """Yield an item for each image, and for each record that is no object."""
        for at, record in self._records:
            if isinstance(record, dict):
                yield from self._items(record, at)
            else:
                yield Item(source=self._name, line=at, reason=RAGGED)

    def notes(self) -> tuple[str, ...]:
        """Say what yielded no item or no size, once all records are gone through."""
        are_rows = self.requests and not self._asked
        said = [plural(self.requests, "row" if are_rows else "request")]
        if are_rows:
            said[0] += " with an image"
        if self.without_image:
            said.append(f"{number(self.without_image)} without an image")
        if self.other_lines:
            said.append(f"{plural(self.other_lines, 'line')} of something else")
        noticed = [
            f"{plural(images, 'image')} {what}{ABSENT.get(what, '')}"
            for what, images in sorted(self._noticed.items())
        ]
        return (", ".join(said), *noticed)

    def _items(self, record: Mapping[str, Any], at: int) -> Iterator[Item]:
        found = False
        for request in find_requests(record):
            # A name is one of an image where others are shown beside no prompt.
            if request.is_asked or request.n_there or self._shown:
                found = True
                yield from self._items_of(request, at)
        self.other_lines += not found

    def _items_of(self, request: Request, at: int) -> Iterator[Item]:
        self.requests += 1
        self._asked |= request.is_asked
        self._shown |= not request.is_asked
        self.without_image += not request.images
        time = self._told("time", request.about) if request.images else ""
        label = self._told("label", request.about) if request.images else ""
        for shown in request.images:
            own = request.own or shown.own
            if own != NO_LIMITS:
                self._noticed[_BY_PART if own.resized_first else _BY_REQUEST] += 1
            if shown.detail in _DETAILS:
                self._noticed[_DETAIL] += 1
            measured = measure(shown.source)
            header = measured if isinstance(measured, Header) else None
            reason = measured if isinstance(measured, str) else ""
            if reason in ABSENT:
                self._noticed[reason] += 1
            yield Item(
                source=self._name,
                line=at,
                header=header,
                reason=UNSIZED if reason in ABSENT else reason,
                time=time,
                label=label,
                own=own,
                request=self.requests if request.is_asked else 0,
            )

    def _told(self, role: str, about: Sequence[Mapping[str, Any]]) -> str:
        """Return what the innermost object says that says anything."""
        for each in about:
            names = tuple(key for key, value in each.items() if _is_scalar(value))
            name = self._find_name(role, names)
            if name is not None:
                value = each[name]
                text = value if isinstance(value, str) else json.dumps(value)
                # JSON can write half a surrogate pair, which no text can hold.
                return text.encode("utf-8", "replace").decode()
        return ""


def read_requests(lines: Iterable[str], name: str, chosen: Chosen = None) -> RequestLog:
    """Read the images of a log of requests, one JSON object a line.

    Whoever logged them: a body stands at any depth, as text or flattened, alone or within
    batch files, the logs of servers and gateways, traces. Every image of a request
    counts, those of earlier turns too: the whole prompt is processed.
    """
    numbered = enumerate(lines, start=1)
    filled = ((at, parse(line)) for at, line in numbered if line and not line.isspace())
    return RequestLog(filled, name, chosen)


def looks_like_requests(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether objects are a log of requests, not a table of sizes."""
    found = [find_requests(each) for each in objects]
    requests = sum(any(r.is_asked or r.n_there for r in its) for its in found)
    tabular = 0
    for each, its in zip(objects, found, strict=True):
        told = {SIZES.role_of(key) for key, value in each.items() if _is_scalar(value)}
        has_size = {"height", "width"} <= told or "resolution" in told
        # Visual tokens say less than the images do.
        has_tokens = "tokens" in told or {"prompt", "text", "images"} <= told
        tabular += has_size or (has_tokens and not any(r.images for r in its))
    return 2 * requests >= len(objects) > 2 * tabular


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float)) and value != ""
