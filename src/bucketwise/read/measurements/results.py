"""What load generators wrote of every request: prefill and decode steps out of them.

A request that is alone has its prefill between its start and its first token, unless an
image went through the ViT first. With others in flight, the time between its tokens is
that of a step of them all, and the first token may have waited in a queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bucketwise.errors import InputError
from bucketwise.nouns.measured_cost import MOST_VALUE, Kind
from bucketwise.nouns.traffic import FloatArray
from bucketwise.read.detect import File
from bucketwise.read.documents import whole
from bucketwise.read.measurements.table import MAX_SIZE, Runs, Told
from bucketwise.words.numbers import plural

FULL = 0.95
"""A request ran in a batch that was as large as the largest for this share of its time."""

MS = 1e3

PYTORCH = "SAVE_TO_PYTORCH_BENCHMARK_FORMAT"
"""Of the environment: vllm 0.33.0, benchmarks/lib/utils.py."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as the client saw it."""

    start_s: float
    end_s: float
    tokens: int
    """Of its prompt."""
    first_ms: float
    """Until the first token."""
    between_ms: float
    """From token to token; 0 with one token."""
    images: int | None
    """In its prompt; None untold."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the results of one program are recognised and read."""

    is_one: Callable[[Mapping[str, Any]], bool]
    requests: Callable[[Sequence[Any]], Iterator[Iterator[Request]]]
    """Documents of a file -> the requests of each run in it."""


def read_results(file: File, kind: Kind | None) -> Told | None:
    """Return what the requests of a load generator tell; None where it is no result."""
    documents = whole(file)
    flat = documents[0] if documents and isinstance(documents[0], list) else documents
    first = flat[0] if flat else None
    if not isinstance(first, dict):
        return None
    for keys, why in REFUSED.items():
        if keys <= first.keys():
            raise InputError(f"{file.name}: {why}")
    try:
        if _is_latency(first):
            return _latency(flat, file.name)
        for result in RESULTS:
            if result.is_one(first):
                runs = [list(run) for run in result.requests(flat)]
                return _told(runs, file.name, kind)
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
    ) as error:
        raise InputError(
            f"{file.name}: a result of a load generator in a form that is not known "
            f"({type(error).__name__}: {error}); write it as a table: kind,length,ms"
        ) from error
    return None


def _told(runs: Sequence[Sequence[Request]], name: str, kind: Kind | None) -> Told:
    """Return what is known of single runs, and say what had to be left out."""
    found: dict[Kind, list[tuple[int, float]]] = defaultdict(list)
    notes: list[str] = []
    rows = sum(map(len, runs))
    for run in filter(None, runs):
        beside = _in_flight(run)
        batch = max(round(float(beside.max())), 1)
        full = beside >= FULL * batch
        for each, together in zip(run, full, strict=True):
            if together and each.between_ms > 0:
                found["decoder"].append((batch, each.between_ms))
        notes.append(
            f"{plural(batch, 'request')} in flight at most: the time between tokens is "
            f"taken for a step of {plural(batch, 'sequence')}"
        )
        untold = any(each.images is None for each in run) and kind != "prefill"
        if batch > 1:
            notes.append("no prefill is read where requests wait for each other")
        elif untold or any(each.images for each in run):
            said = (
                "say --kind prefill where none has one" if untold else "some have one"
            )
            notes.append(
                "no prefill is read: with an image the first token waits for the ViT "
                f"too, and {said}"
            )
        else:
            found["prefill"] += [(each.tokens, each.first_ms) for each in run]
    if not found:
        raise InputError(
            f"{name}: {'; '.join(dict.fromkeys(notes)) or 'no request in it'}"
        )
    lengths = {tokens for tokens, _ in found["prefill"]}
    if len(found["prefill"]) < 2 * len(lengths):
        found["prefill"] = _alike(found["prefill"])
        notes.append("prompts of nearly the same length count as of one")
    return Told(
        name=name, rows=rows, runs=_plain(found), notes=tuple(dict.fromkeys(notes))
    )


def _plain(found: Mapping[Kind, Sequence[tuple[int, float]]]) -> Mapping[Kind, Runs]:
    """Return what was found as numbers that a curve may have, or fail."""
    runs = {
        kind: [(int(size), float(value)) for size, value in each]
        for kind, each in found.items()
        if each
    }
    if not all(
        1 <= size <= MAX_SIZE and 0 < value <= MOST_VALUE
        for each in runs.values()
        for size, value in each
    ):
        raise ValueError("numbers out of range")
    return runs


def _in_flight(run: Sequence[Request]) -> FloatArray:
    """Return how many requests were in flight in the mean while each was."""
    start, end = (
        np.array([getattr(each, name) for each in run]) for name in ("start_s", "end_s")
    )
    moments = np.sort(np.concatenate([start, end]))
    there = np.searchsorted(np.sort(start), moments, "right")
    there = there - np.searchsorted(np.sort(end), moments, "right")
    # Sequence-seconds until each moment.
    area = np.concatenate([[0.0], np.cumsum(there[:-1] * np.diff(moments))])
    took = np.interp(end, moments, area) - np.interp(start, moments, area)
    mean: FloatArray = took / np.maximum(end - start, 1e-9)
    return mean


def _alike(runs: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return runs with the sizes of each sixteenth of a doubling as their mean."""
    size = np.array([size for size, _ in runs], dtype=np.float64)
    group = np.round(16 * np.log2(size))
    means = {
        each: round(float(size[group == each].mean())) for each in np.unique(group)
    }
    return [(means[each], ms) for each, (_, ms) in zip(group, runs, strict=True)]


def _serve(documents: Sequence[Any]) -> Iterator[Iterator[Request]]:
    """Yield the requests of `vllm bench serve --save-detailed` (0.33.0, serve.py)."""
    for told in documents:
        columns = ("start_times", "input_lens", "ttfts", "itls", "errors")
        if any(not isinstance(told.get(each), list) for each in columns[:-1]):
            raise InputError(
                "means are no repeats; run vllm bench serve again with --save-result "
                "--save-detailed, at --max-concurrency 1, 2, 4, ... for the decoder"
            )
        errors = told.get("errors") or [""] * len(told["ttfts"])
        rows = zip(*(told[each] for each in columns[:-1]), errors, strict=True)
        yield (
            Request(
                start,
                start + first + sum(between),
                tokens,
                MS * first,
                MS * float(np.median(between)) if between else 0.0,
                None,
            )
            for start, tokens, first, between, error in rows
            if not error and first > 0 and tokens > 0
        )


def _guidellm(documents: Sequence[Any]) -> Iterator[Iterator[Request]]:
    """Yield the requests of each benchmark (guidellm 0.8.1, schemas/base/request_stats.py)."""
    for told in documents:
        for benchmark in told["benchmarks"]:
            yield (
                Request(
                    each["request_start_time"],
                    each["request_end_time"],
                    each["prompt_tokens"],
                    each["time_to_first_token_ms"],
                    each["inter_token_latency_ms"] or 0.0,
                    _images(each["input_metrics"]),
                )
                for each in benchmark["requests"]["successful"]
                if each["prompt_tokens"] and each["time_to_first_token_ms"]
            )


def _images(metrics: Mapping[str, Any]) -> int:
    """Return how many images and clips a prompt has, or 1 where only their size is told."""
    names = (
        "image_count",
        "image_tokens",
        "image_pixels",
        "video_frames",
        "video_tokens",
    )
    return int(any(metrics.get(name) for name in names))


def _aiperf(documents: Sequence[Any]) -> Iterator[Iterator[Request]]:
    """Yield the requests of `profile_export.jsonl` (aiperf 0.13.0, common/models).

    What the server counted goes before what the client did, and the time between two
    pieces before a mean over tokens, of which a piece may have several.
    """

    def requests() -> Iterator[Request]:
        for each in documents:
            when, metrics = each["metadata"], each["metrics"]
            tokens = _metric(metrics, "usage_prompt_tokens", "input_sequence_length")
            first = _metric(metrics, "time_to_first_token")
            profiled = when.get("benchmark_phase", "profiling") == "profiling"
            if profiled and not each.get("error") and tokens > 0 and first > 0:
                yield Request(
                    when["request_start_ns"] / 1e9,
                    when["request_end_ns"] / 1e9,
                    round(tokens),
                    first,
                    _metric(metrics, "inter_chunk_latency", "inter_token_latency"),
                    round(_metric(metrics, "num_images")),
                )

    yield requests()


def _metric(metrics: Mapping[str, Any], *names: str) -> float:
    """Return the first metric that there is, the median of a list; 0 without one."""
    told = next((metrics[name] for name in names if metrics.get(name)), None)
    return float(np.median(told["value"])) if told else 0.0


def _is_latency(first: Mapping[str, Any]) -> bool:
    return {"benchmark", "metric"} <= first.keys() and first["metric"][
        "name"
    ] == "latency"


def _latency(records: Sequence[Any], name: str) -> Told:
    """Read the .pytorch.json of `vllm bench latency` (0.33.0, latency.py).

    Its prompts are tokens alone; a run of several tokens less one of a single token
    leaves the steps.
    """
    asked = [record["benchmark"]["extra_info"]["args"] for record in records]
    took = [
        np.array(each["metric"]["benchmark_values"], dtype=np.float64)
        for each in records
    ]
    prefill = {
        (args["batch_size"], args["input_len"]): float(np.median(seconds))
        for args, seconds in zip(asked, took, strict=True)
        if args["output_len"] == 1
    }
    found: dict[Kind, list[tuple[int, float]]] = defaultdict(list)
    for args, seconds in zip(asked, took, strict=True):
        batch, tokens, steps = (
            args["batch_size"],
            args["input_len"],
            args["output_len"] - 1,
        )
        if not steps and batch == 1:
            found["prefill"] += [(tokens, MS * each) for each in seconds.tolist()]
        elif steps:
            if (batch, tokens) not in prefill:
                raise InputError(
                    f"{name}: the steps of batch {batch} cannot be told from its prefill; "
                    f"put the result of vllm bench latency --batch-size {batch} "
                    f"--input-len {tokens} --output-len 1 into the same list"
                )
            left = (seconds - prefill[batch, tokens]) / steps
            found["decoder"] += [
                (batch, MS * each) for each in left.tolist() if each > 0
            ]
    rows = sum(each.size for each in took)
    return Told(name=name, rows=rows, runs=_plain(found))


REFUSED: Mapping[frozenset[str], str] = {
    frozenset({"avg_latency", "latencies"}): (
        "vllm bench latency writes neither batch nor tokens here; run it again with "
        f"{PYTORCH}=1 in the environment, and give the .pytorch.json beside this file"
    ),
    frozenset({"mm_processor_stats"}): (
        "vllm bench mm-processor writes means of all images, not what each length took; "
        "time each length by itself, as a table: kind,length,ms"
    ),
    frozenset({"elapsed_time", "requests_per_second"}): (
        "vllm bench throughput writes one rate, in which prefill and steps mix; give what "
        "vllm bench serve --save-detailed writes"
    ),
    frozenset({"traceEvents"}): (
        "a trace tells commands of a device, not which length each run had; time each "
        "length by itself, as a table: kind,length,ms"
    ),
    frozenset({"input_config", "request_latency"}): (
        "AIPerf's summary has no single request; give the profile_export.jsonl beside it"
    ),
}
"""Keys of results that cannot be told apart, and what to give instead."""

RESULTS = (
    Result(
        lambda told: (
            {"ttfts", "itls"} <= told.keys()
            or {"mean_ttft_ms", "max_concurrency"} <= told.keys()
        ),
        _serve,
    ),
    Result(lambda told: {"benchmarks", "metadata"} <= told.keys(), _guidellm),
    Result(lambda told: {"metrics", "metadata"} <= told.keys(), _aiperf),
)
