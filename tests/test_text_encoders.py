"""Text encoders: token counts in, the lengths to compile out."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise import analyze_lengths, read_traffic
from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.cost import ENCODER_COSTS, CostCurve, encoder_flops, price
from bucketwise.core.encoder.analysis import EncoderAnalysis, TokensToday, analyze
from bucketwise.core.optimize import SOLVERS
from bucketwise.core.options import PlanOptions
from bucketwise.core.schema import plan_schema
from bucketwise.engines.rbln.encoders import ENCODERS
from bucketwise.errors import BucketwiseError, ConfigError, InputError, UsageError
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.traffic import NO_TIME_S, Traffic
from bucketwise.read.configs.encoders import (
    built_in_encoders,
    encoder_named,
    find_encoder,
)

GOLD = json.loads(
    (Path(__file__).parent / "gold" / "text_encoders.json").read_text("utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(plan_schema())
BERT = built_in_encoders()["bert-base-uncased"]
encoders = st.sampled_from(sorted(built_in_encoders())).map(built_in_encoders().get)
texts = st.dictionaries(st.integers(1, 700), st.integers(1, 60), min_size=1, max_size=7)
"""Tokens to texts of that length."""


def traffic_of(lengths: dict[int, int]) -> Traffic:
    """Return texts as a traffic: lengths in tokens, and how many of each."""
    tokens = np.array(sorted(lengths), dtype=np.int64)
    nothing = np.zeros_like(tokens)
    return Traffic(
        height_px=nothing,
        width_px=nothing,
        frames=nothing,
        fps=nothing.astype(np.float64),
        visual_tokens=tokens,
        slot_start_s=np.full_like(tokens, NO_TIME_S),
        label=np.full_like(tokens, -1),
        count=np.array([float(lengths[int(each)]) for each in tokens]),
        rows_read=len(lengths),
        rows_used=len(lengths),
    )


def planned(
    lengths: dict[int, int], profile: EncoderProfile = BERT, **asked: Any
) -> EncoderAnalysis:
    today = asked.pop("today", None)
    most = asked.pop("max_tokens", None)
    return analyze(
        traffic_of(lengths),
        profile,
        PlanOptions(**asked),
        today=TokensToday(lengths=today, source="given") if today else None,
        max_tokens=most,
    )


def least_cost(demand: Demand, curve: CostCurve, k: int) -> float:
    """Return what the best k lengths cost, by trying them all."""
    *below, top = demand.needed.tolist()
    return min(
        price(Buckets((*chosen, top)), demand, curve).padded_compute
        for some in range(k)
        for chosen in combinations(below, some)
    )


@settings(deadline=None, max_examples=60)
@given(texts, encoders, st.integers(1, 4), st.sampled_from(sorted(ENCODER_COSTS)))
def test_no_lengths_cost_less_than_the_plans(
    lengths: dict[int, int], profile: EncoderProfile, k: int, cost: str
) -> None:
    analysis = planned(lengths, profile, k_range=(k, k), cost=cost)
    curve = ENCODER_COSTS[cost](profile)
    least = least_cost(analysis.demand, curve, k)
    assert analysis.plan.encoder.padded_compute == pytest.approx(least, rel=1e-12)


@settings(deadline=None, max_examples=25)
@given(texts, encoders, st.sampled_from(sorted(SOLVERS)))
def test_every_text_runs_on_the_smallest_length_that_holds_it(
    lengths: dict[int, int], profile: EncoderProfile, strategy: str
) -> None:
    encoder = planned(lengths, profile, strategy=strategy).plan.encoder
    served = dict.fromkeys(encoder.lengths, 0.0)
    for tokens, count in lengths.items():
        cut = min(tokens, profile.max_tokens or tokens)
        served[min(each for each in encoder.lengths if each >= cut)] += count
    assert {use.tokens: use.texts for use in encoder.buckets} == served
    assert sum(use.share for use in encoder.buckets) == pytest.approx(1)


@settings(deadline=None, max_examples=25)
@given(
    texts,
    encoders,
    st.integers(1, 64),
    st.floats(0, 3),
    st.lists(st.integers(1, 512), max_size=2),
)
def test_no_length_is_longer_than_the_model_has_positions_for(
    lengths: dict[int, int],
    profile: EncoderProfile,
    align: int,
    headroom: float,
    pins: list[int],
) -> None:
    encoder = planned(
        lengths, profile, align=align, headroom=headroom, pins=tuple(set(pins))
    ).plan.encoder
    assert profile.usable_positions is not None
    assert encoder.lengths[-1] <= profile.usable_positions
    assert set(pins) <= set(encoder.lengths)
    assert encoder.truncate_at == encoder.lengths[-1] >= encoder.largest_needed
    assert all(length % align == 0 for length in set(encoder.lengths[:-1]) - set(pins))


@settings(deadline=None, max_examples=25)
@given(texts, encoders, st.lists(st.integers(1, 900), min_size=1, unique=True))
def test_today_and_the_plan_are_priced_on_the_texts_that_both_hold(
    lengths: dict[int, int], profile: EncoderProfile, today: list[int]
) -> None:
    analysis = planned(lengths, profile, today=tuple(sorted(today)))
    encoder, current = analysis.plan.encoder, analysis.plan.encoder.current
    assert current is not None
    limit = profile.max_tokens or 10**6
    over = sum(n for each, n in lengths.items() if min(each, limit) > max(today))
    assert current.overflow_texts == over
    assert current.served_texts == sum(lengths.values()) - over
    if not over:
        assert current.proposed_compute_on_served == pytest.approx(
            encoder.padded_compute
        )


@settings(deadline=None, max_examples=25)
@given(texts, encoders)
def test_plans_satisfy_the_schema_and_a_plan_with_a_hole_does_not(
    lengths: dict[int, int], profile: EncoderProfile
) -> None:
    plan = json.loads(planned(lengths, profile, today=(512,)).plan.to_json())
    VALIDATOR.validate(plan)
    assert plan["visual"] is None
    del plan["encoder"]["waste"]
    assert not VALIDATOR.is_valid(plan)


@pytest.mark.parametrize("recorded", GOLD["models"], ids=lambda each: each["hf_id"])
def test_a_text_costs_what_torch_counts_in_the_real_class(
    recorded: dict[str, Any],
) -> None:
    profile = find_encoder(recorded["hf_id"])
    assert profile.architecture == recorded["architecture"]
    curve = encoder_flops(profile)
    for each in recorded["runs"]:
        angles = 2 * recorded["head_dim"] * each["tokens"]
        counted = each["flop"] - (angles if profile.family == "modernbert" else 0)
        assert float(curve.at(np.array([each["tokens"]]))[0]) == counted


def test_every_built_in_encoder_has_a_recorded_cost() -> None:
    assert {each["hf_id"] for each in GOLD["models"]} == {
        each.hf_id for each in built_in_encoders().values()
    }


def test_a_recompile_that_saves_too_little_is_not_advised() -> None:
    lengths = {100: 50, 510: 2_000}
    assert planned(lengths, today=(512,)).plan.verdict.call == "keep"
    assert planned(lengths, today=(512,), min_saving=0.0).plan.verdict.call == "go_if"
    # Texts that fail today are worth one.
    found = planned(lengths, today=(500,)).plan.verdict
    assert found.call == "go_if"
    assert "too-long-today" in {each.id for each in found.reasons}


def test_one_length_is_served_by_everything_and_needs_padding() -> None:
    plan = planned({100: 50, 300: 2_000}, k_range=(1, 1)).plan
    assert plan.verdict.call == "go"
    assert [each.id for each in plan.warnings] == ["exact-shape", "top-below-limit"]


def test_texts_past_the_limit_are_cut_and_counted() -> None:
    plan = planned({100: 60, 600: 30, 513: 10}).plan
    assert plan.encoder.truncated_texts == 40
    assert plan.encoder.truncated_share == pytest.approx(0.4)
    assert plan.encoder.lengths[-1] == 512
    assert plan.traffic.longest == 600
    short = planned({100: 60, 600: 30}, max_tokens=256).plan
    assert short.encoder.lengths[-1] == 256
    with pytest.raises(
        UsageError, match=r"--max-tokens: expected 1 to 512, .*, got 513"
    ):
        planned({100: 1}, max_tokens=513)
    with pytest.raises(UsageError, match=r"--pin: expected at most 512, .*, got 513"):
        planned({100: 1}, pins=(513,))


def test_sizes_of_images_are_no_texts(tmp_path: Path) -> None:
    table = tmp_path / "sizes.csv"
    table.write_text("width,height\n640,480\n")
    with pytest.raises(InputError, match="got sizes of images"):
        analyze_lengths(read_traffic([table]), model="bge-m3")


# Folders


def folder_of(tmp_path: Path, config: dict[str, Any], **tokenizer: Any) -> Path:
    folder = tmp_path / "my-encoder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    if tokenizer:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.mark.parametrize("family", ENCODERS)
def test_a_folder_of_every_family_is_read_with_the_classes_defaults(
    family: str, tmp_path: Path
) -> None:
    profile = find_encoder(f"{folder_of(tmp_path, {'model_type': family})}")
    assert profile.name == "my-encoder"
    assert profile.architecture == ENCODERS[family].architectures[0]
    assert "absent, so the class's default" in profile.source
    reserved = 2 if ENCODERS[family].counts_padding else 0
    if profile.positions is None:
        assert profile.max_tokens is None
    else:
        assert profile.max_tokens == profile.positions - reserved


def test_a_tokenizer_limits_a_text_where_it_is_below_the_positions(
    tmp_path: Path,
) -> None:
    config = {"model_type": "roberta", "max_position_embeddings": 514}
    folder = folder_of(tmp_path, config, model_max_length=256)
    assert find_encoder(f"{folder}").limit_source.startswith("model_max_length")
    assert find_encoder(f"{folder}").max_tokens == 256
    for absent in (1e30, "512", None, True, 0, 514):
        # Transformers saves 1e30 for none; 514 is past the last position that serves.
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"model_max_length": absent})
        )
        found = find_encoder(f"{folder}")
        assert found.max_tokens == 512
        assert found.limit_source == (
            "max_position_embeddings in config.json, less the 2 up to that of padding"
        )


def test_the_first_class_that_the_sdk_has_is_compiled(tmp_path: Path) -> None:
    names = ["BertForPreTraining", "BertForQuestionAnswering"]
    folder = folder_of(tmp_path, {"model_type": "bert", "architectures": names})
    assert find_encoder(f"{folder}").class_name == "RBLNBertForQuestionAnswering"
    (folder / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForNextSentence"]})
    )
    found = find_encoder(f"{folder}")
    assert found.class_name == "RBLNBertModel"
    assert "no class for BertForNextSentence" in found.notes[0]


def test_every_fault_of_a_folder_is_named_at_once(tmp_path: Path) -> None:
    config = {
        "model_type": "xlm-roberta",
        "hidden_size": "768",
        "num_hidden_layers": 0,
        "pad_token_id": -1,
    }
    with pytest.raises(ConfigError) as raised:
        find_encoder(f"{folder_of(tmp_path, config)}")
    assert [each.partition(": expected")[0] for each in raised.value.problems] == [
        "config.json: pad_token_id",
        "config.json: hidden_size",
        "config.json: num_hidden_layers",
    ]


def test_local_attention_is_told_and_its_layers_counted(tmp_path: Path) -> None:
    config = {"model_type": "modernbert", "num_hidden_layers": 7}
    folder = folder_of(tmp_path, config)
    assert find_encoder(f"{folder}").shape.local_layers == 4
    kinds = ["full_attention", "sliding_attention", "sliding_attention"]
    (folder / "config.json").write_text(json.dumps(config | {"layer_types": kinds}))
    found = find_encoder(f"{folder}")
    assert found.shape.local_layers == 2
    assert "2 of 7 layers attend within 128 tokens" in found.notes[0]


def test_another_model_is_no_text_encoder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"model_type": "qwen3_vl"})
    assert encoder_named(f"{folder}") is None
    assert encoder_named("qwen3-vl-2b") is None
    with pytest.raises(ConfigError, match=r"model_type: expected .*, got 'qwen3_vl'"):
        find_encoder(f"{folder}")
    with pytest.raises(BucketwiseError, match="no text encoder that is built in"):
        find_encoder("qwen3-vl-2b")
