"""Which models have encoder graphs, since when, and how vLLM runs them."""

from __future__ import annotations

from dataclasses import replace

from bucketwise.nouns.engine import Version
from bucketwise.nouns.profile import ModelProfile

SINCE: dict[str, Version] = {
    "qwen2_vl": (0, 22, 0),
    "qwen2_5_vl": (0, 21, 0),
    "qwen3_vl": (0, 19, 0),
    "qwen3_vl_moe": (0, 19, 0),
    "qwen3_5": (0, 19, 0),
    "qwen3_5_moe": (0, 19, 0),
    "exaone4_5": (0, 21, 0),
    "gemma4": (0, 27, 0),
}
"""Family -> the release since which its class, or the one that it inherits from,
captures encoder graphs (model_executor/models of each release)."""

CAPTURE_AXES = frozenset({"gemma4"})
"""Families that capture each budget once for every width of soft tokens."""

TWO_PATHS = ("deepseek-ocr", "step3")
"""Parts of names of models with two paths, of whose list only the largest is used
(v1/worker/encoder_cudagraph.py, path_token_budgets)."""

WIDTHS = (
    "vLLM captures encoder graphs of {family} once for every width of soft tokens; lists "
    "for that are not planned"
)


def refusal(profile: ModelProfile) -> str:
    """Return why no list is planned for a model that has graphs; "" where one is."""
    if profile.family not in CAPTURE_AXES:
        return ""
    return f"{WIDTHS.format(family=profile.family)}."


def as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model as vLLM runs it.

    Attention in windows takes sequences of any length, so nothing is padded to whole
    ones; a clip is one item; and no published deployment sets limits
    (model_executor/models/qwen2_5_vl.py, qwen3_vl.py).
    """
    return replace(
        profile,
        window_patches=0,
        deployment=None,
        whole_clips=True,
    )


def has_two_paths(model: str) -> bool:
    """Return whether the name is that of a model with two paths."""
    return any(each in model.lower() for each in TWO_PATHS)
