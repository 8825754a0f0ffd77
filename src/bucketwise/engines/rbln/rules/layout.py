"""A configuration read as a layout: what it puts on which devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bucketwise.core.memory import MemoryPlan
from bucketwise.engines.rbln.attention import FLASH
from bucketwise.engines.rbln.defaults import unset
from bucketwise.engines.rbln.keys import DEVICES, OLD_DEVICES, inherited
from bucketwise.engines.rbln.kv_cache import num_full, num_min
from bucketwise.engines.rbln.memory.layout import WEIGHT_BITS, Layout
from bucketwise.engines.rbln.memory.remedies import preflight
from bucketwise.engines.rbln.model_classes import generates
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    at_visual,
    batch_size_of,
    devices_of,
    graph_devices,
    in_force_of,
    lengths_of,
    splits_visual_of,
    whole,
)
from bucketwise.engines.rbln.rules.soft_tokens import compiled_counts
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path, Unknown

_DEVICE_KEYS = (DEVICES, OLD_DEVICES)
_NUMBERS = (
    "max_seq_len",
    "batch_size",
    "kvcache_partition_len",
    "kvcache_num_blocks",
    *_DEVICE_KEYS,
)
_OTHERS = ("attn_impl", "device", "memory_budget", "quantization", "create_runtimes")

_BITS = {"int4": 4, "fp4": 4, "int8": 8, "fp8": 8}
"""Bits of a quantized weight (optimum-rbln 0.12.0, transformers/utils/
rbln_quantization.py, nbits_per_param)."""


def plan_of(subject: RblnCase) -> MemoryPlan | None:
    """Return what each device would hold; None where too little is told."""
    layout = layout_of(subject)
    if layout is None or subject.profile is None:
        return None
    try:
        return preflight(subject.profile, layout)
    except ConfigError:
        return None


def layout_of(subject: RblnCase) -> Layout | None:
    """Return what a configuration lays out; None where it does not tell."""
    config, visual = subject.config, subject.visual
    batch, told = batch_size_of(subject), bounds_of(subject) is not None
    sizes = config.get("decoder_batch_sizes") or ()
    if not told or batch is None or visual is None:
        return None
    if subject.document.form == "load" or not _are_numbers(sizes):
        return None
    if not _readable(visual, _DEVICE_KEYS):
        return None
    one: int = unset(DEVICES, "top", subject.version).value
    devices = _devices(config) or one
    visual_devices = (splits_visual_of(subject) and _visual_devices(subject)) or one
    try:
        return Layout(
            version=subject.version,
            lengths=lengths_of(subject),
            max_seq_len=config["max_seq_len"],
            batch_size=batch,
            decoder_batch_sizes=tuple(sorted({*sizes, batch})) if sizes else (),
            partition=block_of(subject) if is_flash(subject) else None,
            devices=devices,
            visual_devices=visual_devices,
            device_ids=_ids(config.get("device"), devices),
            visual_device_ids=_ids(at_visual(subject, "device"), visual_devices),
            npu=subject.npu,
            blocks=given_blocks(subject),
            memory_budget=config.get("memory_budget"),
            weight_bits=_weight_bits(config),
            generates=generates(subject.family),
            soft_tokens=compiled_counts(subject),
            allowed_bytes=subject.allowed_bytes,
            graph_bytes=subject.graph_bytes,
        )
    except ConfigError:
        return None


def bounds_of(subject: RblnCase) -> tuple[int, int] | None:
    """Return the fewest and the most blocks that make sense; None where not told.

    A serve line does not tell: vllm-rbln completes the configuration.
    """
    if subject.document.form == "serve":
        return None
    length, block = whole(subject.config.get("max_seq_len")), block_of(subject)
    batch = batch_size_of(subject)
    if not _readable(subject.config, _NUMBERS):
        return None
    if not length or not block or not batch or not 0 < block <= length or batch < 1:
        return None
    least = num_min(length, block, batch, subject.version, flash=is_flash(subject))
    return least, num_full(length, block, batch)


def given_blocks(subject: RblnCase) -> int:
    """Return `kvcache_num_blocks`; 0 where the SDK chooses."""
    return whole(in_force_of(subject, "kvcache_num_blocks")) or 0


def is_flash(subject: RblnCase) -> bool:
    """Return whether attention is flash: partitions turn it on."""
    partition = subject.config.get("kvcache_partition_len")
    return partition is not None or subject.config.get("attn_impl") == FLASH


def block_of(subject: RblnCase) -> int | None:
    """Return the tokens of a block; None where they are no number."""
    if not is_flash(subject):
        return whole(subject.config.get("max_seq_len"))
    return whole(in_force_of(subject, "kvcache_partition_len"))


def creating(subject: RblnCase) -> tuple[Path, ...]:
    """Return the settings to turn off so that no runtime is created; () for none."""
    name = "create_runtimes"
    own = (subject.visual or {}).get(name)
    paths: list[Path] = []
    if in_force_of(subject, name) is not False:
        paths.append((name,))
    if own is not False and (
        own is not None or name not in inherited(subject.version, subject.family)
    ):
        paths.append(("visual", name))
    return tuple(paths)


def _readable(level: Mapping[str, Any], numbers: Iterable[str]) -> bool:
    """Return whether no value in question is one that only running would tell."""
    are_numbers = all(
        level.get(name) is None or whole(level[name]) is not None for name in numbers
    )
    return are_numbers and not any(
        isinstance(level.get(name), Unknown) for name in _OTHERS
    )


def _are_numbers(sizes: object) -> bool:
    return isinstance(sizes, (list, tuple)) and all(
        (whole(size) or 0) > 0 for size in sizes
    )


def _devices(level: Mapping[str, Any]) -> int | None:
    """Return the devices of a level; a compiled folder keeps them with its graphs."""
    return devices_of(level) or graph_devices(level)


def _visual_devices(subject: RblnCase) -> int | None:
    return whole(at_visual(subject, DEVICES)) or _devices(subject.visual or {})


def _ids(value: object, count: int) -> tuple[int, ...]:
    """Return as many devices as there must be; () where fewer are told."""
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    known = [number for item in items if (number := whole(item)) is not None]
    return tuple(known[:count]) if len(known) >= count else ()


def _weight_bits(config: Mapping[str, Any]) -> int:
    found = config.get("quantization")
    weights = found.get("weights") if isinstance(found, Mapping) else None
    return _BITS.get(weights, WEIGHT_BITS) if isinstance(weights, str) else WEIGHT_BITS
