"""Model profiles: built in, from the data files under `models/`, or from a folder."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

from bucketwise.errors import ConfigError, meant
from bucketwise.nouns.image_rules import ImageRule, image_rule
from bucketwise.nouns.profile import (
    Attention,
    LmShape,
    ModelProfile,
    PixelLimits,
    SamplingRule,
    SoftTokens,
    VideoSampling,
    VitShape,
    limits_of_rule,
)
from bucketwise.read.configs.encoders import built_in_encoder, may_name
from bucketwise.read.configs.families import families
from bucketwise.read.configs.model_folder import read_model_folder, short_name

DEFAULT_MODEL = "qwen3-vl-2b"


@cache
def built_in_profiles() -> dict[str, ModelProfile]:
    """Return every built-in profile by its short name, in the files' order."""
    profiles = {}
    for family in families():
        models = {model["hf_id"]: model for model in family["model"]}
        for model in models.values():
            # One that is trained on from another says of itself what differs.
            profile = _profile(family, models.get(model.get("like"), {}) | model)
            profiles[profile.name] = profile
    return profiles


def find_profile(name: str) -> ModelProfile:
    """Return the profile of a model."""
    profiles = built_in_profiles()
    text = name.strip()
    built_in = profiles.get(short_name(text))
    if built_in is not None and not may_name(text, built_in.hf_id):
        built_in = None
    # os.path answers no where pathlib raises: long names, null bytes.
    is_folder = os.path.isdir(os.path.expanduser(text))  # noqa: PTH111, PTH112
    if built_in is not None and not (is_folder and os.sep in text):
        return _beside_folder(built_in, text) if is_folder else built_in
    if is_folder:
        return read_model_folder(os.path.expanduser(text), profiles.values())  # noqa: PTH111
    known = ", ".join(profiles)
    if built_in_encoder(text) is not None:
        raise ConfigError(
            f"model: {text!r} is a text encoder, which analyze plans from token counts: "
            "--lengths COLUMN names their column"
        )
    likely = meant(short_name(text), profiles)
    raise ConfigError(
        f"model: expected one of {known}, or a folder with a config.json, got "
        f"{text[:200]!r}" + (f"; did you mean {likely}?" if likely else "")
    )


def _beside_folder(profile: ModelProfile, name: str) -> ModelProfile:
    """Return a built-in profile that says a folder has its name too."""
    if not os.path.isfile(os.path.join(name, "config.json")):  # noqa: PTH113, PTH118
        return profile
    note = f"A folder named {name!r} stands here too; --model ./{name} reads it."
    return replace(profile, notes=(*profile.notes, note))


def _profile(family: dict[str, Any], model: dict[str, Any]) -> ModelProfile:
    video, soft = family["video"] | model.get("video", {}), family.get("soft_tokens")
    patch_px = model.get("patch_px", family["patch_px"])
    rules = {each: _rule(family, model, each) for each in ("image", "frames")}
    return ModelProfile(
        name=short_name(model["hf_id"]),
        hf_id=model["hf_id"],
        family=model.get("family", family["family"]),
        patch_px=patch_px,
        merge=model.get("merge", family["merge"]),
        temporal_patch=family["temporal_patch"],
        window_patches=family["window_patches"],
        checkpoint=limits_of_rule(rules["image"], patch_px)
        or PixelLimits(**family["checkpoint"]),
        deployment=PixelLimits(**family["deployment"] | model.get("deployment", {}))
        if "deployment" in family
        else None,
        video=PixelLimits(
            min_pixels=video["min_pixels"],
            max_pixels=video["max_pixels"],
            source=video["source"],
        )
        if "max_pixels" in video
        else limits_of_rule(rules["frames"], patch_px),
        video_rule=video["rule"],
        sampling=VideoSampling(
            rule=video.get("sampling") or _SAMPLING[video["rule"]],
            fps=video.get("fps"),
            min_frames=video["min_frames"],
            max_frames=video["max_frames"],
        ),
        vit=VitShape(**{**family["vit"], **model["vit"]}) if "vit" in family else None,
        lm=_language_model(family["lm"] | model["lm"]) if "lm" in model else None,
        source=model["source"],
        notes=(*family.get("notes", ()), *model.get("notes", ())),
        soft_tokens=SoftTokens(supported=tuple(soft["supported"]), chunk=soft["chunk"])
        if soft
        else None,
        image_rule=rules["image"],
        frame_rule=rules["frames"],
        **{each: family[each] for each in _NUMBERS if each in family},
    )


_SAMPLING: dict[str, SamplingRule] = {"per_frame": "pairs", "whole_clip": "evenly", "refused": "pairs",
             "uncounted": "pairs"}  # fmt: skip

_NUMBERS = ("image_frames", "class_tokens", "separators")


def _rule(family: dict[str, Any], model: dict[str, Any], part: str) -> ImageRule | None:
    """Return the rule of images or of frames, with what a model says of itself."""
    return image_rule(family[part] | model.get(part, {})) if part in family else None


def _language_model(told: dict[str, Any]) -> LmShape:
    kinds = tuple(Attention(**each) for each in told["attention"])
    return LmShape(**told | {"attention": kinds})
