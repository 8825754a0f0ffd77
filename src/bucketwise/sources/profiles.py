"""Built-in model profiles, read from the data files under `models/`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.profile import ModelProfile, PixelLimits, VideoSampling, VitShape

FILES = ("qwen2-vl.toml", "qwen2.5-vl.toml", "qwen3-vl.toml")
"""One file a family; adding a family is adding a file and its name here."""

DEFAULT_MODEL = "qwen3-vl-2b"


def short_name(hf_id: str) -> str:
    """Return the checkpoint's name in lower case, without organisation and -Instruct.

    Parameters
    ----------
    hf_id : str
        Such as "Qwen/Qwen3-VL-2B-Instruct".
    """
    return hf_id.rsplit("/", 1)[-1].lower().removesuffix("-instruct")


@cache
def built_in_profiles() -> dict[str, ModelProfile]:
    """Return every built-in profile by its short name, in the files' order."""
    folder = resources.files("bucketwise") / "models"
    profiles = {}
    for file in FILES:
        family = tomllib.loads((folder / file).read_text(encoding="utf-8"))
        for model in family["model"]:
            profile = _profile(family, model)
            profiles[profile.name] = profile
    return profiles


def find_profile(name: str) -> ModelProfile:
    """Return the profile of a model.

    Parameters
    ----------
    name : str
        The short name or the Hugging Face id, in any case.

    Raises
    ------
    ConfigError
        When no built-in profile has that name.
    """
    profiles = built_in_profiles()
    profile = profiles.get(short_name(name.strip()))
    if profile is None:
        known = ", ".join(profiles)
        message = f"model: {name!r} is not built in; one of {known} is right"
        raise ConfigError(message)
    return profile


def _profile(family: dict[str, Any], model: dict[str, Any]) -> ModelProfile:
    video = family["video"]
    return ModelProfile(
        name=short_name(model["hf_id"]),
        hf_id=model["hf_id"],
        family=model.get("family", family["family"]),
        patch_px=family["patch_px"],
        merge=family["merge"],
        temporal_patch=family["temporal_patch"],
        window_patches=family["window_patches"],
        checkpoint=PixelLimits(**family["checkpoint"]),
        deployment=PixelLimits(**family["deployment"]),
        video=_limits(video),
        video_rule=video["rule"],
        sampling=VideoSampling(
            fps=video.get("fps"),
            min_frames=video["min_frames"],
            max_frames=video["max_frames"],
        ),
        vit=VitShape(**{**family["vit"], **model["vit"]}),
        source=model["source"],
    )


def _limits(video: dict[str, Any]) -> PixelLimits | None:
    if "max_pixels" not in video:
        return None
    return PixelLimits(
        min_pixels=video["min_pixels"],
        max_pixels=video["max_pixels"],
        source=video["source"],
    )
