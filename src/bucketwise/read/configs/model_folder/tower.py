"""config.json -> the vision tower, with the class's defaults where a key is absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.nouns.profile import VitShape
from bucketwise.read.configs.model_folder.fields import Fields, shown

MOST_BLOCKS = 10_000
MOST_SIDE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerClass:
    """Names and defaults of one family's vision configuration.

    Attributes
    ----------
    depth, hidden, intermediate, out_hidden, patch_px : int
        Defaults of the class; `intermediate` is 0 where `mlp_ratio` decides.
    hidden_key, out_hidden_key : str
        Keys of the tower's width and of the language model's.
    mlp_matrices : int
        2 for fc1/fc2, 3 for a gated MLP.
    window_px : int
        Default of `window_size`; 0 where the tower has no windows.
    full_attention, deepstack : tuple of int
        Defaults of `fullatt_block_indexes` and `deepstack_visual_indexes`.
    heads, kv_heads : int
        Defaults of `num_heads` and `num_key_value_heads`; 0 where every head has keys
        and values of its own.
    """

    depth: int
    hidden: int
    intermediate: int
    out_hidden: int = 3_584
    patch_px: int
    hidden_key: str = "hidden_size"
    out_hidden_key: str = "out_hidden_size"
    mlp_matrices: int = 2
    window_px: int = 0
    full_attention: tuple[int, ...] = ()
    deepstack: tuple[int, ...] = ()
    heads: int = 0
    kv_heads: int = 0


MLP_RATIO = 4

# transformers 5.15.1, models/<family>/configuration_<family>.py, the vision class of
# each. They are not what the checkpoints hold: Qwen2.5-VL's default width is 3,584, every
# published tower's 1,280.
_QWEN3_VL = TowerClass(depth=27, hidden=1_152, intermediate=4_304, patch_px=16,
                       deepstack=(8, 16, 24))  # fmt: skip
_QWEN3_5 = TowerClass(depth=27, hidden=1_152, intermediate=4_304, patch_px=16)

TOWERS: dict[str, TowerClass] = {
    "qwen2_vl": TowerClass(depth=32, hidden=1_280, intermediate=0, patch_px=14,
                           hidden_key="embed_dim", out_hidden_key="hidden_size"),
    "qwen2_5_vl": TowerClass(depth=32, hidden=3_584, intermediate=3_420, patch_px=14,
                             mlp_matrices=3, window_px=112,
                             full_attention=(7, 15, 23, 31)),
    "qwen3_vl": _QWEN3_VL,
    "qwen3_vl_moe": _QWEN3_VL,
    "qwen3_5": _QWEN3_5,
    "qwen3_5_moe": _QWEN3_5,
    "exaone4_5": TowerClass(depth=32, hidden=3_584, intermediate=3_420, patch_px=14,
                            mlp_matrices=3, window_px=112,
                            full_attention=(7, 15, 23, 31), heads=16, kv_heads=8),
}  # fmt: skip
"""By the `model_type` of config.json: the architectures that can be read."""

HOLDERS = {"colqwen2": ("vlm_config", ("qwen2_vl", "qwen2_5_vl"))}
"""Families whose config.json holds that of another: where, and of which (transformers
5.15.1, models/colqwen2/configuration_colqwen2.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """What config.json says of the vision tower; `source` names absent keys."""

    patch_px: int
    merge: int
    temporal_patch: int
    window_patches: int
    vit: VitShape
    source: str


def read_tower(
    family: str,
    config: Mapping[str, Any],
    problems: list[str],
    place: str = "config.json: ",
) -> Tower:
    """Return the vision tower of a checkpoint."""
    kind = TOWERS[family]
    vision = config.get("vision_config")
    if vision is not None and not isinstance(vision, dict):
        problems.append(
            f"{place}vision_config: expected an object, got {shown(vision)}"
        )
        vision = None
    fields = Fields(f"{place}vision_config.", vision or {}, problems)
    depth = fields.whole("depth", kind.depth, MOST_BLOCKS)
    hidden = fields.whole(kind.hidden_key, kind.hidden)
    if kind.intermediate:
        intermediate = fields.whole("intermediate_size", kind.intermediate)
    else:
        intermediate = hidden * fields.whole("mlp_ratio", MLP_RATIO, MOST_SIDE)
    patch_px = fields.whole("patch_size", kind.patch_px, MOST_SIDE)
    merge = fields.whole("spatial_merge_size", 2, MOST_SIDE)
    window_patches, full = 0, depth
    if kind.window_px:
        window_patches = _window(fields, kind, patch_px, merge)
        full = _blocks(fields, "fullatt_block_indexes", kind.full_attention, depth)
    mergers = 0
    if kind.deepstack:
        mergers = _blocks(fields, "deepstack_visual_indexes", kind.deepstack, depth)
    return Tower(
        patch_px=patch_px,
        merge=merge,
        temporal_patch=fields.whole("temporal_patch_size", 2, MOST_SIDE),
        window_patches=window_patches,
        vit=VitShape(
            depth=depth,
            hidden=hidden,
            intermediate=intermediate,
            out_hidden=fields.whole(kind.out_hidden_key, kind.out_hidden),
            mlp_matrices=kind.mlp_matrices,
            deepstack_mergers=mergers,
            full_attention_blocks=full,
            kv_width=_kv_width(fields, kind, hidden),
        ),
        source=fields.source(),
    )


def _window(fields: Fields, kind: TowerClass, patch_px: int, merge: int) -> int:
    """Return the window's side in patches.

    Notes
    -----
    The tower cuts windows of window_size // spatial_merge_size // patch_size merged
    patches (transformers 5.15.1, models/qwen2_5_vl/modeling_qwen2_5_vl.py,
    get_window_index).
    """
    window_px = fields.whole("window_size", kind.window_px)
    factor_px = patch_px * merge
    if window_px % factor_px:
        fields.problems.append(
            f"{fields.at('window_size')}: expected a multiple of patch_size * "
            f"spatial_merge_size ({factor_px}), got {window_px}"
        )
    return window_px // factor_px * merge


def _kv_width(fields: Fields, kind: TowerClass, hidden: int) -> int:
    """Return the width of keys, and of values; 0 where it is that of queries."""
    if not kind.kv_heads:
        return 0
    heads = fields.whole("num_heads", kind.heads)
    kv_heads = fields.whole("num_key_value_heads", kind.kv_heads)
    if hidden % heads or heads % kv_heads:
        fields.problems.append(
            f"{fields.at('num_heads')}: expected a divisor of hidden_size ({hidden}) "
            f"that is a multiple of num_key_value_heads ({kv_heads}), got {heads}"
        )
    return hidden // heads * kv_heads


def _blocks(fields: Fields, key: str, default: tuple[int, ...], depth: int) -> int:
    """Return how many blocks of the tower a list names."""
    return len({index for index in fields.indexes(key, default) if index < depth})
