"""Shapes that vllm-gaudi prepares and runs, and which few cover most calls."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.gaudi.coverage import GREEDY, cover
from bucketwise.engines.gaudi.decode import (
    Prepared,
    decode_shapes,
    lines_of,
    prepared,
    prompt_shapes,
    rounded_up,
    shapes_of,
)
from bucketwise.engines.gaudi.strategies import (
    STRATEGIES,
    Server,
    exponential,
    linear,
    padding_aware,
)
from bucketwise.engines.gaudi.vision import (
    Resolution,
    counts_images,
    guessed_sizes,
    lengths_in,
    own_lengths,
    padded,
    parts_of,
    resolutions_in,
)
from bucketwise.errors import ConfigError

servers = st.builds(
    Server,
    max_num_seqs=st.integers(1, 64),
    max_model_len=st.integers(2, 9_000),
    max_num_batched_tokens=st.sampled_from((512, 2_048, 8_192)),
)


@given(
    server=servers,
    sizes=st.sets(st.integers(1, 64), max_size=4),
    ladder=st.sets(st.integers(1, 4_000), max_size=8),
    data=st.data(),
)
def test_no_decode_step_outgrows_what_is_prepared(
    server: Server, sizes: set[int], ladder: set[int], data: st.DataObject
) -> None:
    batches = {min(each, server.max_num_seqs) for each in sizes} | {server.max_num_seqs}
    shapes = decode_shapes(batches, ladder, server)
    # What is written is what is prepared: nothing is left out or cut.
    assert prepared(shapes, server) == shapes
    ready = Prepared.of(shapes, server)
    assert ready.most_blocks == server.most_blocks
    batch = data.draw(st.integers(1, server.max_num_seqs))
    blocks = data.draw(st.integers(batch, batch * server.sequence_blocks))
    shape, after = ready.run(batch, blocks)
    assert after == ready
    assert shape[0] == min(each for each in batches if each >= batch)
    assert shape[2] >= blocks


@given(server=servers, data=st.data())
def test_every_prompt_has_a_shape_that_holds_it(
    server: Server, data: st.DataObject
) -> None:
    most = min(server.max_num_batched_tokens, server.max_model_len)
    tokens = data.draw(st.integers(1, most))
    behind = data.draw(st.integers(0, server.max_model_len - tokens))
    blocks = -(-behind // server.block_tokens)
    shapes = prompt_shapes(server)
    assert any(each[1] >= tokens and each[2] >= blocks for each in shapes)
    # Those of one token would be read as decode.
    assert all(each[0] == 1 and each[1] > 1 for each in shapes)
    assert all(each[1] <= server.max_model_len for each in shapes)


weights = st.dictionaries(st.integers(0, 7), st.integers(1, 9), min_size=1)


@given(
    calls=weights,
    offers=st.dictionaries(
        st.integers(0, 5), st.frozensets(st.integers(0, 7), max_size=4), max_size=6
    ),
    k=st.integers(0, 4),
)
def test_no_choice_covers_more_than_the_bound(
    calls: dict[int, int], offers: dict[int, frozenset[int]], k: int
) -> None:
    found = cover(calls, offers, k)

    def weight(chosen: tuple[int, ...]) -> int:
        shapes = frozenset().union(*(offers[each] for each in chosen))
        return sum(calls.get(each, 0) for each in shapes)

    assert found.covered == weight(found.chosen)
    assert list(found.gains) == sorted(found.gains, reverse=True)
    as_many = combinations(offers, min(len(found.chosen), len(offers)))
    best = max(map(weight, as_many), default=0)
    assert found.covered <= best <= found.most + 1e-9
    assert found.covered >= GREEDY * best
    assert found.most <= max(found.covered / GREEDY, found.covered) + 1e-9


@given(calls=weights, k=st.integers(1, 8))
def test_where_no_two_offers_share_a_shape_the_choice_is_the_best(
    calls: dict[int, int], k: int
) -> None:
    found = cover(calls, {shape: {shape} for shape in calls}, k)
    assert found.covered == sum(sorted(calls.values(), reverse=True)[:k])
    assert found.most == found.covered


def test_an_offer_that_adds_too_little_is_not_taken() -> None:
    calls = {"a": 90, "b": 9, "c": 1}
    found = cover(calls, {each: {each} for each in calls}, 3, least_gain=5)
    assert found.chosen == ("a", "b")
    assert found.share == 0.99
    # The bound is that of two offers.
    assert found.most_share == 0.99


def test_the_greedy_choice_may_miss_the_best_and_the_bound_says_how_far() -> None:
    calls = dict.fromkeys("abcdef", 1.0) | {"c": 1.5}
    offers = {"middle": set("bcde"), "left": set("abc"), "right": set("def")}
    found = cover(calls, offers, 2)
    assert found.chosen == ("middle", "left")
    assert found.covered == 5.5
    assert found.most == 6.5


GOLD = Path(__file__).parent / "gold" / "gaudi" / "vllm_gaudi.json.gz"
CASES = json.loads(gzip.decompress(GOLD.read_bytes()))["cases"]


def fallback(asked: dict[str, Any]) -> int:
    return rounded_up(asked["n"], asked["base_step"])


def of_limit(asked: dict[str, Any]) -> list[int]:
    contiguous = asked["use_contiguous_pa"]
    return list(exponential(*asked["min_step_max_limit"], contiguous=contiguous))


def looked_up(ready: Prepared, needs: list[Any]) -> tuple[list[Any], Prepared]:
    found = []
    for batch, blocks in needs:
        shape, ready = ready.run(batch, blocks)
        found.append([[batch, blocks], list(shape)])
    return found, ready


def server_of(asked: dict[str, Any]) -> Server:
    return Server(
        max_num_seqs=asked["max_num_seqs"],
        max_model_len=asked["max_model_len"],
        max_num_batched_tokens=asked.get("max_num_batched_tokens", 2_048),
        block_tokens=asked["block_size"],
    )


def generated(asked: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    server = server_of(asked)
    axes = STRATEGIES[asked["strategy"]](server, asked["num_hpu_blocks"], asked["env"])
    ready = Prepared.of(
        ((batch, 1, blocks) for batch in axes[0] for blocks in axes[1]), server
    )
    shapes = [list(each) for each in ready.shapes]
    lookup, _ = looked_up(ready, [need for need, _ in expected["lookup"]])
    return {
        "batch_sizes": list(axes[0]),
        "block_counts": list(axes[1]),
        "n_decode_buckets": len(shapes),
        "first": shapes[: len(expected["first"])],
        "last": shapes[-1],
        "lookup": lookup,
    }


def from_file(asked: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    ready = Prepared.of(shapes_of(asked["text"])[1], server_of(asked))
    needs = [need for need, _ in expected.get("lookup_in_order", [])]
    lookup, after = looked_up(ready, needs)
    return {
        "decode_buckets": [list(each) for each in ready.shapes],
        "lookup_in_order": lookup,
        "after_lookup": [list(each) for each in after.shapes],
    }


def of_model(asked: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    family, own = asked["model_type"], own_lengths(asked["model_type"])
    found: dict[str, Any] = {
        "is_batch_based": counts_images(family),
        "buckets": list(own),
        "select": [[need, padded(need, own)] for need, _ in expected["select"]],
    }
    for patch_px in (14, 16):
        key = f"warmup_resolutions_patch{patch_px}"
        told = expected[key]
        # Lists of images of one size are warmed with no guess.
        found[key] = told and [
            list(each) for each in guessed_sizes(own, patch_px)[: len(told)]
        ]
    return found


def of_variable(asked: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    value = asked["VLLM_MULTIMODAL_BUCKETS"]
    lengths = lengths_in(value) if value else own_lengths(asked["model_type"])
    return {
        "buckets": None if lengths is None else list(lengths),
        "select": [
            [need, padded(need, lengths)] for need, _ in expected.get("select", [])
        ],
    }


def parsed(asked: dict[str, Any]) -> list[Any]:
    return [
        [
            each.width_px,
            each.height_px,
            each.counts
            and (
                each.counts[0] if each.counts[0] == each.counts[1] else [*each.counts]
            ),
        ]
        for each in resolutions_in(asked["VLLM_MULTIMODAL_RESOLUTIONS"])
    ]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exponential.warmup_range_with_limit": of_limit,
    "linear.warmup_range": lambda asked: list(linear(*asked["min_step_max"])),
    "padding_aware.warmup_range_with_limits": lambda asked: list(
        padding_aware(*asked["min_step_max_padmax_padpercent"])
    ),
    "calc_fallback_value": fallback,
    "FileBucketingStrategy.get_buckets": lambda asked: [
        list(each) for each in shapes_of(asked["text"])[not asked["is_prompt"]]
    ],
    "HPUVisionBucketManager._parse_resolutions": parsed,
    "greedy_plan (batch-based towers)": lambda asked: list(
        parts_of(asked["batch"], asked["buckets"])
    ),
}

WITH_ANSWER: dict[str, Callable[..., Any]] = {
    "HPUBucketingManager.generate_decode_buckets+find_decode_bucket": generated,
    "HPUBucketingManager from file (filter bs<=blocks, corrector "
    "blocks<=bs*ceil(max_model_len/block_size))": from_file,
    "HPUVisionBucketManager defaults": of_model,
    "HPUVisionBucketManager VLLM_MULTIMODAL_BUCKETS": of_variable,
}
"""Those of which the answer tells what else was asked."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["function"].split()[0])
def test_vllm_gaudi_answers_as_was_recorded(case: dict[str, Any]) -> None:
    asked, name = case["input"], case["function"]

    def answer() -> Any:
        if name in FUNCTIONS:
            return FUNCTIONS[name](asked)
        return WITH_ANSWER[name](asked, case.get("output", {}))

    if "error" in case:
        with pytest.raises(ConfigError):
            answer()
        return
    assert answer() == case["output"]


def test_a_line_that_is_no_shape_is_told_from_the_others() -> None:
    text = "# note\n(1, 1, [16, 64])\n(1, 1, range(0, 20001))\n(2, 1)\n(3, 1, x)\n"
    shapes = [(line.number, line.shapes) for line in lines_of(text)]
    assert shapes == [
        (2, ((1, 1, 16), (1, 1, 64))),
        (3, None),
        (4, None),
        (5, None),
    ]


def test_a_range_of_pad_starts_below_the_blocks_of_a_small_cache() -> None:
    server = Server(max_num_seqs=8, max_model_len=4_096, max_num_batched_tokens=2_048)
    _, large = STRATEGIES["pad"](server, 512, None)
    _, small = STRATEGIES["pad"](server, 10, None)
    assert large == (128, 256)
    assert small[:3] == (1, 2, 4)


def test_a_length_below_a_merged_patch_is_warmed_as_it_is() -> None:
    assert guessed_sizes([2], 14)[0] == (14, 14)
    assert guessed_sizes([9], 14)[0] == (56, 42)


@pytest.mark.parametrize(
    ("entry", "most", "graphs"),
    [("8x8", 4, 1), ("8x8x3", 4, 1), ("8x8x1-20", 4, 4), ("8x8x5-9", 4, 0)],
)
def test_a_resolution_warms_a_graph_for_each_count(
    entry: str, most: int, graphs: int
) -> None:
    [found] = resolutions_in(entry)
    assert str(found) == entry
    assert found.graphs(most) == graphs


def test_resolutions_are_written_as_they_are_read() -> None:
    size = Resolution(width_px=1_024, height_px=768, counts=(1, 1))
    assert resolutions_in(str(size)) == (size,)
    assert math.isclose(GREEDY, 0.632, abs_tol=1e-3)
