"""What a text encoder takes of its device: counted classes, laws, and the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.engines.rbln.encoders import encoder_memory, encoder_parameters
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.read.configs.encoders import find_encoder

# Parameters of each checkpoint's class on torch's meta device (transformers 5.15.1, torch
# 2.13.0); of classes that no built-in checkpoint has, with the dimensions given.
TOTALS = {
    "google-bert/bert-base-uncased": 109_514_298,
    "google-bert/bert-large-uncased": 335_174_458,
    "intfloat/e5-base-v2": 109_482_240,
    "sentence-transformers/all-MiniLM-L6-v2": 22_713_216,
    "FacebookAI/roberta-base": 124_698_201,
    "FacebookAI/xlm-roberta-base": 278_295_954,
    "BAAI/bge-m3": 567_755_776,
    "BAAI/bge-reranker-v2-m3": 567_756_801,
    "distilbert/distilbert-base-uncased-distilled-squad": 66_364_418,
    "answerdotai/ModernBERT-base": 149_655_232,
}
FOLDERS: dict[str, tuple[dict[str, Any], int]] = {
    "T5EncoderModel": (
        {
            "model_type": "t5",
            "d_model": 768,
            "d_kv": 64,
            "num_heads": 12,
            "num_layers": 12,
            "d_ff": 3_072,
            "vocab_size": 32_128,
        },
        109_628_544,
    ),
    "BartModel": (
        {
            "model_type": "bart",
            "d_model": 768,
            "encoder_layers": 6,
            "decoder_layers": 6,
            "encoder_attention_heads": 12,
            "decoder_attention_heads": 12,
            "encoder_ffn_dim": 3_072,
            "decoder_ffn_dim": 3_072,
            "max_position_embeddings": 1_024,
            "vocab_size": 50_265,
        },
        139_420_416,
    ),
    "PegasusModel": (
        {
            "model_type": "pegasus",
            "d_model": 1_024,
            "encoder_layers": 16,
            "decoder_layers": 16,
            "encoder_attention_heads": 16,
            "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4_096,
            "decoder_ffn_dim": 4_096,
            "max_position_embeddings": 512,
            "vocab_size": 96_103,
        },
        569_748_480,
    ),
}
LEFT_OUT = 0.01
"""Biases and norms, poolers and heads, tables of distances."""

lengths = st.lists(st.integers(1, 512), min_size=1, max_size=8, unique=True)


def folder_of(config: dict[str, Any], folder: Path) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return f"{folder}/"


def analyzed(model: str, folder: Path, **options: Any) -> Any:
    traffic = bucketwise.read_traffic(
        [folder / "texts.csv"], columns={"length": "tokens"}
    )
    return bucketwise.analyze_lengths(traffic, model=model, **options)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "texts.csv").write_text("count,tokens\n900,20\n400,500\n")
    return tmp_path


def nearly(profile: EncoderProfile, total: int) -> None:
    counted = encoder_parameters(profile)
    assert total * (1 - LEFT_OUT) <= counted <= total


@pytest.mark.parametrize("hf_id", TOTALS)
def test_matrices_and_tables_are_nearly_all_that_the_real_class_holds(
    hf_id: str,
) -> None:
    nearly(find_encoder(hf_id), TOTALS[hf_id])


@pytest.mark.parametrize("architecture", FOLDERS)
def test_a_folders_dimensions_are_counted_alike(
    architecture: str, tmp_path: Path
) -> None:
    config, total = FOLDERS[architecture]
    folder = folder_of(config | {"architectures": [architecture]}, tmp_path / "model")
    nearly(find_encoder(folder), total)


@given(lengths=lengths, added=st.integers(513, 8_192))
def test_one_more_length_never_takes_less(lengths: list[int], added: int) -> None:
    profile = find_encoder("bge-m3")
    few = encoder_memory(profile, tuple(lengths))
    more = encoder_memory(profile, (*lengths, added))
    assert few.needed_bytes < more.needed_bytes
    assert few.needed_bytes == sum(each.bytes for each in few.terms)
    assert few.fits
    assert encoder_memory(profile, tuple(lengths), "RBLN-CR13").fits


def test_what_does_not_fit_one_device_gets_no_and_more_memory_mends_it(
    texts: Path,
) -> None:
    config, _ = FOLDERS["T5EncoderModel"]
    large = config | {"d_model": 4_096, "d_kv": 64, "num_heads": 64, "d_ff": 10_240}
    large |= {"num_layers": 24, "feed_forward_proj": "gated-gelu"}
    folder = folder_of(large | {"architectures": ["T5EncoderModel"]}, texts / "xxl")
    plan = analyzed(folder, texts).plan
    assert plan.memory.fits is False
    assert plan.verdict.call == "no"
    assert "no release splits a text encoder" in plan.verdict.reasons[0].words
    roomy = analyzed(folder, texts, npu="RBLN-CR13").plan
    assert roomy.memory.fits
    assert roomy.verdict.call != "no"


def test_a_fit_without_the_margin_is_to_be_checked(texts: Path) -> None:
    config, _ = FOLDERS["T5EncoderModel"]
    close = config | {"d_model": 4_096, "d_kv": 64, "num_heads": 64, "d_ff": 10_240}
    folder = folder_of(
        close | {"num_layers": 21, "architectures": ["T5EncoderModel"]}, texts / "xl"
    )
    plan = analyzed(folder, texts).plan
    assert plan.memory.fits is None
    assert plan.verdict.call == "go_if"
    assert "memory-close" in {each.id for each in plan.verdict.reasons}


def test_a_usual_encoder_fits_and_its_report_says_so(texts: Path) -> None:
    analysis = analyzed("bert-base", texts)
    assert analysis.plan.memory.fits
    bucketwise.write_encoder_plan(analysis, texts / "out")
    assert "It fits: " in (texts / "out" / "report.html").read_text()
    told = json.loads((texts / "out" / "plan.json").read_text())
    assert told["memory"]["device"] == "ATOM"
