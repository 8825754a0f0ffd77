"""Texts that tell a decoder's load: logs of vLLM, Prometheus, access logs."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.decoder.timeline import sweep
from bucketwise.errors import BucketwiseError, InputError
from bucketwise.nouns.activity import Activity, Evidence, Requests
from bucketwise.read import read_evidence
from bucketwise.read.evidence import prometheus, unfolding
from bucketwise.read.evidence.engine_log import (
    looks_like_engine_log,
    read_engine_log,
)
from bucketwise.read.evidence.merging import merge_load
from bucketwise.read.evidence.prometheus import (
    looks_like_prometheus,
    read_prometheus,
)
from bucketwise.read.evidence.replicas import MAX_REPLICAS
from bucketwise.words.reject_reasons import (
    ABSURD,
    CLOCK_GOES_BACK,
    DUPLICATE,
    ENDS_BEFORE_START,
    FRACTION,
    GAP,
    NO_TIME,
    NOT_A_COMPLETION,
    NOT_A_NUMBER,
    NOT_SERVED,
    RAGGED,
    RESTART,
)

GOLD = Path(__file__).parent / "gold"


def load_of(evidence: Evidence) -> Activity:
    assert isinstance(evidence.load, Activity)
    return evidence.load


def evidence_of(*files: list[str], **options: Any) -> Evidence:
    """Return what the lines of one or more files tell, as a user reads them."""
    options.setdefault("max_bad_rows", 1.0)
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"x{nth or ''}" for nth in range(len(files))]
        for path, lines in zip(paths, files, strict=True):
            path.write_text("".join(lines), newline="")
        return read_evidence(paths, **options)


def seconds_by_level(evidence: Evidence) -> dict[tuple[int, int], float]:
    activity = load_of(evidence)
    found: dict[tuple[int, int], float] = {}
    cells = zip(activity.running, activity.waiting, activity.seconds, strict=True)
    for running, waiting, seconds in cells:
        level = (int(running), int(waiting))
        found[level] = found.get(level, 0.0) + float(seconds)
    return found


def reasons(rejections: Any) -> dict[str, int]:
    return {each.reason: each.count for each in rejections}


def lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


# Logs of vLLM.


def v1(
    stamp: str, running: int = 1, waiting: int = 0, *, engine: int = 0, lead: str = ""
) -> str:
    """Return a line of metrics in the form of vLLM 0.11.0 (v1/metrics/loggers.py)."""
    return (
        f"{lead}INFO {stamp} [loggers.py:123] Engine {engine:03d}: "
        "Avg prompt throughput: 13432.4 tokens/s, "
        "Avg generation throughput: 443.6 tokens/s, "
        f"Running: {running} reqs, Waiting: {waiting} reqs, "
        "GPU KV cache usage: 10.6%, Prefix cache hit rate: 51.9%\n"
    )


def of_process(pid: int, *, coloured: bool = True) -> str:
    """Return what vLLM puts before the lines of its server (utils/__init__.py)."""
    name = f"(APIServer pid={pid})"
    return f"\x1b[1;36m{name}\x1b[0;0m " if coloured else f"{name} "


THROUGHPUT = (
    "Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 47.5 tokens/s, "
)
OLD_COUNTS = (
    "Running: 3 reqs, Swapped: 1 reqs, Pending: 1 reqs, GPU KV cache usage: 0.5%"
)

# Written from the sources of the versions named, not recorded.
WRITTEN_FORMS = {
    "0.2.7 engine/llm_engine.py": (
        "INFO 03-15 10:00:{:02d} llm_engine.py:706] "
        f"{THROUGHPUT}{OLD_COUNTS}, CPU KV cache usage: 0.0%\n"
    ),
    "0.4.2 engine/metrics.py": (
        "INFO 03-15 10:00:{:02d} metrics.py:334] "
        f"{THROUGHPUT}{OLD_COUNTS}, CPU KV cache usage: 0.0%\n"
    ),
    "0.6.6 engine/metrics.py": (
        "INFO 03-15 10:00:{:02d} metrics.py:467] "
        f"{THROUGHPUT}{OLD_COUNTS}, CPU KV cache usage: 0.0%.\n"
    ),
    "0.8.5 v1/metrics/loggers.py": (
        "INFO 03-15 10:00:{:02d} [loggers.py:111] Engine 000: "
        f"{THROUGHPUT}Running: 3 reqs, Waiting: 2 reqs, GPU KV cache usage: 0.2%, "
        "Prefix cache hit rate: 60.0%\n"
    ),
    "0.33.0 v1/metrics/loggers.py, in colours": (
        "\x1b[0;36m(APIServer pid=7)\x1b[0;0m \x1b[32mINFO\x1b[0m "
        "\x1b[90m03-15 10:00:{:02d}\x1b[0m \x1b[90m[loggers.py:321]\x1b[0m "
        f"Engine 000: {THROUGHPUT}Running: 3 reqs, Waiting: 2 reqs, Deferred: 1 reqs, "
        "KV fetch: 1 waiting to start, 0 in progress, 0 completed waiting, "
        "Preemptions: 4, CPU KV cache usage: 1.0%\n"
    ),
    "0.11.0 for debugging": (
        "DEBUG 03-15 10:00:{:02d} [v1/metrics/loggers.py:123] Engine 000: "
        f"{THROUGHPUT}Running: 3 reqs, Waiting: 2 reqs, GPU KV cache usage: 0.2%, "
        "Prefix cache hit rate: 60.0%\n"
    ),
    "0.33.0 as JSON (python-json-logger)": (
        '{{"asctime": "2026-03-15 10:00:{:02d},123", "levelname": "INFO", '
        '"name": "vllm.v1.metrics.loggers", "processName": "MainProcess", '
        f'"process": 7, "message": "Engine 000: {THROUGHPUT}Running: 3 reqs, '
        'Waiting: 2 reqs, GPU KV cache usage: 0.2%"}}\n'
    ),
}


@pytest.mark.parametrize("form", WRITTEN_FORMS)
def test_every_form_of_vllm_tells_what_runs_and_waits(form: str) -> None:
    text = "".join(WRITTEN_FORMS[form].format(second) for second in (0, 10, 20))
    assert looks_like_engine_log(text)
    evidence = read_engine_log(lines_of(text), "x.log")
    assert seconds_by_level(evidence) == {(3, 2): 30.0}
    assert (evidence.kind, evidence.samples) == ("engine_log", 3)
    assert evidence.rejections == evidence.faults == ()


def test_readings_speak_by_time_and_silence_after_idleness_is_idle() -> None:
    stamps = [("10:00:00", 4), ("10:00:10", 2), ("10:00:20", 0), ("11:00:00", 5)]
    text = "".join(
        v1(f"06-16 {clock}", running, lead=of_process(88)) for clock, running in stamps
    )
    evidence = read_engine_log(lines_of(text), "x.log")
    assert seconds_by_level(evidence) == {
        (4, 0): 10.0, (2, 0): 10.0, (0, 0): 3_580.0, (5, 0): 10.0,
    }  # fmt: skip
    assert evidence.faults == ()
    assert any("idle" in note for note in evidence.notes)


COLLECTED = {
    "Google Cloud": '{{"insertId":"q{0}","textPayload":"',
    "Elasticsearch": '{{"_id": "A{0}", "log": {{"offset": {0}00}}, "message": "',
    "journald's export": '{{"__CURSOR":"s=1;i={0}","__MONOTONIC_TIMESTAMP":"{0}","M":"',
    "journald, as short-precise": "Jun 16 14:14:{0}0.120{0}56 host vllm[123]: ",
    "seconds since 1970": "178166365{0}.12 host ",
    "Go's log": "2026/06/16 14:14:{0}0 ",
    "a clock": "[14:14:{0}0.123] ",
    "two stamps": "2026-06-16T14:14:{0}0Z stderr 2026-06-16T14:14:{0}1Z ",
}


@pytest.mark.parametrize("collected", COLLECTED)
def test_what_collectors_number_lines_with_tells_no_engines(collected: str) -> None:
    text = "".join(
        v1(f"06-16 14:14:{at}0", at, lead=COLLECTED[collected].format(at))
        for at in range(6)
    )
    evidence = read_engine_log(lines_of(text), "x.log")
    assert load_of(evidence).replicas == 1
    assert seconds_by_level(evidence) == {(at, 0): 10.0 for at in range(6)}


def test_pods_are_told_apart_by_what_collectors_say_of_them() -> None:
    text = "".join(
        v1(
            f"06-16 14:14:{at}0",
            1,
            lead=f'{{"insertId":"{at}{pod}","pod":"v-{pod}","M":"',
        )
        for at in range(6)
        for pod in range(2)
    )
    assert load_of(read_engine_log(lines_of(text), "x.log")).replicas == 2


def test_a_log_where_every_line_names_another_engine_is_refused() -> None:
    text = "".join(
        v1(f"06-16 14:{at // 6:02}:{at % 6}0", lead=f"n{at} ") for at in range(20)
    )
    with pytest.raises(InputError, match="20 servers for 20 readings"):
        read_engine_log(lines_of(text), "x.log")


def test_many_engines_of_one_server_may_each_say_one_thing() -> None:
    text = "".join(v1("06-16 14:00:00", 1, engine=at) for at in range(20))
    assert load_of(read_engine_log(lines_of(text), "x.log")).replicas == 20


def test_a_log_with_the_newest_line_first_is_read_from_its_end() -> None:
    lines = [v1(f"06-16 14:14:{at}0", at) for at in range(6)]
    forward = read_engine_log(lines, "x.log")
    backward = read_engine_log(lines[::-1], "x.log")
    assert seconds_by_level(backward) == seconds_by_level(forward)
    assert backward.faults == ()
    assert any("read from the end" in note for note in backward.notes)


OUTER = {
    "docker and kubectl": "2026-06-16T14:14:{:02d}.123456789Z ",
    "journald, as short-iso": "2026-06-16T14:14:{:02d}+0900 host vllm[123]: ",
    "syslog": "Jun 16 14:14:{:02d} host vllm[123]: ",
    "compose": "vllm-1  | 2026-06-16 14:14:{:02d},123 ",
}


@pytest.mark.parametrize("outer", OUTER)
def test_vllm_s_own_stamp_counts_where_others_stand_before_it(outer: str) -> None:
    text = "".join(
        v1(f"06-16 05:14:{second}0", running, lead=OUTER[outer].format(second))
        for second, running in ((0, 3), (1, 4), (2, 5))
    )
    evidence = read_engine_log(lines_of(text), "x.log")
    assert seconds_by_level(evidence) == {(3, 0): 10.0, (4, 0): 10.0, (5, 0): 10.0}
    assert load_of(evidence).replicas == 1


@pytest.mark.parametrize("outer", OUTER)
def test_without_vllm_s_own_stamp_the_one_before_it_counts(outer: str) -> None:
    text = "".join(
        f"{OUTER[outer].format(second)}Engine 000: {THROUGHPUT}Running: {running} reqs, "
        "Waiting: 0 reqs, GPU KV cache usage: 1.0%\n"
        for second, running in ((0, 3), (10, 4), (20, 5))
    )
    assert looks_like_engine_log(text)
    evidence = read_engine_log(lines_of(text), "x.log")
    assert seconds_by_level(evidence) == {(3, 0): 10.0, (4, 0): 10.0, (5, 0): 10.0}


def test_a_line_without_the_clock_of_the_others_is_refused() -> None:
    bare = f"Engine 000: {THROUGHPUT}Running: 9 reqs, Waiting: 0 reqs, GPU\n"
    dated = f"2026-06-16T14:14:37Z {bare}"
    text = [v1("06-16 14:14:37"), dated, bare, v1("06-16 14:14:47")]
    evidence = read_engine_log(text, "x.log")
    assert reasons(evidence.rejections) == {NO_TIME: 2}
    assert [str(each) for each in evidence.rejections[0].places] == [
        "x.log:2", "x.log:3",
    ]  # fmt: skip
    assert evidence.samples == 4


def test_after_december_comes_january() -> None:
    text = [v1("12-31 23:59:50", 1), v1("01-01 00:00:00", 2), v1("01-01 00:00:10", 3)]
    evidence = read_engine_log(text, "x.log")
    assert seconds_by_level(evidence) == {(1, 0): 10.0, (2, 0): 10.0, (3, 0): 10.0}
    assert evidence.faults == ()


@pytest.mark.parametrize(("leap_day", "days"), [(False, 1), (True, 2)])
def test_a_29_february_is_there_when_a_stamp_says_so(leap_day: bool, days: int) -> None:
    text = [v1("02-28 00:00:00", 0), v1("03-01 00:00:00", 0)]
    if leap_day:
        text.insert(1, v1("02-29 00:00:00", 0))
    evidence = read_engine_log(text, "x.log")
    assert load_of(evidence).span_s == pytest.approx(86_400 * (days + 1), rel=0.5)
    assert evidence.faults == ()


def test_a_clock_that_goes_back_within_a_year_is_noticed() -> None:
    text = [v1("06-16 02:59:50"), v1("06-16 02:00:00"), v1("06-16 02:00:10")]
    evidence = read_engine_log(text, "x.log")
    assert reasons(evidence.faults) == {CLOCK_GOES_BACK: 1}


def test_engines_and_processes_at_the_same_time_are_replicas() -> None:
    text = [
        v1(f"06-16 14:14:{second}7", running, engine=engine, lead=of_process(pid))
        for second in (3, 4, 5)
        for running, (pid, engine) in enumerate([(10, 0), (10, 1), (11, 0)])
    ]
    evidence = read_engine_log(text, "x.log")
    assert load_of(evidence).replicas == 3
    assert seconds_by_level(evidence) == {(0, 0): 30.0, (1, 0): 30.0, (2, 0): 30.0}
    assert evidence.faults == ()


def test_logs_of_replicas_one_after_the_other_are_replicas_too() -> None:
    one = [v1(f"06-16 14:14:{second}7", 1, lead=of_process(10)) for second in (3, 4)]
    other = [v1(f"06-16 14:14:{second}2", 2, lead=of_process(11)) for second in (3, 4)]
    evidence = read_engine_log([*one, *other], "x.log")
    assert load_of(evidence).replicas == 2
    assert evidence.faults == ()


def test_a_process_that_follows_another_is_a_restart() -> None:
    text = [
        v1("06-16 14:14:37", 3, lead=of_process(10)),
        v1("06-16 14:14:47", 0, lead=of_process(10)),
        v1("06-16 14:30:07", 4, lead=of_process(99)),
        v1("06-16 14:30:17", 4, lead=of_process(99)),
    ]
    evidence = read_engine_log(text, "x.log")
    assert load_of(evidence).replicas == 1
    assert seconds_by_level(evidence) == {(3, 0): 10.0, (0, 0): 10.0, (4, 0): 20.0}
    assert reasons(evidence.faults) == {RESTART: 1}
    assert str(evidence.faults[0].places[0]) == "x.log:3"


STARTS = {
    "vLLM's server": "INFO 06-16 14:20:00 [api_server.py:1839] vLLM API server version "
    "0.11.0",
    "uvicorn": "INFO:     Started server process [1]",
    "the engine, before processes had names": "INFO 06-16 14:20:00 [core.py:58] "
    "Initializing a V1 LLM engine (v0.8.5) with config: model='m'",
    "the older engine": "INFO 06-16 14:20:00 llm_engine.py:101] Initializing an LLM "
    "engine (v0.4.2) with config: model='m'",
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("pid", [None, 1])
def test_a_server_that_says_it_starts_has_restarted(
    start: str, pid: int | None
) -> None:
    lead = of_process(pid) if pid else ""
    text = [
        f"{lead}{STARTS[start]}\n",
        v1("06-16 14:14:37", 3, lead=lead),
        v1("06-16 14:14:47", 0, lead=lead),
        f"{lead}{STARTS[start]}\n",
        f"{lead}INFO:     Started server process [1]\n",
        v1("06-16 14:30:07", 4, lead=lead),
        v1("06-16 14:30:17", 4, lead=lead),
    ]
    evidence = read_engine_log(text, "x.log")
    assert reasons(evidence.faults) == {RESTART: 1}
    assert seconds_by_level(evidence)[0, 0] == 10
    assert load_of(evidence).replicas == 1


def test_a_part_of_a_server_that_starts_is_no_server() -> None:
    part = "(EngineCore_DP0 pid=20) INFO 06-16 14:14:40 [core.py:77] "
    text = [
        v1("06-16 14:14:37", lead=of_process(10)),
        f"{part}Initializing a V1 LLM engine (v0.11.0) with config: model='m'\n",
        v1("06-16 14:14:47", lead=of_process(10)),
    ]
    assert read_engine_log(text, "x.log").faults == ()


@pytest.mark.parametrize(
    ("line", "engine"),
    [
        ("INFO 06-16 14:14:00 [__init__.py:3] Loading plugin rbln", "rbln"),
        ("[vllm-rbln] INFO 06-16 14:14:00 [a.py:3] Using RBLN sampler: True", "rbln"),
        ("INFO 06-16 14:14:00 [cuda.py:328] Using FlashAttention backend", "gpu"),
        ("INFO 06-16 14:14:00 [core.py:3] device_config=cuda, x=y", "gpu"),
        ("INFO 06-16 14:14:00 [pynccl.py:65] vLLM is using nccl==2.27.3", "gpu"),
        ("INFO 06-16 14:14:00 [core.py:3] cudagraph_mode=NONE", "unknown"),
        ("INFO 06-16 14:14:00 [logger.py:43] Received request: CUDA, RBLN?", "unknown"),
    ],
)
def test_what_kind_of_engine_it_is_is_read_from_what_it_says(
    line: str, engine: str
) -> None:
    text = [f"{line}\n", v1("06-16 14:14:37"), v1("06-16 14:14:47")]
    assert read_engine_log(text, "x.log").engine == engine


def test_rbln_is_said_even_where_an_nvidia_model_is_served() -> None:
    text = [
        "INFO 06-16 14:14:00 [a.py:1] model='nvidia/Nemotron'\n",
        "INFO 06-16 14:14:00 [a.py:2] vllm-rbln\n",
        v1("06-16 14:14:37"),
    ]
    assert read_engine_log(text, "x.log").engine == "rbln"


def test_engines_that_are_aggregated_are_said_to_be() -> None:
    text = [
        v1(f"06-16 14:14:{second}7", 9).replace("Engine 000", "2 Engines Aggregated")
        for second in (3, 4)
    ]
    evidence = read_engine_log(text, "x.log")
    assert seconds_by_level(evidence) == {(9, 0): 20.0}
    assert any("sum" in note for note in evidence.notes)


def test_what_users_wrote_is_no_reading() -> None:
    whole = v1("06-16 14:14:38", 900)
    message = whole.partition("] ")[2]
    text = [
        v1("06-16 14:14:37", 1),
        f"INFO 06-16 14:14:38 [logger.py:43] Received request x: prompt: '{message}'\n",
        f"INFO 06-16 14:14:38 [logger.py:43] {message}",
        f"Received request x: prompt: '{whole}",
        f"{'x' * 500}{whole}",
        "INFO 06-16 14:14:38 [logger.py:43] Started server process [1]\n",
        v1("06-16 14:14:47", 1),
    ]
    evidence = read_engine_log(text, "x.log")
    assert seconds_by_level(evidence) == {(1, 0): 20.0}
    assert evidence.rejections == evidence.faults == ()


def test_cut_lines_and_numbers_that_cannot_be_are_counted_with_their_places() -> None:
    whole = v1("06-16 14:14:57")
    text = [
        v1("06-16 14:14:37"),
        whole[: whole.index("Running: 1") + 9] + "\n",
        whole[: whole.index(" reqs, GPU")] + whole,
        whole.replace("Running: 1", "Running: -3"),
        whole.replace("Running: 1", f"Running: {10**30}"),
        whole.replace("Running: 1", "Running: " + "9" * 5_000),
        whole.replace("06-16", "13-45"),
        whole.replace("14:14", "14:74"),
        v1("06-16 14:14:47"),
    ]
    evidence = read_engine_log(text, "x.log")
    assert reasons(evidence.rejections) == {RAGGED: 3, ABSURD: 2, NO_TIME: 2}
    places = {
        each.reason: [place.line for place in each.places]
        for each in evidence.rejections
    }
    assert places == {RAGGED: [2, 3, 6], ABSURD: [4, 5], NO_TIME: [7, 8]}
    assert evidence.samples == 9


def test_of_many_unusable_lines_a_few_have_places() -> None:
    text = [v1("06-16 14:14:37"), *[v1("06-16 14:99:37")] * 7]
    [rejection] = read_engine_log(text, "x.log").rejections
    assert (rejection.count, len(rejection.places)) == (7, 5)


def test_a_log_without_a_reading_is_refused_with_what_would_be_right() -> None:
    with pytest.raises(InputError, match=r"x\.log: none of 0 lines.*loggers\.py"):
        read_engine_log(["INFO 06-16 14:14:37 [a.py:1] hello\n"], "x.log")


def test_more_engines_than_there_can_be_are_refused() -> None:
    text = [
        v1("06-16 14:14:37", engine=each, lead=of_process(each))
        for each in range(MAX_REPLICAS + 1)
    ]
    with pytest.raises(InputError, match="engines are named"):
        read_engine_log(text, "x.log")


def test_a_server_s_log_is_known_before_its_first_metrics() -> None:
    access = 'INFO:     127.0.0.1:48324 - "GET /v1/models HTTP/1.1" 200 OK\n'
    assert looks_like_engine_log(f"{of_process(1)}{access}" * 9)
    assert looks_like_engine_log("INFO 06-16 14:14:37 [api_server.py:1] Route: /x\n")
    assert looks_like_engine_log(v1("06-16 14:14:37", lead=of_process(1)))


def test_nothing_of_a_server_s_log_but_numbers_is_kept() -> None:
    lead = "secret-host | 2026-06-16T14:14:37Z (APIServer pid=424242) "
    text = [
        f'{lead}INFO:     198.51.100.7:1 - "POST /secret HTTP/1.1" 200 OK\n',
        v1("06-16 14:14:37", lead=lead),
        v1("06-16 14:14:47", lead=lead),
    ]
    told = repr(read_engine_log(text, "x.log"))
    assert not any(each in told for each in ("secret", "198.51", "424242"))


# Prometheus.


def scraped(lines: Iterable[str], name: str) -> Evidence:
    [evidence] = prometheus.evidence_of([read_prometheus(lines, name)])
    return evidence


def answer(name: str) -> str:
    return (GOLD / "prometheus" / f"{name}.json").read_text()


def told_by_schedule() -> dict[tuple[int, int], float]:
    schedule = json.loads(answer("schedule"))["schedule"]
    found: dict[tuple[int, int], float] = {}
    for levels in schedule.values():
        for seconds, running, waiting in levels:
            if running is not None:
                found[running, waiting] = found.get((running, waiting), 0.0) + seconds
    return found


def matrix(*series: tuple[dict[str, str], list[Any]]) -> str:
    result = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data}) + "\n"


def gauge(
    role: str, *values: object, instance: str = "a:1", start_s: int = 1_700_000_000
) -> tuple[dict[str, str], list[Any]]:
    labels = {"__name__": f"vllm:num_requests_{role}", "instance": instance}
    return labels, [[start_s + 10 * nth, value] for nth, value in enumerate(values)]


@pytest.mark.parametrize("documents", [("both",), ("running", "waiting")])
def test_a_real_prometheus_tells_the_schedule_its_replicas_followed(
    documents: tuple[str, ...],
) -> None:
    text = "".join(map(answer, documents))
    assert looks_like_prometheus(text[:65_536])
    evidence = scraped(lines_of(text), "x.json")
    expected = told_by_schedule()
    found = seconds_by_level(evidence)
    assert found.keys() == expected.keys()
    for level, seconds in expected.items():
        # A scrape a second: each change is seen up to a second late, in two replicas.
        assert found[level] == pytest.approx(seconds, abs=2)
    assert (evidence.kind, load_of(evidence).replicas) == ("prometheus", 2)
    assert evidence.samples == 215
    assert reasons(evidence.faults) == {GAP: 1}
    assert evidence.rejections == ()


@pytest.mark.parametrize(
    "form",
    [
        lambda text: json.dumps(json.loads(text), indent=2, sort_keys=True),
        lambda text: json.dumps(json.loads(text)["data"]),
    ],
)
def test_it_may_be_printed_anew(form: Callable[[str], str]) -> None:
    text = form(answer("both"))
    assert looks_like_prometheus(text[:65_536])
    again, first = (
        scraped(lines, "x.json") for lines in (lines_of(text), [answer("both")])
    )
    assert seconds_by_level(again) == seconds_by_level(first)
    assert again.faults == first.faults


@pytest.mark.parametrize("order", [("running", "waiting"), ("waiting", "running")])
def test_a_query_for_each_gauge_gives_two_files_of_one_load(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    for name in ("both", *order):
        (tmp_path / f"{name}.json").write_text(answer(name))
    apart = read_evidence([tmp_path / f"{name}.json" for name in order])
    together = read_evidence([tmp_path / "both.json"])
    assert seconds_by_level(apart) == seconds_by_level(together)
    assert apart.samples == together.samples
    assert reasons(apart.faults) == reasons(together.faults)
    assert apart.names == tuple(f"{name}.json" for name in order)


def test_waiting_requests_of_other_engines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(matrix(gauge("running", "3", "3")))
    waiting = matrix(gauge("waiting", "2", "2", instance="b:1"))
    (tmp_path / "b.json").write_text(waiting)
    with pytest.raises(InputError, match=r"b\.json: no series of running requests"):
        read_evidence([tmp_path / "a.json", tmp_path / "b.json"])


def test_two_files_that_lost_their_names_are_not_taken_for_two_engines(
    tmp_path: Path,
) -> None:
    for name, values in (("a", ["3", "3"]), ("b", ["2", "0"])):
        _, samples = gauge("running", *values)
        (tmp_path / name).write_text(matrix(({}, samples)))
    with pytest.raises(InputError, match="a and b: two results without the name"):
        read_evidence([tmp_path / "a", tmp_path / "b"])


def test_a_sum_over_replicas_is_said_to_be_one() -> None:
    evidence = scraped([answer("sum")], "x.json")
    assert load_of(evidence).replicas == 1
    assert max(load_of(evidence).running) == 12
    said = " ".join(evidence.notes)
    assert "without a name" in said
    assert "their sum" in said
    assert "without a count of waiting" in said


def test_averages_that_are_no_counts_are_refused_and_told() -> None:
    evidence = scraped([answer("average")], "x.json")
    assert reasons(evidence.rejections) == {FRACTION: 12}
    assert evidence.samples == 72
    assert any("avg_over_time" in note for note in evidence.notes)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("instant", "one moment"),
        ("error", r"error \(bad_data\)"),
        ("nothing", "no series of running"),
        ("waiting", "no series of running"),
    ],
)
def test_other_answers_are_refused_with_the_query_that_is_expected(
    name: str, said: str
) -> None:
    assert looks_like_prometheus(answer(name))
    with pytest.raises(InputError, match=f"x.json: .*{said}.*query_range") as error:
        scraped([answer(name)], "x.json")
    assert "parenthesis" not in str(error.value)


def test_names_are_known_in_every_spelling() -> None:
    for prefix in ("vllm:", "vllm_", "", "ray_vllm_"):
        text = matrix(gauge("running", "3", "3"), gauge("waiting", "2", "2")).replace(
            "vllm:", prefix
        )
        assert seconds_by_level(scraped([text], "x")) == {(3, 2): 20.0}


def test_swapped_requests_wait_and_other_series_are_not_read() -> None:
    text = matrix(
        gauge("running", "3", "3"),
        gauge("waiting", "2", "2"),
        gauge("swapped", "1", "1"),
        gauge("waiting_by_reason", "9", "9"),
    )
    evidence = scraped([text], "x")
    assert seconds_by_level(evidence) == {(3, 3): 20.0}
    assert any("1 series of something else" in note for note in evidence.notes)


def test_unusable_samples_are_counted_by_reason() -> None:
    text = matrix(
        gauge("running", "1", "NaN", "-1", "+Inf", "2.5", 4, "x", None, [], "1e9"),
        gauge("running", "1", "1", instance="b:1"),
        gauge("waiting", "0", "NaN", instance="b:1"),
        ({"__name__": "vllm:num_requests_running", "instance": "c"}, [
            ["1700000000", "1"], [1e30, "1"], [-5, "1"], [10**400, "1"], [1], 7,
            [1_700_000_000, "9" * 5_000],
        ]),
    )  # fmt: skip
    evidence = scraped([text], "x.json")
    assert reasons(evidence.rejections) == {
        NOT_A_NUMBER: 5, ABSURD: 4, FRACTION: 1, NO_TIME: 6,
    }  # fmt: skip
    assert evidence.samples == 19
    assert [str(each) for each in evidence.rejections[0].places] == ["x.json"]


def test_nothing_but_unusable_samples_is_refused() -> None:
    with pytest.raises(InputError, match=r"none of 2 samples .*not a number"):
        scraped([matrix(gauge("running", "NaN", "x"))], "x")


def test_pages_that_overlap_are_seen_once_in_any_order() -> None:
    later = matrix(gauge("running", "3", "4", start_s=1_700_000_010))
    pages = [matrix(gauge("running", "2", "3")), later]
    for order in (pages, pages[::-1]):
        evidence = scraped(order, "x")
        assert seconds_by_level(evidence) == {(2, 0): 10.0, (3, 0): 10.0, (4, 0): 10.0}
        assert reasons(evidence.faults) == {DUPLICATE: 1}


def test_two_results_that_lost_their_names_are_refused_where_they_differ() -> None:
    one = matrix(({}, [[1_700_000_000, "1"], [1_700_000_010, "NaN"]]))
    other = matrix(({}, [[1_700_000_000, "7"]]))
    with pytest.raises(InputError, match="neither says"):
        scraped([one, other], "x")
    assert scraped([one, one], "x").faults


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "7",
        '"x"',
        '{"data": []}',
        '{"data": {"result": 5}}',
        '{"data": {"resultType": ["matrix"], "result": []}}',
        '{"data": {"resultType": "matrix", "result": [5]}}',
        '{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": 5}]}}',
        '{"data": {"resultType": "matrix", "result": [{"metric": 5, "values": []}]}}',
        '{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}}',
        '{"data": {"result": [{"metric": {"__name__": []}, "values": []}]}}',
        '{"data": {"result": [{"metric": {}, "histograms": [[1, {}]]}]}}',
        '{"status": "error", "errorType": "secret"}',
        '{"status": "error", "errorType": {}}',
        "{" * 100_000,
        '{"a":' * 100_000,
        "",
        "null",
        "{} x",
    ],
)
def test_json_of_any_other_kind_is_refused_in_words(document: str) -> None:
    with pytest.raises(InputError, match="expected the answer of") as error:
        scraped(lines_of(document), "x")
    assert "secret" not in str(error.value)


def test_native_histograms_are_refused_as_such() -> None:
    series = {"metric": {}, "histograms": [[1_700_000_000, {"count": "5"}]]}
    text = json.dumps({"data": {"resultType": "matrix", "result": [series]}})
    with pytest.raises(InputError, match="histograms"):
        scraped([text], "x")


def test_a_document_has_a_greatest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolding, "MAX_CHARACTERS", 1_000)
    with pytest.raises(InputError, match="longer step"):
        scraped([answer("both")], "x")


def test_more_label_sets_than_there_can_be_engines_are_refused() -> None:
    series = [
        gauge("running", "1", instance=str(nth)) for nth in range(MAX_REPLICAS + 1)
    ]
    with pytest.raises(InputError, match="label set"):
        scraped([matrix(*series)], "x")


def test_no_label_is_kept() -> None:
    text = answer("both").replace("127.0.0.1", "secret-host")
    assert "secret" not in repr(scraped([text], "x"))


# Access logs.

NGINX_FORMS = ("msec", "keys", "timed", "trailing", "ingress")
TELLING_ENGINES = ("keys", "ingress")
TO_THE_MILLISECOND = ("msec", "keys")


def written(name: str) -> list[str]:
    return lines_of((GOLD / "nginx" / f"{name}.log").read_text())


def asked_for() -> list[tuple[float, float]]:
    told = json.loads((GOLD / "nginx" / "schedule.json").read_text())
    return [
        (after_s, seconds)
        for after_s, seconds, path in told["schedule"]
        if path.startswith("/v1/chat")
    ]


@pytest.mark.parametrize("form", NGINX_FORMS)
def test_a_real_nginx_tells_how_long_every_completion_took(form: str) -> None:
    lines = written(form)
    evidence = evidence_of(lines)
    activity = load_of(evidence)
    held_s = float((activity.running * activity.seconds).sum())
    assert held_s == pytest.approx(sum(seconds for _, seconds in asked_for()), abs=0.5)
    assert (evidence.kind, evidence.samples) == ("requests", 44)
    told = form in TELLING_ENGINES
    assert activity.replicas == (2 if told else 1)
    others = {NOT_SERVED: 1} if told else {}
    assert reasons(evidence.rejections) == {NOT_A_COMPLETION: 13, **others}
    said = " ".join(evidence.notes)
    assert ("no line tells the engine" in said) == (not told)
    assert ("to the second" in said) == (form not in TO_THE_MILLISECOND)


def test_a_real_nginx_tells_how_many_were_in_flight() -> None:
    start_s, length_s = np.array(asked_for()).T
    schedule = Requests(
        start_s=start_s,
        end_s=start_s + length_s,
        replica=np.zeros(start_s.size, dtype=np.int64),
    )
    expected = np.bincount(sweep(schedule).running, weights=sweep(schedule).seconds)
    found = load_of(evidence_of(written("msec")))
    seconds = np.bincount(found.running, weights=found.seconds, minlength=expected.size)
    # Each request is some milliseconds late, at its start and at its end.
    assert seconds[: expected.size] == pytest.approx(expected, abs=0.5)
    assert seconds[expected.size :].sum() < 0.1


COMPLETION = '"POST /v1/chat/completions HTTP/1.1"'
COMBINED = (
    f'192.0.2.1 - - [10/Oct/2023:13:55:36 +0200] {COMPLETION} 200 2326 "-" "curl"'
)

# Written after the variables that nginx.org documents, not recorded.
NGINX_LINES = {
    "two numbers": "1696938936.000 2.500",
    "two numbers and more": f"1696938936.000 2.500 {COMPLETION} 200",
    "keys": "msec=1696938936.000 request_time=2.500",
    "keys, quoted": f'{COMBINED} rt="2.500" urt="2.400"',
    "keys with $time_iso8601": "time=2023-10-10T13:55:36+02:00 request_time=2.500",
    "keys with $time_local": f'"10/Oct/2023:13:55:36 +0200" client=192.0.2.1 '
    f"method=POST request={COMPLETION} request_time=2.500 upstream_response_time=9.9",
    "the last value": f"{COMBINED} 2.500",
    "the last value, quoted": f'{COMBINED} "-" "2.500"',
    "the time before the request": "192.0.2.1 [10/Oct/2023:13:55:36 +0200] 2.500 "
    f"{COMPLETION} 200",
    "beside the times of the upstream": f"{COMBINED} 0.001 2.400 2.500 .",
    "a user who says something else": COMBINED.replace("curl", "rt=9 9.000 x=y")
    + " rt=2.500",
}


@pytest.mark.parametrize("form", NGINX_LINES)
def test_a_request_lasts_from_its_end_less_its_time(form: str) -> None:
    load = load_of(evidence_of([f"{NGINX_LINES[form]}\n"]))
    end_s = 1_696_938_936
    assert load.span_s == 2.5
    assert load.slot[0] * load.slot_width_s <= end_s - 2.5 < end_s


def test_a_log_without_durations_says_what_is_missing() -> None:
    with pytest.raises(InputError, match="what is missing is how long") as caught:
        evidence_of([f"{COMBINED}\n"] * 3)
    assert "$request_time" in str(caught.value)
    assert "curl" not in str(caught.value)


def test_zones_count() -> None:
    first, second = (
        load_of(evidence_of([f"{NGINX_LINES[form]}\n"]))
        for form in ("the last value", "keys")
    )
    assert first.sha256() == second.sha256()


def test_the_last_of_several_upstreams_has_answered() -> None:
    ends = {
        "keys": "upstream_addr={} request_time=1.0",
        "quoted": 'upstream="{}" rt=1.0',
    }
    for text in ends.values():
        lines = [
            f"msec={1_700_000_000 + nth}.000 {text.format(tried)}\n"
            for nth, tried in enumerate(["10.0.0.1:80, 10.0.0.2:80", "10.0.0.2:80"])
        ]
        assert load_of(evidence_of(lines)).replicas == 1


# Written after "Access log entries" of the Elastic Load Balancing user guide, not recorded.
BALANCER = (
    "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
    "192.168.131.39:2817 {target} {times} 200 200 0 57 "
    '"POST https://www.example.com:443/{path} HTTP/1.1" "curl/7.46.0" '
    "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:"
    "123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "
    '"Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" '
    '"arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 {created} '
    '"authenticate,forward" "-" "-" "{target}" "200" "-" "-"\n'
)


def balancer(
    target: str = "10.0.0.1:80",
    times: str = "0.086 0.048 0.037",
    path: str = "v1/completions?x=1",
    created: str = "2018-07-02T22:22:48.364000Z",
) -> str:
    return BALANCER.format(target=target, times=times, path=path, created=created)


def test_a_balancer_tells_from_creation_to_end_on_which_target() -> None:
    lines = [balancer(), balancer("10.0.0.2:80"), balancer()]
    evidence = evidence_of(lines)
    lasted_s = 11.822641
    assert seconds_by_level(evidence) == {
        (1, 0): pytest.approx(lasted_s), (2, 0): pytest.approx(lasted_s),
    }  # fmt: skip
    assert load_of(evidence).replicas == 2
    assert evidence.rejections == ()


def test_what_reached_no_target_and_what_is_damaged_is_counted_apart() -> None:
    lines = [
        *[balancer()] * 9,
        balancer("-", "-1 -1 -1"),
        balancer(times="0.000 -1 -1"),
        balancer(path="health"),
        balancer("-", "-1 -1 -1", path="health"),
        f"{balancer()[:200]}\n",
        f"{balancer()[:400]}\n",
        balancer(created="2019-07-02T22:22:48.364000Z"),
        balancer(created="2016-07-02T22:22:48.364000Z"),
        balancer(created="2018-13-02T22:22:48.364000Z"),
        "\n",
        "x" * 100_000,
    ]
    evidence = evidence_of(lines)
    assert reasons(evidence.rejections) == {
        NOT_SERVED: 3, RAGGED: 2, ENDS_BEFORE_START: 1, ABSURD: 1, NO_TIME: 1,
        NOT_A_COMPLETION: 2,
    }  # fmt: skip
    assert evidence.samples == 19


def test_parts_of_one_log_are_one_log() -> None:
    lines = written("keys")
    together = load_of(evidence_of(lines[::2], lines[1::2]))
    assert together.sha256() == load_of(evidence_of(lines)).sha256()
    assert together.replicas == 2


@pytest.mark.parametrize(
    ("request_line", "counts"),
    [
        ("POST /v1/completions HTTP/1.1", True),
        ("POST /v1/chat/completions?api-version=1 HTTP/1.1", True),
        ("POST /openai/deployments/m/chat/completions/ HTTP/2.0", True),
        ("POST /v1/responses HTTP/1.1", True),
        ("POST /v1/messages HTTP/1.1", True),
        ("POST /generate HTTP/1.1", True),
        ("POST /invocations HTTP/1.1", True),
        ("GET /v1/chat/completions HTTP/1.1", False),
        ("OPTIONS /v1/chat/completions HTTP/1.1", False),
        ("POST /v1/embeddings HTTP/1.1", False),
        ("POST /v1/messages/count_tokens HTTP/1.1", False),
        ("GET /metrics HTTP/1.1", False),
        ("GET /health HTTP/1.1", False),
        ("GET /v1/models HTTP/1.1", False),
    ],
)
def test_only_completions_are_load(request_line: str, counts: bool) -> None:
    lines = [
        f'1700000000.000 1.000 "{each}" 200\n'
        for each in ("POST /v1/completions HTTP/1.1", request_line)
    ]
    assert evidence_of(lines).rejected == (not counts)


def test_where_no_path_is_shown_all_requests_count_and_that_is_said() -> None:
    evidence = evidence_of(["1700000000.500 1.000\n"])
    assert any("no line shows a path" in note for note in evidence.notes)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{COMBINED}\n", "how long a request took"),
        ("hello\n", "no columns that tell the load"),
        ("", "empty"),
        (balancer("-", "-1 -1 -1"), NOT_SERVED),
        (f"{COMBINED} 2.500\n".replace("10/Oct", "10/Foo"), NO_TIME),
        (f"{COMBINED} 2.500\n".replace(":13:", ":33:"), NO_TIME),
        ("1700000000.000 0.000\n", "no request lasts any time"),
    ],
)
def test_a_log_without_a_completion_is_refused_in_words(line: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        evidence_of([line])


def test_more_upstreams_than_there_can_be_engines_are_one_engine() -> None:
    lines = [
        f"msec=1700000000.000 rt=1.000 upstream=10.0.{nth // 250}.{nth % 250}:80\n"
        for nth in range(MAX_REPLICAS + 1)
    ]
    evidence = evidence_of(lines)
    assert load_of(evidence).replicas == 1
    assert any("1,001 engines are named" in note for note in evidence.notes)


def test_no_address_and_no_path_is_kept() -> None:
    lines = [balancer(path="secret/v1/completions"), balancer("10.0.0.2:80")]
    told = repr(evidence_of(lines))
    assert not any(
        each in told
        for each in ("secret", "10.0.0", "192.168", "example", "Root", "arn:")
    )


# All of them.

TEXTS = {
    "an engine's log": v1("06-16 14:14:37", lead=of_process(1)) * 3,
    "an older engine's log": WRITTEN_FORMS["0.6.6 engine/metrics.py"].format(7),
    "Prometheus": answer("sum"),
    "nginx": "".join(written("timed")),
    "a balancer": balancer() * 2,
    "a table": "timestamp,duration,width\n2026-10-01T00:00:00Z,0.532,7\n" * 9,
    "a table of numbers": "640 480\n1280 720\n",
    "JSON Lines": '{"time": "2026-10-01T00:00:00Z", "request_time": "0.532"}\n' * 9,
    "nginx as JSON": '{"time":"2026-10-01T00:00:00Z","request":"POST /v1/completions '
    'HTTP/1.1","request_time":"0.532"}\n',
    "nothing": "",
}


@pytest.mark.parametrize("text", TEXTS)
def test_each_text_is_known_by_one_reader_at_most(text: str) -> None:
    known = [
        looks_like(TEXTS[text])
        for looks_like in (looks_like_engine_log, looks_like_prometheus)
    ]
    right = {"an engine's log": 0, "an older engine's log": 0, "Prometheus": 1}
    assert known == [right.get(text) == nth for nth in range(2)]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.data())
def test_damaged_text_ends_in_evidence_or_in_words(
    form: str, data: st.DataObject
) -> None:
    text = TEXTS[form][:2_000]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 40))
        put = data.draw(
            st.one_of(
                st.text(max_size=12),
                st.sampled_from(
                    [
                        '"',
                        "-1 ",
                        "9" * 40,
                        "[",
                        "\x1b[",
                        "=",
                        "\n",
                        "0.001 ",
                        "NaN",
                        "{",
                    ]
                ),
            )
        )
        text = text[:start] + put + text[end:]
    readers: tuple[Callable[[list[str]], Evidence], ...] = (
        lambda lines: read_engine_log(lines, "x"),
        lambda lines: merge_load(
            [("x", read_prometheus(lines, "x"))], max_bad_rows=1.0
        ),
        evidence_of,
    )
    for read in readers:
        try:
            evidence = read(lines_of(text))
        except BucketwiseError:
            continue
        assert evidence.samples >= evidence.rejected
        if isinstance(evidence.load, Activity):
            assert evidence.load.observed_s > 0
