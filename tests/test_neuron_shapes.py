"""Every recording of Neuron's own rules, and the laws of what is computed from them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bucketwise.core.patching import MAX_ASPECT_RATIO, count_patches
from bucketwise.engines.neuron.blocks import (
    MOST_COUNTS,
    Encoder,
    choose_counts,
    is_safe,
    least_patches,
    own_batches,
    own_buckets,
    resolved,
    wrong_batches,
)
from bucketwise.engines.neuron.nxdi import (
    batch_shapes,
    bucket_for,
    bucket_for_images,
    generated,
)
from bucketwise.errors import ConfigError
from bucketwise.read.configs.profiles import find_profile
from tests.strategies import limits_of, preprocessing_of, traffic_of

GOLD = Path(__file__).parent / "gold" / "neuron"


def recorded(name: str) -> list[dict[str, Any]]:
    text = gzip.decompress((GOLD / f"{name}.json.gz").read_bytes())
    cases: list[dict[str, Any]] = json.loads(text)["cases"]
    return cases


def checked_batches(buckets: list[int], max_num_seqs: int, kind: type) -> list[int]:
    if said := wrong_batches(kind(buckets), max_num_seqs):
        raise ConfigError(said)
    return buckets


def split(tp: int, dp: int, world: int, buckets: list[int], block: int) -> list[Any]:
    tp, dp = resolved(tp, dp, world)
    encoder = Encoder(buckets=tuple(buckets), block=block, dp=dp)
    return [tp, dp, [encoder.blocks(each) for each in buckets]]


def run(case: dict[str, Any]) -> dict[str, Any]:
    asked = case["input"]
    encoder = Encoder(
        buckets=tuple(asked["num_vision_tokens_buckets"]),
        block=asked["vision_attention_block_size"],
        dp=asked["dp_size"],
    )
    found = encoder.run(asked["patches_per_image"])
    images = len(asked["patches_per_image"])
    return {
        "bucket": found.bucket,
        "num_blocks": found.blocks,
        "computed_patches": found.computed,
        "bins": [[place] if place < images else [] for place in range(found.blocks)],
    }


def kind_of(case: dict[str, Any]) -> type:
    return tuple if "tuple" in case.get("message", "") else list


ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "generate_buckets": lambda case: list(
        generated(case["input"]["min_length"], case["input"]["max_length"])
    ),
    "generate_2d_buckets_for_batch_bucketing": lambda case: [
        list(each)
        for each in batch_shapes(
            case["input"]["token_generation_batches"],
            case["input"]["tkg_batch_size"],
            case["input"]["seq_buckets"],
        )
    ],
    "qwen3_vl get_target_bucket": lambda case: bucket_for(
        case["input"]["vision buckets"], case["input"]["total_patches_of_the_request"]
    ),
    "qwen2_vl get_padded_num_image": lambda case: bucket_for_images(
        case["input"]["vision buckets (images)"],
        case["input"]["pixels_per_image"],
        case["input"]["patches"],
    ),
    "get_default_num_seqs_buckets": lambda case: list(
        own_batches(case["input"]["max_num_seqs"])
    ),
    "validate_num_seqs_buckets": lambda case: checked_batches(
        case["input"]["buckets"], case["input"]["max_num_seqs"], kind_of(case)
    ),
    "get_default_num_vision_tokens_buckets": lambda case: list(
        own_buckets(
            case["input"]["max_bucket"], case["input"]["vision_attention_block_size"]
        )
    ),
    "resolve_tp_dp -> (tp, dp, blocks per bucket)": lambda case: split(
        case["input"]["tp_size"],
        case["input"]["dp_size"],
        case["input"]["world_size"],
        case["input"]["buckets"],
        case["input"]["block"],
    ),
    "images: select_vision_bucket(sum) then one item per block": run,
}


@pytest.mark.parametrize(
    "case",
    [*recorded("nxd_inference"), *recorded("vllm_neuron")],
    ids=lambda case: json.dumps(case["input"])[:60],
)
def test_what_neuron_answered_is_what_is_computed(case: dict[str, Any]) -> None:
    answer = ANSWERS[case["function"]]
    if "error" not in case:
        assert answer(case) == case["output"]
        return
    with pytest.raises(ConfigError) as found:
        answer(case)
    assert str(found.value).rstrip(". ") in case["message"]


@given(
    least=st.integers(1, 2_000),
    block=st.integers(1, 4_000),
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
    dp=st.integers(1, 4),
    data=st.data(),
)
def test_no_call_has_more_images_than_a_safe_list_has_blocks_for(
    least: int, block: int, counts: list[int], dp: int, data: st.DataObject
) -> None:
    least = min(least, block)
    wanted = sorted(each * dp for each in counts)
    safe = [each for each in wanted[:-1] if is_safe(each, block, least)]
    encoder = Encoder(
        buckets=tuple(each * block for each in (*safe, wanted[-1])), block=block, dp=dp
    )
    call = data.draw(
        st.lists(st.integers(least, block), min_size=1, max_size=wanted[-1])
    )
    found = encoder.run(call)
    assert found.blocks >= len(call)
    assert found.computed >= sum(call)


@given(
    block=st.integers(2, 4_000), count=st.integers(1, 8), least=st.integers(1, 4_000)
)
def test_a_list_that_is_not_safe_fails_on_the_smallest_images(
    block: int, count: int, least: int
) -> None:
    least = min(least, block)
    encoder = Encoder(buckets=(count * block, 100 * block), block=block)
    if is_safe(count, block, least):
        assert encoder.run([least] * (count + 1)).blocks > count
        return
    with pytest.raises(ConfigError, match=f"Cannot fit item {count}"):
        encoder.run([least] * (count + 1))


kinds_of_calls = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from([1.0, 5.0, 90.0])),
    min_size=1,
    max_size=5,
    unique_by=lambda each: each[0],
)


@given(calls=kinds_of_calls, more=st.integers(0, 4), dp=st.integers(1, 3))
def test_no_other_numbers_of_blocks_compute_fewer(
    calls: list[tuple[int, float]], more: int, dp: int
) -> None:
    blocks = np.array([each for each, _ in calls])
    weights = np.array([each for _, each in calls])
    most = int(blocks.max()) + more
    chosen = choose_counts(blocks, weights, most=most, dp=dp)
    top = chosen[-1]
    assert top % dp == 0
    assert top - dp < most <= top

    def computed(counts: tuple[int, ...]) -> float:
        ran_on = np.array(counts)[np.searchsorted(counts, blocks)]
        return float((ran_on * weights).sum())

    below = range(dp, top, dp)
    others = (
        (*each, top)
        for size in range(MOST_COUNTS)
        for each in combinations(below, min(size, len(below)))
    )
    assert computed(chosen) == min(map(computed, others))


@given(
    buckets=st.lists(st.integers(1, 20_000), min_size=1, max_size=5, unique=True),
    patches=st.integers(1, 20_000),
)
def test_a_sorted_list_runs_a_request_on_the_smallest_bucket_that_holds_it(
    buckets: list[int], patches: int
) -> None:
    buckets.sort()
    if patches > buckets[-1]:
        with pytest.raises(ConfigError, match="exceeds largest bucket"):
            bucket_for(buckets, patches)
        return
    assert bucket_for(buckets, patches) == min(b for b in buckets if b >= patches)


@given(
    height=st.integers(1, 6_000),
    width=st.integers(1, 6_000),
    low=st.integers(1, 2_000_000),
    more=st.integers(0, 2_000_000),
)
def test_no_image_becomes_smaller_than_the_smallest_there_can_be(
    height: int, width: int, low: int, more: int
) -> None:
    assume(max(height, width) <= MAX_ASPECT_RATIO * min(height, width))
    profile = find_profile("qwen3-vl-8b")
    limits = limits_of(low, low + more)
    counts = count_patches(
        traffic_of((height, width)).sizes(),
        profile,
        preprocessing_of(profile, limits),
    )
    assume(counts.accepted.all())
    assert int(counts.vit_patches[0]) >= least_patches(limits, profile)
