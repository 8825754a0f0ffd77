"""Rules about the names of settings, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from bucketwise.engines.rbln.defaults import unset
from bucketwise.engines.rbln.keys import (
    BUCKETS,
    COMPILED,
    DEVICES,
    INHERITED,
    OF_OTHER_CLASSES,
    OLD_BUCKETS,
    Level,
    inherited,
    inherits_since,
    known_names,
    right_name,
    standing,
)
from bucketwise.engines.rbln.model_classes import SUBMODULES
from bucketwise.engines.rbln.nesting import NESTINGS
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    buckets_of,
    release,
    shown,
    splits_visual_of,
    unknown,
)
from bucketwise.engines.rbln.serving import FIXED_UNTIL, LANGUAGE_MODELS
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

_UTILS = "optimum/rbln/configuration_utils.py"
_CONFIG = "Config"

_NEAR = 0.7
"""From so much alike on, one name is taken for another that was mistyped."""


def wrong_key(subject: RblnCase) -> Iterator[Finding]:
    """A key that the release does not know.

    Any name that no config class has raises "Unexpected arguments"; a setting that
    another release calls otherwise is told by its right name.
    """
    for level, at, mapping in levels_of(subject):
        for name in mapping:
            if is_compiled(name, subject) or name in SUBMODULES:
                continue
            if standing(name, level, subject.version, subject.family) != "refused":
                continue
            right = right_name(name, level, subject.version, subject.family)
            near = nearest(name, level, subject)
            if subject.is_unknown_class and not right and not near:
                continue
            yield Finding(
                severity="error",
                path=(*at, name),
                found=f"{name} at the {_words(at, level, subject)}",
                why=_refusal(subject, level, name),
                right=(right and f"{right}, as {release(subject)} calls it")
                or near
                or "leave it out",
                raises=_raised(name, level, subject),
                fixes=(
                    Fix(
                        path=(*at, name),
                        action="rename" if right and right not in mapping else "remove",
                        value=right if right and right not in mapping else None,
                    ),
                ),
            )


def renamed_key(subject: RblnCase) -> Iterator[Finding]:
    """A key under a name that newer releases will refuse.

    The SDK takes it with a warning and means the newer name.
    """
    for level, at, mapping in levels_of(subject):
        for name in mapping:
            if standing(name, level, subject.version, subject.family) != "renamed":
                continue
            if is_compiled(name, subject):
                continue
            right = right_name(name, level, subject.version, subject.family)
            both = right in mapping
            yield Finding(
                severity="warning",
                path=(*at, name),
                found=f"{name}" + (f" beside {right}" if both else ""),
                why=f"{release(subject)} warns and takes {right} instead"
                + (": the older one is ignored" if both else "")
                + f" ({_UTILS}, utils/deprecation.py)",
                right=right,
                fixes=(
                    Fix(
                        path=(*at, name),
                        action="remove" if both else "rename",
                        value=None if both else right,
                    ),
                ),
            )


def missing_buckets(subject: RblnCase) -> Iterator[Finding]:
    """No list of ViT lengths: it has no default."""
    serve = subject.document.serve
    if subject.family in NESTINGS:
        return  # they have one there
    if serve is not None and (serve.is_folder or subject.version < FIXED_UNTIL):
        return
    lengths = unset(BUCKETS, "visual", subject.version)
    name, visual = lengths.name, subject.visual
    if visual is None:
        if "visual" in subject.config or not _is_vision(subject):
            return
        yield Finding(
            severity="error",
            path=(),
            found="no visual",
            why=f"visual.{name} has no default (transformers/models/<family>/"
            f"configuration_<family>.py, {release(subject)})",
            right=f'"visual": {{"{name}": [...]}}; bucketwise analyze chooses them',
            raises=lengths.raises,
        )
        return
    if buckets_of(subject)[0]:
        return
    yield Finding(
        severity="error",
        path=("visual",),
        found=f"no {name}",
        why=f"it has no default (configuration classes of {release(subject)})",
        right=f"{name} with the lengths to compile; bucketwise analyze chooses them",
        raises=lengths.raises,
    )


def visual_not_a_mapping(subject: RblnCase) -> Iterator[Finding]:
    """`visual` is not an object, or not checked before the compile."""
    found = subject.config.get("visual")
    if found is None or unknown(found) or isinstance(found, Mapping):
        return
    yield Finding(
        severity="error",
        path=("visual",),
        found=f"visual is {shown(found)}",
        why="the SDK builds the ViT's configuration from an object",
        right='an object, such as {"max_seq_len": [1024, 4096]}',
    )


def wrong_submodule(subject: RblnCase) -> Iterator[Finding]:
    """A submodule that this model does not have.

    Qwen-VL models call theirs `visual`; LLaVA, Gemma and others have other names.
    """
    if not _is_vision(subject):
        return
    for name in SUBMODULES:
        if name == "visual" or name not in subject.config:
            continue
        yield Finding(
            severity="error",
            path=(name,),
            found=f"{name} at the top level",
            why=f"the classes of this family have one submodule, visual "
            f"(submodules in their configuration, {release(subject)})",
            right="visual",
            raises="ValueError: Unexpected arguments",
            fixes=(Fix(path=(name,), action="rename", value="visual"),)
            if "visual" not in subject.config
            else (),
        )


def visual_batch_size(subject: RblnCase) -> Iterator[Finding]:
    """`visual.batch_size`: the ViT runs one image at a time."""
    visual = subject.visual or {}
    if "batch_size" not in visual:
        return
    known = standing("batch_size", "visual", subject.version, subject.family)
    given = visual["batch_size"]
    if known == "refused" or unknown(given):
        return
    row = unset("batch_size", "visual", subject.version, family=subject.family)
    if given in (None, row.value):
        return
    yield Finding(
        severity="error",
        path=("visual", "batch_size"),
        found=f"visual.batch_size {shown(given)}",
        why=f"{release(subject)} runs the ViT with batch {row.value} and refuses another value; "
        "batch_size at the top is that of the language model",
        right="leave it out",
        raises="ValueError: The "
        if subject.document.form == "load"
        else "ValueError: Parameter conflict for 'batch_size'",
        fixes=(Fix(path=("visual", "batch_size"), action="remove"),),
    )


def create_runtimes(subject: RblnCase) -> Iterator[Finding]:
    """Runtimes are created at the end of a compile unless both levels say no.

    The default is to create them, which needs NPUs with room for everything on the
    machine that compiles. Up to 0.11.0 the top level's word does not reach `visual`.
    """
    if subject.document.form != "compile":
        return
    inherits = "create_runtimes" in inherited(subject.version, subject.family)
    default = json.dumps(unset("create_runtimes", "top", subject.version).value)
    top = subject.config.get("create_runtimes")
    visual = (subject.visual or {}).get("create_runtimes")
    if top is False and visual is None and not inherits and subject.visual is not None:
        yield Finding(
            severity="warning",
            path=("visual",),
            found="create_runtimes false at the top level alone",
            why=f"before {written(inherits_since(subject.family))} visual takes nothing from the top "
            "level: the ViT's runtime is created, and fails on a host without an NPU",
            right="create_runtimes false at both levels",
            raises="RuntimeError: Failed to create RBLN runtime",
            fixes=(Fix(path=("visual", "create_runtimes"), action="set", value=False),),
        )
    elif top is None:
        fixes = [Fix(path=("create_runtimes",), action="set", value=False)]
        if not inherits:
            fixes.append(
                Fix(path=("visual", "create_runtimes"), action="set", value=False)
            )
        yield Finding(
            severity="info",
            path=(),
            found="create_runtimes is not set",
            why=f"its default is {default}: the compile ends by loading every graph onto NPUs "
            "of this machine, and fails where they are missing or full",
            right="false"
            + ("" if inherits else " at both levels")
            + " where one machine compiles and another serves",
            fixes=tuple(fixes),
        )


def inherited_devices(subject: RblnCase) -> Iterator[Finding]:
    """`visual` does not take the number of devices from the top before 0.11.1."""
    visual = subject.visual
    if visual is None or DEVICES in inherited(subject.version, subject.family):
        return
    name = right_name(DEVICES, "top", subject.version, subject.family)
    top = subject.config.get(name)
    if (
        not isinstance(top, int)
        or top <= 1
        or name in visual
        or not splits_visual_of(subject)
    ):
        return
    yield Finding(
        severity="warning",
        path=("visual",),
        found=f"{name} {top} at the top level alone",
        why=f"before {written(inherits_since(subject.family))} visual takes nothing from the top level: "
        "the ViT is compiled for one device",
        right=f"visual.{name} as well",
        fixes=(Fix(path=("visual", name), action="set", value=top),),
    )


def levels_of(
    subject: RblnCase,
) -> Iterator[tuple[Level, Path, Mapping[str, Any]]]:
    """Yield every level with keys: its kind, where it stands, and what it holds."""
    if subject.above:
        yield "outer", (), subject.document.config
        return
    yield "top", (), subject.written
    if subject.visual is not None:
        yield "visual", ("visual",), subject.visual
    if not subject.is_unknown_class:
        return
    for name in SUBMODULES:
        level = subject.config.get(name)
        if isinstance(level, Mapping):
            yield "top" if name in LANGUAGE_MODELS else "visual", (name,), level


def _words(at: Path, level: Level, subject: RblnCase) -> str:
    whole = at if level == "outer" else (*subject.inside, *at)
    return f"{whole[-1]} level" if whole else "top level"


def is_compiled(name: str, subject: RblnCase) -> bool:
    """Return whether saving a compiled folder has put a key there."""
    return subject.document.form == "compiled" and (
        name in COMPILED or name.startswith("_")
    )


def _is_vision(subject: RblnCase) -> bool:
    return bool(subject.family) or "visual" in subject.config


def _refusal(subject: RblnCase, level: Level, name: str) -> str:
    other: Level = "visual" if level == "top" else "top"
    said = f"{release(subject)} has no such key at this level ({_UTILS})"
    if name in INHERITED and level == "visual":
        return said
    if standing(name, other, subject.version, subject.family) == "accepted":
        belongs = (*subject.inside, "visual")[-1] if other == "visual" else "top"
        if other == "top" and level == "visual" and subject.inside:
            belongs = subject.inside[-1]
        return f"{said}; it belongs to the {belongs} level"
    return said


def nearest(name: str, level: Level, subject: RblnCase) -> str:
    """Return the key that a name may be a misspelling of; "" for none."""
    if subject.is_unknown_class and name in OF_OTHER_CLASSES:
        return ""
    known = known_names(level, subject.version, subject.family)
    close = get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f"{close[0]}?" if close else ""


def _raised(name: str, level: Level, subject: RblnCase) -> str:
    if subject.document.form == "load" and level == "top":
        return "AttributeError: "
    if name == OLD_BUCKETS and level == "visual" and subject.version == (0, 11, 0):
        both = BUCKETS in (subject.visual or {})
        said = (
            "Both `max_seq_lens`"
            if both
            else "`max_seq_lens` is deprecated and removed"
        )
        return f"ValueError: {said}"
    return "ValueError: Unexpected arguments"
