"""A mapping, whatever it was written in -> the configuration in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketwise.engines.rbln.nesting import nesting_family
from bucketwise.engines.rbln.releases import parse_version
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, GivenLimits, Path, Unknown
from bucketwise.read.configs.documents.excerpt import HOLE, Excerpt, Scalar
from bucketwise.read.configs.documents.names import (
    CONFIG_SUFFIX,
    SETTINGS,
    Release,
    family_of,
)
from bucketwise.read.configs.documents.options import Option, Options
from bucketwise.read.configs.documents.serving import LIMITS, served, set_limits
from bucketwise.read.configs.documents.text import Text
from bucketwise.read.configs.documents.tree import Tree

# What saving adds to a compiled folder's file and compiling again refuses or
# recomputes (optimum-rbln 0.12.0, configuration_utils.py, _prepare_for_serialization,
# and transformers/models/decoderonly/configuration_decoderonly.py).
_ARTIFACT_KEYS = (
    "_compile_cfgs", "_meta", "_requires_batch_sort", "cache_metas", "cls_name",
    "dtype", "kvcache_metas", "optimum_rbln_version",
)  # fmt: skip

_LEVELS = ("visual", "vlm")
"""Submodules of the classes known here, one within the other."""

GRAPHS = "_compile_cfgs"
"""Where it keeps what each graph was compiled for."""

COMPILED_BY = "optimum_rbln_version"
"""Where it keeps the release that made it."""

WRAPPERS = ("rbln_config", "optimum_overrides")
"""Keys vllm-rbln takes a configuration under (vllm-rbln 0.12.0, config.py)."""

_OPTIONS = ("additional-config", "rbln-optimum-overrides", "rbln-config")
"""Options of vLLM's own configuration file that hold a configuration."""


def wrapper_of(config: Mapping[str, Any]) -> str | None:
    """Return the key a configuration is wrapped in; None where it is not."""
    for key in WRAPPERS:
        if isinstance(config.get(key), dict) and not any(
            name in config for name in _LEVELS
        ):
            return key
    return None


def is_artifact(config: Mapping[str, Any]) -> bool:
    """Return whether a compiled folder holds this configuration."""
    return GRAPHS in config or COMPILED_BY in config


def without_artifact(config: dict[str, Any]) -> dict[str, Any]:
    """Return a compiled folder's configuration as one could be given to compile."""
    if not is_artifact(config):
        return config
    return _kept(config)


def artifact_notes(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to know of a compiled folder's configuration as a base."""
    notes = ["what only a compiled folder holds (graphs, dtype, versions) was left out"]
    blocks = plain.get("vlm", plain).get("kvcache_num_blocks")
    if blocks:
        notes.append(
            f"kvcache_num_blocks {blocks} is kept as compiled, "
            "though the SDK may have chosen it; remove it to let the SDK choose again"
        )
    return tuple(notes)


def _kept(level: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: _kept(item) if key in _LEVELS and isinstance(item, dict) else item
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


def mapping_documents(tree: Tree, text: Text, release: Release) -> tuple[Document, ...]:
    """Return the configurations that a mapping holds."""
    if tree.excerpt is not None and HOLE in tree.excerpt.text:
        tree = replace(tree, value=_without_holes(tree.value, tree.excerpt))
    level = tree.value
    if not isinstance(level, dict):
        raise ConfigError(
            f"{text.name}: expected an object with settings of optimum-rbln, got "
            f"{type(level).__name__}"
        )
    if is_engine_file(level):
        return served(_engine_options(tree, text), text, release)
    wrapper = wrapper_of(level)
    if wrapper is not None:
        wrapped = _plain(level[wrapper], (wrapper,), tree, text, release)
        return (replace(wrapped, limits=wrapped.limits + _limits(level, tree, text)),)
    if level and not any(name in SETTINGS or name in WRAPPERS for name in level):
        names = ", ".join(name[:50] for name in list(level)[:5])
        raise ConfigError(
            f"{text.name}: none of its keys is a setting of optimum-rbln ({names}), "
            "and no command in it starts vllm serve or optimum-rbln-cli; expected "
            "visual, max_seq_len, batch_size and the like, or such a command"
        )
    plain = _plain(level, (), tree, text, release)
    return (replace(plain, limits=plain.limits + _limits(level, tree, text)),)


def is_wrapped(value: Any) -> bool:
    """Return whether a value can be nothing but a configuration: its first keys tell."""
    return isinstance(value, dict) and (
        is_engine_file(value) or wrapper_of(value) is not None
    )


def holds_settings(value: Any) -> bool:
    """Return whether a value is a configuration and nothing else."""
    return is_wrapped(value) or (
        isinstance(value, dict)
        and bool(value)
        and all(name in SETTINGS or name in WRAPPERS for name in value)
    )


def is_engine_file(level: Mapping[str, Any]) -> bool:
    """Return whether a mapping is a file of vLLM's own options."""
    return any(name.replace("_", "-") in _OPTIONS for name in level)


def _without_holes(value: Any, excerpt: Excerpt) -> Any:
    """Return a value with what a template fills in unknown."""
    if isinstance(value, dict):
        return {key: _without_holes(item, excerpt) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_holes(item, excerpt) for item in value]
    if isinstance(value, Scalar) and HOLE in value:
        return Unknown(excerpt.written(value.start, value.end))
    return value


def _limits(
    level: Mapping[str, Any], tree: Tree, text: Text
) -> tuple[GivenLimits, ...]:
    """Return the image limits that stand beside a configuration, as vLLM takes them."""
    return tuple(
        limits
        for key, value in level.items()
        if key.replace("_", "-") == LIMITS and isinstance(value, dict)
        for limits in set_limits(value, str(tree.place((key,), text.name)))
    )


def _plain(
    config: dict[str, Any], before: Path, tree: Tree, text: Text, release: Release
) -> Document:
    """Return the configuration at a path, wrapped or not, compiled or not."""
    class_name = str(config.get("cls_name") or "").removesuffix(CONFIG_SUFFIX)
    said = config.get(COMPILED_BY)
    if version := parse_version(said) if isinstance(said, str) else ():
        release = Release(version, f"{COMPILED_BY} in {text.name}")
    plain = without_artifact(config)
    if "Vision" in class_name:
        # A ViT's own folder, one of those within a compiled folder.
        return Document(
            config={"visual": plain},
            form="list",
            source=text.name,
            places={
                ("visual", *path): place for path, place in tree.below(before).items()
            },
            version=release.version,
            version_source=release.source,
        )
    compiled = is_artifact(config)
    places = tree.below(before)
    if compiled:
        for level in ((), ("visual",), ("vlm",), ("vlm", "visual")):
            graphs = places.get((*level, GRAPHS))
            for key in ("num_devices", "tensor_parallel_size"):
                if graphs is not None:
                    places.setdefault((*level, key), graphs)
    return Document(
        config=plain,
        form="compiled" if compiled else ("serve" if before else "compile"),
        source=text.name,
        places=places,
        class_name=class_name,
        family=family_of(class_name) or nesting_family(plain),
        version=release.version,
        version_source=release.source,
        model=text.folder if compiled and _is_model(text.folder) else "",
    )


def _is_model(folder: str) -> bool:
    return bool(folder) and os.path.isfile(os.path.join(folder, "config.json"))  # noqa: PTH113, PTH118


def _engine_options(tree: Tree, text: Text) -> Options:
    """Return the entries of vLLM's own configuration file as options."""
    options = []
    for key, value in tree.value.items():
        options.append(
            Option(
                name=key.replace("_", "-"),
                value=value,
                place=tree.place((key,), text.name),
                places=tree.below((key,)),
            )
        )
    return Options(
        model=str(tree.value.get("model") or ""),
        options=tuple(options),
        environment={},
        place=tree.place((), text.name),
    )
