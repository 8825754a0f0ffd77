"""Checkpoints of each family: real configuration, few and random weights.

What the SDK reads beside the weights is as published: patch, window and merge sizes, and
the processors' files with their limits. Widths and depths are small, so that making one
takes no time.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.conformance.families import FAMILIES
from tests.conformance.sdk import torch, transformers

tokenizers: Any = import_module("tokenizers")

_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 64,
    "max_position_embeddings": 262_144,
}
_ROPE = {
    "rope_type": "default",
    "type": "default",
    "rope_theta": 1_000_000.0,
    "mrope_section": [2, 3, 3],
}
_TOKENS = {
    "image_token_id": 60,
    "video_token_id": 61,
    "vision_start_token_id": 62,
    "vision_end_token_id": 63,
}
_TOWER: dict[str, Any] = {
    "depth": 2,
    "num_heads": 2,
    "hidden_size": 32,
    "intermediate_size": 32,
    "out_hidden_size": 32,
    "spatial_merge_size": 2,
    # One colour and one frame a patch: patches are made up, and there are millions.
    "in_channels": 1,
    "in_chans": 1,
    "temporal_patch_size": 1,
}
_PATCH_14 = {"patch_size": 14, "spatial_patch_size": 14}
_PATCH_16 = {"patch_size": 16, "num_position_embeddings": 2_304}

_TOWERS: dict[str, dict[str, Any]] = {
    "qwen2_vl": _PATCH_14 | {"embed_dim": 32, "mlp_ratio": 1},
    "qwen2_5_vl": _PATCH_14 | {"window_size": 112, "fullatt_block_indexes": [1]},
    "qwen3_vl": _PATCH_16 | {"deepstack_visual_indexes": [0]},
    "qwen3_vl_moe": _PATCH_16 | {"deepstack_visual_indexes": [0]},
    "qwen3_5": _PATCH_16,
    "exaone4_5": _PATCH_14
    | {"window_size": 112, "fullatt_block_indexes": [1], "num_key_value_heads": 1},
}
_TEXTS: dict[str, dict[str, Any]] = {
    "qwen2_vl": {},
    "qwen2_5_vl": {},
    "qwen3_vl": {"head_dim": 16},
    "qwen3_vl_moe": {
        "head_dim": 16,
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 32,
        "decoder_sparse_step": 1,
    },
    "qwen3_5": {
        "head_dim": 64,
        "num_hidden_layers": 4,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
    },
    "exaone4_5": {
        "model_type": "exaone4",
        "num_hidden_layers": 4,
        "sliding_window": 4_096,
        "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
    },
}

# preprocessor_config.json of Qwen2-VL and Qwen2.5-VL names limits, of Qwen3-VL a size.
_OLD_PROCESSOR = {
    "min_pixels": 3_136,
    "max_pixels": 12_845_056,
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2VLProcessor",
}
_NEW_PROCESSOR = {
    "size": {"longest_edge": 16_777_216, "shortest_edge": 65_536},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "image_processor_type": "Qwen2VLImageProcessorFast",
    "processor_class": "Qwen3VLProcessor",
}
_NEW_VIDEO_PROCESSOR = _NEW_PROCESSOR | {
    "size": {"longest_edge": 25_165_824, "shortest_edge": 4_096},
    "video_processor_type": "Qwen3VLVideoProcessor",
}
_PROCESSOR_CLASS = {
    "qwen2_vl": "Qwen2VLProcessor",
    "qwen2_5_vl": "Qwen2_5_VLProcessor",
    "exaone4_5": "Exaone4_5_Processor",
    "colqwen2": "ColQwen2Processor",
}


def model_config(family: str) -> Any:
    """Return the configuration of a family's model, of the real class."""
    if family == "colqwen2":
        held = model_config("qwen2_vl").to_dict()
        return transformers.ColQwen2Config(vlm_config=held)
    text = _TEXT | _TEXTS[family]
    if int(transformers.__version__.split(".")[0]) < 5:
        text |= {"rope_scaling": _ROPE, "rope_theta": _ROPE["rope_theta"]}
    else:
        text |= {"rope_parameters": _ROPE}
    kind = getattr(transformers, f"{FAMILIES[family].stem}Config")
    tower = _TOWER | _TOWERS[family]
    return kind(vision_config=tower, text_config=text, **_TOKENS)


def write_checkpoint(family: str, folder: Path) -> Path:
    """Write a folder that `from_pretrained` reads as a checkpoint; return it."""
    named = FAMILIES[family]
    torch.manual_seed(0)
    kind = getattr(transformers, f"{named.stem}{named.task}")
    kind(model_config(family)).save_pretrained(folder)
    old = family in _PROCESSOR_CLASS
    image = _OLD_PROCESSOR if old else _NEW_PROCESSOR
    image = image | {
        "processor_class": _PROCESSOR_CLASS.get(family, "Qwen3VLProcessor")
    }
    _write_json(folder / "preprocessor_config.json", image)
    if not old:
        _write_json(folder / "video_preprocessor_config.json", _NEW_VIDEO_PROCESSOR)
    _write_tokenizer(folder)
    return folder


def _write_tokenizer(folder: Path) -> None:
    words = ["<unk>", "<|image_pad|>", "<|video_pad|>"]
    words += ["<|vision_start|>", "<|vision_end|>"]
    numbers = {word: number for number, word in enumerate(words)}
    model = tokenizers.models.WordLevel(numbers, unk_token=words[0])
    tokenizers.Tokenizer(model).save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": words[0]},
    )


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
