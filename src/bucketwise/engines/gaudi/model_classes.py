"""Which models vllm-gaudi pads or runs as they come, and how."""

from __future__ import annotations

from dataclasses import replace

from bucketwise.engines.gaudi.vision import PADS
from bucketwise.nouns.profile import ModelProfile

EXACT = frozenset({"qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"})
"""Families whose tower runs images of any size, and pads none."""

LEAST_PIXELS = 112 * 112
"""What its class for Qwen2.5-VL sets, whatever the checkpoint says
(models/qwen2_5_vl.py, get_hf_processor)."""

_PADS_NONE = (
    "vllm-gaudi pads no image of {family} and takes no list of lengths for it: "
)

NO_LENGTHS = (
    f"{_PADS_NONE}it compiles a graph for every grid that comes, and serve.sh names those "
    "to warm"
)

_NOTHING_TO_SET = (
    f"{_PADS_NONE}there are no lengths to choose, what to warm is not planned, and no "
    "configuration is written."
)


def is_served(family: str) -> bool:
    """Return whether there is something to choose for a family."""
    return family in PADS or family in EXACT


def unplanned(family: str) -> str:
    """Return why nothing is planned for a family; "" where something is."""
    return "" if is_served(family) else _NOTHING_TO_SET.format(family=family)


def as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model as vllm-gaudi runs it.

    One image or clip after the other, each attending to all of its length behind a mask,
    whichever window a block has (models/qwen2_5_vl.py, get_image_embeds).
    """
    tower, limits = profile.vit, profile.checkpoint
    if profile.family in PADS:
        tower = tower and replace(tower, full_attention_blocks=tower.depth)
        limits = replace(
            limits,
            min_pixels=min(LEAST_PIXELS, limits.max_pixels),
            source=f"{limits.source}; min_pixels as vllm-gaudi sets it",
        )
    return replace(
        profile,
        window_patches=0,
        deployment=None,
        whole_clips=True,
        vit=tower,
        checkpoint=limits,
    )
