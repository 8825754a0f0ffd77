"""What several files tell of a decoder's load, put together.

Rows of requests and of arrivals are put together whatever file they stand in: parts of
one log are one log, and engines are told apart by what a row says, not by its file. What
is an activity by then, made of readings, is added up in replica-seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.decoder.timeline import hold, in_flight, sweep
from bucketwise.errors import InputError
from bucketwise.nouns.activity import (
    Activity,
    Arrivals,
    Evidence,
    Gauges,
    Kind,
    Requests,
    RequestTokens,
)
from bucketwise.nouns.traffic import FloatArray, IntArray, group_cells, merge_rejections
from bucketwise.read.evidence.prometheus import Scraped, evidence_of
from bucketwise.read.evidence.records import NOT_TOLD, Records
from bucketwise.read.evidence.replicas import MAX_REPLICAS
from bucketwise.read.rejections import check_empty, check_rejections, listed_rejections
from bucketwise.words.numbers import plural, verb

Told = Records | Scraped | Evidence
"""What one file tells: rows or scrapes still to be put together, or evidence of its own."""

_KIND_WORDS: Mapping[Kind, str] = {
    "requests": "requests with start and end",
    "arrivals": "arrivals with tokens",
    "engine_log": "a log of an engine",
    "engine_stats": "statistics of an engine",
    "prometheus": "a query of Prometheus",
}


def merge_load(files: Sequence[tuple[str, Told]], max_bad_rows: float) -> Evidence:
    """Put together what every file tells."""
    kind = _one_kind(files)
    told = [each for _, each in files if not isinstance(each, Scraped)]
    told += evidence_of([each for _, each in files if isinstance(each, Scraped)])
    rejections = merge_rejections(each.rejections for each in told)
    samples = sum(each.samples for each in told)
    notes = [note for each in told for note in each.notes]
    if samples == sum(each.count for each in rejections):
        lines = [f"none of {plural(samples, 'record')} can be used"]
        lines += [*listed_rejections(rejections), *(f"  {note}" for note in notes)]
        raise InputError("\n".join(lines))
    check_rejections(rejections, samples, max_bad_rows, notes)
    notes += [
        check_empty(name, each.rejections, each.samples, max_bad_rows)
        for name, each in files
        if isinstance(each, Records) and not len(each)
    ]
    tables = [each for each in told if isinstance(each, Records) and len(each)]
    parts = [each for each in told if isinstance(each, Evidence)]
    parts += _of_tables(tables, kind)
    notes += [note for each in parts for note in each.notes]
    activities = [each.load for each in parts if isinstance(each.load, Activity)]
    # What kind of engine it was, unless they differ.
    engines = {each.engine for each in parts} - {"unknown"}
    return Evidence(
        kind=kind,
        load=add_activities(activities) if activities else parts[0].load,
        samples=samples,
        names=tuple(name for name, _ in files),
        rejections=rejections,
        faults=merge_rejections(each.faults for each in parts),
        # Rows alone tell them, and those are one part.
        tokens=next((each.tokens for each in parts if each.tokens is not None), None),
        engine=engines.pop() if len(engines) == 1 else "unknown",
        notes=tuple(dict.fromkeys(notes)),
    )


def add_activities(activities: Sequence[Activity]) -> Activity:
    """Add activities up in replica-seconds.

    Those that go on at the same time are of different engines, those one after the other
    of the same ones; when each began is known to a slot.
    """
    if len(activities) == 1:
        return activities[0]
    width_s = max(each.slot_width_s for each in activities)
    parts = [each.with_slots(width_s) for each in activities]
    keys, seconds = group_cells(
        tuple(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("slot", "running", "waiting")
        ),
        np.concatenate([part.seconds for part in parts]),
    )
    slot, running, waiting = (key.astype(np.int64) for key in keys)
    span_s = float(slot[-1] - slot[0]) * width_s
    return Activity(
        slot=slot,
        running=running,
        waiting=waiting,
        seconds=seconds,
        slot_width_s=width_s,
        span_s=max(span_s, *(part.span_s for part in parts)),
        replicas=_together(parts),
    )


def _one_kind(files: Sequence[tuple[str, Told]]) -> Kind:
    kinds: dict[Kind, list[str]] = {}
    for name, told in files:
        kinds.setdefault(told.kind, []).append(name)
    if len(kinds) > 1:
        found = "; ".join(
            f"{', '.join(names)}: {_KIND_WORDS[kind]}" for kind, names in kinds.items()
        )
        raise InputError(
            f"the load is told in {len(kinds)} ways ({found}); give files of one kind, "
            "for they may tell of the same requests"
        )
    return next(iter(kinds))


def _of_tables(tables: Sequence[Records], kind: Kind) -> list[Evidence]:
    if not tables:
        return []
    if kind == "engine_stats":
        return [_of_readings(each) for each in tables]
    return [_of_requests(tables) if kind == "requests" else _of_arrivals(tables)]


def _of_requests(tables: Sequence[Records]) -> Evidence:
    replica, notes = _replicas(tables)
    requests = Requests(
        start_s=_seconds(tables, "start_s"),
        end_s=_seconds(tables, "end_s"),
        replica=replica,
    )
    told = [each for each in tables if "output" in each.columns]
    prompt, output = _column(told, "prompt"), _column(told, "output")
    whole = (prompt != NOT_TOLD) & (output != NOT_TOLD)
    return Evidence(
        kind="requests",
        load=sweep(requests),
        samples=replica.size,
        tokens=_tokens_of(told, prompt[whole], output[whole]),
        notes=(*notes, *_said_of_no_output(output)),
    )


def _of_arrivals(tables: Sequence[Records]) -> Evidence:
    arrival_s = _seconds(tables, "time_s")
    prompt, output = _column(tables, "prompt"), _column(tables, "output")
    # By their tokens, too, so that it does not matter how the rows were ordered.
    order = np.lexsort((output, prompt, arrival_s))
    load = Arrivals(
        arrival_s=arrival_s[order], prompt=prompt[order], output=output[order]
    )
    load.check_decodes()
    return Evidence(
        kind="arrivals",
        load=load,
        samples=arrival_s.size,
        tokens=_tokens_of(tables, prompt, output),
        notes=_said_of_no_output(output),
    )


def _of_readings(table: Records) -> Evidence:
    replica, notes = _replicas([table])
    held = hold(
        Gauges(
            time_s=_seconds([table], "time_s"),
            running=_column([table], "running"),
            waiting=_column([table], "waiting"),
            replica=replica,
            line=_column([table], "line"),
            source=table.name,
        )
    )
    return Evidence(
        kind="engine_stats",
        load=held.activity,
        samples=replica.size,
        faults=held.faults,
        notes=notes,
    )


def _replicas(tables: Sequence[Records]) -> tuple[IntArray, tuple[str, ...]]:
    """Return the engine of each record, numbered as they appear, and what to say."""
    if not any("replica" in each.columns for each in tables):
        return np.zeros(sum(map(len, tables)), dtype=np.int64), ()
    hashes = np.concatenate(
        [
            each.columns.get("replica", np.zeros(len(each), dtype=np.uint64))
            for each in tables
        ]
    )
    distinct, first, code = np.unique(hashes, return_index=True, return_inverse=True)
    if distinct.size > MAX_REPLICAS:
        said = (
            f"{distinct.size:,} engines are named, more than {MAX_REPLICAS:,}: they tell "
            "requests apart, and all records are taken to be of one engine"
        )
        return np.zeros(hashes.size, dtype=np.int64), (said,)
    place = np.argsort(np.argsort(first))
    return place[code].astype(np.int64), ()


def _seconds(tables: Sequence[Records], name: str) -> FloatArray:
    return _joined(tables, name).astype(np.float64, copy=False)


def _column(tables: Sequence[Records], name: str) -> IntArray:
    return _joined(tables, name).astype(np.int64, copy=False)


def _joined(tables: Sequence[Records], name: str) -> NDArray[Any]:
    """Return a column of all tables; of one alone it is not copied."""
    columns: list[NDArray[Any]] = [each.columns[name] for each in tables]
    if len(columns) == 1:
        return columns[0]
    return np.concatenate([*columns, np.empty(0, dtype=np.int64)])


def _tokens_of(
    tables: Sequence[Records], prompt: IntArray, output: IntArray
) -> RequestTokens | None:
    if not prompt.size:
        return None
    with_images = all(each.with_images for each in tables)
    return RequestTokens.of(prompt, output, with_images=with_images)


def _said_of_no_output(output: IntArray) -> tuple[str, ...]:
    n_requests = int((output == 0).sum())
    if not n_requests:
        return ()
    has = verb(n_requests, "has", "have")
    return (f"{plural(n_requests, 'request')} {has} no output token",)


def _together(parts: Sequence[Activity]) -> int:
    """Return the most replicas that went on at one time, by slots well within each."""
    first = np.array([part.slot[0] for part in parts])
    last = np.array([part.slot[-1] for part in parts])
    start = np.minimum(first + 1, last).astype(np.float64)
    end = np.maximum(start + 1, last).astype(np.float64)
    at = np.unique(start)
    engines = [np.full(part.replicas, nth) for nth, part in enumerate(parts)]
    each = np.concatenate(engines)
    return int(in_flight(start[each], end[each], at).max())
