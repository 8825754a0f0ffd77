"""Whether plain vLLM starts: its own accounting, on other accelerators."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.vllm.memory import GB, VllmFit, vllm_preflight
from bucketwise.engines.vllm.words import lines, statements
from bucketwise.errors import ConfigError, UsageError
from bucketwise.read.configs.profiles import built_in_profiles

MODELS = {name: each for name, each in built_in_profiles().items() if each.lm}
CONTEXT = 262_144
"""max_position_embeddings of Qwen3-VL-2B (config.json of the checkpoint)."""


def fit_of(
    utilization: float,
    used_gb: float | None = None,
    max_model_len: int | None = None,
    name: str = "qwen3-vl-2b",
) -> VllmFit:
    return vllm_preflight(MODELS[name], 32, utilization, used_gb, max_model_len)


def said(fit: VllmFit) -> str:
    return "\n".join(lines(fit))


def test_the_terms_of_qwen3_vl_2b_are_its_parameters_and_112_kib_a_token() -> None:
    fit = fit_of(0.36)
    assert fit.weights_bytes == 2 * 2_127_532_032
    assert fit.token_bytes == 112 * 1024
    assert fit.share_bytes == 11_520_000_000
    assert fit.room_bytes / GB == pytest.approx(7.26, abs=0.01)


def test_a_refusal_at_the_start_needs_others_to_hold_more_than_the_rest() -> None:
    assert fit_of(0.36).refused_at_start is None
    assert not fit_of(0.36, used_gb=20.48).refused_at_start
    assert fit_of(0.36, used_gb=20.49).refused_at_start
    assert fit_of(0.36, used_gb=20.49).outcome == "refuses"


def test_a_refusal_for_the_cache_needs_a_request_longer_than_the_room() -> None:
    longest = fit_of(0.36).largest_model_len
    assert longest == 63_345
    assert not fit_of(0.36, max_model_len=longest).refused_for_cache
    assert fit_of(0.36, max_model_len=longest + 1).refused_for_cache
    assert "whatever the activations" in said(fit_of(0.36, max_model_len=longest + 1))


# As asked of the maintainers of vllm-ascend (number 4421): Qwen3-VL-2B takes 11 GB of a
# 910B4 of 32 GB beside other programs, and refuses to start with 0.36.
def test_11_gb_used_does_not_stop_a_share_of_11_5_gb_at_the_start() -> None:
    fit = fit_of(0.36, used_gb=11)
    assert fit.free_bytes == 21 * GB
    assert fit.refused_at_start is False
    assert "21.00 GB is free: that does not stop it" in said(fit)


def test_11_gb_used_is_what_the_share_makes_of_any_small_model() -> None:
    assert "a tool shows about 11.52 GB as used" in said(fit_of(0.36))


def test_the_whole_context_of_the_checkpoint_refuses_0_36_for_certain() -> None:
    fit = fit_of(0.36, used_gb=11, max_model_len=CONTEXT)
    assert fit.request_bytes / GB == pytest.approx(30.06, abs=0.01)
    assert fit.outcome == "refuses"
    assert fit.least_utilization > 1
    assert "more than the device has" in said(fit)


def test_what_others_hold_counted_against_the_share_refuses_0_36_too() -> None:
    # vllm-ascend up to 0.13.0: 11 GB of its own under the default of 0.9 leave 17.8 GB
    # that others hold, more than 0.36 of the device.
    others_gb = 0.9 * 32 - 11
    fit = fit_of(0.36, used_gb=others_gb)
    assert fit.refused_at_start is False
    assert "0.00 GB would be left of it, and it would refuse" in said(fit)
    assert "and it would try" in said(fit_of(0.9, used_gb=others_gb))


def test_a_share_with_room_for_everything_should_start() -> None:
    fit = fit_of(0.9, used_gb=0.0, max_model_len=32_768)
    assert fit.outcome == "should start"
    assert replace(fit, used_bytes=None).outcome == "cannot tell"
    assert replace(fit, max_model_len=None).outcome == "cannot tell"


def test_weights_beyond_the_share_refuse() -> None:
    fit = fit_of(0.36, name="qwen3-vl-8b")
    assert fit.outcome == "refuses"
    assert fit.largest_model_len == fit.likely_model_len == 0
    assert "do not go in: it refuses" in said(fit)
    assert "0.00 GB that the weights leave" in said(
        fit_of(0.36, name="qwen3-vl-8b", max_model_len=9)
    )


def test_linear_attention_keeps_a_state_beside_its_tokens() -> None:
    hybrid = fit_of(0.9, name="qwen3.5-4b", max_model_len=1)
    assert hybrid.request_bytes > hybrid.token_bytes
    assert fit_of(0.9, max_model_len=1).request_bytes == 112 * 1024


def test_every_statement_says_how_far_to_trust_it() -> None:
    fit = fit_of(0.5, used_gb=4, max_model_len=8_192)
    assert {each.status for each in statements(fit)} == {"derived", "assumed"}
    first, *rest = lines(fit)
    assert fit.outcome in first
    assert all(line.endswith(("[derived]", "[assumed]")) for line in rest)


def test_values_out_of_range_are_named_together() -> None:
    with pytest.raises(UsageError) as caught:
        vllm_preflight(MODELS["qwen3-vl-2b"], 0, 1.2, -1, 0)
    assert len(caught.value.problems) == 4


def test_an_unknown_language_model_is_an_error() -> None:
    with pytest.raises(ConfigError, match="language model is not known"):
        vllm_preflight(replace(MODELS["qwen3-vl-2b"], lm=None), 32, 0.9)


@given(
    st.sampled_from(sorted(MODELS)),
    st.integers(8, 400),
    st.integers(1, 100).map(lambda share: share / 100),
    st.integers(1, 300_000),
)
def test_the_bounds_agree_with_the_refusal(
    name: str, device_gb: int, utilization: float, length: int
) -> None:
    fit = vllm_preflight(MODELS[name], device_gb, utilization, 0, length)
    assert fit.refused_for_cache == (length > fit.largest_model_len)
    assert fit.likely_model_len <= fit.largest_model_len
    assert fit.least_utilization <= fit.likely_utilization
    if fit.least_utilization <= 1:
        enough = replace(fit, utilization=fit.least_utilization)
        assert not enough.refused_for_cache
    assert statements(fit)
