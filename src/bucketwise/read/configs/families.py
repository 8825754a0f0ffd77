"""The data files of model families, one each."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

FILES = (
    "qwen2-vl.toml", "qwen2.5-vl.toml", "qwen3-vl.toml", "qwen3.5.toml",
    "exaone-4.5.toml", "colqwen2.toml", "gemma4.toml", "gemma3.toml", "glm-4v.toml",
    "internvl.toml", "internvl-chat.toml", "kimi-k2.5.toml", "kimi-vl.toml",
    "minicpm-v-4.6.toml", "minicpm-v.toml",
    "pixtral.toml", "mistral3.toml", "mistral-format.toml", "idefics3.toml", "smolvlm.toml", "llava.toml",
    "llava-next.toml", "llava-onevision.toml", "paligemma.toml",
)  # fmt: skip
"""One file a family; adding a family is adding a file and its name here."""


@cache
def families() -> tuple[dict[str, Any], ...]:
    """Return what every file says, in their order."""
    folder = resources.files("bucketwise") / "models"
    return tuple(
        tomllib.loads((folder / file).read_text(encoding="utf-8")) for file in FILES
    )


def folders() -> dict[str, tuple[dict[str, Any], ...]]:
    """Return the families that say how a checkpoint's folder is read, by `model_type`."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for family in families():
        for model_type in family.get("folder", {}).get("model_types", ()):
            found[model_type] = (*found.get(model_type, ()), family)
    return found
