"""Answers of Prometheus to range queries of what engines held."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np

from bucketwise.core.decoder.timeline import hold
from bucketwise.errors import InputError
from bucketwise.nouns.activity import Evidence, Gauges
from bucketwise.nouns.traffic import Rejection
from bucketwise.read.evidence.replicas import MAX_REPLICAS
from bucketwise.read.evidence.samples import (
    Joined,
    Role,
    Samples,
    differ,
    join_scrapes,
    looks_like_samples,
    read_samples,
    refuse,
    samples_of,
)
from bucketwise.read.evidence.timestamps import epoch_s
from bucketwise.read.evidence.unfolding import bounded, documents
from bucketwise.words.numbers import number, plural, verb
from bucketwise.words.reject_reasons import FRACTION

QUERY = 'query_range with {__name__=~"vllm:num_requests_(running|waiting)"}'

_ROLE = re.compile(r"(?:\w{1,40}[:_])?num_requests_(running|waiting|swapped)")
"""vLLM names them vllm:...; Ray, and what does not allow colons, vllm_... and more."""

_ROLES: Mapping[str, Role] = {role: role for role in get_args(Role)}
_TELLS_APART = frozenset({"instance", "pod", "replica", "host", "hostname"})
"""Labels that scraping adds; vLLM's `engine` is 0 on every instance."""

_ERRORS = frozenset(
    {"timeout", "canceled", "execution", "bad_data", "internal", "unavailable",
     "not_found", "not_acceptable"}
)  # fmt: skip
"""Of prometheus web/api/v1/api.go; what else an answer says is not repeated."""

_MOMENTS = frozenset({"vector", "scalar", "string"})

_LOOKED_AT = 100
"""Lines by which samples in a text are told."""

_SIGNS = (re.compile(r'"resultType"\s{0,9}:'), re.compile(r'"errorType"\s{0,9}:'))
_SERIES = re.compile(r'"metric"\s{0,9}:\s{0,9}\{')

_Labels = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Scraped:
    """What the documents of one file tell, by the labels of an engine."""

    name: str
    """Base name of the file."""
    replicas: dict[_Labels, dict[Role, list[Samples]]] = field(default_factory=dict)
    """Labels of an engine -> what runs and waits on it, document by document."""
    others: int = 0
    """Series of something else."""
    nameless: bool = False
    """Whether a series has lost the name of its metric."""
    kind: Literal["prometheus"] = "prometheus"

    @property
    def counted(self) -> list[_Labels]:
        """Labels of engines whose running requests are told."""
        return [key for key, told in self.replicas.items() if "running" in told]

    @property
    def samples(self) -> int:
        """Samples of running requests."""
        told = (self.replicas[key]["running"] for key in self.counted)
        return sum(each.time_ms.size for documents in told for each in documents)


def looks_like_prometheus(start: str) -> bool:
    """Return whether a text has samples of Prometheus, or of what stores them."""
    if looks_like_samples(start):
        return True
    if not start.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    has_series = _SERIES.search(start) is not None and '"values"' in start
    return has_series or any(sign.search(start) for sign in _SIGNS)


def read_prometheus(lines: Iterable[str], name: str) -> Scraped:
    """Read range queries, or samples in a text, of the requests that run and wait."""
    series = Scraped(name)
    kept = bounded(lines, name)
    if looks_like_samples("".join(kept[:_LOOKED_AT])):
        results = read_samples(kept, name)
    else:
        answers = documents(kept, name, QUERY)
        results = (each for answer in answers for each in _results(answer, name))
    for result in results:
        _take(result, series)
    return series


def evidence_of(files: Sequence[Scraped]) -> list[Evidence]:
    """Return what each file with running requests tells; label sets are replicas.

    Files that tell of waiting requests alone, as a query for each gauge gives them, are
    put beside those with the same labels.
    """
    _refuse_two_without_a_name(files)
    whole = [each for each in files if each.counted]
    beside = [each for each in files if not each.counted]
    for each in beside:
        _refuse_alone(each, whole)
    return [_evidence(_put_beside(each, beside)) for each in whole]


def _refuse_two_without_a_name(files: Sequence[Scraped]) -> None:
    """Two queries that lost their names: which one counts what is not told."""
    told: dict[_Labels, list[tuple[str, Samples]]] = {}
    for each in files:
        for key in each.counted if each.nameless else ():
            running = each.replicas[key]["running"]
            told.setdefault(key, []).extend((each.name, samples) for samples in running)
    for series in told.values():
        for (first, samples), (second, others) in combinations(series, 2):
            if differ(samples, others):
                names = " and ".join(dict.fromkeys((first, second)))
                raise InputError(
                    f"{names}: two results without the name of a metric differ, and "
                    "neither says whether it counts running or waiting requests; "
                    f"expected the answer of {QUERY}"
                )


def _refuse_alone(waiting: Scraped, whole: Iterable[Scraped]) -> None:
    """Refuse a file without running requests that belongs to none that has them."""
    if any(key in waiting.replicas for each in whole for key in each.counted):
        return
    n_others = len(waiting.replicas) + waiting.others
    with_it = " (give the answer that has them, too)" if waiting.replicas else ""
    raise InputError(
        f"{waiting.name}: no series of running requests, and {number(n_others)} of "
        f"something else; expected the answer of {QUERY}{with_it}"
    )


def _put_beside(whole: Scraped, waiting: Sequence[Scraped]) -> Scraped:
    """Return what a file tells together with what others tell of the same engines."""
    replicas = {}
    for key, told in whole.replicas.items():
        parts = [told, *(each.replicas.get(key, {}) for each in waiting)]
        roles = dict.fromkeys(role for part in parts for role in part)
        replicas[key] = {
            role: [samples for part in parts for samples in part.get(role, [])]
            for role in roles
        }
    return replace(whole, replicas=replicas)


def _results(document: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the series of a document."""
    told = document if isinstance(document, dict) else {}
    if isinstance(stamps := told.get("timestamps"), list):
        values = told.get("values")
        pairs = zip(stamps, values if isinstance(values, list) else [], strict=False)
        # VictoriaMetrics' export counts milliseconds.
        yield {**told, "values": [[epoch_s(time), value] for time, value in pairs]}
        return
    if told.get("status") == "error":
        kind = told.get("errorType")
        known = kind if isinstance(kind, str) and kind in _ERRORS else "unknown"
        raise InputError(
            f"{name}: Prometheus answered with an error ({known}); expected the answer "
            f"of {QUERY}"
        )
    data = told.get("data", told)
    results = data.get("result") if isinstance(data, dict) else None
    kind = data.get("resultType", "matrix") if isinstance(data, dict) else None
    if isinstance(kind, str) and kind in _MOMENTS:
        raise InputError(
            f"{name}: this is one moment (a {kind}), of an instant query; expected the "
            f"answer of {QUERY}"
        )
    if kind != "matrix" or not isinstance(results, list):
        raise InputError(
            f"{name}: JSON without a matrix of series; expected the answer of {QUERY}"
        )
    for result in results:
        if not isinstance(result, dict):
            raise InputError(
                f"{name}: a series is no JSON object; expected the answer of {QUERY}"
            )
        if result.get("histograms"):
            raise InputError(
                f"{name}: a series of native histograms, which tell no moments; "
                f"expected the answer of {QUERY}"
            )
        yield result


def _take(result: Mapping[str, Any], series: Scraped) -> None:
    """Put the samples of a result where they belong."""
    labels = result.get("metric")
    values = result.get("values")
    if not isinstance(labels, dict) or not isinstance(values, list):
        series.others += 1
        return
    named = labels.get("__name__")
    role = _role(named)
    if role is None:
        series.others += 1
        return
    key = frozenset(
        (str(label), str(value))
        for label, value in labels.items()
        if label != "__name__"
    )
    series.nameless |= named is None
    replica = series.replicas.setdefault(key, {})
    replica.setdefault(role, []).append(samples_of(values))


def _role(named: object) -> Role | None:
    if named is None:
        return "running"
    found = _ROLE.fullmatch(named) if isinstance(named, str) else None
    return _ROLES[found[1]] if found else None


def _evidence(series: Scraped) -> Evidence:
    counted = series.counted
    if len(counted) > MAX_REPLICAS:
        raise InputError(
            f"{series.name}: expected one label set for each engine, "
            f"{MAX_REPLICAS:,} at most, got {len(counted):,}"
        )
    joined = join_scrapes([series.replicas[key] for key in counted])
    rejections, used = refuse(joined, series.name)
    if not used.any():
        reasons = " and ".join(each.reason for each in rejections) or "nothing in them"
        raise InputError(
            f"{series.name}: none of {plural(used.size, 'sample')} counts requests at "
            f"a time ({reasons}); expected the answer of {QUERY}"
        )
    held = hold(
        Gauges(
            time_s=joined.time_ms[used] / 1_000,
            running=joined.running[used].astype(np.int64),
            waiting=joined.waiting[used].astype(np.int64),
            replica=joined.replica[used],
            line=np.zeros(int(used.sum()), dtype=np.int64),
            source=series.name,
        )
    )
    return Evidence(
        kind="prometheus",
        load=held.activity,
        samples=used.size,
        names=(series.name,),
        rejections=rejections,
        faults=held.faults,
        notes=(
            *_notes_of_labels(series, counted),
            *_notes_of_samples(joined, rejections),
        ),
    )


def _notes_of_labels(series: Scraped, counted: list[_Labels]) -> Iterator[str]:
    yield f"{plural(len(counted), 'replica')} by the labels of running requests"
    if series.nameless:
        yield "series without a name are taken for running requests"
    if any(not _TELLS_APART & {label for label, _ in key} for key in counted):
        yield (
            "no label tells an engine: if there are several, what is running is their "
            "sum, not that of one engine"
        )
    if series.others:
        yield (
            f"{number(series.others)} series of something else "
            f"{verb(series.others, 'was', 'were')} not read"
        )


def _notes_of_samples(
    joined: Joined, rejections: tuple[Rejection, ...]
) -> Iterator[str]:
    alone = int((~joined.tells_waiting).sum())
    if alone:
        yield (
            f"{plural(alone, 'sample')} without a count of waiting requests: none is "
            "taken to wait"
        )
    if any(each.reason == FRACTION for each in rejections):
        yield (
            "fractions come of an average (avg_over_time), which no engine ever held: "
            "query the gauge itself"
        )
