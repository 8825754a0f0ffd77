"""AWS Neuron as engines: what the core asks of them, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.tower import io_bytes
from bucketwise.engines.neuron.base_config import NeuronBase, base_of
from bucketwise.engines.neuron.blocks import own_batches
from bucketwise.engines.neuron.emit import EMITTED, emit
from bucketwise.engines.neuron.planning import base_to_emit, deployed
from bucketwise.engines.neuron.rules.case import NeuronCase
from bucketwise.engines.neuron.rules.table import NXDI_RULES, VLLM_RULES
from bucketwise.engines.neuron.targets import (
    BATCHES,
    NXDI_STACK,
    SEQS,
    SERVED,
    VLLM_STACK,
    WHOLE_BATCH,
)
from bucketwise.engines.neuron.vocabulary import NXDI_WORDS, VLLM_WORDS
from bucketwise.lint.case import judge
from bucketwise.nouns.engine import Device, Engine, Lint
from bucketwise.nouns.profile import ModelProfile

TRAINIUM2 = Device(
    name="AWS Trainium2",
    dram_bytes_per_s=2.9e12,
    flop_per_s=667e12,
    source="AWS Neuron documentation, Trainium2 architecture (a chip, dense BF16)",
)

REQUESTS = (
    "A bucket is the ViT patches before the merge of all images of a request together."
)
BLOCKS = (
    "vLLM Neuron counts ViT patches before the merge: the one length is that of a block, "
    "and every image takes one."
)

BATCH_RULE = (
    f"{WHOLE_BATCH} itself is always compiled; sizes below it are refused with prefix "
    "caching, chunked prefill, block KV and speculation"
)


def _as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model as Neuron runs it: no published deployment sets limits."""
    return replace(profile, deployment=None)


def _settings_of(base: object, family: str) -> dict[str, Any]:
    """Return what the decoder runs on."""
    del family
    return {
        "num_devices": (base if isinstance(base, NeuronBase) else NeuronBase()).world
    }


NXDI = Engine(
    name="NxD Inference",
    sdk=NXDI_STACK.sdk,
    server="vllm",
    newest=NXDI_STACK.target.version,
    largest_published=MAX_LENGTH,
    unit="vit_patches",
    overflow="raises",
    proof="run, its own functions chose as recorded; its configuration was read, not run",
    cost="flops",
    most_lengths=4,
    own_batch_size=None,
    decoder_keys=(BATCHES, WHOLE_BATCH),
    context_key="seq_len",
    as_run=_as_run,
    compiles=SERVED.__contains__,
    refusal=NXDI_STACK.refusal,
    targets_of=NXDI_STACK.of,
    usual_graphs=lambda batch_size: (batch_size,),
    graph_rules=lambda _, __: (BATCH_RULE,),
    device_of=lambda name: (TRAINIUM2, name is None),
    lists_to_set=NXDI_STACK.lists_to_set,
    pick=NXDI_STACK.pick,
    named=NXDI_STACK.named,
    base_of=base_of,
    settings_of=_settings_of,
    deploy=deployed,
    base_to_emit=base_to_emit,
    emit=emit,
    emitted=EMITTED,
    lint=Lint(
        rules=lambda: NXDI_RULES,
        case=NeuronCase,
        judge=judge,
    ),
    vocabulary=NXDI_WORDS,
    unit_note=REQUESTS,
    length_bytes=io_bytes,
    unmasked="inputs and outputs alone, for AWS states no figure",
)

VLLM_NEURON = replace(
    NXDI,
    name="vLLM Neuron",
    sdk=VLLM_STACK.sdk,
    server=VLLM_STACK.sdk,
    newest=VLLM_STACK.target.version,
    proof="read, not run: its documentation and a copy of its source",
    most_lengths=1,
    decoder_keys=(SEQS, "max_num_seqs"),
    context_key="max_model_len",
    refusal=VLLM_STACK.refusal,
    targets_of=VLLM_STACK.of,
    usual_graphs=own_batches,
    graph_rules=lambda _, __: ("sizes ascend, and the last is max_num_seqs",),
    lists_to_set=VLLM_STACK.lists_to_set,
    pick=VLLM_STACK.pick,
    named=VLLM_STACK.named,
    lint=replace(NXDI.lint, rules=lambda: VLLM_RULES) if NXDI.lint else None,
    vocabulary=VLLM_WORDS,
    unit_note=BLOCKS,
)
