"""What is to be measured of a model on a release, for a cost in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bucketwise.nouns.profile import ModelProfile

COLUMNS = (
    *("kind", "length", "batch", "ms", "repeat", "compile_s", "graph_bytes"),
    *("peak_bytes", "device", "engine", "release", "error"),
)
"""Of the table of measurements, one row a run; length is in ViT patches of a "vit" row
and in tokens of a "prefill" row, batch in sequences of a "decoder" row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMeasure:
    """What a script of measurements is to measure, in its order."""

    profile: ModelProfile
    target: Any
    base: Any
    """One target, and the configuration that compiled ones start from, in the engine's
    own forms."""
    lengths: tuple[int, ...]
    """Of the ViT, in ViT patches."""
    batch_sizes: tuple[int, ...]
    """Sequences of a decode step; () where no decoder is measured."""
    prompts: tuple[int, ...]
    """Tokens of a prefill; () where none is measured."""
    proof: str
    """What of the script was run, and what could not be, in words."""

    @property
    def points(self) -> tuple[tuple[str, int], ...]:
        """Kind and size of each."""
        return (
            *(("vit", each) for each in self.lengths),
            *(("decoder", each) for each in self.batch_sizes),
            *(("prefill", each) for each in self.prompts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """How graphs of an engine are measured."""

    script: Callable[[ToMeasure], str]
    """What is to be measured -> a Python script that does."""
    proof: str
    """What of such a script was run, and what could not be, in words."""
