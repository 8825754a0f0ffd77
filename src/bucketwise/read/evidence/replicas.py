"""Which engine a record or a line of a log is of, as a number: names and addresses stay behind."""

from __future__ import annotations

import heapq
import re
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.read.evidence.timestamps import epoch_s, iso_s, moment_of_year

MAX_REPLICAS = 1_000
"""Far more engines than stand behind one load balancer."""

_DATED = re.compile(
    r"\d{4}([-/])\d\d\1\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
)
"""What docker, journald and kubectl put before a line."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
           "Dec")  # fmt: skip
_UNDATED = re.compile(
    rf"\b({'|'.join(_MONTHS)}) {{1,2}}(\d{{1,2}}) (\d\d:\d\d:\d\d)(?:[.,]\d{{1,9}})?\b"
)
"""The traditional stamp of syslog (RFC 3164, 4.1.2)."""
_EPOCH = re.compile(r"(?<![\w.-])(1\d{9})(\d{3}|\d{6}|\d{9})?(\.\d{1,9})?(?![\w.-])")
"""Seconds since 1970, or thousandths of them and finer, as loggers write them."""
_PASSING = re.compile(
    _DATED.pattern + r"|\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b"
    r"|\b1\d{9}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?\b"
    r'|"(?:insertId|_id|__\w{1,40}|\w{0,20}(?:cursor|offset|sequence))": ?'
    r'(?:"[^"]{0,400}"|\d{1,20})'
)
"""Further stamps, seconds since 1970, and what collectors number each line with (Google
Cloud, Elasticsearch, journald's export): none of it tells an engine."""
_LEVEL = re.compile(r"\b[A-Z]{4,8}(?:: | \d\d-\d\d \d\d:)")
_PROCESS = re.compile(r'(?:\((\w{1,64}) pid=|"process": ?|\w\[)(\d{1,10})[\]),]')
"""Of vLLM (0.11.0 utils/__init__.py, 0.33.0 logger.py), and of syslog."""
_WORKERS = ("EngineCore", "Worker", "VllmWorker")
_MAX_KNOWN = 10_000


class Replicas:
    """Numbers for engines, in the order they are first seen; `source` is for messages."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._codes: dict[Hashable, int] = {}

    def code(self, engine: Hashable) -> int:
        """Return the number of an engine."""
        found = self._codes.get(engine)
        if found is None:
            found = len(self._codes)
            if found == MAX_REPLICAS:
                raise InputError(
                    f"{self._source}: more than {MAX_REPLICAS:,} engines are named; "
                    "give the logs of fewer at a time"
                )
            self._codes[engine] = found
        return found


@dataclass(frozen=True, slots=True)
class Succession:
    """Readings put in order: process after process of each replica.

    Arrays have the shape (n,).
    """

    order: IntArray
    """Positions of the readings, replica by replica."""
    replica: IntArray
    """In that order."""
    restarts: tuple[int, ...]
    """Positions in that order at which another process of the same replica begins."""


def succession(
    replicas: Replicas, engine: IntArray, process: IntArray, time_s: FloatArray
) -> Succession:
    """Tell a replica that starts anew from two that run at the same time.

    A process that is first heard of after another of the same engine fell silent takes
    its place; one that is heard of before is a further replica.

    Numbers of engines and processes count from 0; a process has one engine.
    """
    known, at, process = np.unique(process, return_index=True, return_inverse=True)
    first_s = np.full(known.size, np.inf)
    last_s = np.full(known.size, -np.inf)
    np.minimum.at(first_s, process, time_s)
    np.maximum.at(last_s, process, time_s)
    by_start = np.argsort(first_s, kind="stable")
    ended: dict[int, list[tuple[float, int]]] = {}
    replica_of = np.zeros(known.size, dtype=np.int64)
    for each in by_start.tolist():
        name = int(engine[at[each]])
        before = ended.setdefault(name, [])
        if before and before[0][0] < first_s[each]:
            replica_of[each] = heapq.heappop(before)[1]
        else:
            replica_of[each] = replicas.code((name, len(before)))
        heapq.heappush(before, (float(last_s[each]), int(replica_of[each])))
    rank = np.argsort(by_start)
    order = np.lexsort((rank[process], replica_of[process]))
    replica, process = replica_of[process][order], process[order]
    anew = (np.diff(process) != 0) & (np.diff(replica) == 0)
    return Succession(order, replica, tuple((np.flatnonzero(anew) + 1).tolist()))


@dataclass(frozen=True, slots=True)
class Speaker:
    """What wrote a line, and when it was collected where that is told."""

    source: int
    process: int
    """Numbers of the place and of the server process."""
    is_worker: bool
    """Whether it is a part of a server, not the server itself."""
    dated_s: float | None = None
    """Seconds since 1970."""
    moment: int | None = None
    """As `moment_of_year`."""


class Speakers:
    """Everything that was heard of so far."""

    def __init__(self) -> None:
        self._known: dict[str, Speaker] = {}
        self._sources: dict[str, int] = {}
        self._processes: dict[tuple[str, ...], int] = {}
        self._starts: dict[int, int] = {}

    def of(self, lead: str) -> Speaker:
        """Return who speaks after a lead."""
        if not lead:
            return self._speaker(lead)
        lead, dated_s, moment = _without_stamp(lead)
        known = self._speaker(lead)
        if dated_s is None and moment is None:
            return known
        return replace(known, dated_s=dated_s, moment=moment)

    def start(self, line: str) -> None:
        """Remember that a server starts; its parts start with it."""
        level = _LEVEL.search(line)
        if level is None:
            return
        speaker = self.of(line[: level.start()])
        if not speaker.is_worker:
            self._starts[speaker.process] = self.starts(speaker) + 1

    def starts(self, speaker: Speaker) -> int:
        """Return how often the process of a speaker started so far."""
        return self._starts.get(speaker.process, 0)

    def n_places(self) -> int:
        """Return from how many places lines came so far."""
        return len(self._sources)

    def _speaker(self, lead: str) -> Speaker:
        known = self._known.get(lead)
        if known is None:
            told = _PROCESS.findall(lead)
            source = _PROCESS.sub("", lead)
            process = (source, *(number for _, number in told))
            known = Speaker(
                source=self._sources.setdefault(source, len(self._sources)),
                process=self._processes.setdefault(process, len(self._processes)),
                is_worker=any(name.startswith(_WORKERS) for name, _ in told),
            )
            if len(self._known) == _MAX_KNOWN:
                self._known.clear()
            self._known[lead] = known
        return known


def _without_stamp(lead: str) -> tuple[str, float | None, int | None]:
    dated_s = moment = None
    found = _DATED.search(lead)
    if found:
        dated_s = iso_s(found[0].replace("/", "-"))
    elif found := _UNDATED.search(lead):
        month, day, clock = found.groups()
        moment = moment_of_year(_MONTHS.index(month) + 1, int(day), clock)
    elif found := _EPOCH.search(lead):
        dated_s = epoch_s(found[0])
    if found:
        lead = lead[: found.start()] + lead[found.end() :]
    return _PASSING.sub("", lead), dated_s, moment
