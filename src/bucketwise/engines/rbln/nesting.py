"""Configurations whose language model is a submodule beside the ViT, by model family.

Everything else here knows one shape: the ViT's settings below `visual`, with the list of
lengths, and those of the language model at the top. These families are read into it and
written out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.keys import BUCKETS

VISUAL = "visual"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nesting:
    """How one family's configuration is nested."""

    tower: str
    language_model: str
    """Its submodules."""
    lengths: str
    """The list of lengths, a setting of the language model."""
    counts: str
    """The list of soft-token counts, a setting of the tower."""
    default_count: int
    """Where nobody gives that."""
    chunk: int
    """The multiple that lengths nobody gives are rounded up to."""
    top: frozenset[str]
    """What the top level takes beside the submodules."""
    everywhere: frozenset[str]
    """Of these what each level takes for itself alone before 0.11.1, and so is written
    at every one."""


_BASE = frozenset(
    {
        "cls_name",
        "create_runtimes",
        "device",
        "device_map",
        "activate_profiler",
        "npu",
        "num_devices",
        "tensor_parallel_size",
        "timeout",
        "optimum_rbln_version",
        "dtype",
        "_compile_cfgs",
        "_meta",
        "optimize_host_memory",
    }
)
"""What every level takes (optimum-rbln 0.12.0, configuration_utils.py)."""

NESTINGS: Mapping[str, Nesting] = {
    "gemma4": Nesting(
        tower="vision_tower",
        language_model="language_model",
        lengths="image_prefill_chunk_size",
        counts="max_soft_tokens",
        default_count=280,
        chunk=128,
        top=_BASE | {"batch_size"},
        everywhere=frozenset({"create_runtimes", "npu", "timeout"}),
    ),
}
"""optimum-rbln 0.11.0 to 0.12.0, transformers/models/gemma4/configuration_gemma4.py."""


def nested(
    config: Mapping[str, Any], family: str, counts: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Return a configuration as its family's class takes it."""
    nesting = NESTINGS.get(family)
    if nesting is None:
        return dict(config)
    tower = dict(config.get(VISUAL, {}))
    lengths = tower.pop(BUCKETS, None)
    if counts:
        tower = {nesting.counts: list(counts)} | tower
    language: dict[str, Any] = {} if lengths is None else {nesting.lengths: lengths}
    top = {}
    for name, value in config.items():
        if name == VISUAL:
            continue
        if name in nesting.everywhere or name == "batch_size":
            top[name] = value
        if name != "batch_size":
            language[name] = value
    return {nesting.tower: tower, nesting.language_model: language} | top


def flattened(
    config: Mapping[str, Any], family: str, *, whole: bool = True
) -> dict[str, Any]:
    """Return a family's configuration in the one shape that everything else knows."""
    nesting = NESTINGS.get(family)
    if nesting is None:
        return dict(config)
    tower = config.get(nesting.tower, {})
    language = config.get(nesting.language_model, {})
    flat = {name: value for name, value in config.items() if name in nesting.top}
    if isinstance(language, Mapping):
        below = {
            name: value for name, value in language.items() if name != nesting.lengths
        }
        lengths = language.get(nesting.lengths)
        flat |= below
    else:
        lengths = None
    if not isinstance(tower, Mapping):
        return {VISUAL: tower} | flat
    visual = {name: value for name, value in tower.items() if name != nesting.counts}
    if lengths is None and whole:
        lengths = _derived(counts_of(config, family), nesting.chunk)
    if lengths is not None:
        visual = {BUCKETS: lengths} | visual
    return ({VISUAL: visual} if visual or whole else {}) | flat


def nesting_family(config: Mapping[str, Any]) -> str:
    """Return the family whose settings alone a configuration holds; "" for none."""
    for family, nesting in NESTINGS.items():
        tower = config.get(nesting.tower)
        if isinstance(tower, Mapping) and nesting.counts in tower:
            return family
    return ""


def counts_of(config: Mapping[str, Any], family: str) -> tuple[int, ...]:
    """Return the soft-token counts that a nested configuration compiles, ascending."""
    nesting = NESTINGS[family]
    tower = config.get(nesting.tower)
    found = tower.get(nesting.counts) if isinstance(tower, Mapping) else None
    if found is None:
        return (nesting.default_count,)
    items = found if isinstance(found, (list, tuple)) else [found]
    known = [each for each in items if isinstance(each, int) and each > 0]
    return tuple(sorted(set(known))) if len(known) == len(items) else ()


def nested_path(path: Path, config: Mapping[str, Any], family: str) -> Path:
    """Return the keys that lead to a value in the nested configuration."""
    nesting = NESTINGS.get(family)
    if (
        nesting is None
        or not path
        or path[0] in (nesting.tower, nesting.language_model)
    ):
        return path
    if path[:2] == (VISUAL, BUCKETS):
        return (nesting.language_model, nesting.lengths, *path[2:])
    if path[0] == VISUAL:
        return (nesting.tower, *path[1:])
    language = config.get(nesting.language_model)
    below = isinstance(language, Mapping) and path[0] in language
    at_top = path[0] in nesting.everywhere or path[0] == "batch_size"
    at_top = at_top or path[0] in config
    return path if at_top and not below else (nesting.language_model, *path)


def _derived(counts: tuple[int, ...], chunk: int) -> list[int]:
    return sorted({-(-count // chunk) * chunk for count in counts})
