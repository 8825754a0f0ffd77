"""What runs took, from tables and from what load generators write of every request."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError
from bucketwise.nouns.measured_cost import Points
from bucketwise.read.measurements import read_measurements
from tests.commands import bucketwise

ROWS = [
    ("vit", 1_024, 3.5, 14.0, "RBLN-CA22"),
    ("vit", 1_024, 3.6, 14.0, "RBLN-CA22"),
    ("vit", 4_096, 14.5, 20.0, "RBLN-CA22"),
    ("decode", 8, 21.25, None, "RBLN-CA22"),
]
HEAD = ("kind", "length", "latency_ms", "compile_s", "device")


def texts_of(rows: list[tuple[Any, ...]], mark: str) -> str:
    lines = (HEAD, *rows)
    cells = [["" if cell is None else str(cell) for cell in line] for line in lines]
    return "".join(mark.join(line) + "\n" for line in cells)


def write(folder: Path, form: str) -> Path:
    """Write the rows in a form."""
    file = folder / f"m.{form}"
    if form == "jsonl":
        dicts = [dict(zip(HEAD, row, strict=True)) for row in ROWS]
        file.write_text("".join(json.dumps(each) + "\n" for each in dicts))
    elif form == "parquet":
        (folder / "rows.csv").write_text(texts_of(ROWS, ","))
        copy = f"COPY (FROM '{folder / 'rows.csv'}') TO '{file}' (FORMAT parquet)"
        duckdb.connect().execute(copy)
    else:
        file.write_text(texts_of(ROWS, {"csv": ",", "tsv": "\t"}[form]))
    return file


def told(points: tuple[Points, ...]) -> dict[str, list[tuple[int, float]]]:
    return {
        each.kind: list(
            zip(each.sizes.tolist(), each.values.round(6).tolist(), strict=True)
        )
        for each in points
    }


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_a_row_a_run_is_read_alike_in_every_form(form: str, tmp_path: Path) -> None:
    found = read_measurements([write(tmp_path, form)])
    assert told(found.points) == {
        "vit": [(1_024, 3.5), (1_024, 3.6), (4_096, 14.5)],
        "compile_s": [(1_024, 14.0), (1_024, 14.0), (4_096, 20.0)],
        "decoder": [(8, 21.25)],
    }
    assert found.device == "RBLN-CA22"


def test_the_unit_is_the_one_that_a_column_names(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text(
        "kind,batch,duration_s,compile_ms\ndecode,4,0.02,1\nvit,64,0.001,500\nvit,64,0.002,0\n"
    )
    assert told(read_measurements([file]).points) == {
        "decoder": [(4, 20.0)],
        "vit": [(64, 1.0), (64, 2.0)],
        "compile_s": [(64, 0.5)],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind,length,latency\nvit,64,3\n", "unit of 'latency': call it latency_ms"),
        ("kind,ms\nvit,3\n", "no column for a length or a batch"),
        ("length,ms\n64,3\n", "--kind vit"),
        ("kind,length,ms\nvae,64,3\n", "a kind other than vit, decoder, prefill"),
        ("kind,length,ms\nvit,64,nan\n", "not a number"),
        (
            "kind,length,ms,device\nvit,64,3,CA22\nvit,64,3,CA25\n",
            "device: expected one, got 'CA22', 'CA25'",
        ),
        ("plain text\n", "kind,length,ms"),
    ],
)
def test_a_table_that_does_not_say_enough_is_refused(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "m.csv"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        read_measurements([file])
    assert said in str(refused.value)


def requests(batch: int, tokens: int, count: int) -> list[dict[str, float]]:
    """Return requests of `batch` clients, one after the other: start, first, between."""
    step = 0.02 + 0.001 * batch
    took = 0.1 + 9 * step
    return [
        {"start": took * (each // batch), "tokens": tokens, "first": 0.1, "step": step}
        for each in range(count)
    ]


def vllm_serve(batch: int, each: list[dict[str, float]]) -> Any:
    """Return what `vllm bench serve --save-detailed` writes."""
    return {
        "backend": "openai-chat",
        "max_concurrency": batch,
        "mean_ttft_ms": 100.0,
        "start_times": [one["start"] for one in each],
        "input_lens": [one["tokens"] for one in each],
        "ttfts": [one["first"] for one in each],
        "itls": [[one["step"]] * 9 for one in each],
        "errors": [""] * len(each),
    }


def guidellm(_: int, each: list[dict[str, float]]) -> Any:
    """Return what GuideLLM's benchmarks.json holds."""
    successful = [
        {
            "request_start_time": one["start"],
            "request_end_time": one["start"] + one["first"] + 9 * one["step"],
            "prompt_tokens": one["tokens"],
            "time_to_first_token_ms": 1e3 * one["first"],
            "inter_token_latency_ms": 1e3 * one["step"],
            "input_metrics": {"text_tokens": one["tokens"], "image_count": None},
        }
        for one in each
    ]
    run = {"config": {}, "requests": {"successful": successful, "errored": []}}
    return {"metadata": {"version": 2}, "config": {}, "benchmarks": [run]}


def aiperf(_: int, each: list[dict[str, float]]) -> list[Any]:
    """Return the lines of AIPerf's profile_export.jsonl."""
    return [
        {
            "metadata": {
                "request_start_ns": round(1e9 * one["start"]),
                "request_end_ns": round(
                    1e9 * (one["start"] + one["first"] + 9 * one["step"])
                ),
                "benchmark_phase": "profiling",
            },
            "metrics": {
                "input_sequence_length": {"value": one["tokens"], "unit": "tokens"},
                "time_to_first_token": {"value": 1e3 * one["first"], "unit": "ms"},
                "inter_token_latency": {"value": 1e3 * one["step"], "unit": "ms"},
            },
            "error": None,
        }
        for one in each
    ]


@pytest.mark.parametrize("tool", [vllm_serve, guidellm, aiperf])
def test_steps_are_of_as_many_sequences_as_were_in_flight(
    tool: Any, tmp_path: Path
) -> None:
    files = []
    for batch in (1, 4):
        written = tool(batch, requests(batch, 512, 8))
        lines = written if isinstance(written, list) else [written]
        files.append(tmp_path / f"{batch}.json")
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = told(read_measurements(files).points)
    assert found["decoder"] == [(1, 21.0)] * 8 + [(4, 24.0)] * 8
    alone = [(512, 100.0)] * 8
    if tool is vllm_serve:  # which says nothing of images
        assert "prefill" not in found
        prefill = read_measurements(files, kind="prefill").points
        assert told(prefill) == {"prefill": alone}
    else:
        assert found["prefill"] == alone


def test_vllm_bench_latency_gives_prefill_and_what_is_left_the_steps(
    tmp_path: Path,
) -> None:
    def record(batch: int, tokens: int, output: int, seconds: list[float]) -> Any:
        args = {"batch_size": batch, "input_len": tokens, "output_len": output}
        return {
            "benchmark": {"name": "vLLM benchmark", "extra_info": {"args": args}},
            "metric": {"name": "latency", "benchmark_values": seconds},
        }

    file = tmp_path / "latency.pytorch.json"
    one, many = record(1, 256, 1, [0.05, 0.06, 0.07]), record(1, 256, 11, [0.26, 0.36])
    file.write_text(json.dumps([one, many]))
    assert told(read_measurements([file]).points) == {
        "prefill": [(256, 50.0), (256, 60.0), (256, 70.0)],
        "decoder": [(1, 20.0), (1, 30.0)],
    }
    file.write_text(json.dumps([many]))
    with pytest.raises(InputError, match="--input-len 256 --output-len 1"):
        read_measurements([file])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"avg_latency": 1.0, "latencies": [1.0], "percentiles": {}},
            "PYTORCH_BENCHMARK",
        ),
        ({"max_concurrency": 4, "mean_ttft_ms": 3.0}, "--save-detailed"),
        ({"mm_processor_stats": {}, "completed": 3}, "mm-processor"),
        ({"traceEvents": []}, "a trace tells commands of a device"),
        ({"input_config": {}, "request_latency": {}}, "profile_export.jsonl"),
        ({"metadata": {}, "benchmarks": [{"requests": []}]}, "form that is not known"),
    ],
)
def test_results_that_cannot_be_told_apart_are_refused_with_what_to_give(
    result: dict[str, Any], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(result))
    with pytest.raises(InputError) as refused:
        read_measurements([file])
    assert said in str(refused.value)


@settings(max_examples=60)
@given(st.sampled_from([vllm_serve, guidellm, aiperf]), st.data())
def test_a_result_with_anything_in_it_is_read_or_refused(
    tool: Any, data: st.DataObject
) -> None:
    told = tool(1, requests(1, 512, 3))
    holder: Any = told
    while True:
        keys = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
        key = data.draw(st.sampled_from(keys))
        if not holder[key] or not isinstance(holder[key], dict | list):
            break
        if data.draw(st.integers(0, 3)) == 0:
            break
        holder = holder[key]
    junk: list[Any] = [None, "x", "512", -1, 0, 1e300, 10**30, [], {}, [{}], True]
    holder[key] = data.draw(st.sampled_from(junk))
    lines = told if isinstance(told, list) else [told]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with suppress(InputError):
            read_measurements([file], kind="prefill")


def test_calibrate_writes_a_cost_and_pictures_and_says_what_to_measure(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    lines = ["kind,length,ms,engine,release"]
    for size in (256, 1_024, 2_048, 4_096, 8_192, 16_384):
        took = (1.2 + 0.002 * size + 3e-7 * size**2) * random.normal(1, 0.01, 8)
        lines += [f"vit,{size},{ms:.6f},optimum-rbln,0.12.0" for ms in took]
    lines += [f"prefill,{size},{size / 9}," for size in (64, 128)]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    asked = ("calibrate", "m.csv", "-o", "cost.json")
    done = bucketwise(*asked, "--plot", "cost.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Measured: optimum-rbln 0.12.0." in done.stdout
    assert "vit: quadratic, 1." in done.stdout
    assert "prefill: no curve: expected 4 lengths" in done.stdout
    assert (tmp_path / "cost.svg").read_text().startswith("<?xml")
    from bucketwise.read.measured_cost import read_cost

    curve = read_cost(tmp_path / "cost.json").vit
    assert curve is not None
    assert curve.at(np.array([4_096])) == pytest.approx(14.42, rel=0.02)
    refused = bucketwise(*asked, "--kind", "prefill", cwd=tmp_path)
    assert refused.returncode == 1
    assert "each of them five times" in refused.stderr
    assert bucketwise(*asked, "--plot", "cost.txt", cwd=tmp_path).returncode == 2
