"""Every trap of a configuration for AWS Neuron is found, and what is right is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import bucketwise
from bucketwise.engines.neuron.rules.nxdi import REFUSED_WITH
from bucketwise.engines.neuron.rules.table import NXDI_RULES, VLLM_RULES
from bucketwise.lint.case import Judged
from bucketwise.lint.finding import Rule
from bucketwise.lint.fixing import fixed
from tests.strategies import traffic_of

NXDI = "neuronx-distributed-inference==0.10.18399"
VLLM = "vllm-neuron==0.24.0.1.1.0"
TRAFFIC = traffic_of((640, 480, 60), (1_024, 1_024, 30))
"""1,200 and 4,096 ViT patches of Qwen3-VL."""

OFF = " --no-enable-prefix-caching --no-enable-chunked-prefill"
ONE = " --limit-mm-per-prompt '{\"image\": 1}'"


def told(judged: Judged) -> dict[str, str]:
    return {
        each.rule.partition("/")[2]: each.finding.severity for each in judged.reported
    }


def served(
    config: Mapping[str, Any],
    target: str,
    flags: str = ONE,
    model: str = "Qwen/Qwen3-VL-8B-Instruct",
    **more: Any,
) -> Judged:
    line = f"vllm serve {model} {flags} --additional-config '{json.dumps(config)}'\n"
    options = {"traffic": TRAFFIC} | more
    [found] = bucketwise.lint_config(line, target=target, **options).judged
    return found


def nxdi(text: Mapping[str, Any] | None = None, **vision: Any) -> dict[str, Any]:
    own = {"enable_bucketing": True, "buckets": [1_200, 4_096]} | vision
    override: dict[str, Any] = {"vision_neuron_config": own}
    if text:
        override["text_neuron_config"] = text
    return {"override_neuron_config": override}


def neuron(text: Mapping[str, Any] | None = None, **vision: Any) -> dict[str, Any]:
    own = {
        "vision_attention_block_size": 4_096,
        "num_vision_tokens_buckets": [8 * 4_096],
    } | vision
    return {"vision_neuron_config": own} | ({"neuron_config": text} if text else {})


BATCHES = {"token_generation_batches": [2], "tkg_batch_size": 8}

NXDI_TRAPS: list[tuple[dict[str, Any], str, str, str]] = [
    (nxdi(buckets=[]), ONE, "wrong-buckets", "error"),
    (nxdi(buckets=[1_024.5]), ONE, "wrong-buckets", "error"),
    (nxdi(buckets=[4_096, 1_200, 8_192]), ONE, "unsorted-buckets", "warning"),
    (nxdi(buckets=[4_096, 1_200]), ONE, "unsorted-buckets", "error"),
    (nxdi(buckets=[1_200, 4_096, 4_096]), ONE, "unsorted-buckets", "warning"),
    (nxdi(enable_bucketing=False), ONE, "bucketing-is-off", "warning"),
    (nxdi(buckets=[1_200, 2_048]), ONE, "image-above-top", "error"),
    (nxdi(), "", "images-add-up", "warning"),
    (
        nxdi(),
        "--limit-mm-per-prompt '{\"image\": 3}'",
        "images-add-up",
        "warning",
    ),
    (nxdi(buckets=[1, 2, 8]), ONE, "buckets-in-images", "warning"),
    (nxdi(), f"{ONE} --max-model-len 512", "context-below-images", "error"),
    (nxdi({"max_context_length": 512}), ONE, "context-below-images", "error"),
    (
        nxdi({"token_generation_batches": [16], "tkg_batch_size": 8}),
        ONE + OFF,
        "batch-above-whole",
        "error",
    ),
    (nxdi(BATCHES), f"{ONE} --enable-prefix-caching", "batches-refused", "error"),
    (nxdi(BATCHES), f"{ONE} --speculative-config '{{}}'", "batches-refused", "error"),
    *(
        (nxdi(BATCHES | {name: True}), ONE, "batches-refused", "error")
        for name in REFUSED_WITH
    ),
]

EIGHT = f"{ONE} --max-num-seqs 8"

VLLM_TRAPS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"encoder_neuron_config": {}}, ONE, "renamed-section", "warning"),
    (neuron(num_vision_tokens_buckets=[0]), ONE, "wrong-lists", "error"),
    (neuron(vision_attention_block_size="big"), ONE, "wrong-lists", "error"),
    (neuron(vision_attention_block_size=2_048), ONE, "image-above-block", "error"),
    (
        neuron(vision_attention_block_size=2_048),
        ONE + " --mm-processor-kwargs '{\"max_pixels\": 1048576}'",
        "image-above-block",
        "warning",
    ),
    (
        {"vision_neuron_config": {"max_vision_seq_len": 1_000}},
        ONE,
        "bucket-below-block",
        "error",
    ),
    (
        neuron(num_vision_tokens_buckets=[4_096, 8 * 4_096]),
        EIGHT,
        "more-images-than-blocks",
        "error",
    ),
    (
        neuron(num_vision_tokens_buckets=[4_096, 16_384]),
        f"{EIGHT} --tensor-parallel-size 4",
        "same-graph-twice",
        "warning",
    ),
    (neuron(tp_size=3), f"{ONE} --tensor-parallel-size 4", "wrong-ranks", "error"),
    (
        neuron(tp_size=2, dp_size=4),
        f"{ONE} --tensor-parallel-size 4",
        "wrong-ranks",
        "error",
    ),
    (neuron({"num_seqs_buckets": [1, 4]}), EIGHT, "wrong-batch-sizes", "error"),
    (neuron({"num_seqs_buckets": [8, 3]}), ONE, "wrong-batch-sizes", "error"),
    (
        neuron({"num_batched_tokens_buckets": [512]}),
        f"{ONE} --max-num-batched-tokens 1024",
        "wrong-prefill",
        "error",
    ),
    (
        neuron({"kv_segment_size_buckets": [768], "num_batched_tokens_buckets": [768]}),
        ONE,
        "wrong-prefill",
        "error",
    ),
    (
        neuron({"decode_context_length_buckets": [1_000]}),
        ONE,
        "wrong-contexts",
        "error",
    ),
    (
        neuron({"decode_context_length_buckets": [4_096]}),
        f"{ONE} --max-model-len 4096",
        "wrong-contexts",
        "error",
    ),
]


@pytest.mark.parametrize(
    ("target", "config", "flags", "rule", "severity"),
    [
        *((NXDI, *each) for each in NXDI_TRAPS),
        *((VLLM, *each) for each in VLLM_TRAPS),
    ],
)
def test_a_trap_is_found(
    target: str, config: dict[str, Any], flags: str, rule: str, severity: str
) -> None:
    assert told(served(config, target, flags))[rule] == severity


def test_every_rule_has_a_trap_here() -> None:
    shown = {
        *(f"nxdi/{rule}" for _, _, rule, _ in NXDI_TRAPS),
        *(f"vllm-neuron/{rule}" for _, _, rule, _ in VLLM_TRAPS),
        "vllm-neuron/block-of-its-own",
    }
    assert {rule.id for rule in (*NXDI_RULES, *VLLM_RULES)} == shown


@pytest.mark.parametrize(
    ("target", "config", "flags"),
    [
        (NXDI, nxdi(), ONE),
        (NXDI, nxdi(buckets=[4_096, 8_192]), "--limit-mm-per-prompt '{\"image\": 2}'"),
        (NXDI, nxdi(BATCHES), ONE + OFF),
        (VLLM, neuron(), EIGHT),
        (VLLM, neuron({"num_seqs_buckets": [1, 3, 8]}), EIGHT),
        # Blocks are dealt out to all ranks, and one image a rank is room enough.
        (
            VLLM,
            neuron(num_vision_tokens_buckets=[4_096]),
            f"{EIGHT} --tensor-parallel-size 8",
        ),
        (VLLM, neuron(tp_size=4), f"{ONE} --tensor-parallel-size 4"),
    ],
)
def test_what_a_release_takes_is_left_alone(
    target: str, config: dict[str, Any], flags: str
) -> None:
    assert not told(served(config, target, flags))


def test_qwen2_vl_counts_images_of_one_size() -> None:
    model = "Qwen/Qwen2-VL-7B-Instruct"
    assert not told(served(nxdi(buckets=[1, 2, 4]), NXDI, model=model))
    found = told(served(nxdi(buckets=[1_024, 4_096]), NXDI, model=model))
    assert found == {"buckets-in-images": "warning"}


def test_a_block_that_nobody_set_is_told_where_images_are_smaller() -> None:
    config = {"vision_neuron_config": {"num_vision_tokens_buckets": [2_048]}}
    found = told(served(config, VLLM, traffic=traffic_of((640, 480, 60))))
    assert found == {"block-of-its-own": "info"}


@pytest.mark.parametrize(
    ("target", "config", "rules", "mended"),
    [
        (NXDI, nxdi(buckets=[4_096, 1_200]), NXDI_RULES, nxdi()),
        (NXDI, nxdi(enable_bucketing=False), NXDI_RULES, nxdi()),
        (
            VLLM,
            neuron({"num_seqs_buckets": [3, 1]}),
            VLLM_RULES,
            neuron({"num_seqs_buckets": [1, 3]}),
        ),
    ],
)
def test_a_fix_leaves_nothing_to_say(
    target: str,
    config: dict[str, Any],
    rules: tuple[Rule, ...],
    mended: dict[str, Any],
) -> None:
    [judged] = bucketwise.lint_config(config, target=target, traffic=TRAFFIC).judged
    lint = judged.subject.engine.lint
    assert lint is not None
    found = fixed(judged.subject, rules, lint.judge).config
    assert found == mended.get("override_neuron_config", mended)
    [again] = bucketwise.lint_config(mended, target=target, traffic=TRAFFIC).judged
    assert not again.reported
