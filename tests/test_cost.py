"""What a run costs, and what a list of buckets costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import COSTS, CostCurve, linear_cost, price, vit_flops
from bucketwise.errors import ConfigError
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from tests.strategies import demands

# FLOP of one run of 1,024 patches counted by torch's FlopCounterMode on the real towers
# (transformers 5.23.0, EXAONE's 5.15.1, eager attention): a and b of a*n + b*n^2; windows are extra.
COUNTED = {
    "qwen2-vl-2b": (1_278_341_120, 163_840),
    "qwen2-vl-7b": (1_283_584_000, 163_840),
    "qwen2-vl-72b": (1_295_380_480, 163_840),
    "qwen2.5-vl-3b": (1_281_290_240, 20_480),
    "qwen2.5-vl-7b": (1_285_222_400, 20_480),
    "qwen2.5-vl-32b": (1_298_001_920, 20_480),
    "qwen2.5-vl-72b": (1_305_866_240, 20_480),
    "qwen3-vl-2b": (657_457_152, 98_304),
    "qwen3-vl-4b": (661_651_456, 98_304),
    "qwen3-vl-8b": (905_895_936, 124_416),
    "qwen3-vl-32b": (915_333_120, 124_416),
    "qwen3-vl-30b-a3b": (887_021_568, 124_416),
    "qwen3-vl-235b-a22b": (905_895_936, 124_416),
    "qwen3.5-4b": (620_756_992, 98_304),
    "qwen3.5-9b": (845_733_888, 124_416),
    "qwen3.5-27b": (848_093_184, 124_416),
    "qwen3.5-35b-a3b": (841_015_296, 124_416),
    "cosmos-reason1-7b": (1_285_222_400, 20_480),
    "cosmos-reason2-2b": (657_457_152, 98_304),
    "cosmos-reason2-8b": (905_895_936, 124_416),
    "exaone-4.5-33b": (2_408_153_088, 32_768),
    "colqwen2-v1.0-hf": (1_278_341_120, 163_840),
}

# Elements of the linear layers of Gemma4TextModel with each checkpoint's dimensions, on
# torch's meta device (transformers 5.15.1); experts, which are no such layers, are extra.
LINEAR = {
    "gemma-4-e2b": 1_876_819_968,
    "gemma-4-e4b": 3_972_792_320,
    "gemma-4-26b-a4b": 1_656_258_560,
    "gemma-4-31b": 29_286_727_680,
}


def test_every_built_in_model_with_a_known_tower_has_a_counted_cost() -> None:
    known = {name for name, each in built_in_profiles().items() if each.vit}
    assert {*COUNTED, *LINEAR} == known
    assert {name for name, each in built_in_profiles().items() if each.soft_tokens} == {
        *LINEAR
    }


@pytest.mark.parametrize("name", COUNTED)
def test_the_formula_equals_what_was_counted_on_the_real_tower(name: str) -> None:
    profile = find_profile(name)
    linear, quadratic = COUNTED[name]
    # 4 * hidden FLOP a windowed block for each pair of patches that share a window.
    windowed = profile.tower.depth - profile.tower.full_attention_blocks
    windows = 4 * profile.tower.hidden * windowed * profile.window_patches**2
    curve = vit_flops(profile)
    assert (curve.a, curve.b) == (linear + windows, quadratic)


@pytest.mark.parametrize("name", LINEAR)
def test_a_chunk_costs_what_the_linear_layers_of_the_real_class_hold(name: str) -> None:
    profile = find_profile(name)
    shape = profile.lm
    assert shape is not None
    experts = (
        3 * shape.experts_per_token * shape.expert_intermediate * shape.hidden
    ) * shape.layers
    curve = COSTS["flops"](profile)
    assert curve.a == 2 * (LINEAR[name] + experts)


@given(
    demand=demands(),
    extra=st.sets(st.integers(1, 100), max_size=4),
    kind=st.sampled_from(sorted(COSTS)),
)
def test_every_run_is_either_served_or_overflows(
    demand: Demand, extra: set[int], kind: str
) -> None:
    curve = COSTS[kind](find_profile("qwen3-vl-2b"))
    buckets = Buckets(tuple(sorted(extra | {40})))
    bill = price(buckets, demand, curve)
    assert bill.runs.sum() + bill.overflow_runs == demand.runs.sum()
    assert (bill.useful <= bill.padded).all()
    assert 0 <= bill.waste < 1


def test_a_run_as_long_as_its_bucket_wastes_nothing() -> None:
    demand = Demand(np.array([16, 64]), np.array([2.0, 1.0]))
    assert (
        price(Buckets((16, 64)), demand, linear_cost(find_profile("qwen3-vl-2b"))).waste
        == 0
    )


def test_a_cost_that_does_not_grow_is_refused() -> None:
    with pytest.raises(ConfigError, match="positive coefficients"):
        CostCurve(kind="x", unit="x", a=-1.0, b=1.0, source="")
