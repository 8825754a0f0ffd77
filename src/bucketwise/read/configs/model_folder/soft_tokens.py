"""The folder of a checkpoint whose processor fills a count of soft tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketwise.core.in_service import SOFT_TOKENS
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import (
    Attention,
    LmShape,
    ModelProfile,
    PixelLimits,
    VideoSampling,
)
from bucketwise.read.configs.model_folder.fields import Fields, shown
from bucketwise.read.configs.model_folder.sections import (
    IMAGE,
    NESTED,
    VIDEO,
    Files,
    Section,
    first,
    nested,
    plain_file,
)

FULL, SLIDING_PATTERN = "full_attention", 6
"""Every sixth layer is full attention where `layer_types` does not tell (transformers
5.15.1, models/gemma4/configuration_gemma4.py)."""


def read_soft_tokens(
    config: Mapping[str, Any], files: Files, sister: ModelProfile, problems: list[str]
) -> ModelProfile:
    """Return a published profile with what a folder holds in its place."""
    vision = _object(config, "vision_config", problems)
    text = _object(config, "text_config", problems)
    tower = Fields("config.json: vision_config.", vision, problems)
    _check(tower, "patch_size", sister.patch_px)
    _check(tower, "pooling_kernel_size", sister.merge)
    depth = tower.whole("num_hidden_layers", 16)
    image_at = first(
        nested(files, "image_processor", problems), plain_file(files, IMAGE, problems)
    )
    video_at = first(
        nested(files, "video_processor", problems), plain_file(files, VIDEO, problems)
    )
    whole = Fields("config.json: ", config, problems)
    language_model = _language_model(
        Fields("config.json: text_config.", text, problems),
        problems,
        tied=whole.flag("tie_word_embeddings", default=True),
    )
    clips = sister.video or sister.checkpoint
    frames = sister.sampling.max_frames
    if video_at:
        frames = video_at.whole("num_frames", frames)
    if language_model is None:
        return sister
    return replace(
        sister,
        checkpoint=_limits(image_at, sister, sister.checkpoint, problems),
        video=_limits(video_at, sister, clips, problems),
        sampling=VideoSampling(
            rule="fixed", fps=None, min_frames=frames, max_frames=frames
        ),
        vit=replace(
            sister.tower,
            depth=depth,
            hidden=tower.whole("hidden_size", 768),
            intermediate=tower.whole("intermediate_size", 3_072),
            out_hidden=language_model.hidden,
            full_attention_blocks=depth,
            normed_head_dim=tower.whole("head_dim", 64),
        ),
        lm=language_model,
        source=tower.source(),
    )


def _object(
    config: Mapping[str, Any], key: str, problems: list[str]
) -> Mapping[str, Any]:
    found = config.get(key)
    if found is None or isinstance(found, dict):
        return found or {}
    problems.append(f"config.json: {key}: expected an object, got {shown(found)}")
    return {}


def _check(fields: Fields, key: str, expected: int) -> None:
    found = fields.whole(key, expected)
    if found != expected:
        fields.problems.append(
            f"{fields.at(key)}: expected {expected}, got {found}; no other is counted"
        )


def _limits(
    section: Section | None,
    sister: ModelProfile,
    default: PixelLimits,
    problems: list[str],
) -> PixelLimits:
    """Return what a processor scales to, in pixels."""
    area_px, known = sister.length_px**2, sister.soft_tokens
    if section is None:
        return replace(
            default, source=f"the defaults of the class, no {NESTED} sets it"
        )
    count = section.whole(SOFT_TOKENS, default.max_pixels // area_px)
    if known and count not in known.supported:
        problems.append(
            f"{section.at(SOFT_TOKENS)}: expected one of "
            f"{', '.join(map(str, known.supported))}, got {count}"
        )
        return default
    return PixelLimits(
        min_pixels=area_px, max_pixels=count * area_px, source=section.at(SOFT_TOKENS)
    )


def _language_model(
    fields: Fields, problems: list[str], *, tied: bool
) -> LmShape | None:
    """Return the language model, with the class's defaults where a key is absent.

    None where a fault was found.
    """
    layers = fields.whole("num_hidden_layers", 30)
    hidden = fields.whole("hidden_size", 2_304)
    shared = _shared(fields, layers)
    kinds = _attention(fields, layers, shared)
    experts = fields.flag("enable_moe_block", default=False)
    inputs = fields.mapping.get("hidden_size_per_layer_input", 256)
    values: dict[str, Any] = {
        "layers": layers,
        "hidden": hidden,
        "vocab": fields.whole("vocab_size", 262_144),
        "tied": tied,
        "attention_biases": 4 if fields.flag("attention_bias", default=False) else 0,
        "qk_norms": True,
        "normed_outputs": True,
        "intermediate": fields.whole("intermediate_size", 9_216),
        "wide_layers": shared
        if fields.flag("use_double_wide_mlp", default=False)
        else 0,
        "experts": fields.whole("num_experts", 1) if experts else 0,
        "experts_per_token": fields.whole("top_k_experts", 1) if experts else 0,
        "expert_intermediate": fields.whole("moe_intermediate_size", 1)
        if experts
        else 0,
        "per_layer_input": fields.whole("hidden_size_per_layer_input", 256)
        if inputs
        else 0,
    }
    if problems:
        return None
    try:
        attention = tuple(Attention(**each) for each in kinds if each["layers"])
        return LmShape(**values, attention=attention, source=fields.source())
    except ConfigError as error:
        problems.extend(f"config.json: {problem}" for problem in error.problems)
        return None


def _shared(fields: Fields, layers: int) -> int:
    """Return how many of the last layers borrow keys and values."""
    if not fields.mapping.get("num_kv_shared_layers"):
        return 0
    return min(fields.whole("num_kv_shared_layers", 1), layers)


def _attention(fields: Fields, layers: int, shared: int) -> tuple[dict[str, Any], ...]:
    """Return what `Attention` takes of layers over all tokens, and of those that slide."""
    full = _full_layers(fields, layers)
    full_shared = sum(index >= layers - shared for index in full)
    heads = fields.whole("num_attention_heads", 8)
    kv_heads = full_kv_heads = fields.whole("num_key_value_heads", 4)
    one_projection = fields.flag("attention_k_eq_v", default=False)
    if one_projection and fields.mapping.get("num_global_key_value_heads"):
        full_kv_heads = fields.whole("num_global_key_value_heads", kv_heads)
    return (
        {
            "layers": len(full),
            "heads": heads,
            "kv_heads": full_kv_heads,
            "head_dim": fields.whole("global_head_dim", 512),
            "borrowing_layers": full_shared,
            "keys_are_values": one_projection,
        },
        {
            "layers": layers - len(full),
            "heads": heads,
            "kv_heads": kv_heads,
            "head_dim": fields.whole("head_dim", 256),
            "window_tokens": fields.whole("sliding_window", 512),
            "borrowing_layers": shared - full_shared,
        },
    )


def _full_layers(fields: Fields, layers: int) -> list[int]:
    """Return the places of the layers of full attention; the last is one whatever."""
    kinds = fields.mapping.get("layer_types")
    if not isinstance(kinds, list) or len(kinds) != layers:
        if kinds is not None:
            fields.problems.append(
                f"{fields.at('layer_types')}: expected a list of {layers} names, got "
                f"{shown(kinds)}"
            )
        return [at for at in range(layers) if not (at + 1) % SLIDING_PATTERN]
    return [at for at, kind in enumerate(kinds) if kind == FULL or at == layers - 1]
