"""SGLang and TensorRT-LLM: decode graphs as their own code has them, and no ViT lengths."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.core.buckets import Buckets
from bucketwise.engines.sglang import graphs as sglang
from bucketwise.engines.tensorrt_llm import graphs as tensorrt
from bucketwise.errors import BucketwiseError, ConfigError, InputError, UsageError
from tests.commands import bucketwise as run
from tests.strategies import traffic_of

GOLD = Path(__file__).parent / "gold" / "other_engines"
PHOTOS = Path(__file__).parent.parent / "sample_traffic" / "web_photos.csv"
NO_LIST = {
    "sglang==0.5.23": "SGLang takes no list of ViT lengths",
    "sglang==0.5.13": "SGLang takes no list of ViT lengths",
    "tensorrt-llm==1.2.1": "TensorRT-LLM 1.2 takes no list of ViT lengths",
}
TRAFFIC = traffic_of((640, 480, 60), (1_080, 1_920, 30))


def recorded(name: str) -> list[dict[str, Any]]:
    told = json.loads(gzip.decompress((GOLD / f"{name}.json.gz").read_bytes()))
    return [*told["cases"]]


def answer_of_sglang(function: str, told: dict[str, Any]) -> Any:
    if function == "generate_decode_cuda_graph_batch_sizes":
        return sglang.own_sizes(
            told["max_bs"],
            drafts=told["speculative_algorithm"] is not None,
            padded=not told["disable_cuda_graph_padding"],
        )
    if function == "generate_prefill_cuda_graph_batch_sizes":
        return sglang.own_prefill_sizes(told["max_bs"])
    if function == "get_batch_sizes_to_capture":
        return sglang.kept_sizes(
            told["decode_bs"],
            told["req_to_token_pool.size"],
            told["alignment"],
            told["captured_req_width"],
        )
    assert function == "_pad_to_bucket"
    buckets = Buckets(tuple(told["buckets"]))
    [at] = buckets.assign(np.array([told["raw"]]))
    if at == len(buckets.lengths):
        raise InputError
    return buckets.lengths[at]


@pytest.mark.parametrize("case", recorded("sglang"), ids=lambda each: each["function"])
def test_sglang_answers_as_recorded(case: dict[str, Any]) -> None:
    function, told = case["function"], case["input"]
    if function == "defaults":
        # What each phase is configured by holds what may be set of it.
        for phase, keys in sglang.PHASE_KEYS.items():
            assert set(keys) <= case["output"][phase].keys()
        return
    if function == "parse_cuda_graph_config_arg":
        refused = case["output"].get("ArgumentTypeError", "")
        try:
            config = json.loads(told["--cuda-graph-config"])
        except ValueError:
            assert "must be JSON" in refused
            return
        faults = sglang.faults_of(config).values()
        assert bool(faults) == bool(refused)
        assert all(each in refused for each in faults)
        return
    if "error" in case:
        with pytest.raises(BucketwiseError):
            answer_of_sglang(function, told)
        return
    found = answer_of_sglang(function, told)
    assert (found if isinstance(found, int) else [*found]) == case["output"]


@pytest.mark.parametrize(
    "case", recorded("tensorrt_llm"), ids=lambda each: each["function"]
)
def test_tensorrt_llm_answers_as_recorded(case: dict[str, Any]) -> None:
    function, told, output = case["function"], case["input"], case.get("output")
    if function == "CudaGraphConfig":
        assert bool(tensorrt.faults_of(told)) == ("error" in case)
        if output is not None:
            sizes = tensorrt.captured(told)
            assert [*sizes] == output["batch_sizes"]
            assert sizes[-1] == output["max_batch_size"]
    elif function == "MultimodalEncoderCudaGraphConfig":
        assert bool(tensorrt.bucket_faults(told["buckets"])) == ("error" in case)
        if output is not None:
            pairs = tensorrt.in_order(told["buckets"])
            assert [[*each] for each in pairs] == output["buckets"]
    else:
        assert function == "_select_bucket"
        found = tensorrt.selected(
            [(tokens, images) for tokens, images in told["buckets_tokens_contexts"]],
            told["real_contexts"],
            told["real_tokens"],
            padded=told["enable_padding"],
        )
        assert (found and [*found]) == output


@given(most=st.integers(1, 2_000), drafts=st.booleans())
def test_own_sizes_ascend_to_the_most(most: int, drafts: bool) -> None:
    for sizes in (sglang.own_sizes(most, drafts=drafts), tensorrt.own_sizes(most)):
        assert [*sizes] == sorted({*sizes})
        assert sizes[-1] == most


@given(
    sizes=st.lists(st.integers(1, 600), min_size=1),
    requests=st.integers(1, 600),
)
def test_what_sglang_keeps_holds_as_many_requests_as_the_list_or_the_pool(
    sizes: list[int], requests: int
) -> None:
    assert sglang.kept_sizes(sizes, requests)[-1] == min(max(sizes), requests)


def busy(folder: Path, running: list[int]) -> Path:
    """Write what an engine ran, one sample a second."""
    rows = "".join(f"{second},{count}\n" for second, count in enumerate(running))
    path = folder / "load.csv"
    path.write_text(f"timestamp,num_running\n{rows}")
    return path


@pytest.mark.parametrize("target", NO_LIST)
def test_sizes_that_save_are_written_and_no_length_of_the_vit_is(
    target: str, tmp_path: Path
) -> None:
    busy(tmp_path, [65] * 300)
    done = run(
        *("analyze", PHOTOS, "--activity", "load.csv", "--model", "qwen3-vl-2b"),
        *("--batch-size", "128", "--step-cost", "slots", "--min-saving", "2%"),
        *("--target", target, "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert "Verdict: go." in done.stdout
    assert done.stdout.count(NO_LIST[target]) == 1
    assert "ViT compute" not in done.stdout
    assert "max_pixels" not in done.stdout
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert NO_LIST[target] in page
    assert '<section id="buckets"' not in page
    assert "bucket holds" not in page
    assert "max_seq_len" not in page
    file = tmp_path / "out" / target.replace("==", "-") / "config.yaml"
    assert "[65, 128]" in file.read_text("utf-8")
    judged = run("lint", file, "--target", target, cwd=tmp_path)
    assert judged.returncode == 0
    assert "0 errors, 0 warnings, 0 notes" in judged.stdout


@pytest.mark.parametrize("target", NO_LIST)
def test_the_one_page_shows_no_list_of_the_vit(target: str, tmp_path: Path) -> None:
    analysis = bucketwise.analyze(TRAFFIC, model="qwen3-vl-2b", target=[target])
    assert analysis.plan.verdict.call == "keep"
    bucketwise.write_plan(analysis, tmp_path / "out", formats=("md",))
    text = (tmp_path / "out" / "summary.md").read_text("utf-8")
    assert NO_LIST[target] in text
    assert "Whom each length serves" not in text
    assert not [each for each in (tmp_path / "out").iterdir() if each.is_dir()]


def test_where_own_sizes_do_as_well_nothing_is_written(tmp_path: Path) -> None:
    evidence = bucketwise.read_evidence([busy(tmp_path, [1, 2, 4, 8] * 60)])
    analysis = bucketwise.analyze(
        TRAFFIC, model="qwen3-vl-2b", target=["sglang==0.5.23"], evidence=evidence
    )
    [said, _] = analysis.plan.verdict.reasons
    assert said.words.startswith("Leave cuda-graph-bs-decode alone")
    bucketwise.write_plan(analysis, tmp_path / "out", formats=())
    assert not [each for each in (tmp_path / "out").iterdir() if each.is_dir()]


def test_an_engine_without_lengths_stands_beside_one_with(tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--out", "out"),
        *("--target", "vllm==0.33.0", "--target", "sglang==0.5.23"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    ours, others = done.stdout.split("On SGLang:")
    assert "Capture [260, 300, 400] merged patches" in ours
    assert NO_LIST["sglang==0.5.23"] in others
    assert "merged patches" not in others


def test_lists_of_the_vit_are_not_compared_for_an_engine_that_takes_none() -> None:
    with pytest.raises(UsageError, match="no lengths to compare"):
        bucketwise.compare(
            TRAFFIC, [[1_024], [4_096]], model="qwen3-vl-2b", target="sglang==0.5.23"
        )


def test_a_list_of_today_is_refused_where_none_is_taken() -> None:
    with pytest.raises(UsageError, match="no lengths to compare with"):
        bucketwise.analyze(
            TRAFFIC, model="qwen3-vl-2b", target=["sglang==0.5.23"], current=[1_024]
        )
    with pytest.raises(ConfigError, match="sglang takes no list of ViT lengths"):
        bucketwise.lint_config("1024,4096", target="sglang==0.5.23")


def test_what_these_engines_have_no_setting_for_is_refused(tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--target", "sglang==0.5.23"),
        *("--devices", "4", "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--devices: no setting of this engine" in done.stderr


@pytest.mark.parametrize("name", ["sglang==0.5.12", "sglang==0.6.0", "sglang==new"])
def test_a_release_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"sglang==0\.5\.13 to 0\.5\.23"):
        bucketwise.analyze(TRAFFIC, model="qwen3-vl-2b", target=[name])


SGLANG, TENSORRT = "sglang==0.5.23", "tensorrt-llm==1.2.1"


def with_buckets(*pairs: list[int]) -> dict[str, Any]:
    image = {"image": {"buckets": [*pairs]}}
    return {"multimodal_config": {"encoder_cuda_graph": image}}


@pytest.mark.parametrize(
    ("target", "config", "rule", "severity"),
    [
        (SGLANG, {"decode": {"batch_sizes": [1]}}, "refused-config", "error"),
        (SGLANG, {"decode": {}, "vision": {"bs": [1]}}, "refused-config", "error"),
        (
            SGLANG,
            {"cuda-graph-config": {"prefill": {"backend": "tc_piecewise"}}},
            "refused-config",
            "error",
        ),
        (SGLANG, {"cuda-graph-bs": [1, 3]}, "renamed-option", "error"),
        ("sglang==0.5.15", {"cuda-graph-bs": [1, 3]}, "renamed-option", "warning"),
        ("sglang==0.5.13", {"cuda-graph-bs-decode": [1]}, "renamed-option", "error"),
        (SGLANG, {"decode": {"bs": [0, 4]}}, "sizes-not-captured", "error"),
        (
            SGLANG,
            {"cuda-graph-bs-decode": [1, 64], "max-running-requests": 8},
            "sizes-not-captured",
            "warning",
        ),
        (
            SGLANG,
            {"cuda-graph-bs-decode": [1, 8], "max-running-requests": 64},
            "sizes-not-captured",
            "warning",
        ),
        (SGLANG, {"prefill": {"bs": [64, 1_024]}}, "prefill-gap", "info"),
        (
            TENSORRT,
            {
                "cuda_graph_config": {
                    "batch_sizes": [1, 3],
                    "max_batch_size": 16,
                    "enable_padding": True,
                }
            },
            "refused-graphs",
            "error",
        ),
        (TENSORRT, {"cuda_graph_config": {"sizes": [1]}}, "refused-graphs", "error"),
        (TENSORRT, {"cuda_graph_config": {"batch_sizes": [2, 8]}}, "not-padded", ""),
        (
            TENSORRT,
            {"cuda_graph_config": {"batch_sizes": [3, 3], "enable_padding": True}},
            "repeated-size",
            "info",
        ),
        (
            TENSORRT,
            {
                "max_batch_size": 256,
                "cuda_graph_config": {"batch_sizes": [1, 8], "enable_padding": True},
            },
            "last-below-batch",
            "warning",
        ),
        (TENSORRT, with_buckets(), "refused-buckets", "error"),
        (TENSORRT, with_buckets([1, 2]), "refused-buckets", "error"),
        (TENSORRT, with_buckets([4_096, 4]), "no-bucket-for-one-image", "warning"),
    ],
)
def test_a_trap_is_told_by_its_rule(
    target: str, config: dict[str, Any], rule: str, severity: str
) -> None:
    [judged] = bucketwise.lint_config(config, target=target).judged
    sdk = target.partition("==")[0]
    assert [each.rule for each in judged.reported] == [f"{sdk}/{rule}"]
    assert judged.reported[0].finding.severity == (severity or "warning")


@pytest.mark.parametrize(
    ("target", "config"),
    [
        (SGLANG, {"decode": {"bs": [1, 3, 8]}}),
        (SGLANG, {"cuda-graph-bs-decode": [3, 8], "max-running-requests": 8}),
        (SGLANG, {"prefill": {"bs": [64, 128]}}),
        (
            TENSORRT,
            {"cuda_graph_config": {"batch_sizes": [3, 8], "enable_padding": True}},
        ),
        (TENSORRT, {"cuda_graph_config": {"batch_sizes": [1, 2, 3]}}),
        (TENSORRT, with_buckets([1_024, 1], [4_096, 4])),
    ],
)
def test_what_is_in_order_is_left_alone(target: str, config: dict[str, Any]) -> None:
    assert not bucketwise.lint_config(config, target=target).judged[0].reported


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        sglang.kept_sizes([0, 4], 8)


SGLANG_LINE = (
    "python3 -m sglang.launch_server --model-path Qwen/Qwen3-VL-8B-Instruct "
    "--max-running-requests 8 --cuda-graph-bs-decode 1 2 4"
)
TRT_LINE = (
    "trtllm-serve Qwen/Qwen3-VL-8B-Instruct --max_batch_size=4 "
    "--extra_llm_api_options /etc/extra.yaml"
)
EXTRA = "cuda_graph_config: {batch_sizes: [1, 2, 4], enable_padding: true}\nmax_batch_size: 8\n"

HOLDERS = {
    "run.sh": '#!/bin/sh\nSIZES=unused\nexec {line} "$@"\n',
    "compose.yaml": "services:\n  a:\n    image: x\n    command: {line}\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n"
    "    image: x\n    command: {command}\n    args: {args}\n",
    "Dockerfile": "FROM x\nCMD {list}\n",
    "README.md": "# Run\n\n```bash\n{line}\n```\n",
}
"""Where a line stands, its words where it is a list."""


@pytest.mark.parametrize("name", [*HOLDERS])
@pytest.mark.parametrize(
    ("line", "sdk", "config", "rule"),
    [
        (
            SGLANG_LINE,
            "sglang",
            {"max-running-requests": 8, "cuda-graph-bs-decode": [1, 2, 4]},
            "sglang/sizes-not-captured",
        ),
        (
            TRT_LINE,
            "tensorrt-llm",
            # The file overtakes the line.
            {"max_batch_size": 8, "cuda_graph_config.batch_sizes": [1, 2, 4]},
            "tensorrt-llm/last-below-batch",
        ),
    ],
)
def test_a_line_is_judged_wherever_it_stands_by_the_engine_that_it_starts(
    name: str, line: str, sdk: str, config: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    words = line.split()
    (tmp_path / "extra.yaml").write_text(EXTRA)
    file = tmp_path / name
    file.write_text(
        HOLDERS[name].format(
            line=line,
            list=json.dumps(words),
            command=json.dumps(words[:3]),
            args=json.dumps(words[3:]),
        )
    )
    [judged] = bucketwise.lint_config(file).judged
    document = judged.subject.document
    assert judged.subject.sdk == sdk
    assert document.model == "Qwen/Qwen3-VL-8B-Instruct"
    for key, value in config.items():
        found: Any = document.config
        for part in key.split("."):
            found = found[part]
        assert found == value
    assert [each.rule for each in judged.reported] == [rule]


def test_a_file_behind_an_option_that_is_not_there_is_told() -> None:
    [judged] = bucketwise.lint_config(f"{TRT_LINE}\n").judged
    assert any("was not read" in each for each in judged.subject.document.notes)
    assert judged.subject.document.config["max_batch_size"] == 4


def test_options_of_a_line_are_put_right_and_items_of_a_list_are_left(
    tmp_path: Path,
) -> None:
    old = SGLANG_LINE.replace("decode 1 2 4", "decode 1 2 16")
    (tmp_path / "run.sh").write_text(f"{old.replace('-decode', '')}\n")
    done = run("lint", "run.sh", "--fix", cwd=tmp_path)
    assert "+" + old.replace("1 2 16", "1 2 8") in done.stdout
    (tmp_path / "Dockerfile").write_text(f"FROM x\nCMD {json.dumps(old.split())}\n")
    done = run("lint", "Dockerfile", "--fix", cwd=tmp_path)
    assert "no diff of this text can be made" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("text", "sdk"),
    [
        ({"cudagraph_mm_encoder": True, "cudagraph_capture_sizes": [1]}, "vllm"),
        ("vllm serve m --cudagraph-capture-sizes 1 2\n", "vllm"),
        (
            (
                "# pip install vllm-ascend==0.23.0\n"
                "vllm serve m --compilation-config '{\"cudagraph_capture_sizes\": [1]}'\n"
            ),
            "vllm-ascend",
        ),
        ("cuda_graph_config:\n  batch_sizes: [1]\n", "tensorrt-llm"),
        ("cuda-graph-bs-decode: [1, 2]\nmax-running-requests: 2\n", "sglang"),
        ("export VLLM_MULTIMODAL_BUCKETS=1600,3136\nvllm serve m\n", "vllm-gaudi"),
        ("vllm serve m --max-num-seqs 8\n", "optimum-rbln"),
        (
            (
                "pip install vllm-rbln==0.12.0\n"
                "vllm serve m --cudagraph-capture-sizes 1 2\n"
            ),
            "optimum-rbln",
        ),
    ],
)
def test_the_engine_of_a_text_is_known_by_its_words(text: Any, sdk: str) -> None:
    [judged] = bucketwise.lint_config(text).judged
    assert judged.subject.sdk == sdk


def test_for_programs_there_are_no_lengths_and_no_waste(tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", "qwen3-vl-2b", "--target", "sglang==0.5.23"),
        *("--out", "out", "--json"),
        cwd=tmp_path,
    )
    told = json.loads(done.stdout)
    assert (told["vit_max_seq_lens"], told["lists"], told["waste"]) == ([], [], None)
