"""A mapping, whatever it was written in -> the configuration in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Path
from bucketwise.lint.subject import Document
from bucketwise.rbln.nesting import nesting_family
from bucketwise.rbln.releases import parse_version
from bucketwise.sources.configs.artifact import (
    COMPILED_BY,
    GRAPHS,
    WRAPPERS,
    is_artifact,
    without_artifact,
    wrapper_of,
)
from bucketwise.sources.configs.documents.names import (
    CONFIG_SUFFIX,
    SETTINGS,
    family_of,
)
from bucketwise.sources.configs.documents.releases import stated_release
from bucketwise.sources.configs.documents.serving import (
    LIMITS,
    Option,
    Options,
    served,
    set_limits,
)
from bucketwise.sources.configs.documents.text import Text
from bucketwise.sources.configs.documents.tree import Tree
from bucketwise.today import GivenLimits
from bucketwise.traffic import Place

_OPTIONS = ("additional-config", "rbln-optimum-overrides", "rbln-config")
"""Options of vLLM's own configuration file that hold a configuration."""


def mapping_documents(tree: Tree, text: Text) -> tuple[Document, ...]:
    """Return the configurations that a mapping holds.

    Parameters
    ----------
    tree : Tree
        A mapping.
    text : Text
        Where it was read.

    Raises
    ------
    ConfigError
        When it is something else.
    """
    level = tree.value
    if not isinstance(level, dict):
        message = (
            f"{text.name}: {type(level).__name__} found; an object with settings of "
            "optimum-rbln is right"
        )
        raise ConfigError(message)
    if any(name.replace("_", "-") in _OPTIONS for name in level):
        return served(_engine_options(tree, text), text, stated_release(text))
    wrapper = wrapper_of(level)
    if wrapper is not None:
        wrapped = _plain(level[wrapper], (wrapper,), tree, text)
        return (replace(wrapped, limits=wrapped.limits + _limits(level, tree, text)),)
    if level and not any(name in SETTINGS or name in WRAPPERS for name in level):
        names = ", ".join(name[:50] for name in list(level)[:5])
        message = (
            f"{text.name}: none of its keys is a setting of optimum-rbln ({names}); "
            "visual, max_seq_len, batch_size and the like are right"
        )
        raise ConfigError(message)
    plain = _plain(level, (), tree, text)
    return (replace(plain, limits=plain.limits + _limits(level, tree, text)),)


def _limits(
    level: Mapping[str, Any], tree: Tree, text: Text
) -> tuple[GivenLimits, ...]:
    """Return the image limits that stand beside a configuration, as vLLM takes them."""
    return tuple(
        limits
        for key, value in level.items()
        if key.replace("_", "-") == LIMITS and isinstance(value, dict)
        for limits in set_limits(
            value, str(Place(source=text.name, line=tree.lines.get((key,), 1)))
        )
    )


def _plain(config: dict[str, Any], before: Path, tree: Tree, text: Text) -> Document:
    """Return the configuration at a path, wrapped or not, compiled or not."""
    class_name = str(config.get("cls_name") or "").removesuffix(CONFIG_SUFFIX)
    version, version_source = _release(config, text)
    plain = without_artifact(config)
    if "Vision" in class_name:
        # A ViT's own folder, one of those within a compiled folder.
        return Document(
            config={"visual": plain},
            form="list",
            source=text.name,
            places={
                ("visual", *path): place
                for path, place in places_below(tree.lines, before, text.name).items()
            },
            version=version,
            version_source=version_source,
        )
    compiled = is_artifact(config)
    places = places_below(tree.lines, before, text.name)
    if compiled:
        for level in ((), ("visual",)):
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
        version=version,
        version_source=version_source,
        model=text.folder if compiled and _is_model(text.folder) else "",
    )


def _is_model(folder: str) -> bool:
    return bool(folder) and os.path.isfile(os.path.join(folder, "config.json"))  # noqa: PTH113, PTH118


def _release(config: Mapping[str, Any], text: Text) -> tuple[Any, str]:
    said = config.get(COMPILED_BY)
    version = parse_version(said) if isinstance(said, str) else ()
    if version:
        return version, f"{COMPILED_BY} in {text.name}"
    return stated_release(text)


def places_below(
    lines: Mapping[Path, int], before: Path, source: str
) -> dict[Path, Place]:
    """Return where values stand, told from the level at a path.

    Parameters
    ----------
    lines : mapping of tuple of str to int
        Line of every value.
    before : tuple of str
        Path of the level.
    source : str
        Base name of the file.
    """
    return {
        path[len(before) :]: Place(source=source, line=line)
        for path, line in lines.items()
        if path[: len(before)] == before
    }


def _engine_options(tree: Tree, text: Text) -> Options:
    """Return the entries of vLLM's own configuration file as options."""
    options = []
    for key, value in tree.value.items():
        name = key.replace("_", "-")
        line = tree.lines.get((key,), 1)
        below = places_below(tree.lines, (key,), text.name)
        options.append(
            Option(
                name=name,
                value=value,
                place=Place(source=text.name, line=line),
                places=below,
            )
        )
    return Options(
        model=str(tree.value.get("model") or ""),
        options=tuple(options),
        environment={},
        place=Place(source=text.name, line=1),
    )
