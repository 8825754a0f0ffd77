"""vllm-gaudi as an engine: what the core asks of it, by name."""

from __future__ import annotations

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.cost import CHANNELS
from bucketwise.engines.gaudi.base_config import base_of
from bucketwise.engines.gaudi.emit import EMITTED, emit
from bucketwise.engines.gaudi.model_classes import as_run, is_served, unplanned
from bucketwise.engines.gaudi.planning import base_to_emit, deployed
from bucketwise.engines.gaudi.releases import NEWEST, SHAPES_FILE
from bucketwise.engines.gaudi.rules.case import GaudiCase
from bucketwise.engines.gaudi.rules.table import every_rule, judge
from bucketwise.engines.gaudi.strategies import own_batches
from bucketwise.engines.gaudi.targets import SDK, lists_to_set, named, pick, targets_of
from bucketwise.engines.gaudi.vocabulary import WORDS
from bucketwise.nouns.engine import Device, Engine, Lint, written
from bucketwise.nouns.profile import ModelProfile

VALUE_BYTES = 2

GAUDI_3 = Device(
    name="Intel Gaudi 3",
    dram_bytes_per_s=3.7e12,
    flop_per_s=1.835e15,
    source="Intel Gaudi 3 AI Accelerator White Paper",
)

UNIT_NOTE = (
    "vllm-gaudi counts ViT patches of one image or clip, before the merge, and pads those "
    "of Qwen2.5-VL alone."
)


def _length_bytes(profile: ModelProfile, length: int) -> int:
    """Return the least that a graph keeps: its input rows."""
    return (
        VALUE_BYTES * length * CHANNELS * profile.temporal_patch * profile.patch_px**2
    )


GAUDI = Engine(
    name="Gaudi",
    sdk=SDK,
    server=SDK,
    newest=written(NEWEST),
    largest_published=MAX_LENGTH,
    unit="vit_patches",
    overflow="recompiles",
    proof="its own bucketing code answers as is said; which model pads, and what is "
    "warmed, was read, not run",
    cost="flops",
    most_lengths=8,
    own_batch_size=None,
    decoder_keys=(f"batch sizes of {SHAPES_FILE}", "max_num_seqs"),
    context_key="max_model_len",
    as_run=as_run,
    compiles=is_served,
    generates=lambda _: True,
    refusal=lambda _: "",
    targets_of=targets_of,
    extra_windows=lambda _, __: 0,
    mask_bytes=lambda _: 0,
    picks_smaller_graphs=lambda _: True,
    usual_graphs=own_batches,
    graph_rules=lambda _, __: (),
    device_of=lambda name: (GAUDI_3, name is None),
    context_step=lambda _: (1, 1),
    lists_to_set=lists_to_set,
    files_to_edit=lambda _, __, ___: (),
    pick=pick,
    named=named,
    base_of=base_of,
    settings_of=lambda _, __: {},
    deploy=deployed,
    base_to_emit=base_to_emit,
    emit=emit,
    emitted=EMITTED,
    memory_with=lambda _, __, ___: (None, None),
    memory_coefficients=lambda _, __, ___: None,
    judge_in_service=lambda _, __, ___: None,
    lint=Lint(
        rules=every_rule,
        case=GaudiCase,
        judge=judge,
        memory=lambda _: None,
        device_in=lambda _: None,
        device_faults=lambda _: [],
    ),
    vocabulary=WORDS,
    encoders=None,
    unit_note=UNIT_NOTE,
    window_note=lambda _: "",
    length_bytes=_length_bytes,
    unplanned=unplanned,
    unmasked="inputs alone: masks are made anew for each image",
)
