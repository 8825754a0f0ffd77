"""Text encoders: built in, from `models/text-encoders.toml`, or from a model's folder."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bucketwise.engines import text_encoders
from bucketwise.errors import ConfigError
from bucketwise.nouns.encoder_profile import (
    EncoderFamily,
    EncoderProfile,
    EncoderShape,
)
from bucketwise.nouns.engine import TextEncoders
from bucketwise.read.configs.model_folder import short_name
from bucketwise.read.configs.model_folder.fields import (
    CONFIG,
    MOST_DIMENSION,
    Fields,
    locate,
    read_objects,
    shown,
)

FILE = "text-encoders.toml"
TOKENIZER = "tokenizer_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What a family calls its dimensions, and its class's defaults.

    Attributes
    ----------
    layers, hidden, intermediate : tuple of str and int
        Key and default.
    positions : tuple of str and int, or None
        That of the longest text; None where nothing but `n_positions` tells it.
    vocab : int
        Default of vocab_size.
    mlp_matrices : int
        3 where the MLP is gated.
    """

    layers: tuple[str, int] = ("num_hidden_layers", 12)
    hidden: tuple[str, int] = ("hidden_size", 768)
    intermediate: tuple[str, int] = ("intermediate_size", 3_072)
    positions: tuple[str, int] | None = ("max_position_embeddings", 512)
    vocab: int = 30_522
    mlp_matrices: int = 2


_SEQ2SEQ = _Keys(layers=("encoder_layers", 12), hidden=("d_model", 1_024),
                 intermediate=("encoder_ffn_dim", 4_096),
                 positions=("max_position_embeddings", 1_024), vocab=50_265)  # fmt: skip

# transformers 5.15.1, models/*/configuration_*.py.
_KEYS: dict[str, _Keys] = {
    "bert": _Keys(),
    "roberta": _Keys(vocab=50_265),
    "xlm-roberta": _Keys(),
    "distilbert": _Keys(layers=("n_layers", 6), hidden=("dim", 768),
                        intermediate=("hidden_dim", 3_072)),
    "modernbert": _Keys(layers=("num_hidden_layers", 22),
                        intermediate=("intermediate_size", 1_152),
                        positions=("max_position_embeddings", 8_192), vocab=50_368,
                        mlp_matrices=3),
    "t5": _Keys(layers=("num_layers", 6), hidden=("d_model", 512),
                intermediate=("d_ff", 2_048), positions=None, vocab=32_128),
    "bart": _SEQ2SEQ,
    "pegasus": _SEQ2SEQ,
}  # fmt: skip


@cache
def _built_in() -> list[dict[str, Any]]:
    text = (resources.files("bucketwise") / "models" / FILE).read_text(encoding="utf-8")
    models: list[dict[str, Any]] = tomllib.loads(text)["model"]
    return models


@cache
def built_in_encoders() -> dict[str, EncoderProfile]:
    """Return every built-in text encoder by its short name, in the file's order."""
    profiles = {}
    for model in _built_in():
        limit = {"model_max_length": model["model_max_length"]}
        profile = _profile(model["config"], limit, hf_id=model["hf_id"])
        profiles[profile.name] = profile
    return profiles


def built_in_encoder(name: str) -> EncoderProfile | None:
    """Return the text encoder of a short name or Hugging Face id; None for no such."""
    short = short_name(name.strip())
    models = (each for each in _built_in() if short in each.get("names", ()))
    short = next((short_name(each["hf_id"]) for each in models), short)
    found = built_in_encoders().get(short)
    return found if found and may_name(name.strip(), found.hf_id) else None


def may_name(name: str, hf_id: str) -> bool:
    """Return whether a name has the organisation of a model before it, or none."""
    organisation, _, _ = name.rpartition("/")
    return organisation.lower() in ("", hf_id.rpartition("/")[0].lower())


def find_encoder(name: str) -> EncoderProfile:
    """Return the text encoder of a name."""
    text = name.strip()
    found = built_in_encoder(text)
    folder = os.path.expanduser(text)  # noqa: PTH111
    # os.path answers no where pathlib raises: long names, null bytes.
    is_folder = os.path.isdir(folder)  # noqa: PTH112
    if found is not None and not (is_folder and os.sep in text):
        return found
    if is_folder:
        return read_encoder_folder(folder)
    known = ", ".join(built_in_encoders())
    raise ConfigError(
        f"model: {text[:200]!r} is no text encoder that is built in, and no folder here "
        f"has that name; expected one of {known}, or a folder with a config.json"
    )


def encoder_named(name: str) -> EncoderProfile | None:
    """Return the text encoder of a name or a folder; None for whatever else it may be."""
    folder = os.path.expanduser(name.strip())  # noqa: PTH111
    # os.path answers no where pathlib raises: long names, null bytes.
    if not os.path.isfile(os.path.join(folder, CONFIG)):  # noqa: PTH113, PTH118
        return built_in_encoder(name)
    config = read_objects(Path(folder), (CONFIG,), []).get(CONFIG, {})
    is_one = config.get("model_type") in text_encoders().families
    return find_encoder(name) if is_one else None


def read_encoder_folder(text: str) -> EncoderProfile:
    """Return the text encoder in a folder. JSON only; no code is ever run."""
    place = locate(text)
    problems: list[str] = []
    files = read_objects(place.folder, (CONFIG, TOKENIZER), problems)
    if CONFIG not in files:
        raise ConfigError(*problems)
    profile = _profile(
        files[CONFIG], files.get(TOKENIZER, {}), hf_id=place.hf_id, problems=problems
    )
    if problems:
        raise ConfigError(*problems)
    return profile


def _profile(
    config: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    *,
    hf_id: str,
    problems: list[str] | None = None,
) -> EncoderProfile:
    """Return the profile that a config.json tells; faults are added to `problems`."""
    problems = [] if problems is None else problems
    compiled: TextEncoders = text_encoders()
    family = config.get("model_type")
    if not isinstance(family, str) or family not in compiled.families:
        raise ConfigError(
            f"{CONFIG}: model_type: expected that of a text encoder, one of "
            f"{', '.join(compiled.families)}, got {shown(family)}"
        )
    known, keys = compiled.families[family], _KEYS[family]
    fields = Fields(f"{CONFIG}: ", config, problems)
    # What the SDK compares a length with: n_positions wins over the other.
    named = keys.positions
    if config.get("n_positions"):
        named = ("n_positions", 512)
    positions = fields.whole(*named) if named else None
    reserved = _reserved(fields, known)
    usable = None if positions is None else max(positions - reserved, 1)
    limit, limit_source = _limit(tokenizer, usable, reserved, fields)
    shape = _shape(family, fields, keys)
    architecture, notes = _architecture(fields, known, compiled.sdk)
    notes = (*notes, known.note) if known.note else notes
    if shape.local_layers:
        local = (
            f"{shape.local_layers} of {shape.layers} layers attend within "
            f"{shape.window_tokens} tokens (local_attention); the compiled graph masks "
            "whole squares, so that these are counted."
        )
        notes = (*notes, local)
    return EncoderProfile(
        name=short_name(hf_id),
        hf_id=hf_id,
        family=family,
        architecture=architecture,
        shape=shape,
        positions=positions,
        usable_positions=usable,
        max_tokens=limit,
        limit_source=limit_source,
        source=f"{fields.source()} of the checkpoint",
        notes=notes,
        auto_class=compiled.auto_class(architecture),
        sdk=compiled.sdk,
        lists_since=compiled.lists_since,
    )


def _reserved(fields: Fields, known: EncoderFamily) -> int:
    """Return the positions that serve no token: those up to that of padding."""
    if not known.counts_padding:
        return 0
    padding = fields.mapping.get("pad_token_id", 1)
    if isinstance(padding, bool) or not isinstance(padding, int) or padding < 0:
        fields.problems.append(
            f"{fields.at('pad_token_id')}: expected a whole number from 0 up, got "
            f"{shown(padding)}"
        )
        return 0
    return padding + 1


def _limit(
    tokenizer: Mapping[str, Any], usable: int | None, reserved: int, fields: Fields
) -> tuple[int | None, str]:
    """Return where a text is cut, and what sets that.

    A tokenizer without a limit saves a number far above any (transformers 5.15.1,
    tokenization_utils_base.py, VERY_LARGE_INTEGER).
    """
    asked = tokenizer.get("model_max_length")
    if isinstance(asked, bool) or not isinstance(asked, (int, float)):
        asked = MOST_DIMENSION + 1
    if 1 <= asked <= min(usable or MOST_DIMENSION, MOST_DIMENSION):
        return int(asked), f"model_max_length in {TOKENIZER}"
    if usable is None:
        return None, f"neither {CONFIG} nor {TOKENIZER} sets a limit"
    own = fields.mapping.get("n_positions")
    key = "n_positions" if own else "max_position_embeddings"
    less = f", less the {reserved} up to that of padding" if reserved else ""
    return usable, f"{key} in {CONFIG}{less}"


def _shape(family: str, fields: Fields, keys: _Keys) -> EncoderShape:
    hidden = fields.whole(*keys.hidden)
    layers = fields.whole(*keys.layers)
    attention, mlp_matrices = hidden, keys.mlp_matrices
    decoder_layers = decoder_intermediate = local = window = 0
    if family == "t5":
        attention = fields.whole("d_kv", 64) * fields.whole("num_heads", 8)
        gated = str(fields.mapping.get("feed_forward_proj", "relu")).startswith("gated")
        mlp_matrices = 3 if gated else 2
    if family in ("bart", "pegasus"):
        decoder_layers = fields.whole("decoder_layers", 12)
        decoder_intermediate = fields.whole("decoder_ffn_dim", 4_096)
    if family == "modernbert":
        local = _local_layers(fields, layers)
        window = fields.whole("local_attention", 128)
    classes = fields.mapping.get("id2label")
    return EncoderShape(
        layers=layers,
        hidden=hidden,
        attention=attention,
        intermediate=fields.whole(*keys.intermediate),
        mlp_matrices=mlp_matrices,
        decoder_layers=decoder_layers,
        decoder_intermediate=decoder_intermediate,
        vocab=fields.whole("vocab_size", keys.vocab),
        labels=len(classes) if isinstance(classes, dict) and classes else 2,
        local_layers=local,
        window_tokens=window if local else 0,
    )


def _local_layers(fields: Fields, layers: int) -> int:
    """Return the layers that attend within a window, named one by one or by a rhythm."""
    named = fields.mapping.get("layer_types")
    if isinstance(named, list):
        return named.count("sliding_attention")
    every = fields.whole("global_attn_every_n_layers", 3)
    return layers - -(-layers // every)


def _architecture(
    fields: Fields, known: EncoderFamily, sdk: str
) -> tuple[str, tuple[str, ...]]:
    """Return the class that is compiled: the checkpoint's own, else the family's first."""
    own = fields.mapping.get("architectures")
    names = (
        [each for each in own if isinstance(each, str)] if isinstance(own, list) else []
    )
    for name in names:
        if name in known.architectures:
            return name, ()
    first = known.architectures[0]
    if not names:
        return first, ()
    note = (
        f"{sdk} has no class for {names[0][:60]}; RBLN{first} is the nearest of "
        "its family."
    )
    return first, (note,)
