"""The language model: totals of the real classes, counted FLOP, and laws."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.language_model import (
    input_embedding,
    kv_values_per_token,
    parameters,
    prefill_flops,
    read_values,
    sliding_values,
    state_values,
    step_flops,
    step_weights,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import Attention, LmShape
from bucketwise.read.configs.profiles import built_in_profiles

# Parameters of each checkpoint's class, and of the vision tower in it (model.visual),
# counted on torch's meta device (transformers 5.23.0, EXAONE's and Gemma4's 5.15.1; torch
# 2.13.0). Gemma4's are its vision_tower and embed_vision, without an audio tower. The
# model cards tell 30.7, 25.2, 2.3 and 4.5 thousand million of its language models, of the
# last two without embeddings.
TOTALS = {
    "qwen2-vl-2b": (2_208_985_600, 665_271_296),
    "qwen2-vl-7b": (8_291_375_616, 675_759_104),
    "qwen2-vl-72b": (73_405_560_320, 699_356_672),
    "qwen2.5-vl-3b": (3_754_622_976, 668_684_288),
    "qwen2.5-vl-7b": (8_292_166_656, 676_550_144),
    "qwen2.5-vl-32b": (33_452_718_336, 688_841_984),
    "qwen2.5-vl-72b": (73_410_777_344, 704_573_696),
    "qwen3-vl-2b": (2_127_532_032, 406_957_056),
    "qwen3-vl-4b": (4_437_815_808, 415_347_712),
    "qwen3-vl-8b": (8_767_123_696, 576_388_336),
    "qwen3-vl-32b": (33_357_390_064, 595_266_800),
    "qwen3-vl-30b-a3b": (31_070_754_032, 538_631_408),
    "qwen3-vl-235b-a22b": (235_670_022_896, 576_388_336),
    "qwen3.5-4b": (4_539_265_536, 333_514_240),
    "qwen3.5-9b": (9_409_813_744, 456_010_480),
    "qwen3.5-27b": (27_356_728_560, 460_730_096),
    "qwen3.5-35b-a3b": (35_107_181_936, 446_571_248),
    "cosmos-reason1-7b": (8_292_166_656, 676_550_144),
    "cosmos-reason2-2b": (2_127_532_032, 406_957_056),
    "cosmos-reason2-8b": (8_767_123_696, 576_388_336),
    "exaone-4.5-33b": (33_813_987_328, 1_286_482_944),
    "gemma-4-e2b": (4_797_113_600, 168_544_256),
    "gemma-4-e4b": (7_632_344_064, 169_330_688),
    "gemma-4-26b-a4b": (25_805_933_872, 572_792_112),
    "gemma-4-31b": (31_273_086_512, 575_741_232),
}

SMALL: dict[str, Any] = {
    "layers": 4,
    "hidden": 64,
    "vocab": 500,
    "tied": False,
    "attention": (Attention(layers=4, heads=6, kv_heads=2, head_dim=24),),
    "qk_norms": True,
    "source": "",
}
EXPERTS = {"experts": 8, "experts_per_token": 3, "expert_intermediate": 20}
SLIDING = {
    "attention": (
        Attention(layers=1, heads=6, kv_heads=2, head_dim=24),
        Attention(layers=3, heads=6, kv_heads=2, head_dim=24, window_tokens=16),
    )
}
HYBRID = {
    "attention": (Attention(layers=2, heads=6, kv_heads=2, head_dim=24),),
    "query_gates": True,
    "linear_key_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_heads": 6,
    "linear_value_head_dim": 8,
    "linear_conv_kernel": 4,
}
OLDER = {
    "attention": (Attention(layers=4, heads=4, kv_heads=2, head_dim=16),),
    "attention_biases": 3,
    "qk_norms": False,
}
# The last 4 of 6 layers borrow keys and values, one of them over all tokens.
GEMMA: dict[str, Any] = SMALL | {
    "layers": 6,
    "tied": True,
    "normed_outputs": True,
    "intermediate": 96,
}
BORROWING = {
    "attention": (
        Attention(layers=2, heads=6, kv_heads=2, head_dim=24, borrowing_layers=1),
        Attention(
            layers=4,
            heads=6,
            kv_heads=2,
            head_dim=16,
            window_tokens=16,
            borrowing_layers=3,
        ),
    ),
    "wide_layers": 4,
    "per_layer_input": 8,
}
ONE_PROJECTION = {
    "attention": (
        Attention(layers=1, heads=6, kv_heads=1, head_dim=24, keys_are_values=True),
        Attention(layers=5, heads=6, kv_heads=2, head_dim=16, window_tokens=16),
    ),
}

PROMPT, BATCH = 70, 3

# Small random models of the real classes (transformers 5.23.0, torch 2.13.0 on a CPU,
# eager attention and experts): parameters with the embedding, then what torch's
# FlopCounterMode counted of a prompt of 70 tokens (logits of the last only) and of a step
# of 3 sequences that hold 70 and make the 71st: products with weights, and attention.
# The convolutions it counted, and the delta rule's chunks of a prompt, are left out, and so
# are the angles of Gemma4's positions (2,800, and 40). EXAONE's and Gemma4's: 5.15.1.
COUNTED: dict[str, tuple[dict[str, Any], int, tuple[int, int], tuple[int, int]]] = {
    "qwen2_vl": (
        SMALL | OLDER | {"intermediate": 96, "tied": True},
        155_968,
        (17_267_200, 5_017_600),
        (929_280, 218_112),
    ),
    "qwen2_5_vl": (
        SMALL | OLDER | {"intermediate": 96},
        187_968,
        (17_267_200, 5_017_600),
        (929_280, 218_112),
    ),
    "qwen3_vl": (
        SMALL | {"intermediate": 96, "attention_biases": 4},
        238_016,
        (24_148_480, 11_289_600),
        (1_224_192, 490_752),
    ),
    "qwen3_vl_moe": (
        SMALL | EXPERTS,
        288_000,
        (20_564_480, 11_289_600),
        (1_070_592, 490_752),
    ),
    "qwen3_5": (
        SMALL | HYBRID | {"intermediate": 96, "tied": True, "attention_biases": 4},
        203_976,
        (23_790_080, 5_644_800),
        (1_208_832, 245_376),
    ),
    "qwen3_5_moe": (
        SMALL | HYBRID | EXPERTS | {"shared_expert_intermediate": 28},
        308_040,
        (23_252_480, 5_644_800),
        (1_185_792, 245_376),
    ),
    "exaone4_5": (
        SMALL | SLIDING | {"intermediate": 96},
        236_800,
        (24_148_480, 11_289_600),
        (1_224_192, 205_632),
    ),
    "gemma4_small": (
        GEMMA | BORROWING,
        347_936,
        (40_634_880, 13_171_200),
        (1_930_752, 319_104),
    ),
    "gemma4": (
        GEMMA | ONE_PROJECTION,
        246_288,
        (29_811_200, 12_230_400),
        (1_466_880, 214_848),
    ),
    "gemma4_moe": (
        GEMMA | ONE_PROJECTION | EXPERTS,
        435_264,
        (39_918_080, 12_230_400),
        (1_900_032, 214_848),
    ),
}

# FLOP of the delta rule for a token of the small hybrids: 3 products with a state of 6
# heads of 16 by 8, in 2 layers.
DELTA_RULE = 3 * 2 * (6 * 16 * 8) * 2

counted = pytest.mark.parametrize("family", COUNTED)


def lm_of(name: str) -> LmShape:
    shape = built_in_profiles()[name].lm
    assert shape is not None
    return shape


shapes = st.sampled_from(sorted(TOTALS)).map(lm_of)
batches = st.integers(1, 2_000)


def test_every_built_in_model_has_a_counted_total() -> None:
    # ColQwen2's language model is Qwen2-VL-2B's, with a projection for lm_head.
    known = {name for name, each in built_in_profiles().items() if each.lm}
    assert {*TOTALS, "colqwen2-v1.0-hf"} == known
    kin, own = lm_of("qwen2-vl-2b"), lm_of("colqwen2-v1.0-hf")
    assert parameters(kin) - parameters(own) == kin.hidden * (kin.vocab - own.vocab)


@pytest.mark.parametrize("name", TOTALS)
def test_vision_and_language_make_up_the_checkpoint(name: str) -> None:
    total, visual = TOTALS[name]
    shape = lm_of(name)
    assert visual + parameters(shape) + input_embedding(shape) == total
    assert shape.hidden == built_in_profiles()[name].tower.out_hidden


@counted
def test_the_parameters_are_those_of_the_real_class(family: str) -> None:
    values, total, _, _ = COUNTED[family]
    shape = LmShape(**values)
    assert parameters(shape) + input_embedding(shape) == total


@counted
def test_a_steps_flop_are_those_counted_on_the_real_class(family: str) -> None:
    values, _, _, (products, attention) = COUNTED[family]
    delta_rule = DELTA_RULE if "qwen3_5" in family else 0
    expected = products + attention + BATCH * delta_rule
    assert step_flops(LmShape(**values), BATCH, PROMPT + 1) == expected


@counted
def test_a_prompts_flop_are_those_counted_less_what_the_mask_hides(family: str) -> None:
    values, _, (products, attention), _ = COUNTED[family]
    delta_rule = DELTA_RULE if "qwen3_5" in family else 0
    shape = LmShape(**values)
    seen = range(1, PROMPT + 1)
    pairs = {
        kind: 4 * kind.layers * kind.heads * kind.head_dim for kind in shape.attention
    }
    # Eager attention computes all 70 x 70 of them.
    assert sum(pairs.values()) * PROMPT**2 == attention
    attended = sum(
        each * sum(min(n, kind.window_tokens or n) for n in seen)
        for kind, each in pairs.items()
    )
    expected = products + attended + PROMPT * delta_rule
    assert prefill_flops(shape, np.array([PROMPT])) == [expected]


@given(context=st.integers(1, 60), more=st.integers(1, 60))
def test_what_slides_keeps_its_window_and_no_more(context: int, more: int) -> None:
    shape = LmShape(**COUNTED["exaone4_5"][0])
    few, many = (sliding_values(shape, each) for each in (context, context + more))
    assert few <= many <= sliding_values(shape)
    assert few == (2 * 3 * 2 * 24) * min(context, 16)
    assert kv_values_per_token(shape) == 2 * 1 * 2 * 24


@given(context=st.integers(1, 60), devices=st.integers(1, 4))
def test_layers_that_borrow_keys_and_values_keep_none_and_read_them(
    context: int, devices: int
) -> None:
    shape = LmShape(**COUNTED["gemma4_small"][0])
    assert kv_values_per_token(shape) == 2 * 1 * 2 * 24
    assert sliding_values(shape) == 2 * 1 * 2 * 16 * 16
    heads = -(-2 // devices)
    read = 2 * heads * (2 * 24 * context + 4 * 16 * min(context, 16))
    assert read_values(shape, context, devices) == read


@given(shape=shapes, context=st.integers(1, 100_000), devices=st.integers(1, 16))
def test_a_step_reads_no_less_than_a_share_of_what_a_sequence_keeps(
    shape: LmShape, context: int, devices: int
) -> None:
    kept = kv_values_per_token(shape) * context + sliding_values(shape, context)
    assert read_values(shape, context, devices) >= kept / devices - 1e-6 * kept


@given(
    shape=shapes | st.sampled_from([LmShape(**each[0]) for each in COUNTED.values()]),
    tokens=st.integers(1, 50),
)
def test_a_prompt_costs_its_tokens_one_by_one_but_one_lm_head(
    shape: LmShape, tokens: int
) -> None:
    steps = sum(step_flops(shape, 1, context) for context in range(1, tokens + 1))
    lm_heads = 2 * shape.vocab * shape.hidden * (tokens - 1)
    found = prefill_flops(shape, np.array([tokens, tokens]))
    assert found == pytest.approx([steps - lm_heads] * 2, rel=1e-12)


@given(shape=shapes, batch=batches, more=batches)
def test_a_larger_batch_reads_no_less_and_never_more_than_there_is(
    shape: LmShape, batch: int, more: int
) -> None:
    few, many = step_weights(shape, batch), step_weights(shape, batch + more)
    assert 0 < few <= many <= parameters(shape)
    if not shape.experts:
        assert few == parameters(shape)


@given(experts=st.integers(1, 6), per_token=st.integers(1, 6), batch=st.integers(1, 3))
def test_the_experts_read_are_the_mean_over_all_routings(
    experts: int, per_token: int, batch: int
) -> None:
    per_token = min(per_token, experts)
    shape = replace(
        lm_of("qwen3-vl-30b-a3b"), experts=experts, experts_per_token=per_token
    )
    expert = 3 * shape.hidden * shape.expert_intermediate * shape.layers
    read = (step_weights(shape, batch) - parameters(shape)) / expert + experts
    routes = combinations(range(experts), per_token)
    hits = [len(set(chain(*each))) for each in product(routes, repeat=batch)]
    assert read == pytest.approx(np.mean(hits), rel=1e-6)


def test_one_token_reads_its_own_experts_alone() -> None:
    # What the names promise: 3 of 30 thousand million parameters are active, 22 of 235.
    assert step_weights(lm_of("qwen3-vl-30b-a3b"), 1) == pytest.approx(3.0e9, rel=0.02)
    assert step_weights(lm_of("qwen3-vl-235b-a22b"), 1) == pytest.approx(
        2.2e10, rel=0.02
    )


@given(shape=shapes, batch=batches, context=st.floats(1, 1e6), more=st.floats(1, 1e6))
def test_flop_grow_in_proportion_to_the_batch_and_with_the_context(
    shape: LmShape, batch: int, context: float, more: float
) -> None:
    one, all_of_them = step_flops(shape, 1, context), step_flops(shape, batch, context)
    assert all_of_them == pytest.approx(batch * one)
    assert step_flops(shape, batch, context + more) > all_of_them


def test_the_cache_of_a_token_has_its_published_size() -> None:
    # 2 * 28 layers * 8 heads * 128, in 2 bytes: 112 KiB.
    assert 2 * kv_values_per_token(lm_of("qwen3-vl-2b")) == 112 * 1024
    # A quarter of the layers keeps a cache.
    assert kv_values_per_token(lm_of("qwen3.5-27b")) == 2 * 16 * 4 * 256


def test_only_linear_attention_keeps_a_state() -> None:
    # Shapes as optimum-rbln 0.12.0 allocates them: 48 x 128 x 128, and 3 x 10,240, in
    # each of 48 layers.
    assert state_values(lm_of("qwen3.5-27b")) == 48 * (48 * 128 * 128 + 3 * 10_240)
    for name in TOTALS:
        assert (state_values(lm_of(name)) == 0) == (not name.startswith("qwen3.5"))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"hidden": -1, "vocab": 0},
            "hidden: expected at least 1, got -1.*\n.*vocab: expected at least 1, got 0",
        ),
        ({"intermediate": 0}, "intermediate: expected at least 1, got 0"),
        ({"layers": 3}, r"attention: expected kinds of up to layers \(3\).*, got 4"),
        ({"layers": 5}, "linear_conv_kernel: expected at least 1, got 0"),
        ({"attention_biases": 2}, "attention_biases: expected 0, 3 or 4, got 2"),
        ({"wide_layers": 5}, r"wide_layers: expected 0 to layers \(4\), got 5"),
        (
            EXPERTS | {"experts_per_token": 0},
            "experts_per_token: expected at least 1, got 0",
        ),
        (
            EXPERTS | {"experts": 2},
            r"experts_per_token: expected at most experts \(2\), got 3",
        ),
        (
            HYBRID | {"linear_key_heads": 4},
            r"linear_value_heads: expected a multiple of linear_key_heads \(4\), got 6",
        ),
    ],
)
def test_dimensions_that_do_not_fit_together_are_refused(
    changed: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        LmShape(**SMALL | {"intermediate": 96} | changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"layers": 0}, "layers: expected at least 1, got 0"),
        ({"heads": -1, "head_dim": 0}, "heads: .*, got -1\n.*head_dim: .*, got 0"),
        ({"heads": 5}, r"heads: expected a multiple of kv_heads \(2\), got 5"),
        ({"window_tokens": -1}, "window_tokens: expected at least 0, got -1"),
        (
            {"borrowing_layers": 5},
            r"borrowing_layers: expected 0 to layers \(4\), got 5",
        ),
    ],
)
def test_layers_whose_dimensions_do_not_fit_together_are_refused(
    changed: dict[str, int], expected: str
) -> None:
    [kind] = SMALL["attention"]
    with pytest.raises(ConfigError, match=expected):
        replace(kind, **changed)
