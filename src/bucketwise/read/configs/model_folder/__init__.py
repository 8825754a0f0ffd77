"""A local Hugging Face folder -> the model's profile. JSON only; no code is ever run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bucketwise.core.in_service import SOFT_TOKEN_PX, SOFT_TOKENS
from bucketwise.engines import text_encoders
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.read.configs.families import folders
from bucketwise.read.configs.model_folder.by_rule import family_of, read_by_rule
from bucketwise.read.configs.model_folder.fields import (
    CONFIG,
    MOST_PIXELS,
    NATIVE,
    Fields,
    locate,
    read_objects,
    shown,
)
from bucketwise.read.configs.model_folder.language_model import read_language_model
from bucketwise.read.configs.model_folder.processors import read_processors
from bucketwise.read.configs.model_folder.sections import (
    IMAGE,
    IMAGES,
    NESTED,
    VIDEO,
    first,
    nested,
    pixel_limits,
    plain_file,
    read_limits,
)
from bucketwise.read.configs.model_folder.soft_tokens import read_soft_tokens
from bucketwise.read.configs.model_folder.tower import HOLDERS, TOWERS, read_tower

__all__ = ["read_model_folder", "saved_image_limits", "short_name"]

_EMBEDDING = ("embedding_dim", 128)
"""Key and default of what a token becomes (transformers 5.15.1, models/colqwen2/
configuration_colqwen2.py)."""

_FILES = (CONFIG, NATIVE, NESTED, IMAGE, VIDEO)


def short_name(hf_id: str) -> str:
    """Return the checkpoint's name in lower case, without organisation, -Instruct and -it."""
    return (
        hf_id.rsplit("/", 1)[-1].lower().removesuffix("-instruct").removesuffix("-it")
    )


def read_model_folder(text: str, originals: Iterable[ModelProfile]) -> ModelProfile:
    """Return the profile of the checkpoint in a folder."""
    place = locate(text)
    problems: list[str] = []
    files = read_objects(place.folder, _FILES, problems)
    complete = not problems
    config = _config(files, problems)
    family = config.get("model_type")
    published = tuple(originals)
    filling = {each.family: each for each in reversed(published) if each.soft_tokens}
    by_rule = folders()
    if isinstance(family, str) and family in {**filling, **by_rule}:
        if family in filling:
            found = read_soft_tokens(config, files, filling[family], problems)
        else:
            told = family_of(by_rule[family], config, problems)
            sister = _sister(told, published)
            found = read_by_rule(config, files, told, sister, problems)
        if problems:
            raise ConfigError(*problems)
        return replace(found, name=short_name(place.hf_id), hf_id=place.hf_id)
    if not isinstance(family, str) or family not in {**TOWERS, **HOLDERS}:
        known = (*TOWERS, *HOLDERS, *filling, *by_rule)
        of_texts = isinstance(family, str) and family in text_encoders().families
        problems.append(
            f"{CONFIG}: model_type: expected one of {', '.join(known)}, got "
            f"{shown(family)}"
            + (
                "; analyze plans text encoders with --lengths COLUMN"
                if of_texts
                else ""
            )
        )
        raise ConfigError(*problems)
    kin, held, place_in_file = _held(family, config, problems)
    tower = read_tower(kin, held, problems, place_in_file)
    language_model, unpriced = read_language_model(
        kin, held, tower, problems, place_in_file
    )
    if language_model is not None and kin != family:
        # What a token is projected to stands in for lm_head.
        width = Fields(f"{CONFIG}: ", config, problems).whole(*_EMBEDDING)
        language_model = replace(language_model, vocab=width, tied=True)
    processors = read_processors(family, files, tower, problems, complete=complete)
    if processors is None or problems:
        # Clips may be read from the images' object, whose faults then come twice.
        raise ConfigError(*dict.fromkeys(problems))
    deployment, notes = _deployment(family, processors.image, published)
    return ModelProfile(
        name=short_name(place.hf_id),
        hf_id=place.hf_id,
        family=family,
        patch_px=tower.patch_px,
        merge=tower.merge,
        temporal_patch=tower.temporal_patch,
        window_patches=tower.window_patches,
        checkpoint=processors.image,
        deployment=deployment,
        video=processors.video,
        video_rule=processors.rule,
        sampling=processors.sampling,
        vit=tower.vit,
        lm=language_model,
        source=tower.source,
        notes=(*notes, *processors.notes, *unpriced),
    )


def _config(files: dict[str, Any], problems: list[str]) -> Mapping[str, Any]:
    """Return what tells the model: config.json, which goes before Mistral's own file."""
    config, native = files.pop(CONFIG, None), files.get(NATIVE, {})
    if config is not None:
        files.pop(NATIVE, None)
        return dict(config)
    if problems:
        raise ConfigError(*problems)
    if not isinstance(native.get("vision_encoder"), dict):
        raise ConfigError(
            f"{NATIVE}: vision_encoder: expected an object, got "
            f"{shown(native.get('vision_encoder'))}"
        )
    return {"model_type": NATIVE}


def _sister(told: Mapping[str, Any], published: Iterable[ModelProfile]) -> ModelProfile:
    """Return the profile of the first model in the data file of a family."""
    name = short_name(told["model"][0]["hf_id"])
    return next(each for each in published if each.name == name)


def _held(
    family: str, config: Mapping[str, Any], problems: list[str]
) -> tuple[str, Mapping[str, Any], str]:
    """Return the object that describes tower and language model, and where it is."""
    if family not in HOLDERS:
        return family, config, f"{CONFIG}: "
    key, families = HOLDERS[family]
    inner = config.get(key)
    found = inner.get("model_type") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or found not in families:
        problems.append(
            f"{CONFIG}: {key}.model_type: expected {' or '.join(families)}, got "
            f"{shown(found)}"
        )
        raise ConfigError(*problems)
    return found, inner, f"{CONFIG}: {key}."


def saved_image_limits(text: str) -> tuple[PixelLimits | None, tuple[str, ...]]:
    """Return the image limits of the processor that a folder holds."""
    folder = os.path.expanduser(text)  # noqa: PTH111
    # os.path answers no where pathlib raises: long names, null bytes.
    if not text or not os.path.isdir(folder):  # noqa: PTH112
        return None, ()
    problems: list[str] = []
    files = read_objects(Path(folder), (NESTED, IMAGE), problems)
    section = first(
        nested(files, "image_processor", problems), plain_file(files, IMAGE, problems)
    )
    limits = None
    tokens = section.mapping.get(SOFT_TOKENS) if section is not None else None
    if section is not None and isinstance(tokens, int) and tokens > 0:
        area_px = SOFT_TOKEN_PX**2
        source = section.at(SOFT_TOKENS)
        most = min(tokens, MOST_PIXELS // area_px) * area_px
        return PixelLimits(min_pixels=area_px, max_pixels=most, source=source), ()
    if section is not None and not problems:
        limits = read_limits(section, IMAGES)
    if limits is None or section is None or problems:
        return None, tuple(f"the saved processor: {problem}" for problem in problems)
    return pixel_limits(section, limits, IMAGES), ()


def _deployment(
    family: str, found: PixelLimits, originals: Iterable[ModelProfile]
) -> tuple[PixelLimits | None, tuple[str, ...]]:
    """Return the limits of the family's deployment where the folder's are the original's.

    A deployment was published for the original checkpoint. Whoever changed the limits
    of a fine-tune meant the change.
    """
    original = next((item for item in originals if item.family == family), None)
    if original is None or original.deployment is None:
        return None, ()
    published, shipped = original.deployment, original.checkpoint
    if (found.min_pixels, found.max_pixels) == (shipped.min_pixels, shipped.max_pixels):
        source = f"{published.source}; the folder keeps the original's limits"
        return replace(published, source=source), ()
    note = (
        f"The folder's image limits are not the original checkpoint's "
        f"({shipped.min_pixels:,} to {shipped.max_pixels:,}): they hold, and not those "
        f"of the published deployment ({published.min_pixels:,} to "
        f"{published.max_pixels:,})."
    )
    return None, (note,)
