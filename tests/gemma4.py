"""What the config.json of a Gemma4 checkpoint says of a language model."""

from __future__ import annotations

from typing import Any

from bucketwise.nouns.profile import LmShape


def text_config_of(shape: LmShape) -> dict[str, Any]:
    """Return `text_config` of a language model with layers of both kinds."""
    full, sliding = shape.attention
    period = shape.layers // full.layers
    kinds = ["sliding_attention", "full_attention"]
    return {
        "num_hidden_layers": shape.layers,
        "layer_types": [kinds[(at + 1) % period == 0] for at in range(shape.layers)],
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "use_double_wide_mlp": shape.wide_layers > 0,
        "num_kv_shared_layers": full.borrowing_layers + sliding.borrowing_layers,
        "num_attention_heads": full.heads,
        "num_key_value_heads": sliding.kv_heads,
        "num_global_key_value_heads": full.kv_heads,
        "attention_k_eq_v": full.keys_are_values,
        "sliding_window": sliding.window_tokens,
        "hidden_size_per_layer_input": shape.per_layer_input,
        "enable_moe_block": shape.experts > 0,
        "num_experts": shape.experts or None,
        "top_k_experts": shape.experts_per_token or None,
        "moe_intermediate_size": shape.expert_intermediate or None,
    }
