"""Sizes of images that graphs are compiled for, and those that images are padded to.

vllm_gaudi/extension/bucketing/vision.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from bucketwise.errors import ConfigError

PADS = frozenset({"qwen2_5_vl"})
"""Families whose class pads an image to a length (models/qwen2_5_vl.py,
get_image_embeds); `pad_multimodal_data`, for the others, is called by nothing."""

_QWEN2 = (1600, 3136, 4096, 6400, 7744, 9216, 12544)
_PIXTRAL = (512, *range(1024, 12_289, 1024), 131_076)
_OVIS = (1600, 3136, 4096, 6400)

OWN_LENGTHS: dict[str, tuple[int, ...]] = {
    "ovis": _OVIS,
    "qwen2_5_vl": _QWEN2,
    "qwen3_vl": (196, 256, 441, 480, 576, 900, 1156),
    "ernie4_5_moe_vl": _QWEN2,
    "pixtral": _PIXTRAL,
    "mistral3": _PIXTRAL,
    "deepseek_ocr": (1600, 2048, 3072, 6144, 8192, 131_076),
    "qwen3_5": (),
    "kimi_k25": (),
    "gemma4": (),
}
"""Part of a `model_type` -> lengths in ViT patches where no variable names any; ()
warms nothing. "ovis2.5" has its own, which "ovis" before it hides."""

OWN_IMAGES = (1, 2, 4, 8)
"""Images of one call, for every other model: its tower takes images of one size."""

_ASPECTS = ((1, 1), (4, 3), (3, 4), (16, 9), (9, 16))

_MERGE = 2

MOST_IMAGES = 999
"""vLLM's own limit of images in a prompt: named where it is emitted, because nothing is
warmed for images without one (v1/worker/hpu_model_runner.py, is_image_warmup)."""

WARNED_GRAPHS = 25
"""vllm-gaudi warns of more graphs than these (v1/worker/hpu_model_runner.py)."""


def counts_images(family: str) -> bool:
    """Return whether the list of a model counts images of a call, and no patches."""
    return not any(each in family for each in OWN_LENGTHS)


def own_lengths(family: str) -> tuple[int, ...]:
    """Return the list of a model where no variable gives one."""
    return next(
        (own for name, own in OWN_LENGTHS.items() if name in family), OWN_IMAGES
    )


def lengths_in(value: str) -> tuple[int, ...] | None:
    """Return the lengths that VLLM_MULTIMODAL_BUCKETS names, ascending; None for "None".

    Raises
    ------
    ConfigError
        At what is no whole number, where int() raises.
    """
    if value == "None":
        return None
    try:
        return tuple(sorted(int(each) for each in value.split(",")))
    except ValueError as error:
        message = f"expected whole numbers between commas, got {value!r}"
        raise ConfigError(message) from error


def padded(patches: int, lengths: Sequence[int] | None) -> int:
    """Return the length an image runs on: its own above them all, 0 without a list."""
    if lengths is None:
        return 0
    return next((each for each in lengths if patches <= each), patches)


def parts_of(images: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the images of the runs that a call of so many becomes, largest first.

    What is left when even the smallest is too large runs on the smallest.
    """
    found: list[int] = []
    left = images
    for size in sorted(sizes, reverse=True):
        found += repeat(size, left // size)
        left %= size
    return (*found, min(sizes)) if left else tuple(found)


def guessed_sizes(lengths: Sequence[int], patch_px: int) -> tuple[tuple[int, int], ...]:
    """Return width and height of the images that lengths are warmed with, five each."""
    return tuple(
        chain.from_iterable(
            _of_aspects(math.isqrt(length), patch_px) for length in lengths
        )
    )


def _of_aspects(rows: int, patch_px: int) -> list[tuple[int, int]]:
    height = rows * patch_px
    columns = [int(height * wide / high) // patch_px for wide, high in _ASPECTS]
    # What is smaller than a merged patch stays as it is.
    merged = [
        -(-each // _MERGE) * _MERGE if each * rows >= _MERGE else each
        for each in columns
    ]
    return [(each * patch_px, height) for each in merged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One entry of VLLM_MULTIMODAL_RESOLUTIONS.

    Attributes
    ----------
    width_px, height_px : int
        Before the processor.
    counts : tuple of int or None
        The least and the most images of a call; None for the most that a prompt may
        hold.
    """

    width_px: int
    height_px: int
    counts: tuple[int, int] | None = None

    def __str__(self) -> str:
        """Return it as it is written."""
        size = f"{self.width_px}x{self.height_px}"
        if self.counts is None:
            return size
        least, most = self.counts
        return f"{size}x{least}" if least == most else f"{size}x{least}-{most}"

    def graphs(self, most_images: int) -> int:
        """Return how many graphs it warms, a prompt holding so many images at most."""
        if self.counts is None or self.counts[0] == self.counts[1]:
            return 1
        return max(min(self.counts[1], most_images) - self.counts[0] + 1, 0)


def resolutions_in(value: str) -> tuple[Resolution, ...]:
    """Return the entries of VLLM_MULTIMODAL_RESOLUTIONS.

    Raises
    ------
    ConfigError
        At an entry that vllm-gaudi refuses.
    """
    return tuple(_resolution(each) for each in value.split(",") if each.strip())


def _resolution(text: str) -> Resolution:
    entry = text.strip()
    parts = entry.lower().split("x")
    try:
        width, height, *rest = parts
        counts = _counts(*rest) if rest else None
        return Resolution(width_px=int(width), height_px=int(height), counts=counts)
    except (ValueError, TypeError) as error:
        message = f"expected WxH, WxHxN or WxHxN-M with 1 <= N <= M, got {entry!r}"
        raise ConfigError(message) from error


def _counts(text: str) -> tuple[int, int]:
    least, dash, most = text.partition("-")
    found = int(least), int(most if dash else least)
    if dash and not 1 <= found[0] <= found[1]:
        raise ValueError
    return found
