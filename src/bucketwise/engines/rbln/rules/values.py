"""Values of a configuration as rules read them: whole numbers, lists of them, words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bucketwise.engines.rbln.defaults import in_force
from bucketwise.engines.rbln.keys import (
    BUCKETS,
    DEVICES,
    GRAPHS,
    OLD_BUCKETS,
    OLD_DEVICES,
    inherited,
)
from bucketwise.engines.rbln.model_classes import splits_visual
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.nouns.document import ServeLine, Unknown

_LONGEST = 60


def release(subject: RblnCase) -> str:
    """Return the release that is judged for, in words."""
    return f"optimum-rbln {written(subject.version)}"


def vllm(subject: RblnCase) -> str:
    """Return the release that serves, in words."""
    return f"vllm-rbln {written(subject.version)}"


def compiling(subject: RblnCase) -> ServeLine | None:
    """Return the line of a model that vllm-rbln compiles itself; else None."""
    serve = subject.document.serve
    return None if serve is None or serve.is_folder else serve


def shown(value: object) -> str:
    """Return a value in a few words."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def unknown(value: object) -> bool:
    """Return whether only running the text would tell a value."""
    return isinstance(value, Unknown)


def whole(value: object) -> int | None:
    """Return a whole number, or None for anything else (True is none)."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def setting(level: Mapping[str, Any], *names: str) -> tuple[str, Any]:
    """Return the first name that is set, and its value; ("", None) for none."""
    for name in names:
        if level.get(name) is not None:
            return name, level[name]
    return "", None


def buckets_of(subject: RblnCase) -> tuple[str, Any]:
    """Return the name and value of the list of ViT lengths, as written."""
    return setting(subject.visual or {}, BUCKETS, OLD_BUCKETS)


def lengths_of(subject: RblnCase) -> tuple[int, ...]:
    """Return the ViT lengths in ascending order; () where some are no lengths."""
    _, value = buckets_of(subject)
    items = value if isinstance(value, (list, tuple)) else [value]
    lengths = [whole(item) for item in items]
    known = [length for length in lengths if length is not None and length > 0]
    return tuple(sorted(set(known))) if len(known) == len(lengths) else ()


def devices_of(level: Mapping[str, Any]) -> int | None:
    """Return the number of devices of a level, under either name."""
    _, value = setting(level, DEVICES, OLD_DEVICES)
    return whole(value)


def graph_devices(level: Mapping[str, Any]) -> int | None:
    """Return the devices the graphs of a compiled folder are for; None for none told."""
    graphs = level.get(GRAPHS)
    first = graphs[0] if isinstance(graphs, list) and graphs else {}
    return devices_of(first if isinstance(first, Mapping) else {})


def at_visual(subject: RblnCase, name: str) -> Any:
    """Return a setting of the ViT, its own or the one it inherits; None for neither.

    What a compiled folder holds was inherited when it was compiled.
    """
    names = (DEVICES, OLD_DEVICES) if name == DEVICES else (name,)
    _, own = setting(subject.visual or {}, *names)
    compiled = subject.document.form == "compiled"
    if (
        own is not None
        or compiled
        or name not in inherited(subject.version, subject.family)
    ):
        return own
    _, handed_down = setting(subject.config, *names)
    return handed_down


def splits_visual_of(subject: RblnCase) -> bool:
    """Return whether the ViT runs on as many devices as it is given.

    A mapping that names its class becomes one before the SDK could drop the number
    (utils/submodule.py, _export_submodules_from_model).
    """
    named = "cls_name" in (subject.visual or {})
    return named or splits_visual(subject.family, subject.version)


def batch_size_of(subject: RblnCase) -> int | None:
    """Return the batch size: 1 where none is set, None where it is no number.

    vLLM sets it by --max-num-seqs where the configuration does not.
    """
    value = in_force_of(subject, "batch_size")
    serve = subject.document.serve
    if serve is not None and subject.config.get("batch_size") is None:
        told = serve.flags.get("max-num-seqs", "")
        return int(told) if told.isdecimal() else None
    # 0 becomes 1 as well (optimum-rbln 0.12.0, configuration_decoderonly.py).
    return 1 if value == 0 else whole(value)


def in_force_of(subject: RblnCase, name: str) -> Any:
    """Return a setting of the top level, as given or as the release takes it then."""
    return in_force(
        subject.config,
        name,
        subject.version,
        npu=subject.npu,
        family=subject.family,
    )
