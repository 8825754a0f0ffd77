"""Rules about compiled folders, and what is given when one is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.engines.rbln.attention import FLASH
from bucketwise.engines.rbln.defaults import in_force
from bucketwise.engines.rbln.keys import (
    AT_LOAD,
    NEVER_AT_LOAD,
    UNSAVED,
    Level,
    standing,
)
from bucketwise.engines.rbln.model_classes import SUBMODULES
from bucketwise.engines.rbln.rules.case import RblnCase, release, shown, unknown
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

_FILE = "configuration_utils.py, from_pretrained"

_SAME, _OTHER, _UNKNOWN, _NEVER = "same", "other", "unknown", "never"
"""How a value at load stands to what the folder keeps."""


def compiled_setting_at_load(subject: RblnCase) -> Iterator[Finding]:
    """A setting of the top level given at load that the compile has decided.

    It raises where it differs from the folder's; devices, runtimes and the like may.
    """
    if subject.document.form != "load" or subject.inside:
        return
    for name, value in subject.config.items():
        if name in AT_LOAD | UNSAVED or name in SUBMODULES or unknown(value):
            continue
        if standing(name, "top", subject.version, subject.family) == "refused":
            continue
        kept = _kept(subject, name, value)
        if kept == _SAME:
            continue
        raises = kept in (_NEVER, _OTHER)
        yield Finding(
            severity="error" if raises else "warning",
            path=(name,),
            found=f"{name} {shown(value)} at load"
            + (
                f", compiled with {shown(_told(subject, name))}"
                if kept == _OTHER
                else ""
            ),
            why=f"{release(subject)} raises "
            + (
                "whatever it says: the folder keeps it otherwise"
                if kept == _NEVER
                else "where it differs from what the folder was compiled for, and ignores "
                "it where it does not"
            )
            + f" ({_FILE})",
            right="leave it out; compile anew to change it",
            raises=_raised(subject, name) if raises else "",
            fixes=(Fix(path=(name,), action="remove"),),
        )


def ignored_at_load(subject: RblnCase) -> Iterator[Finding]:
    """A setting of `visual` given at load that the compile has decided: it is dropped.

    Lengths and number of devices stay the folder's, without a word.
    """
    if subject.document.form != "load":
        return
    levels: list[tuple[Level, Path, Mapping[str, Any]]] = [
        ("visual", ("visual",), subject.visual or {})
    ]
    if subject.inside:
        # The language model is a submodule then, and handled as one.
        levels.append(("top", (), subject.written))
    for level, at, name, value in (
        (level, at, name, value)
        for level, at, mapping in levels
        for name, value in mapping.items()
    ):
        if name in AT_LOAD | UNSAVED or name in {"cls_name", "batch_size", *SUBMODULES}:
            continue
        if standing(name, level, subject.version, subject.family) == "refused":
            continue
        # Two levels deep it is put into the folder's, and found out when that is loaded.
        raises = bool(subject.inside) and level == "visual"
        yield Finding(
            severity="warning",
            path=(*at, name),
            found=f"{'.'.join((*subject.inside, *at, name))} {shown(value)} at load",
            why=f"{release(subject)} "
            + (
                "raises where it differs from what the folder was compiled with"
                if raises
                else "keeps what the folder was compiled with, in silence"
            )
            + f" ({_FILE})",
            right="leave it out; compile anew to change it",
            raises="ValueError: Passed rbln_config has different attributes"
            if raises
            else "",
            fixes=(Fix(path=(*at, name), action="remove"),),
        )


def _kept(subject: RblnCase, name: str, value: Any) -> str:
    """Return how a value stands to what the folder keeps."""
    if name in NEVER_AT_LOAD and value is not None:
        return _NEVER
    told = subject.document.compiled_as
    known = None if told is None else _told(subject, name)
    if known is None or unknown(known):
        return _UNKNOWN
    if name == "decoder_batch_sizes" and isinstance(known, list):
        known = sorted(known, reverse=True)
    return _SAME if known == value else _OTHER


def _told(subject: RblnCase, name: str) -> Any:
    """Return what the folder was compiled with, as the release completes it."""
    told = subject.document.compiled_as or {}
    if name == "attn_impl" and told.get("kvcache_partition_len") is not None:
        # Partitions switch it.
        return FLASH
    try:
        return in_force(
            told, name, subject.version, npu=subject.npu, family=subject.family
        )
    except KeyError:
        return told.get(name)


def _raised(subject: RblnCase, name: str) -> str:
    renamed = standing(name, "top", subject.version, subject.family) == "renamed"
    return "AttributeError: " if renamed else "ValueError: Cannot set the following"


def no_runtimes_at_load(subject: RblnCase) -> Iterator[Finding]:
    """A model loaded without runtimes: it cannot run."""
    form, serve = subject.document.form, subject.document.serve
    if form != "load" and (serve is None or serve.is_folder):
        return
    for path, level in (((), subject.config), (("visual",), subject.visual or {})):
        if level.get("create_runtimes") is not False:
            continue
        yield Finding(
            severity="warning",
            path=(*path, "create_runtimes"),
            found="create_runtimes false "
            + ("at load" if form == "load" else "on a line that serves"),
            why="the first forward raises: no runtime is there to run it "
            "(utils/runtime_utils.py)",
            right="leave it out",
            fixes=(Fix(path=(*path, "create_runtimes"), action="remove"),),
        )


def old_folder(subject: RblnCase) -> Iterator[Finding]:
    """A compiled folder of a release whose folders can no longer be loaded."""
    if subject.document.form != "compiled" or "_meta" not in subject.config:
        return
    yield Finding(
        severity="error",
        path=("_meta",),
        found="_meta in a compiled folder's rbln_config.json",
        why=f"{release(subject)} refuses folders of that age (configuration_utils.py)",
        right="compile anew",
        raises="RuntimeError: ",
    )
