"""What is judged, as vllm-gaudi would take it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bucketwise.engines.gaudi.decode import DECODE_TOKENS, Line, Shape, lines_of
from bucketwise.engines.gaudi.releases import LENGTHS, RESOLUTIONS, SHAPES_FILE
from bucketwise.engines.gaudi.strategies import BLOCK_TOKENS, Server
from bucketwise.engines.gaudi.vision import (
    MOST_IMAGES,
    Resolution,
    counts_images,
    lengths_in,
    resolutions_in,
)
from bucketwise.engines.gaudi.vocabulary import value_of, whole
from bucketwise.errors import ConfigError
from bucketwise.lint.case import LintCase


@dataclass(frozen=True, slots=True, kw_only=True)
class GaudiCase(LintCase):
    """Variables of the environment, and the line they are set for."""

    @property
    def named(self) -> str:
        """The release, as messages name it."""
        return f"{self.sdk} {self.release.name}"

    def value(self, name: str) -> str | None:
        """Return what a variable is set to; None where it is not."""
        return value_of(self.document, name)

    def number(self, name: str) -> int | None:
        """Return a variable that is a whole number; None for any other."""
        return whole(self.value(name) or "")

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths, or images of a call, that are named; () for none."""
        value = self.value(LENGTHS)
        if not value:
            return ()
        try:
            return lengths_in(value) or ()
        except ConfigError:
            return ()

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """The resolutions that are named; () for none."""
        try:
            return resolutions_in(self.value(RESOLUTIONS) or "")
        except ConfigError:
            return ()

    @property
    def counts_images(self) -> bool:
        """Whether the list counts images of a call; of no model nobody knows."""
        return bool(self.family) and counts_images(self.family)

    @property
    def most_images(self) -> int | None:
        """Images that a prompt may hold; None where the line names no limit."""
        limit = "limit-mm-per-prompt"
        image = _mapping(self.option(limit)).get("image", self.flag(f"{limit}.image"))
        image = image.get("count", MOST_IMAGES) if isinstance(image, dict) else image
        return image if isinstance(image, int) else None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the file of shapes; () where nobody could read it."""
        serve = self.document.serve
        text = serve.files.get(SHAPES_FILE, "") if serve else ""
        return tuple(lines_of(text))

    def shapes(self, *, decode: bool) -> tuple[Shape, ...]:
        """Return the shapes of the file, of decode steps or of prompts."""
        found = (each for line in self.lines for each in line.shapes or ())
        return tuple(each for each in found if (each[1] == DECODE_TOKENS) == decode)

    @property
    def has_file(self) -> bool:
        """Whether there is a file of shapes that could be read, all lines of it."""
        return bool(self.lines) and all(line.shapes is not None for line in self.lines)

    @property
    def server(self) -> Server | None:
        """What bounds the shapes; None where the line does not tell."""
        requests = self.flag("max-num-seqs")
        context = self.flag("max-model-len")
        if not requests or not context:
            return None
        return Server(
            max_num_seqs=requests,
            max_model_len=context,
            max_num_batched_tokens=self.flag("max-num-batched-tokens") or context,
            block_tokens=self.flag("block-size") or BLOCK_TOKENS,
        )

    @property
    def contiguous(self) -> bool:
        """Whether the cache is contiguous: as it is set, or without a prefix cache."""
        value = self.value("VLLM_CONTIGUOUS_PA")
        if value is not None:
            return value.strip().lower() in ("1", "true", "t", "yes", "y", "on")
        return self.option("no-enable-prefix-caching") is not None

    def option(self, name: str) -> str | None:
        """Return what an option of the serve line is given; None where it is not."""
        serve = self.document.serve
        return None if serve is None else serve.flags.get(name)

    def flag(self, name: str) -> int | None:
        """Return an option of the serve line that is a whole number."""
        return whole(self.option(name) or "")

    def larger_than(self, top: int) -> tuple[float, float]:
        """Return the images of the traffic above a length, and all of them."""
        if self.use is None:
            return 0.0, 0.0
        counts = self.use.counts
        needed = counts.needed(self.release)
        weight = counts.sizes.count
        return float(weight[needed > top].sum()), float(
            np.where(needed > 0, weight, 0).sum()
        )


def _mapping(value: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(value or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
