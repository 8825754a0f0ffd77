"""config.json -> the language model, with the class's defaults where a key is absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import Attention, LmShape
from bucketwise.read.configs.model_folder.fields import Fields, shown
from bucketwise.read.configs.model_folder.place import CONFIG
from bucketwise.read.configs.model_folder.text_classes import (
    FULL_EVERY,
    LINEAR,
    TEXT_CLASSES,
    TextClass,
)
from bucketwise.read.configs.model_folder.tower import MOST_BLOCKS, TOWERS, Tower

TEXT = "text_config"

FULL, LINEAR_TYPE, SLIDING = "full_attention", "linear_attention", "sliding_attention"

MOST_SHOWN = 5


def read_language_model(
    family: str,
    config: Mapping[str, Any],
    tower: Tower,
    problems: list[str],
    place: str = f"{CONFIG}: ",
) -> tuple[LmShape | None, tuple[str, ...]]:
    """Return the language model of a checkpoint, and what to know of how it was read.

    Parameters
    ----------
    family : str
        A key of `TEXT_CLASSES`.
    config : Mapping
        What config.json holds, or the object in it that is of the family.
    tower : Tower
        The vision tower that feeds it.
    problems : list of str
        Where faults are added.
    place : str
        Where that stands.

    Returns
    -------
    tuple of (LmShape or None, tuple of str)
        None where config.json does not tell it, where its layers are of a kind not
        known here, which a note says, or when a fault was found, here or before.
    """
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
