"""Access logs of what stands before an engine, read for the requests it had."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from bucketwise.errors import InputError
from bucketwise.numbers import plural, verb
from bucketwise.reasons import (
    ABSURD,
    ENDS_BEFORE_START,
    MISSING,
    NOT_SERVED,
    RAGGED,
)
from bucketwise.sources.evidence.balancer_lines import read_balancer_line
from bucketwise.sources.evidence.nginx_lines import read_nginx_line
from bucketwise.sources.evidence.records import MAX_DURATION_S, Records
from bucketwise.sources.evidence.served import COMPLETIONS, Served
from bucketwise.sources.evidence.tally import Tally

MAX_LINE = 65_536
"""Characters: nginx takes 32 KiB of headers at most (large_client_header_buffers, as
shipped), AWS load balancers a request line of 16 KiB."""

_LOOKED_AT = 200
"""Lines by which the form of a log is told."""


class _Form(NamedTuple):
    """A form of lines: what reads one, and what is said of it."""

    read: Callable[[str], Served | str | None]
    note: str


_FORMS = (
    _Form(
        read_balancer_line,
        "lines of an AWS load balancer: from request_creation_time to time",
    ),
    _Form(
        read_nginx_line,
        "lines of nginx, written when a request is done: from the time less "
        "request_time to the time",
    ),
)
"""The first that knows a line is taken for all of them."""

_UNTOLD = 0
"""In the place of a hash where no engine is told."""

_SECONDS = "ends are told to the second only"
_ONE_ENGINE = "no line tells the engine: all requests are taken for those of one"
_UNTIMED = (
    "what is missing is how long a request took: nginx tells it with $request_time in its "
    "log_format, a table in a column such as duration_ms"
)
_ALL_PATHS = "no line shows a path: all requests count"


class _Log:
    """The requests of a log, line by line."""

    def __init__(self, name: str, form: _Form) -> None:
        self.refused = Tally(name)
        self.left_out = 0
        self._times = array("d")
        self._engines = array("q")
        self._lines = array("q")
        self._by_second = self._shows_path = False
        self._name = name
        self._form = form

    def take(self, at: int, line: str) -> None:
        """Take a line into account."""
        if line.isspace():
            return
        served = self._form.read(line) if len(line) <= MAX_LINE else RAGGED
        if served is None or isinstance(served, str):
            self.refused.add(served or RAGGED, at)
            return
        self._shows_path |= served.is_completion is not None
        if served.is_completion is False:
            self.left_out += 1
        elif served.start_s > served.end_s:
            self.refused.add(ENDS_BEFORE_START, at)
        elif served.end_s - served.start_s > MAX_DURATION_S:
            self.refused.add(ABSURD, at)
        else:
            self._times.extend((served.start_s, served.end_s))
            self._engines.append(hash(served.engine) if served.engine else _UNTOLD)
            self._lines.append(at)
            self._by_second |= served.by_second

    def records(self) -> Records:
        """Return the requests; where engines are told, those without are refused."""
        times_us = np.round(np.array(self._times).reshape(-1, 2) * 1e6)
        engines = np.array(self._engines, dtype=np.int64)
        told = engines != _UNTOLD
        kept = told | ~told.any()
        for at in np.array(self._lines, dtype=np.int64)[~kept].tolist():
            self.refused.add(NOT_SERVED, at)
        start_s, end_s = times_us[kept].T / 1e6
        return Records(
            kind="requests",
            name=self._name,
            columns={
                "start_s": start_s,
                "end_s": end_s,
                "replica": engines[kept].view(np.uint64),
            },
            with_images=False,
            samples=start_s.size + self.refused.count,
            rejections=self.refused.rejections(),
            notes=tuple(self._notes(tells_engine=bool(told.any()))),
        )

    def _notes(self, *, tells_engine: bool) -> Iterator[str]:
        if not self._times and not self.left_out:
            if any(each.reason == MISSING for each in self.refused.rejections()):
                yield _UNTIMED
            return
        yield self._form.note
        if self._by_second:
            yield _SECONDS
        if not tells_engine:
            yield _ONE_ENGINE
        if not self._shows_path:
            yield _ALL_PATHS
        if self.left_out:
            yield (
                f"{plural(self.left_out, 'request')} "
                f"{verb(self.left_out, 'is', 'are')} left out, being for something else "
                f"than a completion (POST {COMPLETIONS})"
            )


def looks_like_access_log(start: str) -> bool:
    """Return whether a text is an access log whose lines tell when and how long.

    Parameters
    ----------
    start : str
        Its first characters.
    """
    lines = start.splitlines()
    # The last one may be cut.
    return _form(lines[:-1] or lines) is not None


def read_access_records(lines: Iterable[str], name: str) -> Records:
    """Read the requests as rows, for a load balancer writes many files of one log.

    Where lines show what was asked for, only completions count. Of targets and
    addresses nothing is kept but a hash that tells them apart while this runs.

    Parameters
    ----------
    lines : iterable of str
        As `read_lines` gives them.
    name : str
        Base name of the file.

    Returns
    -------
    Records
        Kind "requests"; maybe none.

    Raises
    ------
    InputError
        When no line is of a known form.
    """
    rest = iter(lines)
    first = list(islice(rest, _LOOKED_AT))
    form = _form(first)
    if form is None:
        raise InputError(
            f"{name}: no line tells when a request ended and how long it took; nginx "
            "with $msec and $request_time, or an AWS application load balancer, is right"
        )
    log = _Log(name, form)
    for at, line in enumerate(chain(first, rest), start=1):
        log.take(at, line)
    return log.records()


def _form(lines: Iterable[str]) -> _Form | None:
    """Return the form most lines have, None where they have none."""
    sample = [line for line in islice(lines, _LOOKED_AT) if not line.isspace()]
    for form in _FORMS:
        known = sum(
            form.read(line) is not None for line in sample if len(line) <= MAX_LINE
        )
        if known * 2 > len(sample):
            return form
    return None
