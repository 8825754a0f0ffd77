"""Tables that tell the load of a decoder: requests, arrivals, an engine's statistics."""

import io
import json
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.decoder.timeline import sweep
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.activity import Activity, Arrivals, Evidence, Requests
from bucketwise.read import read_evidence, read_inputs, read_rows, read_traffic
from bucketwise.read.evidence import load as reading
from bucketwise.read.evidence.merging import add_activities
from tests.budget import drawn
from tests.test_sources_tables import as_csv, pack, write

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,55
"""
"""The first rows of AzureLLMInferenceTrace_conv.csv (Azure/AzurePublicDataset, CC BY
4.0)."""

MOONCAKE = """{"timestamp": 0, "input_length": 40160, "output_length": 6, "hash_ids": [1, 2]}
{"timestamp": 0, "input_length": 36640, "output_length": 4, "hash_ids": [3]}
{"timestamp": 40, "input_length": 23769, "output_length": 3, "hash_ids": [3, 4]}
"""
"""The first rows of synthetic_trace.jsonl (kvcache-ai/Mooncake, Apache-2.0), with other
hash_ids."""

moments = st.tuples(st.integers(0, 200_000), st.integers(0, 30_000))
"""Start and duration of a request in milliseconds."""


def read(*files: Path, **options: Any) -> Evidence:
    options.setdefault("max_bad_rows", 1.0)
    return read_evidence(files, **options)


def read_text(text: str, **options: Any) -> Evidence:
    with TemporaryDirectory() as folder:
        return read(write(Path(folder) / "log", text), **options)


def table(header: str, rows: Iterable[Sequence[object]]) -> str:
    return as_csv([[str(cell) for cell in row] for row in rows], header=[header])


def activity(evidence: Evidence) -> Activity:
    assert isinstance(evidence.load, Activity)
    return evidence.load


def arrivals(evidence: Evidence) -> Arrivals:
    assert isinstance(evidence.load, Arrivals)
    return evidence.load


def cells(evidence: Evidence) -> list[tuple[int, int, float]]:
    """Return running, waiting and seconds over all slots."""
    load = activity(evidence)
    total: dict[tuple[int, int], float] = {}
    for running, waiting, seconds in zip(
        load.running.tolist(), load.waiting.tolist(), load.seconds.tolist(), strict=True
    ):
        total[running, waiting] = total.get((running, waiting), 0.0) + seconds
    return [(*key, round(seconds, 6)) for key, seconds in sorted(total.items())]


def reasons(evidence: Evidence) -> dict[str, tuple[int, list[int]]]:
    return {
        each.reason: (each.count, [place.line for place in each.places])
        for each in evidence.rejections
    }


@settings(max_examples=drawn(10, 40), deadline=None)
@given(st.lists(moments, min_size=1, max_size=12))
def test_any_two_of_start_end_and_duration_tell_the_same(
    requests: list[tuple[int, int]],
) -> None:
    start_s = np.array([start / 1e3 for start, _ in requests])
    end_s = np.array([(start + took) / 1e3 for start, took in requests])
    if not end_s.max() > start_s.min():
        return
    replica = np.zeros(len(requests), dtype=np.int64)
    expected = sweep(Requests(start_s=start_s, end_s=end_s, replica=replica)).sha256()
    forms: dict[str, list[tuple[float, float]]] = {
        "start,end": [(a / 1e3, (a + took) / 1e3) for a, took in requests],
        "arrival_time,latency_s": [(a / 1e3, took / 1e3) for a, took in requests],
        "finished_at,elapsed_ms": [((a + took) / 1e3, took) for a, took in requests],
        "start_ms,end_ms": [(a, a + took) for a, took in requests],
        "timestamp,duration (us)": [(a / 1e3, took * 1_000) for a, took in requests],
        "startTime,latencyNs": [(a / 1e3, took * 1_000_000) for a, took in requests],
    }
    for header, rows in forms.items():
        evidence = read_text(table(header, rows))
        assert evidence.kind == "requests"
        assert activity(evidence).sha256() == expected, header


@settings(max_examples=drawn(10, 40), deadline=None)
@given(st.data(), st.lists(moments, min_size=2, max_size=12))
def test_the_order_of_rows_and_cuts_between_files_do_not_matter(
    data: st.DataObject, requests: list[tuple[int, int]]
) -> None:
    rows = [
        (start / 1e3, took / 1e3 + 0.001, f"pod-{took % 3}", start % 50, took % 20)
        for start, took in requests
    ]
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(1, len(rows) - 1))
    for header in (
        "start,latency_s,pod,prompt_tokens,output_tokens",
        "arrived_at,took_s_,pod,prompt_tokens,output_tokens",
    ):
        whole = read_text(table(header, rows))
        with TemporaryDirectory() as folder:
            parts = [
                write(Path(folder) / "1", table(header, shuffled[:cut])),
                write(Path(folder) / "2", table(header, shuffled[cut:])),
            ]
            apart = read(*parts)
        assert whole.kind == apart.kind
        assert whole.load.sha256() == apart.load.sha256()
        assert whole.samples == apart.samples
        assert whole.tokens is not None
        assert apart.tokens is not None
        assert whole.tokens.total.tolist() == apart.tokens.total.tolist()
        assert whole.tokens.decode_context == pytest.approx(apart.tokens.decode_context)


BAD_CELLS = ["", "abc", "-1", "nan", "1e400", "1e30", "2.5", "9" * 25, "inf", "-0.0"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 500).map(str) | st.sampled_from(BAD_CELLS),
            st.integers(1, 90).map(str) | st.sampled_from(BAD_CELLS),
        ),
        max_size=15,
    )
)
def test_every_record_is_used_or_rejected(rows: list[tuple[str, str]]) -> None:
    rows = [("1", "2"), *rows]
    evidence = read_text(table("start,duration_s", rows))
    assert evidence.samples == len(rows)
    used = [
        float(took)
        for start, took in rows
        if start not in {"", "abc", "nan", "1e400", "inf", "9" * 25, "1e30"}
        and took in {"-0.0", "2.5", *map(str, range(1, 91))}
    ]
    assert evidence.rejected == len(rows) - len(used)
    load = activity(evidence)
    # What is in flight, over time, is what the requests took together.
    assert float((load.running * load.seconds).sum()) == pytest.approx(sum(used))


@pytest.mark.parametrize(
    ("kind", "packing"),
    [
        ("csv", "plain"), ("csv", "gzip"), ("csv", "zstd"), ("tsv", "gzip"),
        ("quoted", "plain"), ("bom", "plain"), ("jsonl", "plain"), ("jsonl", "zstd"),
        ("parquet", "plain"), ("parquet", "gzip"),
    ],
)  # fmt: skip
def test_every_format_and_packing_tells_the_same(
    tmp_path: Path, kind: str, packing: str
) -> None:
    header = ["created_at", "completed_at", "engine", "prompt_tokens", "output_tokens"]
    rows = [
        ["2026-10-01T00:00:00Z", "2026-10-01T00:00:02.5Z", "a", "10", "20"],
        ["2026-10-01T00:00:01Z", "2026-10-01T00:00:03Z", "b", "30", "0"],
        ["2026-10-01T00:00:01Z", "", "b", "30", "5"],
    ]
    text = {
        "csv": as_csv(rows, header=header),
        "tsv": as_csv(rows, "\t", header),
        "quoted": as_csv([[f'"{c}"' for c in row] for row in rows], ";", header),
        "bom": "\ufeff" + as_csv(rows, header=header).replace("\n", "\r\n"),
        "jsonl": "".join(
            json.dumps({"usage": dict(zip(header, row, strict=True))}) + "\n"
            for row in rows
        ),
        "parquet": "",
    }[kind]
    path = write(tmp_path / "log", text)
    if kind == "parquet":
        source = write(tmp_path / "source.csv", as_csv(rows, header=header))
        duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{path}' (FORMAT parquet)")
    evidence = read(pack(path, packing))
    assert evidence.samples == 3
    line = 3 if kind in {"jsonl", "parquet"} else 4
    assert reasons(evidence) == {"no readable time": (1, [line])}
    assert cells(evidence) == [(0, 0, 1.5), (1, 0, 4.5)]
    assert activity(evidence).replicas == 2
    assert evidence.tokens is not None
    assert evidence.tokens.total.tolist() == [30]
    assert evidence.tokens.count.tolist() == [2]
    assert evidence.tokens.with_images
    assert "1 request has no output token" in evidence.notes


def test_every_reason_is_told_with_its_lines(tmp_path: Path) -> None:
    text = (
        "start,latency_s\n1,2\n,2\nsoon,2\n3,\n3,fast\n3,-1\n3,86401\n3,86400\n3\n3,1,9\n"
        "1e30,1\n"
    )
    assert reasons(read(write(tmp_path / "t", text))) == {
        "absurd": (1, [8]),
        "ends before it starts": (1, [7]),
        "missing": (1, [5]),
        "no readable time": (3, [3, 4, 12]),
        "not a number": (1, [6]),
        "ragged": (2, [10, 11]),
    }
    text = (
        "ts,input_tokens,output_tokens\n1,2,3\n1,,3\n1,2,x\n1,-2,3\n1,2.5,3\n1,2,1e10\n"
    )
    assert reasons(read(write(tmp_path / "t", text))) == {
        "absurd": (1, [7]),
        "missing": (1, [3]),
        "not a number": (2, [4, 6]),
        "zero or negative": (1, [5]),
    }
    text = (
        "ts,running,waiting\n1,2,3\n2,,3\n3,x,0\n4,-1,0\n5,1,x\n6,1e9,\n7,1,\n8,1,-1\n"
    )
    assert reasons(read(write(tmp_path / "t", text))) == {
        "absurd": (1, [7]),
        "missing": (1, [3]),
        "not a number": (2, [4, 6]),
        "zero or negative": (2, [5, 9]),
    }


def test_too_many_bad_records_stop_the_run_with_what_was_read_as_what() -> None:
    text = table("time,latency", [(at, 1) for at in range(18)] + [("x", 1), (1, "x")])
    with pytest.raises(InputError) as caught:
        read_text(text, max_bad_rows=0.05)
    said = str(caught.value)
    assert "2 of 20 rows (10.0%) unusable" in said
    assert "log:20" in said
    assert "read time from 'time', duration from 'latency'" in said
    assert read_text(text, max_bad_rows=0.1).rejected == 2
    with pytest.raises(InputError, match="none of 2 records can be used"):
        read_text("time,latency\nx,1\n1,x\n")


@pytest.mark.parametrize(
    ("text", "first_s", "said"),
    [
        ("timestamp,latency_s\n10,4\n", 10, "'timestamp' is taken for the start"),
        ("time,completed_at\n10,14\n", 10, "'time' is taken for the start"),
        ("msec,request_time\n14,4\n", 10, "'msec' is taken for the end: nginx"),
        ("timestamp,time_local,request_time\nx,01/Jan/1970:00:00:14 +0000,4.0\n", 10,
         "'time_local' is taken for the end: nginx"),
        ("$time_iso8601|$request_time\n1970-01-01T00:00:14+00:00|4\n", 10, "nginx"),
        ("time,request_creation_time\n14,10\n", 10, "'time' is taken for the end: ALB"),
        ('{"msec": 14.0, "request_time": "4.000", "status": 200}\n', 10, "nginx"),
        ("timestamp,latency_ms\n10000000000000,4000\n", 1e10, "'latency_ms' is read as"),
        ("ts,latency\n10,4\n", 10, "--columns duration_ms=latency"),
        ('{"@timestamp": 14.0, "request_time": 4.0, "host": "a"}\n', 10, "nginx"),
        ("start_time,duration,response_flags\n10,4000,-\n", 10, "as Envoy writes"),
        ("timeStamp,elapsed,label,Latency\n10,4000,chat,310\n", 10, "as JMeter writes"),
    ],
)  # fmt: skip
def test_what_a_time_bounds_is_told(text: str, first_s: float, said: str) -> None:
    evidence = read_text(text)
    load = activity(evidence)
    assert load.span_s == 4.0
    assert load.slot[0] * load.slot_width_s == first_s
    assert said in " ".join(evidence.notes)


def test_requests_without_tokens_are_requests_all_the_same() -> None:
    evidence = read_text(
        "start,end,prompt_tokens,output_tokens\n0,1,5,7\n0,1,,7\n0,1,5,x\n"
    )
    assert not evidence.rejected
    assert evidence.tokens is not None
    assert evidence.tokens.count.tolist() == [1]
    assert read_text("start,end,prompt_tokens\n0,1,5\n").tokens is None


def test_text_tokens_count_no_image_unless_visual_tokens_stand_beside() -> None:
    rows = "0,1,100,10,5\n0,1,100,,5\n"
    both = read_text("start,end,text_tokens,image_tokens,output_tokens\n" + rows)
    alone = read_text("start,end,text_tokens,other,output_tokens\n" + rows)
    whole = read_text("start,end,prompt_tokens,image_tokens,output_tokens\n" + rows)
    for evidence, totals, with_images in (
        (both, [105, 115], True),
        (alone, [105], False),
        (whole, [105], True),
    ):
        assert evidence.tokens is not None
        assert evidence.tokens.total.tolist() == totals
        assert evidence.tokens.with_images is with_images


def test_engines_are_told_apart_by_their_column_in_every_file(tmp_path: Path) -> None:
    a = write(
        tmp_path / "a", "start,end,upstream_addr\n0,4,10.0.0.1:80\n0,4,10.0.0.2:80\n"
    )
    b = write(tmp_path / "b", 'start,end,pod\n4,8,10.0.0.1:80\n5,8,"x, 10.0.0.2:80"\n')
    evidence = read(a, b)
    assert activity(evidence).replicas == 2
    assert cells(evidence) == [(0, 0, 1.0), (1, 0, 15.0)]
    assert "10.0.0" not in repr(evidence)


@pytest.mark.parametrize(
    ("header", "replicas"),
    [
        ("start,end,host,upstream_addr", 2),
        ("start,end,hostname,upstream_host", 2),
        ("start,end,engine,pod", 2),
        ("start,end,engine,other", 1),
        ("start,end,pod,engine_id", 2),
    ],
)
def test_what_differs_between_engines_tells_them_apart(
    header: str, replicas: int
) -> None:
    evidence = read_text(table(header, [(0, 4, "0", "a"), (0, 4, "0", "b")]))
    assert activity(evidence).replicas == replicas


@pytest.mark.parametrize(
    ("name", "write_path"),
    [
        ("request", "{} {} HTTP/1.1"),
        ("request_uri", "{1}?a=b"),
        ("path", "{1}"),
        ("httpRequest.requestUrl", "https://a.example{1}"),
    ],
)
def test_requests_for_something_else_are_counted_apart(
    name: str, write_path: str
) -> None:
    asked = [
        ("POST", "/v1/chat/completions"),
        ("GET", "/health"),
        ("GET", "/v1/models"),
    ]
    rows = [(0, 4, write_path.format(*each)) for each in asked]
    evidence = read_text(table(f"start,end,{name}", rows))
    assert [(each.reason, each.count) for each in evidence.rejections] == [
        ("no completion", 2)
    ]
    assert activity(evidence).seconds.sum() == 4.0
    others = [(0, 4, write_path.format("POST", "/chat")) for _ in range(3)]
    assert not read_text(table(f"start,end,{name}", others)).rejections


def test_the_summary_of_a_benchmark_is_no_request() -> None:
    line = (
        '{"date": "20260302-090000", "backend": "vllm", "num_prompts": 200, '
        '"completed": 200, "duration": 403.2, "request_throughput": 0.5}\n'
    )
    with pytest.raises(InputError, match="summary of a benchmark"):
        read_text(line)


def test_a_column_that_identifies_requests_tells_no_engines() -> None:
    rows = [(at, at + 1, f"id-{at}") for at in range(1_001)]
    evidence = read_text(table("start,end,hostname", rows))
    assert activity(evidence).replicas == 1
    assert any("1,001 engines are named" in note for note in evidence.notes)


def test_the_azure_trace_tells_arrivals(tmp_path: Path) -> None:
    evidence = read(write(tmp_path / "conv.csv", AZURE))
    assert evidence.kind == "arrivals"
    assert evidence.samples == 3
    load = arrivals(evidence)
    assert load.arrival_s.tolist() == [
        1700158546.68059,
        1700158550.995169,
        1700158551.222467,
    ]
    assert (load.prompt.tolist(), load.output.tolist()) == (
        [374, 396, 879],
        [44, 109, 55],
    )
    normalised = AZURE.replace("TIMESTAMP,ContextTokens,GeneratedTokens",
                               "timestamp,context_tokens,generated_tokens")  # fmt: skip
    assert read_text(normalised).load.sha256() == load.sha256()


def test_the_clock_of_mooncake_counts_milliseconds(tmp_path: Path) -> None:
    evidence = read(write(tmp_path / "trace.jsonl", MOONCAKE))
    load = arrivals(evidence)
    assert load.arrival_s.tolist() == [0.0, 0.0, 0.04]
    # Arrivals of one moment stand in the order of their tokens.
    assert load.prompt.tolist() == [36640, 40160, 23769]
    assert any("milliseconds, as Mooncake writes them" in n for n in evidence.notes)


def test_burst_gpt_tells_arrivals_and_with_elapsed_times_requests() -> None:
    old = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    rows = "9,m,10,3,13,API log\n5,m,20,0,20,API log\n"
    evidence = read_text(old + rows)
    assert arrivals(evidence).arrival_s.tolist() == [5.0, 9.0]
    assert "1 request has no output token" in evidence.notes
    new = old.replace("Timestamp,", "Timestamp,Session ID,Elapsed time,")
    rows = rows.replace(",m,", ",s,2.5,m,")
    evidence = read_text(new + rows)
    assert evidence.kind == "requests"
    assert cells(evidence) == [(0, 0, 1.5), (1, 0, 5.0)]


def test_statistics_of_an_engine_hold_until_the_next_ones() -> None:
    text = (
        "timestamp,num_running,num_swapped,num_pending,kv\n"
        "100,2,,3,0.1\n101,4,1,2,0.2\n102,0,0,,0.1\n"
    )
    evidence = read_text(text)
    assert evidence.kind == "engine_stats"
    assert evidence.samples == 3
    assert cells(evidence) == [(0, 0, 1.0), (2, 3, 1.0), (4, 3, 1.0)]
    assert evidence.faults == ()


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_clock_that_goes_back_is_noticed_where_it_does(
    tmp_path: Path, quote: str
) -> None:
    rows = [(at, 1, quote + "m" + quote) for at in (10, 11, 12, 3, 4)]
    path = write(tmp_path / "stats.csv", table("time,running,model", rows))
    [fault] = read(path).faults
    assert (fault.reason, fault.count) == ("clock goes back", 1)
    assert str(fault.places[0]) == "stats.csv:5"
    [fault] = read(path, places=False).faults
    assert fault.places == ()


def test_statistics_of_several_engines_in_one_file_are_told_apart() -> None:
    rows = [(at, at % 3, name) for at in range(5) for name in ("a", "b")]
    evidence = read_text(table("time,num_requests_running,instance", rows))
    assert activity(evidence).replicas == 2
    assert evidence.faults == ()
    assert cells(evidence) == [(0, 0, 4.0), (1, 0, 4.0), (2, 0, 2.0)]


def test_times_without_a_year_are_of_one_year_and_this_is_said() -> None:
    text = "timestamp_mmdd,running,waiting\n02-29 23:59:55,1,0\n03-01 00:00:05,2,0\n"
    evidence = read_text(text)
    assert cells(evidence) == [(1, 0, 10.0), (2, 0, 10.0)]
    assert any("no year" in note for note in evidence.notes)


def test_averages_of_readings_are_no_readings() -> None:
    evidence = read_text("time,running,waiting\n0,1.6,2\n1,4,0.5\n2,3.0,1\n")
    assert reasons(evidence) == {"not a whole number": (2, [2, 3])}
    assert cells(evidence) == [(3, 1, 1.0)]


def test_requests_that_reached_no_engine_are_no_fault_of_the_log() -> None:
    rows = "1,1,-\n1,1,a:80 : b:80\n1,1,b:80\n"
    evidence = read_text("msec,request_time,upstream_addr\n" + rows, max_bad_rows=0.0)
    assert reasons(evidence) == {"reached no engine": (1, [2])}
    assert activity(evidence).replicas == 1


def test_statistics_win_over_requests_and_requests_over_arrivals() -> None:
    header = "time,start,end,running,input_tokens,output_tokens"
    row = "1,1,2,3,4,5\n"
    assert read_text(f"{header}\n{row}").kind == "engine_stats"
    assert read_text(f"{header.replace('running', 'x')}\n{row}").kind == "requests"
    without_end = header.replace("running", "x").replace("end", "y")
    assert read_text(f"{without_end}\n{row}").kind == "arrivals"
    named = {"start": "start", "end": "end"}
    assert read_text(f"{header}\n{row}", columns=named).kind == "requests"


def test_files_of_one_engine_follow_each_other_and_files_of_several_overlap() -> None:
    def of(start: int) -> Activity:
        rows = [(start + at, 1 + at % 2) for at in range(100)]
        return activity(read_text(table("time,running", rows)))

    for begins, replicas, span_s in (((0, 100), 1, 199), ((0, 2), 2, 101)):
        together = add_activities([of(start) for start in begins])
        assert together.replicas == replicas
        assert together.observed_s == pytest.approx(200)
        assert together.span_s == pytest.approx(span_s, abs=1)
        assert together.running.tolist().count(1) <= 200
    alone = of(0)
    assert add_activities([alone]) is alone


def test_readings_of_several_files_add_up(tmp_path: Path) -> None:
    a = write(tmp_path / "a", "time,running\n0,1\n1,1\n")
    b = write(tmp_path / "b", "time,running\n5000,2\n5100,2\n5050,2\n")
    evidence = read(a, b)
    assert evidence.names == ("a", "b")
    assert evidence.samples == 5
    assert cells(evidence) == [(1, 0, 2.0), (2, 0, 300.0)]
    assert activity(evidence).slot_width_s == 1
    assert [str(place) for place in evidence.faults[0].places] == ["b:4"]


def test_files_of_two_kinds_are_refused_with_their_kinds(tmp_path: Path) -> None:
    a = write(tmp_path / "a.csv", "start,end\n0,1\n")
    b = write(tmp_path / "b.csv", "time,running\n0,1\n")
    with pytest.raises(InputError, match=r"a\.csv: requests with start.*b\.csv: stat"):
        read(a, b)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("width,height\n640,480\n", "no columns that tell the load of a decoder among"),
        (
            "timestamp,w\n0,1\n",
            r"\(only time in 'timestamp'\).*start=NAME,duration=NAME",
        ),
        ("1,2\n3,4\n", "no header.*--columns start=1,duration=2"),
        ("start,end\n", "one row at least, got a header alone"),
        ('{"width": 640\n', r'object such as \{"start": 12.5'),
        (
            '[{"width": 1, "height": 2}]',
            "none of its lists tells the load of a decoder",
        ),
        ("PK\x03\x04...", "ZIP archive.*Prometheus"),
        ("hello\nworld\n", "no columns that tell the load.*a log of vLLM's"),
    ],
)
def test_what_tells_no_load_is_refused_with_what_would(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"(?s)log: .*{said}"):
        read_text(text)


def test_folders_archives_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with pytest.raises(InputError, match=r"logs: a folder; name the files, as in logs"):
        read(tmp_path / "logs")
    with pytest.raises(InputError, match=r"no such file or folder; .*Prometheus"):
        read(tmp_path / "nothing")


def test_columns_can_be_named_with_a_unit_and_by_position(tmp_path: Path) -> None:
    path = write(tmp_path / "t", "begun,ms taken\n10,4000\n20,1000\n")
    columns = {"start": "begun", "duration_ms": "ms taken"}
    assert activity(read(path, columns=columns)).span_s == 11.0
    assert "'ms taken' is read as milliseconds" in read(path, columns=columns).notes
    bare = write(tmp_path / "t", "10,4\n20,1\n")
    evidence = read(bare, columns={"start": "1", "duration": "2"})
    assert activity(evidence).span_s == 11.0
    assert "no header: every row was read as data" in evidence.notes
    bare = write(tmp_path / "t", "2026-10-01T00:00:00Z,2026-10-01T00:00:04Z\n" * 2)
    assert read(bare, columns={"start": "1", "end": "2"}).samples == 2
    with pytest.raises(InputError, match="--columns end=nope: there is no such column"):
        read(path, columns={"start": "1", "end": "nope"})
    with pytest.raises(UsageError, match="'begin_at' is not something a column can be"):
        read(path, columns={"begin_at": "1"})


def test_a_role_may_be_left_unread() -> None:
    rows = "0,4,a\n0,4,b\n"
    evidence = read_text("start,end,pod\n" + rows, columns={"replica": ""})
    assert cells(evidence) == [(2, 0, 4.0)]


def test_one_choice_of_columns_serves_sizes_and_load(tmp_path: Path) -> None:
    sizes = write(tmp_path / "sizes", "when,imgW,imgH\n7,640,480\n")
    log = write(tmp_path / "log", "time,took,ctx,output_tokens\n0,4,10,5\n")
    columns = {"width": "imgW", "height": "imgH", "time": "when", "duration": "took",
               "request_tokens": "ctx"}  # fmt: skip
    traffic = read_traffic([sizes], columns=columns)
    assert traffic.first_s == 7
    assert [rows.reason for rows in read_rows([sizes], columns=columns)] == [("",)]
    evidence = read(log, columns=columns)
    assert activity(evidence).span_s == 4.0
    assert evidence.tokens is not None
    assert evidence.tokens.total.tolist() == [15]


def test_visual_tokens_can_be_named_as_the_message_says(tmp_path: Path) -> None:
    path = write(tmp_path / "t", "seen\n64\n")
    assert read_traffic([path], columns={"tokens": "seen"}).visual_tokens.tolist() == [
        64
    ]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("timestamp,width,height,latency_s,x", "requests"),
        ("start_time,width,height,end_time,x", "requests"),
        ("timestamp,width,height,prompt_tokens,output_tokens", "arrivals"),
        ("timestamp,width,height,request_tokens,x", None),
        ("x,width,height,latency,y", None),
        ("timestamp,width,height,latency,count", None),
        # A clip has a start, an end and a duration of its own.
        ("timestamp,width,height,duration,frames", None),
        ("start,width,height,end,fps", None),
        ("timestamp,width,height,latency,num_frames", "requests"),
    ],
)
def test_rows_of_sizes_may_tell_a_load_too(
    tmp_path: Path, header: str, kind: str | None
) -> None:
    path = write(tmp_path / "t", f"{header}\n10,640,480,14,16\n11,640,480,15,16\n")
    traffic, evidence = read_inputs([path], max_bad_rows=0.0)
    assert traffic.images in {2.0, 32.0}
    assert traffic.notes == ()
    assert (None if evidence is None else evidence.kind) == kind
    assert traffic.sha256() == read_traffic([path]).sha256()


def test_standard_input_tells_both_and_images_tell_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = b"time,w,h,latency\n0,640,480,4\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log)))
    (tmp_path / "images").mkdir()
    image = b"P6 2 1 255\n123456"
    write(tmp_path / "images" / "a.ppm", image)
    write(tmp_path / "b.ppm", image)
    traffic, evidence = read_inputs(
        ["-", tmp_path / "images", tmp_path / "b.ppm"], places=False
    )
    assert traffic.images == 3
    assert evidence is not None
    assert evidence.names == ()
    assert activity(evidence).span_s == 4.0
    assert read_inputs([tmp_path / "b.ppm"])[1] is None


def test_a_load_that_cannot_be_used_does_not_stop_the_sizes(tmp_path: Path) -> None:
    path = write(tmp_path / "t", "time,w,h,latency\n0,1,1,4\n0,1,1,\n")
    traffic, evidence = read_inputs([path])
    assert traffic.images == 2
    assert evidence is None
    [note] = traffic.notes
    assert note.startswith("the load of the decoder was not read: 1 of 2 rows")


def test_a_name_that_is_no_text_is_a_fault_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t"
    duckdb.execute(
        f"COPY (SELECT 1 AS start, 2 AS naming) TO '{path}' (FORMAT parquet)"
    )
    path.write_bytes(path.read_bytes().replace(b"naming", b"nam\xff\xfeg"))
    for door in (read_traffic, read_evidence):
        with pytest.raises(InputError, match=r"t: cannot be read .*not UTF-8"):
            door([path])


def test_requests_with_long_bodies_are_read(tmp_path: Path) -> None:
    body = "x" * 3_000_000
    lines = [{"start": at, "end": at + 2, "body": body} for at in range(12)]
    path = write(tmp_path / "t", "".join(json.dumps(line) + "\n" for line in lines))
    assert cells(read(path)) == [(1, 0, 2.0), (2, 0, 11.0)]


def test_mixed_line_ends_and_ragged_rows_leave_the_fast_reader(tmp_path: Path) -> None:
    text = 'start,end,name\r\n0,4,"a\nb"\n1,2\n1,"3\n'
    evidence = read(write(tmp_path / "t", text))
    assert cells(evidence) == [(1, 0, 4.0)]
    assert reasons(evidence) == {"ragged": (2, [4, 5])}


def test_a_text_that_a_reader_of_logs_knows_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = read_text("time,running\n0,1\n")

    def read_log(lines: Iterable[str], name: str) -> Evidence:
        assert (list(lines), name) == (["\u00e9 log\r\n", "of lines"], "log")
        return told

    monkeypatch.setattr(reading, "TEXTS", ((lambda start: "log" in start, read_log),))
    evidence = read_text("\ufeff\u00e9 log\r\nof lines")
    assert (evidence.kind, evidence.samples) == ("engine_stats", 1)
    # A table that has the columns is one, whatever its rows look like.
    assert read_text("start,end,of\n0,1,log\n").kind == "requests"


def test_logs_of_servers_are_recognised_among_tables(tmp_path: Path) -> None:
    engine = (
        "INFO 05-12 02:47:{:02} [loggers.py:116] Engine 000: Avg prompt throughput: 2.1 "
        "tokens/s, Avg generation throughput: 12.8 tokens/s, Running: {} reqs, Waiting: "
        "0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 0.0%\n"
    )
    text = "".join(engine.format(10 * at, at) for at in range(5))
    assert read_text(text).kind == "engine_log"
    series = {
        "metric": {"__name__": "vllm:num_requests_running", "instance": "a:8000"},
        "values": [[1_700_000_000 + 10 * at, str(at)] for at in range(5)],
    }
    data = {"resultType": "matrix", "result": [series]}
    text = json.dumps({"status": "success", "data": data})
    assert read_text(text).kind == "prometheus"
    nginx = (
        '10.0.0.9 - - [14/Nov/2023:22:13:{:02} +0000] "POST /v1/completions HTTP/1.1" '
        "200 512 msec={}.000 request_time=4.000 upstream=10.1.0.1:8000\n"
    )
    lines = [nginx.format(at, 1_700_000_000 + at) for at in range(10)]
    parts = [
        pack(write(tmp_path / name, "".join(some)), packing)
        for name, some, packing in (
            ("a", lines[:5], "gzip"),
            ("b", lines[5:], "plain"),
        )
    ]
    evidence = read(*parts)
    assert evidence.kind == "requests"
    assert evidence.samples == 10
    # Parts of one log are one log: in its middle four requests are in flight.
    assert (4, 0, 7.0) in cells(evidence)
    assert activity(evidence).replicas == 1


def test_archives_tell_no_load(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(write(tmp_path / "a.ppm", b"P6 2 1 255\n123456"), "a.ppm")
    with pytest.raises(InputError, match=r"a\.tar: this is a tar archive; a table of"):
        read(tmp_path / "a.tar")
    traffic, evidence = read_inputs([tmp_path / "a.tar"])
    assert traffic.images == 1
    assert evidence is None


def test_a_table_of_blank_rows_tells_nothing() -> None:
    columns = {"start": "when", "end": "done"}
    for text in ("when,done\n\n\n", "when,done\r\n\n\r"):
        with pytest.raises(
            InputError, match=r"log: expected one row|none of 0 rec|no rows"
        ):
            read_text(text, columns=columns)


def test_without_places_no_name_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "secret", "start,end,host\n0,1,h\nx,1,h\n")
    evidence = read(path, places=False)
    assert evidence.names == ()
    assert evidence.rejections[0].count == 1
    assert "secret" not in repr(evidence)
