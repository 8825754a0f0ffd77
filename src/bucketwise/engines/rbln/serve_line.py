"""The configuration that vllm-rbln compiles for one serve line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.attention import FLASH
from bucketwise.engines.rbln.keys import BUCKETS, OLD_BUCKETS, QWEN3_5
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES
from bucketwise.engines.rbln.nesting import NESTINGS
from bucketwise.engines.rbln.releases import Version
from bucketwise.engines.rbln.serve_options import fields_of
from bucketwise.engines.rbln.serving import (
    BLOCK_SIZE_SINCE,
    CHUNK_FROM_TOKENS_SINCE,
    CHUNKS,
    CONFLICTS_SINCE,
    CONTEXTS,
    DEFAULT_BLOCK_SIZE,
    DEFAULT_MAX_NUM_SEQS,
    DEFAULT_MEMORY,
    DEVICE_VARIABLES,
    DEVICES_OF_SUBMODULES_SINCE,
    FIXED_LENGTH,
    FIXED_UNTIL,
    KEPT_ON_A_FOLDER,
    LANGUAGE_MODELS,
    NEW_NAME_FROM_THE_FIRST,
    UPSTREAM_MEMORY,
    derived_by,
)
from bucketwise.nouns.document import Line

BLOCKS = ("kvcache_block_size", "kvcache_partition_len")
"""Settings that are the size of a block."""

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kKmMgG]?)")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An override that says otherwise than what is derived."""

    path: tuple[str, ...]
    derived: Any
    override: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What vllm-rbln compiles."""

    config: Mapping[str, Any]
    """The whole configuration handed to optimum-rbln."""
    conflicts: tuple[Conflict, ...]
    """Overrides of derived settings; they raise from 0.11.1 on."""
    block_size: int | None
    """Tokens of a block; None where the line does not tell."""


def device_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a configuration beside a compiled folder."""
    kept: dict[str, Any] = {}
    for name, value in config.items():
        if name in KEPT_ON_A_FOLDER:
            kept[name] = value
        elif isinstance(value, Mapping) and (below := device_keys(value)):
            kept[name] = below
    return kept


def compiled(
    overrides: Mapping[str, Any],
    line: Line,
    version: Version,
    *,
    family: str,
    npu: str | None,
    unread: Callable[[str], Any],
) -> Compiled:
    """Return what vllm-rbln makes of a line and the configuration on it."""
    place = _language_model(overrides, family)
    engine = _engine(_copied(overrides, place), line, version, family, npu)
    told = {
        each.name: engine[each.name]
        for each in derived_by(version)
        if each.name in engine
    }
    base = {
        name: unread(name) if value is None else value for name, value in told.items()
    }
    whole: dict[str, Any] = {place: base} if place else base
    if family in MODEL_CLASSES and version < FIXED_UNTIL and family not in NESTINGS:
        newer = version >= CONFLICTS_SINCE or family in NEW_NAME_FROM_THE_FIRST
        fixed = BUCKETS if newer else OLD_BUCKETS
        whole = {"visual": {fixed: FIXED_LENGTH}} | whole
    conflicts = tuple(_conflicts({place: told} if place else told, overrides))
    merged = _merged(whole, overrides)
    if version >= DEVICES_OF_SUBMODULES_SINCE:
        for name, level in merged.items():
            listed = level.get("device") if isinstance(level, Mapping) else None
            if isinstance(listed, list) and listed:
                merged[name] = {**level, "num_devices": len(listed)}
    return Compiled(config=merged, conflicts=conflicts, block_size=engine["block_size"])


def number(told: object) -> int | float | None:
    """Return the number of an option as vLLM reads it, such as 8, 0.9 or 32k; else None."""
    if isinstance(told, (int, float)) and not isinstance(told, bool):
        return told
    match = _NUMBER.fullmatch(told.strip()) if isinstance(told, str) else None
    if match is None:
        return None
    # 32k is decimal and 32K binary (vllm/utils/argparse_utils.py, human_readable_int).
    base = 1_024 if match[2].isupper() else 1_000
    value = float(match[1]) * base ** _POWERS[match[2].lower()]
    return value if "." in match[1] and not match[2] else int(value)


def _engine(
    overrides: Mapping[str, Any],
    line: Line,
    version: Version,
    family: str,
    npu: str | None,
) -> dict[str, Any]:
    """Return what vLLM's own settings come to, by the name of what follows from them.

    None for what cannot be read; what does not follow is left out.
    """
    flags, override = line.flags, overrides.get
    context = _over(
        override("max_seq_len"), flags, "max-model-len", CONTEXTS.get(family)
    )
    given = override("kvcache_partition_len")
    given = override("kvcache_block_size") if given is None else given
    block = _over(given, flags, "block-size", None)
    devices = _devices(line, version)
    found: dict[str, Any] = {
        "batch_size": _over(
            override("batch_size"), flags, "max-num-seqs", DEFAULT_MAX_NUM_SEQS
        ),
        "max_seq_len": context,
        "num_devices": devices,
        "tensor_parallel_size": devices,
        "memory_budget": _memory(flags, version),
        "prefill_chunk_size": _chunk(
            override("prefill_chunk_size"), flags, version, npu
        ),
        "block_size": block,
    }
    if family in MODEL_CLASSES:
        found["use_inputs_embeds"] = True
    if given is None and "block-size" not in flags and version < BLOCK_SIZE_SINCE:
        block = found["block_size"] = DEFAULT_BLOCK_SIZE
    if None in (block, context):
        found |= {"kvcache_partition_len": None, "attn_impl": None}
    elif block != context:
        found |= {"kvcache_partition_len": block, "attn_impl": FLASH}
    if family in QWEN3_5:
        found["attn_impl"] = FLASH
    return found


def _over(override: Any, flags: Mapping[str, str], name: str, default: Any) -> Any:
    """Return an override, else the option, else the default; None for no number."""
    if override is not None:
        return number(override) if not isinstance(override, str) else None
    return number(flags[name]) if name in flags else default


def _devices(line: Line, version: Version) -> Any:
    told = fields_of(line).get("num_devices_per_local_rank")
    if told is None:
        told = next(
            (
                line.environment[name]
                for name, since in DEVICE_VARIABLES
                if since <= version and name in line.environment
            ),
            1,
        )
    return number(told)


def _memory(flags: Mapping[str, str], version: Version) -> Any:
    known = [share for since, share in DEFAULT_MEMORY.items() if since <= version]
    if "gpu-memory-utilization" not in flags:
        return known[-1] if known else None
    told = number(flags["gpu-memory-utilization"])
    return known[-1] if known and told == UPSTREAM_MEMORY else told


def _chunk(
    override: Any, flags: Mapping[str, str], version: Version, npu: str | None
) -> Any:
    """Return the prefill's chunk: the option, the override, else the NPU's own."""
    if version >= CHUNK_FROM_TOKENS_SINCE and "max-num-batched-tokens" in flags:
        return number(flags["max-num-batched-tokens"])
    if override is not None:
        return number(override)
    if version < CHUNK_FROM_TOKENS_SINCE:
        return CHUNKS["RBLN-CA"]
    return next(
        (size for name, size in CHUNKS.items() if (npu or "RBLN-CA")[:7] == name), None
    )


def _language_model(overrides: Mapping[str, Any], family: str) -> str:
    """Return the submodule that takes what is derived; "" for the top level."""
    if family in NESTINGS:
        return NESTINGS[family].language_model
    if family in MODEL_CLASSES:
        return ""
    return next(
        (name for name in LANGUAGE_MODELS if isinstance(overrides.get(name), Mapping)),
        "",
    )


def _copied(overrides: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """Return the level whose settings are written over vLLM's own.

    A submodule's are with a block among them alone (utils/optimum/converter/params.py,
    _parse_multimodal).
    """
    below = overrides.get(place)
    if not isinstance(below, Mapping):
        return overrides
    has_block = any(below.get(name) is not None for name in BLOCKS)
    chunk = {
        name: value for name, value in below.items() if name == "prefill_chunk_size"
    }
    return below if has_block else dict(overrides) | chunk


def _conflicts(
    derived: Mapping[str, Any],
    overrides: Mapping[str, Any],
    before: tuple[str, ...] = (),
) -> list[Conflict]:
    found: list[Conflict] = []
    for name, value in overrides.items():
        path, base = (*before, name), derived.get(name)
        if isinstance(value, Mapping) and isinstance(base, Mapping):
            found += _conflicts(base, value, path)
        elif base is not None and base != value:
            found.append(Conflict(path=path, derived=base, override=value))
    return found


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        below = merged.get(name)
        merged[name] = (
            _merged(below, value)
            if isinstance(value, Mapping) and isinstance(below, Mapping)
            else value
        )
    return merged
