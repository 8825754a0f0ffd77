"""What a decoder carried: how many sequences, for how long, and how we know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bucketwise.errors import InputError, raise_all
from bucketwise.nouns.traffic import FloatArray, IntArray, Rejection, group_cells

Kind = Literal["requests", "arrivals", "engine_log", "engine_stats", "prometheus"]
Engine = Literal["unknown", "rbln", "gpu"]

MAX_SLOTS = 400
"""Enough for a picture of the load over time, few enough to keep."""

SLOT_WIDTHS_S = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800)
"""Widths in seconds a time slot may have, each a multiple of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTokens:
    """How many tokens a sequence holds: prompt and output together.

    Arrays have the shape (n,).
    """

    total: IntArray
    """Distinct totals in ascending order."""
    count: FloatArray
    """Requests with each total."""
    decode_context: float
    """Tokens a sequence holds in the mean over its decode steps."""
    mean_prompt: float
    mean_output: float
    """Tokens of a request in the mean."""
    with_images: bool
    """Whether the visual tokens are among them."""

    @classmethod
    def of(
        cls, prompt: IntArray, output: IntArray, *, with_images: bool
    ) -> RequestTokens:
        """Gather requests; each decodes from its prompt to its last token.

        `with_images` says whether `prompt` counts the visual tokens.
        """
        keys, count = group_cells((prompt + output,), np.ones(prompt.size))
        steps = output.astype(np.float64)
        held = float((steps * (prompt + output / 2)).sum())
        return cls(
            total=keys[0].astype(np.int64),
            count=count,
            decode_context=held / steps.sum() if steps.sum() else float(prompt.mean()),
            mean_prompt=float(prompt.mean()),
            mean_output=float(output.mean()),
            with_images=with_images,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests with the time each was in flight; one value a request, any order.

    Arrays have the shape (n,).
    """

    start_s: FloatArray
    end_s: FloatArray
    """Seconds on any origin; no request ends before it starts."""
    replica: IntArray
    """Which engine served it; 0 where the log does not say."""

    def __post_init__(self) -> None:
        """Check what the sweep relies on."""
        problems = []
        if not self.start_s.size:
            problems.append("activity: no requests; at least one is needed")
        elif not self.start_s.shape == self.end_s.shape == self.replica.shape:
            problems.append("activity: give one value a request")
        elif not (self.end_s >= self.start_s).all():
            problems.append("activity: a request ends before it starts")
        raise_all(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What an engine said it held, reading by reading, in the order written.

    Arrays have the shape (n,).
    """

    time_s: FloatArray
    """Seconds on any origin."""
    running: IntArray
    waiting: IntArray
    """Sequences in the batch, and requests not yet in it."""
    replica: IntArray
    """Which engine said so."""
    line: IntArray
    """Where the reading stands; 0 where it has no line."""
    source: str = ""
    """Base name of its file; "" untold."""
    silent_when_idle: bool = False
    """Whether the engine says nothing while it has nothing to do."""
    restarts: tuple[int, ...] = ()
    """Positions of the readings that are an engine's first after it started anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Requests that came, with their tokens; what a decoder makes of them is replayed.

    Arrays have the shape (n,).
    """

    arrival_s: FloatArray
    """Seconds on any origin, ascending."""
    prompt: IntArray
    output: IntArray
    """Tokens of each request; not negative."""

    def __post_init__(self) -> None:
        """Check what the replay relies on."""
        problems = []
        if not self.arrival_s.size:
            problems.append("activity: no arrivals; at least one is needed")
        elif not self.arrival_s.shape == self.prompt.shape == self.output.shape:
            problems.append("activity: give one value an arrival")
        else:
            if (np.diff(self.arrival_s) < 0).any():
                problems.append("activity: arrivals must not go back in time")
            if min(self.prompt.min(), self.output.min()) < 0:
                problems.append("activity: a request has fewer than 0 tokens")
        raise_all(problems)

    def check_decodes(self) -> None:
        """Check that some request takes a decode step: a first token takes none."""
        if self.output.max() <= 1:
            message = (
                "activity: no request has more than 1 token of output, so nothing is "
                "decoded; requests of 2 or more are needed"
            )
            raise InputError(message)

    def sha256(self) -> str:
        """Return the hash of the arrivals, to the microsecond."""
        micros = np.round(self.arrival_s * 1e6).astype(np.int64)
        return _sha256(micros, self.prompt, self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How long a replica held how many sequences; replicas add up in replica-seconds.

    Arrays have the shape (n_cells,).
    """

    slot: IntArray
    """Number of the time slot, `slot_width_s` seconds each from the origin of the
    log."""
    running: IntArray
    """Sequences in flight (request logs), or in the batch (what engines say)."""
    waiting: IntArray
    """Requests not yet in the batch; 0 in request logs, where they are in flight."""
    seconds: FloatArray
    """How long; positive."""
    slot_width_s: int
    """One of `SLOT_WIDTHS_S`."""
    span_s: float
    """From the first to the last moment seen, gaps included."""
    replicas: int
    """Engines seen."""

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        columns = (self.slot, self.running, self.waiting, self.seconds)
        problems = []
        if any(column.shape != self.slot.shape for column in columns):
            problems.append("activity: give one value a cell")
        elif not self.slot.size:
            problems.append("activity: no time at all; something must have been seen")
        else:
            if min(self.running.min(), self.waiting.min()) < 0:
                problems.append("activity: fewer than 0 sequences")
            if not (self.seconds > 0).all() or not np.isfinite(self.seconds).all():
                problems.append("activity: times must be positive and finite")
        raise_all(problems)

    @property
    def observed_s(self) -> float:
        """Replica-seconds seen."""
        return float(self.seconds.sum())

    def clipped(self, batch_size: int) -> FloatArray:
        """Return the seconds with 0, 1, ..., `batch_size` slots in use."""
        active = np.minimum(self.running, batch_size)
        seconds = np.bincount(active, weights=self.seconds, minlength=batch_size + 1)
        return seconds.astype(np.float64)

    def queueing_s(self, batch_size: int) -> float:
        """Return the seconds in which the decoder ran and more was in flight than fits."""
        wanted = (self.running + self.waiting > batch_size) & (self.running > 0)
        return float(self.seconds[wanted].sum())

    def sha256(self) -> str:
        """Return the hash of the cells, to the microsecond."""
        micros = np.round(self.seconds * 1e6).astype(np.int64)
        return _sha256(self.slot, self.running, self.waiting, micros)

    def with_slots(self, width_s: int) -> Activity:
        """Return it with wider slots."""
        wider = self.slot // (width_s // self.slot_width_s)
        keys, seconds = group_cells((wider, self.running, self.waiting), self.seconds)
        slot, running, waiting = (key.astype(np.int64) for key in keys)
        return replace(
            self,
            slot=slot,
            running=running,
            waiting=waiting,
            seconds=seconds,
            slot_width_s=width_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read of a decoder's load, by one reader.

    Attributes
    ----------
    kind : str
        Which kind of record it was made of.
    load : Activity or Arrivals
        The load itself, or what makes it.
    samples : int
        Records read: requests, metric lines, scrapes; idle, unusable ones too.
    names : tuple of str
        Base names of the files; () untold.
    rejections : tuple of Rejection
        Records that could not be used, by reason.
    faults : tuple of Rejection
        What was noticed in records that were used (gaps, a clock that goes back).
    tokens : RequestTokens or None
        Tokens of the requests, where the records tell them.
    engine : {"unknown", "rbln", "gpu"}
        What kind of engine wrote it, where it says so.
    notes : tuple of str
        What was read as what, a sentence each.
    """

    kind: Kind
    load: Activity | Arrivals
    samples: int
    names: tuple[str, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    faults: tuple[Rejection, ...] = ()
    tokens: RequestTokens | None = None
    engine: Engine = "unknown"
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Records that could not be used."""
        return sum(each.count for each in self.rejections)

    def without_places(self) -> Evidence:
        """Return it without names of files and places of records."""
        return replace(
            self,
            names=(),
            rejections=tuple(replace(each, places=()) for each in self.rejections),
            faults=tuple(replace(each, places=()) for each in self.faults),
        )


def _sha256(*columns: IntArray) -> str:
    digest = hashlib.sha256()
    for column in columns:
        digest.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    return digest.hexdigest()
