"""The RBLN SDK as an engine: what the core asks of it, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from bucketwise.engines.rbln.attention import context_step, npu_faults
from bucketwise.engines.rbln.devices import device_of
from bucketwise.engines.rbln.emit import EMITTED, emit
from bucketwise.engines.rbln.emit.patterns import (
    lists_to_set,
    releases_of,
)
from bucketwise.engines.rbln.encoders import (
    ENCODER_CLASSES,
    ENCODERS,
    LISTS_SINCE,
    TOKENS,
    auto_class,
    encoder_targets,
)
from bucketwise.engines.rbln.memory.terms import length_bytes
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    one_size,
    refusal,
    serving_targets,
    targets_to_plan,
)
from bucketwise.engines.rbln.releases import NEWEST, OLDEST, written
from bucketwise.engines.rbln.shapes import (
    LARGEST_PUBLISHED_PATCHES,
    UNIT_NOTE,
    extra_windows,
    graph_rules,
    mask_bytes,
    picks_smaller_graphs,
    vendor_pattern,
    window_note,
)
from bucketwise.engines.rbln.targets import SDK, pick_targets
from bucketwise.engines.rbln.vocabulary import WORDS
from bucketwise.nouns.engine import Engine, Lint, TextEncoders
from bucketwise.nouns.measuring import Measuring

MEASURED = (
    f"run, the classes of {SDK} {written(OLDEST)} to {written(NEWEST)} compile, load and "
    "call it, on a stand-in of the compiler; on an NPU it was not"
)
"""What is known of the script of measurements."""


def _late(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that needs this one: found when it is called."""

    def call(*given: Any, **named: Any) -> Any:
        found = import_module(f"bucketwise.engines.rbln.{module}")
        return getattr(found, name)(*given, **named)

    return call


RBLN = Engine(
    name="RBLN",
    sdk=SDK,
    server="vllm-rbln",
    newest=written(NEWEST),
    largest_published=LARGEST_PUBLISHED_PATCHES,
    unit="vit_patches",
    overflow="raises",
    proof="run, its own classes take and run what is emitted, on a stand-in of the "
    "compiler",
    cost="flops",
    most_lengths=4,
    own_batch_size=None,
    decoder_keys=("decoder_batch_sizes", "batch_size"),
    as_run=lambda profile: profile,
    compiles=MODEL_CLASSES.__contains__,
    generates=generates,
    refusal=refusal,
    one_size=one_size,
    targets_of=serving_targets,
    extra_windows=extra_windows,
    mask_bytes=mask_bytes,
    picks_smaller_graphs=picks_smaller_graphs,
    usual_graphs=vendor_pattern,
    graph_rules=graph_rules,
    device_of=device_of,
    context_step=context_step,
    lists_to_set=lists_to_set,
    files_to_edit=releases_of,
    pick=targets_to_plan,
    named=pick_targets,
    base_of=_late("base_config", "base_of"),
    settings_of=_late("fitting", "settings_of"),
    deploy=_late("fitting", "deployed"),
    base_to_emit=_late("fitting", "base_to_emit"),
    emit=emit,
    emitted=EMITTED,
    memory_with=_late("fitting", "memory_with"),
    memory_coefficients=_late("what_if", "coefficients"),
    judge_in_service=_late("in_service", "judge_in_service"),
    measuring=Measuring(script=_late("measuring", "measure_text"), proof=MEASURED),
    lint=Lint(
        rules=_late("rules.table", "every_rule"),
        case=_late("rules.case", "RblnCase"),
        judge=_late("rules.table", "judge"),
        memory=_late("rules.layout", "plan_of"),
        device_in=_late("rules.case", "npu_of"),
        device_faults=npu_faults,
    ),
    vocabulary=replace(
        WORDS,
        lengths_in=_late("given", "lengths_in"),
        as_base=_late("given", "as_base"),
        folder_notes=_late("given", "folder_notes"),
    ),
    encoders=TextEncoders(
        sdk=SDK,
        families=ENCODERS,
        classes=ENCODER_CLASSES,
        tokens=TOKENS,
        lists_since=written(LISTS_SINCE),
        auto_class=auto_class,
        targets=encoder_targets,
        emit=_late("emit.encoder", "emit_encoder"),
        memory=_late("encoders", "encoder_memory"),
    ),
    unit_note=UNIT_NOTE,
    window_note=window_note,
    length_bytes=length_bytes,
    unmasked="kernels, buffers and inputs",
)
