"""Which models have encoder graphs, since when, and how vLLM runs them."""

from __future__ import annotations

from dataclasses import replace

from bucketwise.engines.vllm.encoder_graphs import AS_QWEN3_VL, Sharing
from bucketwise.engines.vllm.releases import NEWEST
from bucketwise.nouns.engine import Version, written
from bucketwise.nouns.profile import ModelProfile

SINCE: dict[str, Version] = {
    "qwen3_vl": (0, 19, 0),
    "qwen3_vl_moe": (0, 19, 0),
    "qwen3_5": (0, 19, 0),
    "qwen3_5_moe": (0, 19, 0),
    "qwen2_5_vl": (0, 21, 0),
    "exaone4_5": (0, 21, 0),
    "qwen2_vl": (0, 22, 0),
    "internvl_chat": (0, 23, 0),
    "glm4v": (0, 24, 0),
    "glm4v_moe": (0, 24, 0),
    "kimi_vl": (0, 24, 0),
    "gemma3": (0, 25, 0),
    "gemma4": (0, 27, 0),
    "kimi_k25": (0, 28, 0),
    "idefics3": (0, 29, 0),
    "smolvlm": (0, 29, 0),
    "minicpmv": (0, 30, 0),
}
"""Family -> the release since which its class, or the one that it inherits from, has
SupportsEncoderCudaGraph (model_executor/models of 0.19.0 to 0.33.0, each minor)."""

NONE_UP_TO_NOW = frozenset(
    {
        *("colqwen2", "internvl", "llava", "llava_next", "llava_onevision"),
        *("minicpmv4_6", "mistral3", "mistral_format", "paligemma", "pixtral"),
    }
)
"""Families whose class captures none, up to 0.33.0: among them InternVL in the form that
transformers reads, which InternS1ForConditionalGeneration runs (registry.py), and
MiniCPM-V 4.5 and 4.6, but not 2.6 and 4.0."""

TWO_PATHS: dict[str, Version] = {"deepseek-ocr": (0, 24, 0), "step3": (0, 25, 0)}
"""Part of the name of a model with two paths -> the release since which only the largest
of its list is used (models of each minor, enable_dual_path_graph, from 0.27 paths)."""

SHARING: dict[str, Sharing] = {
    "qwen2_5_vl": Sharing(rounds_up=(0, 21, 0)),
    "exaone4_5": Sharing(rounds_up=(0, 21, 0)),
    "glm4v": Sharing(rounds_up=None),
    "glm4v_moe": Sharing(rounds_up=None),
    "kimi_vl": Sharing(line=256),
    "kimi_k25": Sharing(line=256),
}
"""What classes make of a budget where it is not what Qwen3-VL's does
(prepare_encoder_cudagraph_capture_inputs of qwen2_5_vl.py, glm4_1v.py, kimi_vl.py and
kimi_k25.py, from their first releases to 0.33.0; the lines of Kimi's grids are half of the
512 of its rope_2d)."""

MORE_TILES = frozenset({"idefics3", "smolvlm"})
"""Families that compute a tile where the budget holds a part of it (idefics3.py; InternVL
and Gemma 3 round down)."""

_ONCE_FOR_EVERY = "vLLM captures encoder graphs of {family} once for every"
_LINES = "vLLM captures images of {family} in whole lines of 256 merged tokens"

_WHY = {
    "gemma3": "vLLM gets one square an image from {family}, 256 tokens, and with crops "
    "captures no more of them than a replay has images",
    "gemma4": f"{_ONCE_FOR_EVERY} width of soft tokens",
    "kimi_k25": _LINES,
    "kimi_vl": _LINES,
    "minicpmv": f"{_ONCE_FOR_EVERY} grid of a slice",
    "smolvlm": "vLLM captures encoder graphs of {family}, but budgets are read here as 4 "
    "patches a token, and it has 9 or 16",
}

UNPLANNED: dict[str, str] = {
    family: f"{why.format(family=family)}; lists for that are not planned"
    for family, why in _WHY.items()
} | {
    family: f"vLLM up to {written(NEWEST)} captures no encoder graph of {family}"
    for family in NONE_UP_TO_NOW
}
"""Family -> why no list is planned for it."""


def refusal(profile: ModelProfile) -> str:
    """Return why no list is planned for a model; "" where one is."""
    why = UNPLANNED.get(profile.family, "")
    return f"{why}." if why else ""


def sharing_of(profile: ModelProfile) -> Sharing:
    """Return what a model's class makes of a budget."""
    tile_px = getattr(profile.image_rule, "tile_px", 0)
    if tile_px:
        return Sharing(
            tile=(tile_px // profile.patch_px) ** 2 // profile.patches_per_merged,
            more_tiles=profile.family in MORE_TILES,
        )
    return SHARING.get(profile.family, AS_QWEN3_VL)


def as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model as vLLM runs it.

    Attention in windows takes sequences of any length, so nothing is padded to whole
    ones; a clip is one item, and so are the tiles of an image, whose class tokens count
    for nothing; and no published deployment sets limits (model_executor/models/
    qwen2_5_vl.py, qwen3_vl.py, internvl.py).
    """
    return replace(
        profile,
        window_patches=0,
        deployment=None,
        whole_clips=True,
        class_tokens=0,
    )


def has_two_paths(model: str, release: Version) -> bool:
    """Return whether the name is that of a model with two paths in a release."""
    return any(
        part in model.lower() and release >= since for part, since in TWO_PATHS.items()
    )
