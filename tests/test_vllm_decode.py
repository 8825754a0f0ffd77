"""Sizes of the language model's graphs, as vLLM and its kin capture and choose them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.vllm.capture_sizes import (
    Server,
    captured_sizes,
    default_sizes,
    graphs_of,
    step_runs_on,
    united,
)
from bucketwise.engines.vllm.variants import (
    ascend_most,
    kept_on_ascend_950,
    tpu_attention_sizes,
    tpu_padded,
    tpu_request_sizes,
    tpu_token_sizes,
)
from bucketwise.errors import BucketwiseError, ConfigError
from bucketwise.nouns.engine import parse_version

GOLD = Path(__file__).parent / "gold" / "vllm"


def recorded(name: str) -> Any:
    return json.loads(gzip.decompress((GOLD / f"{name}.json.gz").read_bytes()))


DECODE, ASCEND, TPU, BOUNDARIES = map(
    recorded, ("vllm_decode", "vllm_ascend", "tpu_inference", "vllm_boundaries")
)


@pytest.mark.parametrize("release", [*BOUNDARIES["default_sizes"]])
def test_a_release_captures_by_default_what_it_did_when_recorded(release: str) -> None:
    for requests, tokens, query_len, interactive, sizes in BOUNDARIES["default_sizes"][
        release
    ]:
        server = Server(
            max_num_seqs=requests,
            max_num_batched_tokens=tokens,
            query_len=query_len,
            interactive=interactive,
            release=parse_version(release),
        )
        assert list(default_sizes(server)) == sizes


@pytest.mark.parametrize("case", DECODE["sizes"])
def test_vllm_captures_the_sizes_that_are_told(case: dict[str, Any]) -> None:
    server = Server(
        max_num_seqs=case["max_num_seqs"],
        max_num_batched_tokens=case["max_num_batched_tokens"],
        query_len=case["uniform_decode_query_len"],
        interactive=case["performance_mode"] == "interactivity",
    )
    asked, expected = case["compilation_config"], case["output"]
    given_ = (
        asked.get("cudagraph_capture_sizes"),
        asked.get("max_cudagraph_capture_size"),
    )
    if "error" in expected:
        with pytest.raises(ConfigError):
            captured_sizes(server, *given_)
        return
    sizes = captured_sizes(server, *given_)
    assert list(sizes) == expected["cudagraph_capture_sizes"]
    assert max(sizes, default=0) == expected["max_cudagraph_capture_size"]


def graphs_told(case: dict[str, Any]) -> tuple[tuple[int, ...], Server]:
    sizes = tuple(case["capture_sizes"])
    server = Server(max_num_seqs=case["max_num_seqs"])
    graphs = graphs_of(sizes, server, case["cudagraph_mode"])
    told = {name: sorted(each) for name, each in case["graphs"].items()}
    assert {name: list(each) for name, each in graphs.items() if each} == {
        name: each for name, each in told.items() if each
    }
    return sizes, server


@pytest.mark.parametrize("case", DECODE["v1_dispatch"])
def test_a_step_runs_on_the_graph_that_the_first_runner_picks(
    case: dict[str, Any],
) -> None:
    sizes, server = graphs_told(case)
    for tokens, kind, *expected, _ in case["tokens_kind_mode_padded_reqs"]:
        found = step_runs_on(
            tokens, sizes, server, case["cudagraph_mode"], decode=kind == "decode"
        )
        assert list(found) == expected


@pytest.mark.parametrize("case", DECODE["v2_dispatch"])
def test_a_step_runs_on_the_graph_that_the_second_runner_picks(
    case: dict[str, Any],
) -> None:
    sizes, server = graphs_told(case)
    for _, tokens, uniform, *expected, _ in case[
        "reqs_tokens_uniform_mode_padded_reqs"
    ]:
        found = step_runs_on(
            tokens, sizes, server, case["cudagraph_mode"], decode=uniform == 1
        )
        assert list(found) == expected


@pytest.mark.parametrize("case", ASCEND["cases"])
def test_vllm_ascend_keeps_what_is_told(case: dict[str, Any]) -> None:
    asked = case["input"]
    if case["function"] == "prune_capture_sizes_for_950":
        sizes = tuple(asked["cudagraph_capture_sizes"])
        assert list(kept_on_ascend_950(sizes)) == case["output"]
        return
    # It sets a default alone: where somebody gave either, nothing is set.
    gave = asked["max_cudagraph_capture_size"] or asked["cudagraph_capture_sizes"]
    server = Server(
        max_num_seqs=asked["max_num_seqs"],
        query_len=1 + asked["num_speculative_tokens"],
    )
    assert (None if gave else ascend_most(server)) == case["output"]


TPU_FUNCTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "get_req_paddings": lambda asked: tpu_request_sizes(asked["min"], asked["max"]),
    "get_attn_req_paddings": lambda asked: tpu_attention_sizes(
        asked["min"],
        asked["max"],
        tuple(asked["ATTN_CUSTOM_NUM_REQS_BUCKETS"]),
        bucketed=asked["ATTN_BUCKETIZED_NUM_REQS"],
    ),
    "build_token_paddings": lambda asked: tpu_token_sizes(
        asked["min_token_size"],
        asked["max_token_size"],
        asked["VLLM_TPU_BUCKET_PADDING_GAP"],
        asked["additional_config.compilation_sizes"],
    ),
    "get_padded_token_len": lambda asked: tpu_padded(
        asked["x"], tuple(asked["paddings"])
    ),
}


@pytest.mark.parametrize("case", TPU["cases"])
def test_tpu_inference_compiles_what_is_told(case: dict[str, Any]) -> None:
    function = TPU_FUNCTIONS[case["function"]]
    if "error" in case:
        with pytest.raises(BucketwiseError):
            function(case["input"])
        return
    found = function(case["input"])
    assert (list(found) if isinstance(found, tuple) else found) == case["output"]


servers = st.builds(
    Server,
    max_num_seqs=st.integers(1, 1_024),
    max_num_batched_tokens=st.sampled_from((512, 2_048, 8_192)),
)


@given(server=servers, sizes=st.sets(st.integers(1, 1_024), max_size=5))
def test_a_united_list_takes_no_graph_from_mixed_steps(
    server: Server, sizes: set[int]
) -> None:
    ours = united(sizes, server)
    above = [each for each in default_sizes(server) if each > server.max_num_seqs]
    assert [each for each in ours if each > server.max_num_seqs] == above
    assert server.max_num_seqs in ours
    assert {each for each in sizes if each <= server.max_num_seqs} <= set(ours)


@given(server=servers, tokens=st.integers(1, 2_048))
def test_a_decode_step_pads_to_the_smallest_size_that_holds_it(
    server: Server, tokens: int
) -> None:
    sizes = default_sizes(server)
    kind, padded = step_runs_on(
        tokens, sizes, server, "FULL_AND_PIECEWISE", decode=True
    )
    if kind == "NONE":
        assert tokens > sizes[-1]
        assert padded == tokens
    else:
        assert padded == min(each for each in sizes if each >= tokens)
        assert (kind == "FULL") == (padded <= server.max_num_seqs)
