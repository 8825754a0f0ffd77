"""Rules about which devices a level runs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bucketwise.engines.rbln.defaults import unset
from bucketwise.engines.rbln.keys import DEVICES, GRAPHS, right_name
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    at_visual,
    compiling,
    devices_of,
    graph_devices,
    release,
    shown,
    splits_visual_of,
    unknown,
    whole,
)
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

_FILE = "utils/runtime_utils.py, tp_and_devices_are_ok"


def device_list_length(subject: RblnCase) -> Iterator[Finding]:
    """A device list that is longer or shorter than the number of devices.

    From 0.11.1 `visual` takes a list from the top level that it has none of.
    """
    name = right_name(DEVICES, "top", subject.version, subject.family)
    for path, level in _levels(subject):
        devices = at_visual(subject, "device") if path else level.get("device")
        handed_down = level.get("device") is None
        count = _count_of(subject, path, level)
        if not isinstance(devices, (list, tuple)) or count in (None, len(devices)):
            continue
        place: Path = path if handed_down else (*path, "device")
        found = (
            f"{len(devices)} devices {'of the top level ' if handed_down else ''}for "
            f"{name} {count}"
        )
        if not _creates_runtimes(subject, path):
            if path and handed_down:
                continue
            yield Finding(
                severity="info",
                path=place,
                found=found,
                why="without runtimes nothing looks at them, and the folder keeps neither "
                f"({_FILE})",
                right="leave them out here, and give them when loading",
            )
            continue
        yield Finding(
            severity="error",
            path=place,
            found=found,
            why=f"{release(subject)} compares the two when it creates runtimes ({_FILE})",
            right=f"as many devices as {name}, at each level",
            raises="ValueError: The number of devices",
        )


def _creates_runtimes(subject: RblnCase, path: Path) -> bool:
    """Return whether a level creates runtimes, which looks at its devices."""
    own = at_visual(subject, "create_runtimes") if path else None
    own = subject.config.get("create_runtimes") if not path else own
    compiles = subject.document.form == "compile" or compiling(subject) is not None
    return not compiles or own is not False


def _count_of(subject: RblnCase, path: Path, level: Mapping[str, Any]) -> int | None:
    """Return the devices a level is compiled for; None where only a folder knows."""
    if subject.document.adds_to_folder:
        return _count_in_folder(subject, path)
    count = whole(at_visual(subject, DEVICES)) if path else devices_of(level)
    one: int = unset(DEVICES, "top", subject.version).value
    return one if path and not splits_visual_of(subject) else count or one


def _count_in_folder(subject: RblnCase, path: Path) -> int | None:
    """Return the devices a level of a compiled folder is for; None where nobody told."""
    told = subject.document.compiled_as
    level: Any = told if told is None or not path else told.get("visual")
    if told is None or not isinstance(level, Mapping):
        return None
    if GRAPHS in told:
        return graph_devices(level)
    compiling = replace(subject.document, config=told, form="compile")
    return _count_of(replace(subject, document=compiling), path, level)


def wrong_device(subject: RblnCase) -> Iterator[Finding]:
    """A device list with items that are no device numbers, or one number twice."""
    for path, level in _levels(subject):
        devices = level.get("device")
        if devices is None:
            continue
        items = list(devices) if isinstance(devices, (list, tuple)) else [devices]
        if any(unknown(item) for item in items):
            continue
        numbers = [whole(item) for item in items]
        if None in numbers:
            yield Finding(
                severity="error" if _creates_runtimes(subject, path) else "warning",
                path=(*path, "device"),
                found=shown(devices),
                why=f"devices are known by their numbers ({_FILE})",
                right="numbers such as [0, 1, 2, 3]",
            )
        elif len(set(numbers)) < len(numbers):
            yield Finding(
                severity="warning",
                path=(*path, "device"),
                found=f"{shown(devices)}: a device more than once",
                why="each part of a level needs a device of its own",
                right=shown(sorted(set(numbers))),  # type: ignore[type-var]  # None is excluded above
            )


def no_split_on_rebel(subject: RblnCase) -> Iterator[Finding]:
    """More than one device on Rebel100, which cannot split a model.

    Its four chiplets act as one device.
    """
    name = right_name(DEVICES, "top", subject.version, subject.family)
    for path, level in _levels(subject):
        npu = level.get("npu") or subject.npu
        count = devices_of(level)
        if not (isinstance(npu, str) and npu.startswith("RBLN-CR")) or (count or 1) < 2:  # noqa: PLR2004
            continue
        yield Finding(
            severity="error",
            path=(*path, name),
            found=f"{name} {count} on {npu}",
            why="Rebel100 has no RSD, the splitting of one model over devices (RBLN "
            "documentation 0.12.0, version matrix)",
            right=f"{name} 1",
            fixes=(Fix(path=(*path, name), action="set", value=1),)
            if name in level
            else (),
        )


def vit_not_split(subject: RblnCase) -> Iterator[Finding]:
    """Several devices for a ViT that runs on one.

    No release splits the towers of Qwen2-VL and Qwen2.5-VL, and 0.10.2 splits none at
    all; the number is dropped without a word.
    """
    visual = subject.visual
    if visual is None or splits_visual_of(subject):
        return
    count = devices_of(visual)
    if count is None or count <= 1:
        return
    name = right_name(DEVICES, "visual", subject.version, subject.family)
    yield Finding(
        severity="warning",
        path=("visual", name),
        found=f"visual.{name} {count}",
        why=f"{release(subject)} drops it in silence: the tower has no tensor parallel "
        "support (configuration_utils.py, filter_parameters)",
        right=f"visual.{name} 1",
        fixes=(Fix(path=("visual", name), action="set", value=1),)
        if name in visual
        else (),
    )


def wrong_device_count(subject: RblnCase) -> Iterator[Finding]:
    """A number of devices that is no whole number above 0."""
    for path, level in _levels(subject):
        for name in (DEVICES, "tensor_parallel_size"):
            value = level.get(name)
            if value is None or unknown(value) or (whole(value) or 0) >= 1:
                continue
            yield Finding(
                severity="error",
                path=(*path, name),
                found=shown(value),
                why="a level runs on whole devices (configuration_utils.py)",
                right="a whole number, 1 or more",
            )


def _levels(subject: RblnCase) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield (), subject.config
    if subject.visual is not None:
        yield ("visual",), subject.visual
