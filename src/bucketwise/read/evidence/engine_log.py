"""Logs of servers of vLLM and SGLang, read for what their engines held."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np

from bucketwise.core.decoder.timeline import GAP_INTERVALS, hold
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Engine, Evidence, Gauges
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.read.evidence.records import MAX_RUNNING
from bucketwise.read.evidence.replicas import Replicas, Speaker, Speakers, succession
from bucketwise.read.evidence.timestamps import (
    epoch_s,
    iso_s,
    moment_of_year,
    without_year_s,
)
from bucketwise.read.json_text import parse
from bucketwise.read.rejections import Tally
from bucketwise.words.numbers import plural
from bucketwise.words.reject_reasons import ABSURD, NO_TIME, RAGGED

_MESSAGE = "Avg prompt throughput: "
_FIGURE = r"[\w.+-]{1,24} tokens/s, "
_COUNT = r"(-?\d{1,40}) reqs"
_HELD = re.compile(
    rf"{_FIGURE}Avg generation throughput: {_FIGURE}Running: {_COUNT}, "
    rf"(?:Swapped: {_COUNT}, Pending|Waiting): {_COUNT}\b"
)
"""vLLM 0.2.7 engine/llm_engine.py, 0.4.2 and 0.6.6 engine/metrics.py (requests that are
swapped out wait as well), 0.11.0 to 0.33.0 v1/metrics/loggers.py."""

_DECODING = "Decode batch"
_DECODED = re.compile(r"#running-req: (\d{1,40})\b")
_QUEUED = re.compile(r"#queue-req: (\d{1,40})\b")
_DECODE_LINE = re.compile(r"Decode batch[.,] [^\n]{0,200}#running-req: \d")
_RANKS = re.compile(
    r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)((?: [A-Z]{2,12}\d{1,4}){0,6})\] $"
)
"""SGLang 0.4 to 0.5, managers/scheduler_metrics_mixin.py and, for the stamp,
utils configure_logger: `[2026-03-02 09:00:10 DP1 TP0] Decode batch. #running-req: 3, ...`
every so many steps while it decodes. Every rank of data parallelism is an engine of its
own, what else has ranks are parts of one."""

_FILES = frozenset({"loggers", "metrics", "llm_engine"})
_OWN_STAMP = re.compile(
    r"\b[A-Z]{4,8} (\d\d)-(\d\d) (\d\d:\d\d:\d\d) \[?([\w./-]{1,200})\.py:\d{1,6}\] "
)
_ENGINE = re.compile(r"(?:Engine (\d{3,9})|\d{1,9} (Engines Aggregated)): $")
_ACCESS = ' HTTP/1.1" '
_ACCESS_LINE = re.compile(r'INFO: {5}\S{1,100} - "[A-Z]{3,7} \S{1,2000} HTTP/')
_START_UPS = (
    "vLLM API server version ", "Initializing an LLM engine ",
    "Initializing a V1 LLM engine ", "Started server process [",
)  # fmt: skip
_REQUEST_MARKS = ("Received request", "logger.py:")
"""vLLM 0.6.6 entrypoints/logger.py, and what comes before it in older ones."""

_CUDA = re.compile(r"\bcuda\b")
_GPU_MARKS = ("nvidia", "nccl", "flashattention", "flash_attn", "flash attention")
_LOOKED_AT = 4_096
"""Characters of a line in which the kind of engine is looked for."""

_MAX_LEAD = 400
"""Characters before a message; longer ones are no prefix of a log."""

_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}m")

_CLOCKS = (_OWN, _DATED, _UNDATED) = (5, 6, 7)
"""Columns of the times of a reading: of vLLM itself, and of what collected its lines."""

_IDLE = (
    "a reading speaks until the next one of its engine; vLLM logs nothing while idle, "
    "so that silence after a reading without requests is idle time"
)
"""vLLM 0.6.6 engine/metrics.py and v1/metrics/loggers.py: lines of an idle system are
for debugging only."""

_NO_DECODE = (
    "a reading speaks until the next one of its engine; SGLang logs one every so many "
    "steps, so that a silence much longer than usual is idle time"
)
_TIME_KEYS = (
    "timestamp", "time", "ts", "@timestamp", "asctime", "datetime", "date", "created",
    "timestamp_ms",
)  # fmt: skip
"""Under which loggers that write JSON tell when."""

_AGGREGATED = (
    "lines of several engines aggregated: what is running is their sum, not that of "
    "one engine"
)

_NEWEST_FIRST = "the newest line comes first: read from the end"
_NEARLY_ALL = 0.9
_FEW_PLACES = 8
"""So many servers may each have said a single thing."""


class _Own(NamedTuple):
    """A stamp of vLLM itself: text before it, moment of the year, its file."""

    lead: str
    moment: int | None
    file: str
    rest: str


class _Readings(NamedTuple):
    """What the lines tell, in the order written."""

    time_s: FloatArray
    line: IntArray
    running: IntArray
    waiting: IntArray
    engine: IntArray
    process: IntArray


class _Log:
    """The readings of a log, line by line."""

    def __init__(self, name: str) -> None:
        self.refused = Tally()
        self._name = name
        self.engine: Engine = "unknown"
        self.aggregated = self.newest_first = False
        self.decodes = self.asked = 0
        self._rows = array("d")
        self._speakers = Speakers()
        self._engines = Replicas(name)
        self._processes: dict[tuple[int, int, int], int] = {}

    def take(self, at: int, line: str) -> None:
        """Take a line into account."""
        if _MESSAGE in line:
            self._take_metrics(at, _plain(line))
        elif _DECODING in line:
            self._take_decode(at, _plain(line))
        elif _ACCESS in line:
            self.asked += 1
        else:
            self._take_other(line)

    def _take_metrics(self, at: int, line: str) -> None:
        before, _, after = line.partition(_MESSAGE)
        own = _own_stamp(before)
        if own.file not in _FILES or len(own.lead) > _MAX_LEAD or _repeats(own.lead):
            return
        counts = _HELD.match(after)
        if counts is None:
            self.refused.add(RAGGED, self._name, at)
            return
        running, swapped, waiting = (int(each or 0) for each in counts.groups())
        speaker = self._speakers.of(own.lead)
        found = _ENGINE.search(own.rest)
        label = (found[1] or found[2]) if found else ""
        self.aggregated |= label == "Engines Aggregated"
        if min(swapped, waiting) < 0:
            running = -1
        dated_s = speaker.dated_s
        if own.moment is None and speaker.moment is None and dated_s is None:
            dated_s = _told_beside(line)
        times = (own.moment, dated_s, speaker.moment)
        self._add(at, (running, swapped + waiting), speaker, label, times)

    def _take_decode(self, at: int, line: str) -> None:
        """Take a line of SGLang into account."""
        before, _, after = line.partition(_DECODING)
        own = _RANKS.search(before)
        lead = before[: own.start()] if own else before
        counts = _DECODED.search(after)
        if len(lead) > _MAX_LEAD or _repeats(lead):
            return
        if counts is None:
            self.refused.add(RAGGED, self._name, at)
            return
        ranks = own[2].split() if own else []
        engine = next((each for each in ranks if each.startswith("DP")), "")
        if not engine and any(int(each.lstrip(ascii_uppercase)) for each in ranks):
            return
        self.decodes += 1
        self.engine = _engine_of(after.lower(), self.engine)
        queued = _QUEUED.search(after)
        held = (int(counts[1]), int(queued[1]) if queued else 0)
        speaker = self._speakers.of(lead)
        dated_s = iso_s(own[1]) if own else speaker.dated_s
        if dated_s is None and speaker.moment is None:
            dated_s = _told_beside(line)
        self._add(at, held, speaker, engine, (None, dated_s, speaker.moment))

    def _add(
        self,
        at: int,
        held: tuple[int, int],
        speaker: Speaker,
        label: str,
        times: Sequence[float | None],
    ) -> None:
        """Keep a reading: what runs and waits, of which engine, by every clock."""
        if min(held) < 0 or max(held) > MAX_RUNNING:
            self.refused.add(ABSURD, self._name, at)
            return
        engine = self._engines.code((speaker.source, label))
        run = (engine, speaker.process, self._speakers.starts(speaker))
        process = self._processes.setdefault(run, len(self._processes))
        self._rows.extend((at, *held, engine, process))
        self._rows.extend(math.nan if time is None else time for time in times)

    def _take_other(self, line: str) -> None:
        start = line[:_LOOKED_AT]
        if _repeats(start):
            return
        if self.engine != "rbln":
            self.engine = _engine_of(start.lower(), self.engine)
        if any(mark in start for mark in _START_UPS):
            self._speakers.start(_plain(start))

    def n_places(self) -> int:
        """Return how many servers there seem to be, by what stands before messages."""
        return self._speakers.n_places()

    def readings(self) -> _Readings:
        """Return the readings by the best clock the log has; others are refused.

        vLLM's own stamp is the best, as others may tell when a line was collected.
        """
        rows = np.array(self._rows).reshape(-1, 5 + len(_CLOCKS))
        clock = next((at for at in _CLOCKS if not np.isnan(rows[:, at]).all()), _OWN)
        has = ~np.isnan(rows[:, clock])
        for line in rows[~has, 0].astype(np.int64).tolist():
            self.refused.add(NO_TIME, self._name, line)
        time_s = rows[has, clock]
        if clock != _DATED:
            time_s = without_year_s(time_s.astype(np.int64))
        told = rows[has, :5].astype(np.int64)
        back, on = (np.diff(time_s) < 0).sum(), (np.diff(time_s) > 0).sum()
        self.newest_first = bool(back > _NEARLY_ALL * (back + on))
        order = slice(None, None, -1 if self.newest_first else 1)
        return _Readings(time_s[order], *told[order].T)


def read_engine_log(lines: Iterable[str], name: str) -> Evidence:
    """Read what a server of vLLM or SGLang logged of its engines."""
    log = _Log(name)
    for at, line in enumerate(lines, start=1):
        log.take(at, line)
    readings = log.readings()
    if not readings.time_s.size:
        if log.asked and not log.refused.count:
            raise InputError(
                f"{name}: {plural(log.asked, 'line')} of the access log of an engine's "
                "server, which tell no duration and, as uvicorn writes them, no time; "
                'expected its lines of metrics ("Running: 18 reqs, Waiting: 0 reqs", '
                "which vLLM logs unless --disable-log-stats is given; SGLang's "
                '"Decode batch"), or the access log of a proxy before it'
            )
        raise InputError(
            f"{name}: none of {plural(log.refused.count, 'line')} of metrics tells a "
            'time and both counts; expected lines such as "INFO 06-16 14:14:37 '
            "[loggers.py:123] Engine 000: Avg prompt throughput: ..., Running: 18 "
            'reqs, Waiting: 0 reqs, ..."'
        )
    n_places = log.n_places()
    if n_places > max(_FEW_PLACES, readings.time_s.size / 2):
        raise InputError(
            f"{name}: {n_places:,} servers for {plural(readings.time_s.size, 'reading')}: "
            "something before each message, such as a number of its own, differs from "
            "line to line; take it away, or give the lines as vLLM wrote them"
        )
    samples = readings.time_s.size + log.refused.count
    if log.decodes == readings.time_s.size:
        readings = _with_idle_time(readings)
    found = succession(
        Replicas(name), readings.engine, readings.process, readings.time_s
    )
    held = hold(
        Gauges(
            time_s=readings.time_s[found.order],
            running=readings.running[found.order],
            waiting=readings.waiting[found.order],
            replica=found.replica,
            line=readings.line[found.order],
            source=name,
            silent_when_idle=True,
            restarts=found.restarts,
        )
    )
    return Evidence(
        kind="engine_log",
        load=held.activity,
        samples=samples,
        names=(name,),
        rejections=log.refused.rejections(),
        faults=held.faults,
        engine=log.engine,
        notes=(
            _NO_DECODE if log.decodes else _IDLE,
            *([_AGGREGATED] if log.aggregated else []),
            *([_NEWEST_FIRST] if log.newest_first else []),
        ),
    )


def _with_idle_time(readings: _Readings) -> _Readings:
    """Put a reading of nothing where a process falls silent for much longer than usual."""
    after, at_s = [], []
    for process in np.unique(readings.process):
        of = np.flatnonzero(readings.process == process)
        until_next = np.diff(readings.time_s[of])
        forward = until_next[until_next > 0]
        usual_s = float(np.median(forward)) if forward.size else math.inf
        silent = of[:-1][until_next > GAP_INTERVALS * usual_s]
        after.append(silent)
        at_s.append(readings.time_s[silent] + usual_s)
    silent = np.concatenate(after)
    idle = _Readings(
        np.concatenate(at_s), *(column[silent] for column in readings[1:])
    )._replace(running=np.zeros_like(silent), waiting=np.zeros_like(silent))
    return _Readings(
        *(
            np.insert(column, silent + 1, more)
            for column, more in zip(readings, idle, strict=True)
        )
    )


def looks_like_engine_log(start: str) -> bool:
    """Return whether a text is the log of a server of vLLM or SGLang."""
    plain = _plain(start)
    found = plain.find(_MESSAGE)
    has_metrics = found >= 0 and _HELD.match(plain, found + len(_MESSAGE)) is not None
    signs = (_DECODE_LINE, _OWN_STAMP, _ACCESS_LINE)
    return has_metrics or any(sign.search(plain) for sign in signs)


def _repeats(text: str) -> bool:
    """Return whether a line repeats what a user wrote, so that it tells nothing."""
    return any(mark in text for mark in _REQUEST_MARKS)


def _told_beside(line: str) -> float | None:
    """Return when a line was logged that is JSON, told under a key of its own."""
    record = parse(line) if line.lstrip().startswith("{") else None
    if not isinstance(record, dict):
        return None
    told = [record[key] for key in _TIME_KEYS if key in record]
    stamps = (
        iso_s(each.replace(",", ".")) if isinstance(each, str) else None
        for each in told
    )
    both = zip(map(epoch_s, told), stamps, strict=True)
    return next((each for pair in both for each in pair if each is not None), None)


def _plain(line: str) -> str:
    return _COLOURS.sub("", line) if "\x1b" in line else line


def _own_stamp(before: str) -> _Own:
    """Take the text before a message apart; without a stamp, it is all lead."""
    found = _OWN_STAMP.search(before)
    if found is None:
        engine = _ENGINE.search(before)
        at = engine.start() if engine else len(before)
        return _Own(before[:at], None, "metrics", before[at:])
    month, day, clock, path = found.groups()
    moment = moment_of_year(int(month), int(day), clock)
    file = path.rpartition("/")[2]
    return _Own(before[: found.start()], moment, file, before[found.end() :])


def _engine_of(line: str, known: Engine) -> Engine:
    if "rbln" in line:
        return "rbln"
    if known == "gpu" or any(mark in line for mark in _GPU_MARKS):
        return "gpu"
    return "gpu" if "cuda" in line and _CUDA.search(line) else known
