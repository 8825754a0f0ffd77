"""What is judged, as the server would take it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bucketwise.engines.neuron.blocks import OWN_BLOCK, Encoder, least_patches, resolved
from bucketwise.engines.neuron.targets import (
    BLOCK,
    BUCKETS,
    NEURON_SECTION,
    NXDI_VISION,
    TEXT_SECTION,
    TOKENS,
    VISION_SECTION,
)
from bucketwise.errors import ConfigError
from bucketwise.lint.case import LintCase


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronCase(LintCase):
    """A configuration with all that its judgement needs."""

    @property
    def named(self) -> str:
        """The release, as messages name it."""
        return f"{self.engine.name} {self.release.name}"

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section of the configuration; {} where there is none."""
        found = self.document.config.get(name)
        return found if isinstance(found, Mapping) else {}

    @property
    def vision(self) -> Mapping[str, Any]:
        """The encoder's section."""
        return self.section(VISION_SECTION)

    @property
    def text(self) -> Mapping[str, Any]:
        """The language model's section of vLLM Neuron."""
        return self.section(NEURON_SECTION)

    @property
    def override(self) -> Mapping[str, Any]:
        """The language model's section of NxD Inference."""
        return self.section(TEXT_SECTION)

    @property
    def buckets(self) -> tuple[int, ...]:
        """The buckets of NxD Inference in their order; () where some are no lengths."""
        return lengths(self.section(NXDI_VISION).get(BUCKETS))

    @property
    def block(self) -> int | None:
        """Patches of a block of vLLM Neuron; None where that is no length."""
        value = self.vision.get(BLOCK, OWN_BLOCK)
        return value if type(value) is int and value > 0 else None

    @property
    def graphs(self) -> Encoder | None:
        """The encoder's graphs of vLLM Neuron; None where too little is told."""
        buckets, world = lengths(self.vision.get(TOKENS)), self.world
        if not buckets or not self.block or world is None:
            return None
        try:
            _, dp = resolved(*self.degrees, world)
        except ConfigError:
            return None
        return Encoder(buckets=tuple(sorted(buckets)), block=self.block, dp=dp)

    @property
    def degrees(self) -> tuple[int, int]:
        """`tp_size` and `dp_size` of the encoder; 1 where they are not whole numbers."""
        found = [self.vision.get(name, 1) for name in ("tp_size", "dp_size")]
        tp, dp = (each if type(each) is int and each > 0 else 1 for each in found)
        return tp, dp

    @property
    def world(self) -> int | None:
        """Ranks of the server; one where a line does not tell, None without a line."""
        if self.document.serve is None:
            return None
        return self.number("tensor-parallel-size") or 1

    def flag(self, name: str) -> str | None:
        """Return what an option of the serve line is given; None where it is not."""
        serve = self.document.serve
        return None if serve is None else serve.flags.get(name)

    def number(self, name: str) -> int | None:
        """Return an option of the serve line that is a whole number."""
        value = self.flag(name) or ""
        return int(value) if value.isdecimal() else None

    @property
    def images_a_request(self) -> int | None:
        """Images that a request may have; None where the serve line does not tell."""
        try:
            limits = json.loads(self.flag("limit-mm-per-prompt") or "{}")
        except ValueError:
            return None
        found = limits.get("image") if isinstance(limits, dict) else None
        found = found.get("count") if isinstance(found, dict) else found
        return found if type(found) is int else None

    @property
    def most_patches(self) -> int | None:
        """Patches of the largest image that comes, or that limits let through."""
        if self.use is not None:
            counts = self.use.counts
            used = counts.accepted & (counts.sizes.count > 0)
            if used.any():
                return int(np.max(counts.vit_patches[used]))
        if self.profile is None or self.limits is None or self.profile.soft_tokens:
            return None
        return self.limits.max_pixels // self.profile.patch_px**2

    @property
    def least_patches(self) -> int | None:
        """No more than those of the smallest image there can be; None for unknown."""
        if self.profile is None or self.limits is None:
            return None
        return least_patches(self.limits, self.profile)


def lengths(value: object) -> tuple[int, ...]:
    """Return positive whole numbers of a list; () where some are none."""
    if not isinstance(value, (list, tuple)):
        return ()
    known = tuple(each for each in value if type(each) is int and each > 0)
    return known if len(known) == len(value) else ()
