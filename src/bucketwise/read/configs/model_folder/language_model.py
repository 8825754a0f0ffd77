"""config.json -> the language model, with the class's defaults where a key is absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import Attention, LmShape
from bucketwise.read.configs.model_folder.fields import CONFIG, Fields, shown
from bucketwise.read.configs.model_folder.tower import MOST_BLOCKS, TOWERS, Tower

FULL_EVERY = 4
"""Default of `full_attention_interval`, and of `sliding_window_pattern`."""

LINEAR = (
    ("linear_key_heads", "linear_num_key_heads", 16),
    ("linear_key_head_dim", "linear_key_head_dim", 128),
    ("linear_value_heads", "linear_num_value_heads", 32),
    ("linear_value_head_dim", "linear_value_head_dim", 128),
    ("linear_conv_kernel", "linear_conv_kernel_dim", 4),
)
"""Field of `LmShape`, key, and default of the class."""

TEXT = "text_config"
FULL, LINEAR_TYPE, SLIDING = "full_attention", "linear_attention", "sliding_attention"
MOST_SHOWN = 5


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
_QWEN2_VL = TextClass(layers=80, hidden=8_192, vocab=152_064, heads=64, kv_heads=8,
                      intermediate=29_568, first_generation=True,
                      plain=(("use_sliding_window", False),))  # fmt: skip

TEXT_CLASSES: dict[str, TextClass] = {
    "qwen2_vl": _QWEN2_VL,
    "qwen2_5_vl": _QWEN2_VL,
    "qwen3_vl": TextClass(layers=32, hidden=4_096, vocab=151_936, heads=32, kv_heads=32,
                          intermediate=22_016, head_dim=128),
    "qwen3_vl_moe": TextClass(layers=24, hidden=2_048, vocab=151_936, heads=16,
                              kv_heads=16, experts=60, experts_per_token=4,
                              expert_intermediate=1_408,
                              # The name that transformers 5 writes.
                              experts_keys=("num_local_experts",),
                              plain=(("decoder_sparse_step", 1), ("mlp_only_layers", []))),
    "qwen3_5": TextClass(layers=32, hidden=4_096, vocab=248_320, heads=16, kv_heads=4,
                         intermediate=12_288, head_dim=256, hybrid=True),
    "qwen3_5_moe": TextClass(layers=40, hidden=2_048, vocab=248_320, heads=16,
                             kv_heads=2, head_dim=256, experts=256, experts_per_token=8,
                             expert_intermediate=512, shared_expert_intermediate=512,
                             hybrid=True),
    # The text class is EXAONE-4.0's (transformers 5.15.1, models/exaone4/).
    "exaone4_5": TextClass(layers=32, hidden=4_096, vocab=102_400, heads=32,
                           kv_heads=32, intermediate=16_384, sliding_window_tokens=4_096),
}  # fmt: skip
"""By the `model_type` of config.json, as `TOWERS`."""


def read_language_model(
    family: str,
    config: Mapping[str, Any],
    tower: Tower,
    problems: list[str],
    place: str = f"{CONFIG}: ",
) -> tuple[LmShape | None, tuple[str, ...]]:
    """Return the language model of a checkpoint, and what to know of how it was read."""
    kind = TEXT_CLASSES[family]
    fields = _fields(kind, config, problems, place)
    if fields is None:
        return None, ()
    values = _values(kind, fields, Fields(place, config, problems))
    kinds = _attention(kind, fields, values["layers"], values["hidden"])
    if problems:
        return None, ()
    out_key = TOWERS[family].out_hidden_key
    if values["hidden"] != tower.vit.out_hidden:
        problems.append(
            f"{fields.at('hidden_size')}: expected the same number as "
            f"{place}vision_config.{out_key} ({tower.vit.out_hidden}), got "
            f"{values['hidden']}"
        )
    try:
        attention = tuple(Attention(**each) for each in kinds if each["layers"])
        shape = LmShape(**values, attention=attention, source=fields.source())
    except ConfigError as error:
        problems.extend(f"{CONFIG}: {problem}" for problem in error.problems)
        return None, ()
    unknown = _unknown_layers(kind, fields)
    return (None if unknown else shape), unknown


def _fields(
    kind: TextClass, config: Mapping[str, Any], problems: list[str], place: str
) -> Fields | None:
    """Return the object that describes the language model; None where there is none.

    Notes
    -----
    Qwen2-VL's checkpoints hold it at the top level, which their class reads where
    `text_config` is absent (transformers 5.23.0, models/qwen2_vl/
    configuration_qwen2_vl.py).
    """
    text = config.get(TEXT)
    if isinstance(text, dict):
        return Fields(f"{place}{TEXT}.", text, problems)
    if text is not None:
        problems.append(f"{place}{TEXT}: expected an object, got {shown(text)}")
        return None
    if kind.first_generation and "hidden_size" in config:
        return Fields(place, config, problems)
    return None


def _values(kind: TextClass, fields: Fields, whole: Fields) -> dict[str, Any]:
    """Return what `LmShape` takes, attention and source left out.

    `whole` is all that holds it.
    """
    values: dict[str, Any] = {
        "layers": fields.whole("num_hidden_layers", kind.layers, MOST_BLOCKS),
        "hidden": fields.whole("hidden_size", kind.hidden),
        "vocab": fields.whole("vocab_size", kind.vocab),
        "tied": _tied(kind, fields, whole),
        "attention_biases": 3,
        "qk_norms": not kind.first_generation,
        "query_gates": kind.hybrid,
    }
    if not kind.first_generation:
        biased = fields.flag("attention_bias", default=False)
        values["attention_biases"] = 4 if biased else 0
    if kind.hybrid:
        for field, key, default in LINEAR:
            values[field] = fields.whole(key, default)
    return values | _mlp(kind, fields)


def _attention(
    kind: TextClass, fields: Fields, layers: int, hidden: int
) -> tuple[dict[str, Any], ...]:
    """Return what `Attention` takes of every kind of layers."""
    heads = fields.whole("num_attention_heads", kind.heads)
    same = {
        "heads": heads,
        "kv_heads": _kv_heads(kind, fields, heads),
        "head_dim": _head_dim(kind, fields, hidden, heads),
    }
    if kind.hybrid:
        every = fields.whole("full_attention_interval", FULL_EVERY)
        full = _layers_of(fields, layers, LINEAR_TYPE, every)
        return ({"layers": full, **same},)
    slides = fields.mapping.get("sliding_window", 0) is not None
    if not kind.sliding_window_tokens or not slides:
        return ({"layers": layers, **same},)
    window = fields.whole("sliding_window", kind.sliding_window_tokens)
    every = 0
    if fields.mapping.get("layer_types") is None:
        every = fields.whole("sliding_window_pattern", FULL_EVERY)
    full = _layers_of(fields, layers, SLIDING, every)
    return (
        {"layers": full, **same},
        {"layers": layers - full, **same, "window_tokens": window},
    )


def _tied(kind: TextClass, fields: Fields, whole: Fields) -> bool:
    """Return whether lm_head is the embedding: the top level says so.

    Qwen2-VL's class also takes the word of `text_config`.
    """
    key = "tie_word_embeddings"
    tied = whole.flag(key, default=False)
    return tied or (kind.first_generation and fields.flag(key, default=False))


def _kv_heads(kind: TextClass, fields: Fields, heads: int) -> int:
    """Return the heads of keys and values.

    Null means as many as queries have, but to Qwen3.5's classes, which refuse it.
    """
    key = "num_key_value_heads"
    if not kind.hybrid and fields.mapping.get(key, kind.kv_heads) is None:
        return heads
    return fields.whole(key, kind.kv_heads)


def _head_dim(kind: TextClass, fields: Fields, hidden: int, heads: int) -> int:
    """Return the width of a head.

    Qwen2-VL's class reads no key for it, and refuses a width heads cannot share evenly.
    """
    given = fields.mapping.get("head_dim") is not None and not kind.first_generation
    if given or kind.head_dim:
        return fields.whole("head_dim", kind.head_dim)
    if kind.first_generation and hidden % heads:
        fields.problems.append(
            f"{fields.at('hidden_size')}: expected a multiple of num_attention_heads "
            f"({heads}), got {hidden}"
        )
    return hidden // heads


def _layers_of(fields: Fields, layers: int, other: str, every: int) -> int:
    """Return how many layers attend over all tokens, where others are of another type.

    EXAONE-4.5's list goes on with the layers that predict further tokens, which the class
    leaves out (optimum-rbln 0.12.0, transformers/models/exaone4_5/
    modeling_exaone4_5.py, _disable_mtp).
    """
    key, types = "layer_types", (FULL, other)
    kinds = fields.mapping.get(key)
    if kinds is None:
        return layers // every
    if not isinstance(kinds, list):
        fields.problems.append(
            f"{fields.at(key)}: expected a list of {' and '.join(types)}, got "
            f"{shown(kinds)}"
        )
        return layers
    if other == SLIDING:
        kinds = kinds[:layers]
    if len(kinds) != layers:
        fields.problems.append(
            f"{fields.at(key)}: expected as many layers as num_hidden_layers "
            f"({layers}), got {len(kinds)}"
        )
    wrong = sorted({shown(item) for item in kinds if item not in types})
    fields.problems.extend(
        f"{fields.at(key)}: expected {' or '.join(types)}, got {each}"
        for each in wrong[:MOST_SHOWN]
    )
    return kinds.count(FULL)


def _mlp(kind: TextClass, fields: Fields) -> dict[str, int]:
    """Return the width of the MLP, or the experts."""
    if not kind.experts:
        width = fields.whole("intermediate_size", kind.intermediate)
        return {"intermediate": width}
    key = next(
        (key for key in kind.experts_keys if key in fields.mapping), "num_experts"
    )
    found = {
        "experts": fields.whole(key, kind.experts),
        "experts_per_token": fields.whole(
            "num_experts_per_tok", kind.experts_per_token
        ),
        "expert_intermediate": fields.whole(
            "moe_intermediate_size", kind.expert_intermediate
        ),
    }
    if kind.shared_expert_intermediate:
        found["shared_expert_intermediate"] = fields.whole(
            "shared_expert_intermediate_size", kind.shared_expert_intermediate
        )
    return found


def _unknown_layers(kind: TextClass, fields: Fields) -> tuple[str, ...]:
    """Return a note for every key that asks for layers of another kind."""
    return tuple(
        f"{fields.at(key)} is {shown(fields.mapping[key])}: what such layers cost is "
        "not known here, so no decode step is priced."
        for key, plain in kind.plain
        if fields.mapping.get(key) not in (plain, None)
    )
