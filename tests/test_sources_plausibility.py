"""When requests were in flight: the unit of a bare duration, and what a time stands for."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError
from bucketwise.nouns.activity import Activity, Evidence
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.read import read_evidence
from bucketwise.read.evidence.plausibility import (
    UNITS_S,
    Moment,
    Timed,
    in_words,
    tell_timing,
)
from tests.test_sources_tables import write

UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}


@dataclass(frozen=True)
class Log:
    """Requests as they were, in the order in which their rows stand."""

    start_s: FloatArray
    took_s: FloatArray
    output: IntArray

    @property
    def end_s(self) -> FloatArray:
        return self.start_s + self.took_s


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw what a server did: sparse, crowded, in bursts, in loops, in a queue."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_requests = draw(st.integers(1, 80))
    prompt_s = 10 ** draw(st.floats(-1.7, 1.5))
    token_s = 10 ** draw(st.floats(-3.3, -0.7))
    longest = draw(st.sampled_from([1, 8, 100, 2_000]))
    spread = draw(st.sampled_from([0.0, 0.3, 1.0]))
    output: IntArray = random.integers(1, longest + 1, n_requests)
    jitter = random.lognormal(0, spread, n_requests)
    work_s = np.clip((prompt_s + token_s * output) * jitter, 0.02, 800.0)
    work_s = np.maximum(work_s, output / 4_000)
    arrivals = draw(st.sampled_from(["apart", "burst", "loops", "queue"]))
    gap_s = 10 ** draw(st.floats(-3, 3))
    start_s = np.cumsum(random.exponential(gap_s, n_requests))
    if arrivals == "burst":
        start_s = start_s * 1e-3 / max(gap_s, 1)
    if arrivals in {"loops", "queue"}:
        slots = np.zeros(draw(st.integers(1, 16)))
        begun_s = np.zeros(n_requests)
        for at in range(n_requests):
            slot = int(slots.argmin())
            begun_s[at] = max(slots[slot], 0.0 if arrivals == "loops" else start_s[at])
            slots[slot] = begun_s[at] + work_s[at]
        if arrivals == "loops":
            start_s = begun_s
        else:
            work_s = begun_s + work_s - start_s
    order = draw(st.sampled_from(["start", "end", "newest", "took", "output", "none"]))
    keys = {
        "start": start_s, "end": start_s + work_s, "newest": -start_s, "took": -work_s,
        "output": output, "none": random.random(n_requests),
    }  # fmt: skip
    by = np.argsort(keys[order], kind="stable")
    return Log(start_s[by] + 1_700_000_000, work_s[by], output[by])


def told(log: Log, unit_s: float, moment: Moment, decimals: int) -> Timed:
    """Return the log as a program writes it: rounded, to two digits at least."""
    least = int(np.ceil(-np.log10(log.took_s.min() / unit_s))) + 1
    return Timed(
        time_s=np.round(log.start_s if moment == "start" else log.end_s, 3),
        took=np.round(log.took_s / unit_s, max(decimals, least)),
        output=log.output,
    )


units = st.sampled_from(UNITS_S)
moments = st.sampled_from(["start", "end"])
decimals = st.integers(0, 6)


@settings(max_examples=400, deadline=None)
@given(logs(), units, moments, decimals, st.booleans(), st.booleans())
def test_the_right_unit_is_always_among_those_that_are_plausible(
    log: Log,
    unit_s: float,
    moment: Moment,
    decimals: int,
    with_output: bool,
    known: bool,
) -> None:
    written = told(log, unit_s, moment, decimals)
    if not with_output:
        written = Timed(time_s=written.time_s, took=written.took)
    timing = tell_timing(written, moment=moment if known else None)
    assert unit_s in timing.units_s
    assert [unit for unit, _ in timing.meant] == list(UNITS_S)


@settings(max_examples=25, deadline=None)
@given(logs(), units, moments, decimals, st.booleans())
def test_a_bare_duration_is_read_in_its_unit_or_refused_with_the_spellings(
    log: Log,
    unit_s: float,
    moment: Moment,
    decimals: int,
    with_output: bool,
) -> None:
    written = told(log, unit_s, moment, decimals)
    tokens = [f",9,{each}" if with_output else "" for each in log.output]
    header = "time,duration" + (",prompt_tokens,output_tokens" if with_output else "")
    rows = [
        f"{time_s:.3f},{took!r}{more}\n"
        for time_s, took, more in zip(
            written.time_s, written.took.tolist(), tokens, strict=True
        )
    ]
    refused, evidence = "", None
    try:
        evidence = read_text(f"{header}\n{''.join(rows)}")
    except InputError as error:
        refused = str(error)
    if evidence is None:
        assert "names no unit, and its numbers can be" in refused
        assert f"--columns duration_{UNITS[unit_s]}=duration" in refused
        return
    load = activity(evidence)
    in_flight_s = float((load.running * load.seconds).sum())
    assert in_flight_s == pytest.approx(log.took_s.sum(), rel=0.2)
    assert any("names no unit and is read as" in note for note in evidence.notes)


@settings(max_examples=300, deadline=None)
@given(logs(), moments)
def test_in_a_log_written_when_requests_are_done_the_time_is_never_mistaken(
    log: Log, moment: Moment
) -> None:
    at = np.argsort(log.end_s, kind="stable")
    done = Log(log.start_s[at], log.took_s[at], log.output[at])
    for unit_s in (None, 1.0):
        timing = tell_timing(told(done, 1.0, moment, 3), unit_s=unit_s)
        assert timing.moment in {None, moment}


def steady(n_requests: int = 60) -> Log:
    """Return requests of some seconds, some in flight at a time, as they were done."""
    random = np.random.default_rng(3)
    start_s = np.cumsum(random.exponential(2, n_requests))
    took_s = random.uniform(1, 12, n_requests)
    at = np.argsort(start_s + took_s)
    output = (40 * took_s).astype(np.int64)
    return Log(start_s[at] + 1_700_000_000, took_s[at], output[at])


@pytest.mark.parametrize("unit_s", UNITS_S)
@pytest.mark.parametrize("moment", ["start", "end"])
def test_of_a_steady_log_both_are_told(unit_s: float, moment: Moment) -> None:
    timing = tell_timing(told(steady(), unit_s, moment, 3))
    assert (timing.units_s, timing.moment) == ((unit_s,), moment)


def test_tokens_a_second_tell_a_second_from_a_millisecond() -> None:
    log = steady()
    written = told(Log(log.start_s, log.took_s * 5, log.output), 1.0, "end", 3)
    bare = Timed(time_s=written.time_s, took=written.took)
    assert tell_timing(bare).units_s == (1.0, 1e-3)
    assert tell_timing(written).units_s == (1.0,)
    assert "tokens a second each" in dict(tell_timing(written).meant)[1e-3]


def test_no_server_has_that_many_in_flight() -> None:
    took = np.random.default_rng(1).uniform(15, 45, 200_000)
    sparse = Timed(time_s=np.linspace(0, 100, 10_000), took=took[:10_000])
    assert tell_timing(sparse).units_s == (1.0, 1e-3)
    # At a thousand a second the same would be 30,000 in flight.
    timing = tell_timing(Timed(time_s=np.linspace(0, 200, 200_000), took=took))
    assert timing.units_s == (1e-3,)
    assert "in flight" in dict(timing.meant)[1.0]


def test_requests_that_line_up_may_take_hours() -> None:
    waits = Timed(time_s=np.linspace(0, 0.5, 50), took=np.linspace(100, 5_000, 50))
    assert 1.0 in tell_timing(waits).units_s
    in_no_order = np.random.default_rng(2).permutation(waits.took)
    assert tell_timing(Timed(time_s=waits.time_s, took=in_no_order)).units_s == (1e-3,)


def test_durations_are_told_in_a_unit_that_suits_them() -> None:
    values = (5_103.0, 2.2, 0.05, 3e-6, 4e-9, 1e-12)
    assert [in_words(each) for each in values] == [
        "5,100 s", "2.2 s", "50 ms", "3.0 us", "4.0 ns", "0 s",
    ]  # fmt: skip


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _clf(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d/%b/%Y:%H:%M:%S +0000}"


PROGRAMS: dict[str, Callable[[float, float, float], dict[str, Any]]] = {
    "Traefik": lambda start, end, took: {
        "DownstreamContentSize": 2048, "Duration": round(took * 1e9),
        "OriginDuration": round(took * 1e9) - 90_137, "RequestHost": "vlm.example.com",
        "RequestMethod": "POST", "RequestPath": "/v1/chat/completions",
        "ServiceAddr": "10.0.0.9:8000", "StartUTC": _iso(start), "time": _iso(end),
    },
    "Kong": lambda start, _, took: {
        "service": {"host": "vlm", "created_at": 1}, "started_at": round(start * 1e3),
        "latencies": {"request": round(took * 1e3), "kong": 1},
        "request": {"method": "POST", "uri": "/v1/chat/completions", "size": 9},
    },
    "APISIX": lambda start, _, took: {
        "start_time": round(start * 1e3), "latency": took * 1e3, "apisix_latency": 1.0,
        "upstream": "10.0.0.9:8000", "server": {"hostname": f"gateway-{start % 2:.0f}"},
    },
    "Caddy": lambda start, end, took: {
        "ts": end, "duration": took, "bytes_read": 183_220, "size": 2048,
        "request": {"host": f"vlm{start % 3:.0f}.example.com", "method": "POST"},
    },
    "API Gateway": lambda start, _, took: {
        "requestTime": _clf(start), "requestTimeEpoch": str(round(start * 1e3)),
        "responseLength": "2048", "responseLatency": str(round(took * 1e3)),
    },
    "Google Cloud": lambda start, end, took: {
        "timestamp": _iso(start), "receiveTimestamp": _iso(end + 1),
        "httpRequest": {"latency": f"{took:.6f}s", "serverIp": "10.0.0.9"},
    },
    "Elastic": lambda start, end, took: {
        "@timestamp": _iso(end), "host": {"name": f"gateway-{start % 2:.0f}"},
        "event": {"duration": round(took * 1e9)},
    },
    "Zipkin": lambda start, _, took: {
        "traceId": "a", "localEndpoint": "vlm", "timestamp": round(start * 1e6),
        "duration": round(took * 1e6),
    },
    "Datadog": lambda start, _, took: {
        "trace_id": 1, "start": round(start * 1e9), "duration": round(took * 1e9),
    },
    "OpenTelemetry": lambda start, end, _: {
        "startTimeUnixNano": str(round(start * 1e9)),
        "endTimeUnixNano": str(round(end * 1e9)),
    },
    "Locust": lambda _, end, took: {
        "timestamp": end, "request_type": "POST", "response_time": took * 1e3,
        "response_length": 1991,
    },
    "new-api": lambda _, end, took: {
        "created_at": round(end), "quota": 100, "prompt_tokens": 9,
        "completion_tokens": round(took * 40), "use_time": round(took),
    },
    "TGI": lambda _, end, took: {
        "timestamp": _iso(end), "level": "INFO", "message": "Success",
        "target": "text_generation_router::server",
        "span": {"total_time": f"{took:.6f}s", "validation_time": "123.4µs",
                 "time_per_token": "23.4ms", "name": "generate"},
    },
    "one-api": lambda _, end, took: {
        "created_at": round(end), "quota": 100, "elapsed_time": round(took * 1e3),
    },
    "LiteLLM": lambda start, end, took: {
        "startTime": _iso(start), "endTime": _iso(end), "completionStartTime": "",
        "request_duration_ms": round(took * 1e3),
    },
    "HAProxy": lambda start, _, took: {
        "timestamp": _iso(start), "backend": "vlm", "server": "vlm1", "Tq": 0, "Tw": 0,
        "Tc": 1, "Tr": 300, "Tt": round(took * 1e3),
    },
    "Azure": lambda _, end, took: {
        "timeStamp": _iso(end), "properties": {"timeTaken": round(took, 3),
        "instanceId": "gateway", "serverRouted": "10.0.0.9:8000"},
    },
    "nginx": lambda start, end, took: {
        "time": _iso(end), "host": f"vlm{start % 3:.0f}.example.com",
        "server_name": f"vlm{start % 2:.0f}", "request_time": f"{took:.3f}",
        "upstream_response_time": f"{took:.3f}", "body_bytes_sent": "1900",
    },
    "ALB": lambda start, end, took: {
        "request_creation_time": _iso(start), "time": _iso(end),
        "target_processing_time": took, "target": "10.0.0.9:8000",
    },
    "Apache": lambda start, _, took: {
        "time": f"[{_clf(start)}]", "host": "vlm.example.com",
        "duration": str(round(took * 1e6)),
    },
    "zap": lambda _, end, took: {"ts": end, "msg": "done", "latency": round(took * 1e9)},
    "pino": lambda _, end, took: {
        "time": round(end * 1e3), "hostname": f"{took:.0f}.example.com",
        "responseTime": round(took * 1e3, 3),
    },
}  # fmt: skip
"""A line of the log of each as it is written, of a start, an end and what is between."""

TO_THE_SECOND = {"new-api", "one-api", "Apache"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_that_log_the_same_requests_tell_the_same_load(
    program: str,
) -> None:
    log = steady()
    lines = [
        json.dumps(PROGRAMS[program](start, start + took, took)) + "\n"
        for start, took in zip(log.start_s.tolist(), log.took_s.tolist(), strict=True)
    ]
    evidence = read_text("".join(lines))
    load = activity(evidence)
    assert (evidence.rejected, load.replicas) == (0, 1)
    close_s = 1.0 if program in TO_THE_SECOND else 0.01
    in_flight_s = float((load.running * load.seconds).sum())
    assert in_flight_s / log.took_s.sum() == pytest.approx(1, rel=0.02)
    first_s, last_s = log.start_s.min(), log.end_s.max()
    assert load.span_s == pytest.approx(last_s - first_s, abs=close_s)


def test_a_module_that_logs_is_no_replica() -> None:
    lines = [
        json.dumps(PROGRAMS["TGI"](start, start + took, took)) + "\n"
        for start, took in zip(
            *(each.tolist() for each in (steady().start_s, steady().took_s)),
            strict=True,
        )
    ]
    notes = " ".join(read_text("".join(lines)).notes)
    assert "end from 'timestamp', duration from 'span.total_time'" in notes
    assert "replica from" not in notes


def test_cells_with_units_and_columns_that_name_one_are_certain() -> None:
    log = steady(30)
    for header, cell in (("latency_ms", "{:.6f}"), ("latency", "{:.6f}ms")):
        rows = [
            f"{end_s},{cell.format(took_s)}\n"
            for end_s, took_s in zip(log.end_s, log.took_s, strict=True)
        ]
        load = activity(read_text(f"time,{header}\n{''.join(rows)}"))
        total_s = float((load.running * load.seconds).sum())
        assert total_s == pytest.approx(log.took_s.sum() / 1e3, rel=1e-3)


def test_numbers_that_suit_no_unit_are_refused_with_all_spellings() -> None:
    text = "start,latency\n" + "".join(f"{at},0.001\n" for at in range(30))
    with pytest.raises(
        InputError, match=r"suit no server, be they seconds \(1.0 ms"
    ) as e:
        read_text(text)
    for unit in UNITS.values():
        assert f"--columns duration_{unit}=latency" in str(e.value)
    assert read_text(text, columns={"duration_s": "latency"}).samples == 30


def test_the_unit_and_the_side_can_be_named() -> None:
    log = steady(30)
    text = "time,latency\n" + "".join(
        f"{start},{took * 30}\n"
        for start, took in zip(log.start_s, log.took_s, strict=True)
    )
    for columns, unit_s in (
        ({"duration_s": "latency", "start": "time"}, 1.0),
        ({"duration_ms": "latency", "end": "time"}, 1e-3),
    ):
        load = activity(read_text(text, columns=columns))
        total_s = float((load.running * load.seconds).sum())
        assert total_s == pytest.approx(log.took_s.sum() * 30 * unit_s, rel=1e-3)


def read_text(text: str, **options: Any) -> Evidence:
    with TemporaryDirectory() as folder:
        return read_evidence([write(Path(folder) / "log", text)], **options)


def activity(evidence: Evidence) -> Activity:
    assert isinstance(evidence.load, Activity)
    return evidence.load


def test_numbers_among_cells_with_units_are_not_taken_for_seconds() -> None:
    cells = [f"{at},{2 + at % 3}s\n" for at in range(1_100)] + ["2000,5\n", "2001,0\n"]
    text = f"start,latency\n{''.join(cells)}"
    evidence = read_text(text, max_bad_rows=1.0)
    assert [(each.reason, each.count) for each in evidence.rejections] in (
        [],
        [("not a number", 1)],
    )
    load = activity(evidence)
    total_s = float((load.running * load.seconds).sum())
    read_s = 5 if not evidence.rejections else 0
    assert total_s == pytest.approx(sum(2 + at % 3 for at in range(1_100)) + read_s)


def test_requests_far_down_a_log_tell_the_unit() -> None:
    checks = "".join(f"{at},GET /health,2\n" for at in range(21_000))
    asked = "".join(
        f"{21_000 + at},POST /v1/completions,{2_000 + 37 * at % 50}\n"
        for at in range(50)
    )
    evidence = read_text(f"start,request,latency\n{checks}{asked}", max_bad_rows=1.0)
    assert any("read as milliseconds" in note for note in evidence.notes)
