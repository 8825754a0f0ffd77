"""The RBLN SDK as an engine: what the core asks of it, by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bucketwise.engines.rbln.attention import context_step
from bucketwise.engines.rbln.devices import device_of
from bucketwise.engines.rbln.emit import emit
from bucketwise.engines.rbln.emit.patterns import (
    lists_to_set,
    nested_lists,
    releases_of,
)
from bucketwise.engines.rbln.memory.terms import length_bytes
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    refusal,
    serving_targets,
    targets_to_plan,
)
from bucketwise.engines.rbln.releases import NEWEST, written
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
from bucketwise.nouns.engine import Engine


def _late(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that needs this one: found when it is called."""

    def call(*given: Any) -> Any:
        found = import_module(f"bucketwise.engines.rbln.{module}")
        return getattr(found, name)(*given)

    return call


RBLN = Engine(
    name="RBLN",
    sdk=SDK,
    server="vllm-rbln",
    newest=written(NEWEST),
    largest_published=LARGEST_PUBLISHED_PATCHES,
    compiles=MODEL_CLASSES.__contains__,
    generates=generates,
    refusal=refusal,
    targets_of=serving_targets,
    extra_windows=extra_windows,
    mask_bytes=mask_bytes,
    picks_smaller_graphs=picks_smaller_graphs,
    usual_graphs=vendor_pattern,
    graph_rules=graph_rules,
    device_of=device_of,
    context_step=context_step,
    lists_to_set=lists_to_set,
    nested_lists=nested_lists,
    files_to_edit=releases_of,
    pick=targets_to_plan,
    named=pick_targets,
    settings_of=_late("fitting", "settings_of"),
    deploy=_late("fitting", "deployed"),
    base_to_emit=_late("fitting", "base_to_emit"),
    emit=emit,
    memory_with=_late("fitting", "memory_with"),
    judge_in_service=_late("in_service", "judge_in_service"),
    unit_note=UNIT_NOTE,
    window_note=window_note,
    length_bytes=length_bytes,
)
