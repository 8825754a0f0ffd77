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
from bucketwise.read.configs.artifact import (
    COMPILED_BY,
    GRAPHS,
    WRAPPERS,
    is_artifact,
    without_artifact,
    wrapper_of,
)
from bucketwise.read.configs.documents.excerpt import HOLE, Excerpt, Scalar
from bucketwise.read.configs.documents.names import (
    CONFIG_SUFFIX,
    SETTINGS,
    family_of,
)
from bucketwise.read.configs.documents.options import Option, Options
from bucketwise.read.configs.documents.releases import Release
from bucketwise.read.configs.documents.serving import (
    LIMITS,
    served,
    set_limits,
)
from bucketwise.read.configs.documents.text import Text
from bucketwise.read.configs.documents.tree import Tree

_OPTIONS = ("additional-config", "rbln-optimum-overrides", "rbln-config")
"""Options of vLLM's own configuration file that hold a configuration."""


def mapping_documents(tree: Tree, text: Text, release: Release) -> tuple[Document, ...]:
    """Return the configurations that a mapping holds.

    Parameters
    ----------
    tree : Tree
        A mapping.
    text : Text
        Where it was read.
    release : Release
        The one the text is for.

    Raises
    ------
    ConfigError
        When it is something else.
    """
    if tree.excerpt is not None and HOLE in tree.excerpt.text:
        tree = replace(tree, value=_without_holes(tree.value, tree.excerpt))
    level = tree.value
    if not isinstance(level, dict):
        message = (
            f"{text.name}: expected an object with settings of optimum-rbln, got "
            f"{type(level).__name__}"
        )
        raise ConfigError(message)
    if is_engine_file(level):
        return served(_engine_options(tree, text), text, release)
    wrapper = wrapper_of(level)
    if wrapper is not None:
        wrapped = _plain(level[wrapper], (wrapper,), tree, text, release)
        return (replace(wrapped, limits=wrapped.limits + _limits(level, tree, text)),)
    if level and not any(name in SETTINGS or name in WRAPPERS for name in level):
        names = ", ".join(name[:50] for name in list(level)[:5])
        message = (
            f"{text.name}: none of its keys is a setting of optimum-rbln ({names}), "
            "and no command in it starts vllm serve or optimum-rbln-cli; expected "
            "visual, max_seq_len, batch_size and the like, or such a command"
        )
        raise ConfigError(message)
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
