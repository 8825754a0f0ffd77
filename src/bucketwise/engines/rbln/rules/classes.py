"""Rules about the classes a configuration is for, those it names, and the level above the language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.engines.rbln.keys import (
    EVERY,
    FORCED_UNTIL,
    FORCED_WITHIN,
    KEYS,
    inherits_since,
    standing,
)
from bucketwise.engines.rbln.model_classes import (
    AUTO_CLASSES,
    MODEL_CLASSES,
    SUBMODULES,
    refusal,
)
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase, release, shown, unknown
from bucketwise.engines.rbln.rules.keys import is_compiled, levels_of, nearest
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

_UTILS = "optimum/rbln/configuration_utils.py"
_DECODER = "transformers/models/decoderonly/decoderonly_architecture.py"
_CONFIG = "Config"


def unknown_class(subject: RblnCase) -> Iterator[Finding]:
    """A class that no table here is about: it is judged by what all have in common."""
    if not subject.is_unknown_class:
        return
    serve = subject.document.serve
    unread = [
        ".".join((*at, name))
        for level, at, mapping in levels_of(subject)
        for name in mapping
        if name not in SUBMODULES
        and standing(name, level, subject.version, subject.family) == "refused"
        and not is_compiled(name, subject)
        and not nearest(name, level, subject)
    ]
    yield Finding(
        severity="warning",
        path=(),
        found=subject.document.class_name or (serve.model if serve else "no class"),
        why="no table here is about "
        + ("this model" if serve else "this class")
        + ": judged were the settings that all classes have, and those of its language "
        "model" + (f"; not judged: {', '.join(unread)}" if unread else ""),
        right="--model with a model that `bucketwise models` lists, where it is of its "
        "family; else optimum-rbln's own page on the class",
    )


def wrong_class_name(subject: RblnCase) -> Iterator[Finding]:
    """`cls_name` that is not the class of its level.

    The SDK looks it up when the ViT is compiled, and when the folder is loaded.
    """
    kind = MODEL_CLASSES.get(subject.family)
    if kind is None:
        return
    towers = {f"{each.tower}{_CONFIG}" for each in MODEL_CLASSES.values()}
    for path, level, right in (
        ((), subject.config, f"{kind.name}{_CONFIG}"),
        (("visual",), subject.visual or {}, f"{kind.tower}{_CONFIG}"),
    ):
        given = level.get("cls_name")
        if given is None or unknown(given) or given == right:
            continue
        known = given in towers if path else _names_a_family(given)
        yield Finding(
            severity="warning" if known else "error",
            path=(*path, "cls_name"),
            found=shown(given),
            why=f"{release(subject)} looks the class up by it ({_UTILS}, "
            "get_rbln_config_class)"
            + ("; this one is of another model" if known else ""),
            right=f"{right}, or leave it out",
            raises="" if known else _not_found(subject, path, given),
            fixes=(Fix(path=(*path, "cls_name"), action="remove"),)
            if subject.document.form != "compiled"
            else (Fix(path=(*path, "cls_name"), action="set", value=right),),
        )


def _not_found(subject: RblnCase, path: Path, given: Any) -> str:
    at_load = not path or subject.document.form != "compile"
    # What visual inherits is put together by looking its class up.
    if at_load or subject.version >= inherits_since(subject.family):
        return f"ValueError: Configuration for {given} not found"
    return f"AttributeError: module optimum.rbln has no attribute {given}"


def _names_a_family(given: Any) -> bool:
    return given in {f"{each.name}{_CONFIG}" for each in MODEL_CLASSES.values()}


def auto_class(subject: RblnCase) -> Iterator[Finding]:
    """A class that the release no longer has."""
    name = subject.document.class_name
    gone = AUTO_CLASSES.get(name)
    if gone is None or subject.version < gone.gone_in:
        return
    yield Finding(
        severity="error",
        path=(),
        found=name,
        why=f"{written(gone.gone_in)} removed it (optimum/rbln/__init__.py)",
        right=gone.instead,
        raises="ImportError: cannot import name",
    )


def class_too_new(subject: RblnCase) -> Iterator[Finding]:
    """A model that no class of the release compiles."""
    if not subject.family:
        return
    known = MODEL_CLASSES.get(subject.family)
    if known is not None and subject.version >= known.since:
        yield from _refused(subject)
        return
    since = (
        f"{written(known.since)} brought {known.name}"
        if known
        else "no release has one"
    )
    yield Finding(
        severity="error",
        path=(),
        found=f"a {subject.family} model for {release(subject)}",
        why=f"it has no class for it: {since} (optimum/rbln/__init__.py of each wheel)",
        right=f"optimum-rbln {written(known.since)} or newer"
        if known
        else "another model",
        raises="ImportError: cannot import name",
    )


def _refused(subject: RblnCase) -> Iterator[Finding]:
    """Yield that the class cannot compile this checkpoint of its family."""
    profile = subject.profile
    why = refusal(profile) if profile else ""
    if profile is None or not why or subject.document.form == "compiled":
        return
    yield Finding(
        severity="error",
        path=(),
        found=f"the layers of {profile.name}",
        why=f"{why[0].lower()}{why[1:].removesuffix('.')} ({_DECODER})",
        right="a checkpoint whose num_kv_shared_layers is 0",
        raises="AttributeError: 'Gemma4TextAttention' object has no attribute 'k_proj'",
    )


_EVERYWHERE = frozenset(each.name for each in KEYS if each.levels == EVERY)
"""What every class takes, whatever level it is for."""

_CLASS = "transformers/models/colqwen2/configuration_colqwen2.py"


def no_language_model(subject: RblnCase) -> Iterator[Finding]:
    """Nothing in the submodule that holds the language model, or its ViT beside it."""
    [name] = subject.inside
    config = subject.document.config
    misplaced = [each for each in SUBMODULES if each != name and each in config]
    for each in misplaced:
        yield Finding(
            severity="error",
            path=(each,),
            found=f"{each} at the top level",
            why=f"this class has one submodule, {name} ({_CLASS}, {release(subject)})",
            right=f"{name}.{each}",
            raises="ValueError: Unexpected arguments",
        )
    if isinstance(config.get(name), Mapping) or misplaced:
        return
    if name in config and unknown(config[name]):
        return
    yield Finding(
        severity="error",
        path=(name,) if name in config else (),
        found=f"{name} is {shown(config[name])}" if name in config else f"no {name}",
        why=f"the language model and its ViT are configured there ({_CLASS})",
        right=f'"{name}": {{"visual": {{...}}, "max_seq_len": ...}}',
    )


def no_effect_above(subject: RblnCase) -> Iterator[Finding]:
    """A setting above the language model that is taken and read by nothing.

    The class is a decoder's by descent, and has no graph of its own.
    """
    [name] = subject.inside
    handed_down = {*_EVERYWHERE, *FORCED_WITHIN, name}
    for key in subject.document.config:
        if key in handed_down or is_compiled(key, subject) or key in SUBMODULES:
            continue
        if standing(key, "outer", subject.version, subject.family) == "refused":
            continue
        yield Finding(
            severity="warning",
            path=(key,),
            found=f"{key} at the top level",
            why=f"{release(subject)} takes it and reads it nowhere: the language model is "
            f"{name} ({_CLASS})",
            right=f"{name}.{key}",
            fixes=(Fix(path=(key,), action="remove"),),
        )


def forced_within(subject: RblnCase) -> Iterator[Finding]:
    """A setting of the language model that the class above it decides.

    Up to 0.11.1 another value raises; later ones take it.
    """
    if subject.version >= FORCED_UNTIL or subject.document.form == "compiled":
        return
    [name] = subject.inside
    config, level = subject.document.config, subject.written
    for key, default in FORCED_WITHIN.items():
        above = config.get(key) if default is None else default
        if key not in level or unknown(level[key]) or level[key] == above:
            continue
        movable = default is None and key not in config
        yield Finding(
            severity="error",
            path=(name, key),
            found=f"{name}.{key} {shown(level[key])}",
            why=f"before {written(FORCED_UNTIL)} it must be what the top level hands down, "
            f"{shown(above)} ({_CLASS})",
            right=f"{key} at the top level" if default is None else "leave it out",
            raises=f"ValueError: Parameter conflict for '{key}'",
            fixes=(
                *(
                    (Fix(path=(key,), action="set", value=level[key]),)
                    if movable
                    else ()
                ),
                Fix(path=(name, key), action="remove"),
            ),
        )
