"""Rules about compiled folders, and what is given when one is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.lint.finding import Finding, Fix
from bucketwise.lint.subject import Subject
from bucketwise.lint.values import release, shown
from bucketwise.rbln.keys import AT_LOAD
from bucketwise.rbln.model_classes import SUBMODULES

_FILE = "configuration_utils.py, from_pretrained"


def compiled_setting_at_load(subject: Subject) -> Iterator[Finding]:
    """A setting given at load that the compile has decided.

    Only devices, runtimes and the like may differ between compiling and loading.
    """
    if subject.document.form != "load":
        return
    for path, level in (((), subject.config), (("visual",), subject.visual or {})):
        for name, value in level.items():
            if name in AT_LOAD or name in SUBMODULES or name.startswith("_"):
                continue
            if name in {"cls_name", "npu"}:
                continue
            yield Finding(
                severity="warning",
                path=(*path, name),
                found=f"{name} {shown(value)} at load",
                why=f"{release(subject)} raises where it differs from what the folder was "
                f"compiled for, and ignores it where it does not ({_FILE})",
                right="leave it out; compile anew to change it",
                fixes=(Fix(path=(*path, name), action="remove"),),
            )


def no_runtimes_at_load(subject: Subject) -> Iterator[Finding]:
    """A model loaded without runtimes: it cannot run."""
    if subject.document.form != "load":
        return
    for path, level in (((), subject.config), (("visual",), subject.visual or {})):
        if level.get("create_runtimes") is not False:
            continue
        yield Finding(
            severity="warning",
            path=(*path, "create_runtimes"),
            found="create_runtimes false at load",
            why="the first forward raises: no runtime is there to run it "
            "(utils/runtime_utils.py)",
            right="leave it out",
            fixes=(Fix(path=(*path, "create_runtimes"), action="remove"),),
        )


def old_folder(subject: Subject) -> Iterator[Finding]:
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
