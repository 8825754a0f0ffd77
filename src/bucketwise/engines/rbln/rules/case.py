"""What is judged, as the SDK would take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.encoders import ENCODER_CLASSES
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.keys import DEVICES, INHERITED, OLD_DEVICES, standing
from bucketwise.engines.rbln.model_classes import SUBMODULES, generates, within
from bucketwise.engines.rbln.nesting import flattened
from bucketwise.engines.rbln.serve_line import Compiled, compiled, device_keys
from bucketwise.engines.rbln.serve_options import is_native, overruled_by
from bucketwise.lint.case import LintCase
from bucketwise.nouns.document import LENGTHS_ALONE, Document, Path, ServeLine, Unknown
from bucketwise.nouns.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class RblnCase(LintCase):
    """A configuration with all that its judgement needs.

    `allowed_bytes` is what of a device may be taken, None for all of it; `above` says that the level above that of the language model is looked at, where the
    class has one.
    """

    engine: Engine = RBLN
    above: bool = False
    allowed_bytes: int | None = None

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
