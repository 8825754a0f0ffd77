"""Rules about the classes a configuration is for, and those it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bucketwise.engines.rbln.keys import inherits_since, standing
from bucketwise.engines.rbln.model_classes import (
    AUTO_CLASSES,
    MODEL_CLASSES,
    SUBMODULES,
    refusal,
)
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.keys import is_compiled, levels_of, nearest
from bucketwise.engines.rbln.rules.values import release, shown, unknown
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
