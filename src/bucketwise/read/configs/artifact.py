"""A compiled folder's configuration, and what configurations come wrapped in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FILE_NAME = "rbln_config.json"

# What saving adds to a compiled folder's file and compiling again refuses or
# recomputes (optimum-rbln 0.12.0, configuration_utils.py, _prepare_for_serialization,
# and transformers/models/decoderonly/configuration_decoderonly.py).
_ARTIFACT_KEYS = (
    "_compile_cfgs",
    "_meta",
    "_requires_batch_sort",
    "cache_metas",
    "cls_name",
    "dtype",
    "kvcache_metas",
    "optimum_rbln_version",
)

_LEVELS = ("visual", "vlm")
"""Submodules of the classes known here, one within the other."""

GRAPHS = "_compile_cfgs"
"""Where it keeps what each graph was compiled for."""

COMPILED_BY = "optimum_rbln_version"
"""Where it keeps the release that made it."""

WRAPPERS = ("rbln_config", "optimum_overrides")
"""Keys vllm-rbln takes a configuration under (vllm-rbln 0.12.0, config.py)."""


def wrapper_of(config: Mapping[str, Any]) -> str | None:
    """Return the key a configuration is wrapped in; None where it is not."""
    for key in WRAPPERS:
        if isinstance(config.get(key), dict) and not any(
            name in config for name in _LEVELS
        ):
            return key
    return None


def unwrapped(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration itself."""
    key = wrapper_of(config)
    inner: dict[str, Any] = config if key is None else config[key]
    return inner


def is_artifact(config: Mapping[str, Any]) -> bool:
    """Return whether a compiled folder holds this configuration."""
    return GRAPHS in config or COMPILED_BY in config


def without_artifact(
    config: dict[str, Any],
) -> dict[str, Any]:
    """Return a compiled folder's configuration as one could be given to compile.

    Parameters
    ----------
    config : dict
        As it was read.

    Returns
    -------
    dict
        Without what saving adds; the same where nothing was added.
    """
    if not is_artifact(config):
        return config
    return _level(config)


def artifact_notes(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to know of a compiled folder's configuration as a base.

    Parameters
    ----------
    plain : mapping
        What `without_artifact` left of it.
    """
    notes = ["what only a compiled folder holds (graphs, dtype, versions) was left out"]
    blocks = plain.get("vlm", plain).get("kvcache_num_blocks")
    if blocks:
        notes.append(
            f"kvcache_num_blocks {blocks} is kept as compiled, "
            "though the SDK may have chosen it; remove it to let the SDK choose again"
        )
    return tuple(notes)


def _level(level: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: _level(item) if key in _LEVELS and isinstance(item, dict) else item
        for key, item in level.items()
        if key not in _ARTIFACT_KEYS and item is not None
    }
    graphs = level.get(GRAPHS)
    first = graphs[0] if isinstance(graphs, list) and graphs else None
    if isinstance(first, dict):
        # Saving drops the number of devices at both levels but keeps it per graph.
        for key in ("num_devices", "tensor_parallel_size"):
            if isinstance(first.get(key), int) and key not in kept:
                kept[key] = first[key]
    return kept
