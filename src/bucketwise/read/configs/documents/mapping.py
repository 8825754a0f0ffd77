"""A mapping, whatever it was written in -> the configuration in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, GivenLimits, Path, Unknown
from bucketwise.nouns.engine import parse_version
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.excerpt import HOLE, Excerpt, Scalar
from bucketwise.read.configs.documents.names import CONFIG_SUFFIX, Release
from bucketwise.read.configs.documents.options import Option, Options
from bucketwise.read.configs.documents.serving import LIMITS, served, set_limits
from bucketwise.read.configs.documents.text import Text
from bucketwise.read.configs.documents.tree import Tree


def wrapper_of(config: Mapping[str, Any], words: Vocabulary) -> str | None:
    """Return the key a configuration is wrapped in; None where it is not."""
    for key in words.wrappers:
        if isinstance(config.get(key), dict) and not any(
            name in config for name in words.levels
        ):
            return key
    return None


def is_artifact(config: Mapping[str, Any], words: Vocabulary) -> bool:
    """Return whether a compiled folder holds this configuration."""
    return words.graphs in config or words.compiled_by in config


def without_artifact(config: dict[str, Any], words: Vocabulary) -> dict[str, Any]:
    """Return a compiled folder's configuration as one could be given to compile."""
    return _kept(config, words) if is_artifact(config, words) else config


def _kept(level: dict[str, Any], words: Vocabulary) -> dict[str, Any]:
    kept = {
        key: _kept(item, words)
        if key in words.levels and isinstance(item, dict)
        else item
        for key, item in level.items()
        if key not in words.saved and item is not None
    }
    graphs = level.get(words.graphs)
    first = graphs[0] if isinstance(graphs, list) and graphs else None
    if isinstance(first, dict):
        # Saving drops the number of devices at both levels but keeps it per graph.
        for key in words.kept_by_graph:
            if isinstance(first.get(key), int) and key not in kept:
                kept[key] = first[key]
    return kept


def mapping_documents(tree: Tree, text: Text, release: Release) -> tuple[Document, ...]:
    """Return the configurations that a mapping holds."""
    if tree.excerpt is not None and HOLE in tree.excerpt.text:
        tree = replace(tree, value=_without_holes(tree.value, tree.excerpt))
    level, words = tree.value, text.words
    if not isinstance(level, dict):
        raise ConfigError(
            f"{text.name}: expected an object with settings of {words.sdk}, got "
            f"{type(level).__name__}"
        )
    if is_server_file(level, words):
        return served(_engine_options(tree, text), text, release)
    wrapper = wrapper_of(level, words)
    if wrapper is not None:
        wrapped = _plain(level[wrapper], (wrapper,), tree, text, release)
        return (replace(wrapped, limits=wrapped.limits + _limits(level, tree, text)),)
    if level and not any(_is_named(name, words) for name in level):
        names = ", ".join(name[:50] for name in list(level)[:5])
        raise ConfigError(
            f"{text.name}: none of its keys is a setting of {words.sdk} ({names}), "
            f"and no command in it starts {words.commands}; expected {words.examples} and "
            "the like, or such a command"
        )
    plain = _plain(level, (), tree, text, release)
    return (replace(plain, limits=plain.limits + _limits(level, tree, text)),)


def is_wrapped(value: Any, words: Vocabulary) -> bool:
    """Return whether a value can be nothing but a configuration: its first keys tell."""
    return isinstance(value, dict) and (
        is_server_file(value, words) or wrapper_of(value, words) is not None
    )


def holds_settings(value: Any, words: Vocabulary) -> bool:
    """Return whether a value is a configuration and nothing else."""
    return is_wrapped(value, words) or (
        isinstance(value, dict)
        and bool(value)
        and all(_is_named(name, words) for name in value)
    )


def _is_named(name: str, words: Vocabulary) -> bool:
    return name in words.settings or name in words.wrappers


def is_server_file(level: Mapping[str, Any], words: Vocabulary) -> bool:
    """Return whether a mapping is a file of vLLM's own options."""
    return any(name.replace("_", "-") in words.options for name in level)


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
    words = text.words
    class_name = str(config.get(words.class_key) or "").removesuffix(CONFIG_SUFFIX)
    said = config.get(words.compiled_by)
    if version := parse_version(said) if isinstance(said, str) else ():
        release = Release(version, f"{words.compiled_by} in {text.name}")
    plain = without_artifact(config, words)
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
    compiled = is_artifact(config, words)
    places = tree.below(before)
    if compiled:
        for level in ((), ("visual",), ("vlm",), ("vlm", "visual")):
            graphs = places.get((*level, words.graphs))
            for key in words.kept_by_graph:
                if graphs is not None:
                    places.setdefault((*level, key), graphs)
    return Document(
        config=plain,
        form="compiled" if compiled else ("serve" if before else "compile"),
        source=text.name,
        places=places,
        class_name=class_name,
        family=words.family_of(class_name) or words.family_in(plain),
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
