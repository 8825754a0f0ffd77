"""Whose a line of a server's log is, by what stands before its message."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bucketwise.read.evidence.stamps import epoch_s, iso_s, moment_of_year

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


@dataclass(frozen=True, slots=True)
class Speaker:
    """What wrote a line, and when it was collected where that is told.

    Attributes
    ----------
    source, process : int
        Numbers of the place and of the server process.
    is_worker : bool
        Whether it is a part of a server, not the server itself.
    dated_s : float or None
        Seconds since 1970.
    moment : int or None
        As `moment_of_year`.
    """

    source: int
    process: int
    is_worker: bool
    dated_s: float | None = None
    moment: int | None = None


class Speakers:
    """Everything that was heard of so far."""

    def __init__(self) -> None:
        self._known: dict[str, Speaker] = {}
        self._sources: dict[str, int] = {}
        self._processes: dict[tuple[str, ...], int] = {}
        self._starts: dict[int, int] = {}

    def of(self, lead: str) -> Speaker:
        """Return who speaks after a lead.

        Parameters
        ----------
        lead : str
            What stands before the level of a message.
        """
        if not lead:
            return self._speaker(lead)
        lead, dated_s, moment = _without_stamp(lead)
        known = self._speaker(lead)
        if dated_s is None and moment is None:
            return known
        return replace(known, dated_s=dated_s, moment=moment)

    def start(self, line: str) -> None:
        """Remember that a server starts; its parts start with it.

        Parameters
        ----------
        line : str
            In which a server or a part of it says so.
        """
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
