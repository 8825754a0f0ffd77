"""vLLM as an engine: what the core asks of it, by name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.decoder.pricing import GPU_DEVICE
from bucketwise.core.tower import io_bytes
from bucketwise.engines.vllm.base_config import OWN_REQUESTS, base_of
from bucketwise.engines.vllm.emit import EMITTED, emit
from bucketwise.engines.vllm.model_classes import SINCE, as_run, refusal
from bucketwise.engines.vllm.planning import base_to_emit, deployed
from bucketwise.engines.vllm.releases import CAPTURE_SIZES, NEWEST
from bucketwise.engines.vllm.rules.case import VllmCase
from bucketwise.engines.vllm.rules.table import every_rule
from bucketwise.engines.vllm.targets import (
    ASCEND_TARGETS,
    SDK,
    TPU_TARGETS,
    VLLM_TARGETS,
    Catalogue,
)
from bucketwise.engines.vllm.variants import VARIANTS
from bucketwise.engines.vllm.vocabulary import WORDS
from bucketwise.lint.case import judge
from bucketwise.nouns.engine import Device, Engine, Lint, written

UNIT_NOTE = (
    "vLLM counts what the language model sees: a budget is the merged patches of all "
    "the images of one replay together."
)

MIXED_STEPS = (
    "sizes above max_num_seqs serve steps that mix prefill and decode: vLLM's own stay "
    "in the list"
)


def _device_of(name: str | None) -> tuple[Device, bool]:
    """Return a GPU: only the ratio of its peaks matters."""
    return GPU_DEVICE, name is None


VLLM = Engine(
    name="vLLM",
    sdk=SDK,
    server=SDK,
    newest=written(NEWEST),
    largest_published=MAX_LENGTH,
    unit="merged_patches",
    overflow="eager",
    proof="run, its own classes take what is emitted, and pack calls as they are priced",
    cost="linear",
    most_lengths=8,
    own_batch_size=OWN_REQUESTS,
    decoder_keys=(CAPTURE_SIZES, "max_num_seqs"),
    context_key="max_model_len",
    captures=True,
    as_run=as_run,
    compiles=SINCE.__contains__,
    refusal=refusal,
    targets_of=VLLM_TARGETS.of,
    usual_graphs=VARIANTS[SDK].own_sizes,
    graph_rules=lambda _, __: (MIXED_STEPS,),
    device_of=_device_of,
    lists_to_set=VLLM_TARGETS.lists_to_set,
    pick=VLLM_TARGETS.pick,
    named=VLLM_TARGETS.named,
    base_of=base_of,
    deploy=deployed,
    base_to_emit=base_to_emit,
    emit=emit,
    emitted=EMITTED,
    lint=Lint(
        rules=every_rule,
        case=VllmCase,
        judge=judge,
    ),
    vocabulary=WORDS,
    unit_note=UNIT_NOTE,
    length_bytes=io_bytes,
    unmasked="inputs and outputs alone, for vLLM states no figure",
)


def _kin(name: str, catalogue: Catalogue, proof: str, **more: Any) -> Engine:
    """Return an engine that takes vLLM's keys."""
    sdk = catalogue.sdk
    variant = VARIANTS[sdk]
    pin = re.compile(rf"{sdk}\s*==\s*(\d+(?:\.\d+)+)")
    return replace(
        VLLM,
        name=name,
        sdk=sdk,
        newest=catalogue.targets[-1].version,
        proof=proof,
        decoder_keys=(variant.sizes_key, "max_num_seqs"),
        usual_graphs=variant.own_sizes,
        targets_of=catalogue.of,
        lists_to_set=catalogue.lists_to_set,
        pick=catalogue.pick,
        named=catalogue.named,
        vocabulary=replace(WORDS, sdk=sdk, pin=pin),
        **more,
    )


ASCEND = _kin(
    "vLLM Ascend",
    ASCEND_TARGETS,
    "run, its own functions chose sizes as recorded; its encoder graphs were read, not run",
    most_lengths=4,
)
TPU = _kin(
    "TPU inference",
    TPU_TARGETS,
    "run, its own functions chose sizes as recorded; its encoder was read, not run",
    most_lengths=4,
)
