"""What is judged, as the SDK would take it, and its values as rules read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.defaults import in_force
from bucketwise.engines.rbln.encoders import ENCODER_CLASSES
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.keys import (
    BUCKETS,
    DEVICES,
    GRAPHS,
    INHERITED,
    OLD_BUCKETS,
    OLD_DEVICES,
    inherited,
    standing,
)
from bucketwise.engines.rbln.model_classes import (
    SUBMODULES,
    generates,
    splits_visual,
    within,
)
from bucketwise.engines.rbln.nesting import flattened
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.serve_line import Compiled, compiled, device_keys
from bucketwise.engines.rbln.serve_options import is_native, overruled_by
from bucketwise.lint.case import LintCase
from bucketwise.nouns.document import LENGTHS_ALONE, Document, Path, ServeLine, Unknown
from bucketwise.nouns.engine import Engine
from bucketwise.nouns.measured_cost import MeasuredCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class RblnCase(LintCase):
    """A configuration with all that its judgement needs.

    `allowed_bytes` is what of a device may be taken, None for all of it, and
    `graph_bytes` what ViT graphs were measured to hold; `above` says that the level above
    that of the language model is looked at, where the class has one.
    """

    engine: Engine = RBLN
    above: bool = False
    allowed_bytes: int | None = None
    graph_bytes: MeasuredCurve | None = None

    @property
    def inside(self) -> Path:
        """Keys that lead to the level of the language model; () for the top."""
        document = self.document
        if document.serve is not None or document.form in LENGTHS_ALONE:
            return ()
        return within(self.family, self.document.config)

    @property
    def as_given(self) -> Mapping[str, Any]:
        """The configuration as the model's class takes it.

        Of a serve line it is what vllm-rbln hands on.
        """
        serve = self.document.serve
        if serve is None:
            return self.document.config
        if serve.is_folder:
            return device_keys(self.document.config)
        return self.compiled(serve).config

    @property
    def written(self) -> Mapping[str, Any]:
        """The level of the language model, told in the one shape of `rbln.nesting`."""
        document = self.document
        if document.form in LENGTHS_ALONE:
            return document.config
        level: Any = flattened(
            self.as_given, self.family, whole=not document.adds_to_folder
        )
        for name in self.inside:
            level = level.get(name) if isinstance(level, Mapping) else None
        return level if isinstance(level, Mapping) else {}

    @property
    def config(self) -> Mapping[str, Any]:
        """The same, with what it takes from the level above it."""
        if not self.inside:
            return self.written
        counting = {DEVICES, OLD_DEVICES}
        taken = {*INHERITED, OLD_DEVICES, "batch_size"}
        taken -= counting if counting & set(self.written) else set()
        above = {
            name: value
            for name, value in self.document.config.items()
            if name in taken
            and standing(name, "outer", self.version, self.family) != "refused"
        }
        return above | dict(self.written)

    @property
    def counts(self) -> bool:
        """Whether optimum-rbln gets to see it: nothing on the line overrules it."""
        serve = self.document.serve
        return serve is None or not (
            overruled_by(serve, self.version)
            or is_native(serve, self.version)
            or not generates(self.family)
        )

    @property
    def encoder_family(self) -> str:
        """The `model_type` of the text encoder it is for; "" where it is for none."""
        if self.family or self.inside or "visual" in self.config:
            return ""
        named = ENCODER_CLASSES.get(self.document.class_name, "")
        return named or (self.encoder.family if self.encoder else "")

    @property
    def is_unknown_class(self) -> bool:
        """Whether it is for a class that no table here is about."""
        document = self.document
        if self.family or self.inside or self.encoder_family or "visual" in self.config:
            return False
        if document.serve is not None:
            return not document.serve.is_folder
        return bool(document.class_name) or any(
            isinstance(self.config.get(name), Mapping) for name in SUBMODULES
        )

    def compiled(self, serve: ServeLine) -> Compiled:
        """Return what vllm-rbln compiles for a line."""
        return compiled(
            self.document.config,
            serve,
            self.version,
            family=self.family,
            npu=self.npu,
            unread=Unknown,
        )

    @property
    def visual(self) -> Mapping[str, Any] | None:
        """The level of the ViT; None where there is none, or it is no mapping."""
        found = self.config.get("visual")
        return found if isinstance(found, Mapping) else None


def npu_of(document: Document) -> str | None:
    """Return the name of the NPU, as far as the text tells."""
    level: Any = document.config
    found = None
    for name in ("", *within(document.family, document.config)):
        level = level.get(name) if name else level
        if isinstance(level, Mapping):
            found = level.get("npu") or found
    return found if isinstance(found, str) else None


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
