"""Names and defaults of the text configurations of transformers."""

from __future__ import annotations

from dataclasses import dataclass

FULL_EVERY = 4
"""Default of `full_attention_interval`, and of `sliding_window_pattern`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextClass:
    """Names and defaults of one family's text configuration.

    Attributes
    ----------
    layers, hidden, vocab, heads, kv_heads, intermediate : int
        Defaults of the class; `intermediate` is 0 where layers have experts.
    head_dim : int
        Default of `head_dim`; 0 where heads share the width among them.
    experts, experts_per_token, expert_intermediate, shared_expert_intermediate : int
        Defaults of the class; 0 where it has none.
    experts_keys : tuple of str
        Keys of the experts' number beside `num_experts`; they win.
    first_generation : bool
        Qwen2-VL's attention, with three biases and no norms, and its configuration, which
        may stand at the top level.
    hybrid : bool
        Whether layers of linear attention stand between those of full attention.
    sliding_window_tokens : int
        Default of `sliding_window`, where layers that slide stand between them; 0 where
        none do.
    plain : tuple of (str, object)
        Keys with the one value under which all layers are of the kinds known here.
    """

    layers: int
    hidden: int
    vocab: int
    heads: int
    kv_heads: int
    intermediate: int = 0
    head_dim: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_expert_intermediate: int = 0
    experts_keys: tuple[str, ...] = ()
    first_generation: bool = False
    hybrid: bool = False
    sliding_window_tokens: int = 0
    plain: tuple[tuple[str, object], ...] = ()


# transformers 5.23.0, models/<family>/configuration_<family>.py, the text class of each.
# Qwen2-VL's defaults are the 72B's, Qwen3.5's those of the 9B and the 35B-A3B; Qwen3-VL's
# are no checkpoint's.
_QWEN2_VL = TextClass(
    layers=80,
    hidden=8_192,
    vocab=152_064,
    heads=64,
    kv_heads=8,
    intermediate=29_568,
    first_generation=True,
    plain=(("use_sliding_window", False),),
)

TEXT_CLASSES: dict[str, TextClass] = {
    "qwen2_vl": _QWEN2_VL,
    "qwen2_5_vl": _QWEN2_VL,
    "qwen3_vl": TextClass(
        layers=32,
        hidden=4_096,
        vocab=151_936,
        heads=32,
        kv_heads=32,
        intermediate=22_016,
        head_dim=128,
    ),
    "qwen3_vl_moe": TextClass(
        layers=24,
        hidden=2_048,
        vocab=151_936,
        heads=16,
        kv_heads=16,
        experts=60,
        experts_per_token=4,
        expert_intermediate=1_408,
        # The name that transformers 5 writes.
        experts_keys=("num_local_experts",),
        plain=(("decoder_sparse_step", 1), ("mlp_only_layers", [])),
    ),
    "qwen3_5": TextClass(
        layers=32,
        hidden=4_096,
        vocab=248_320,
        heads=16,
        kv_heads=4,
        intermediate=12_288,
        head_dim=256,
        hybrid=True,
    ),
    "qwen3_5_moe": TextClass(
        layers=40,
        hidden=2_048,
        vocab=248_320,
        heads=16,
        kv_heads=2,
        head_dim=256,
        experts=256,
        experts_per_token=8,
        expert_intermediate=512,
        shared_expert_intermediate=512,
        hybrid=True,
    ),
    # The text class is EXAONE-4.0's (transformers 5.15.1, models/exaone4/).
    "exaone4_5": TextClass(
        layers=32,
        hidden=4_096,
        vocab=102_400,
        heads=32,
        kv_heads=32,
        intermediate=16_384,
        sliding_window_tokens=4_096,
    ),
}
"""By the `model_type` of config.json, as `TOWERS`."""

LINEAR = (
    ("linear_key_heads", "linear_num_key_heads", 16),
    ("linear_key_head_dim", "linear_key_head_dim", 128),
    ("linear_value_heads", "linear_num_value_heads", 32),
    ("linear_value_head_dim", "linear_value_head_dim", 128),
    ("linear_conv_kernel", "linear_conv_kernel_dim", 4),
)
"""Field of `LmShape`, key, and default of the class."""
