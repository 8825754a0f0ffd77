"""What a text encoder is: its dimensions, and how many tokens it takes."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.errors import raise_all


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShape:
    """Dimensions of a text encoder, as its config.json gives them."""

    layers: int
    """Layers of the encoder."""
    hidden: int
    """Width of a token between layers."""
    attention: int
    """Width of the queries, keys and values of a layer; `hidden` but in T5."""
    intermediate: int
    """Width inside the MLP."""
    mlp_matrices: int
    """2, or 3 where the MLP is gated."""
    decoder_layers: int = 0
    decoder_intermediate: int = 0
    """The decoder that is run over the same tokens; 0 where there is none."""
    vocab: int
    """Entries of the vocabulary."""
    labels: int = 2
    """Classes of a classification head."""
    local_layers: int = 0
    window_tokens: int = 0
    """Layers that attend within a window, and its width; 0 where all attend to all."""

    def __post_init__(self) -> None:
        """Check that every dimension is one."""
        raise_all(
            [
                f"encoder: {name}: expected 1 or more, got {value}"
                for name, value in (
                    ("layers", self.layers),
                    ("hidden", self.hidden),
                    ("attention", self.attention),
                    ("intermediate", self.intermediate),
                    ("vocab", self.vocab),
                )
                if value < 1
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFamily:
    """What an engine has for a `model_type`."""

    architectures: tuple[str, ...]
    """Classes of transformers that are compiled, that for features first; `RBLN` before
    each names the class of optimum.rbln."""
    since: tuple[int, ...] = ()
    """The release they came with; () where every release has them."""
    note: str = ""
    """What its callers have to know beside; "" for nothing."""
    counts_padding: bool = False
    """Whether positions count from `pad_token_id` + 1 on, so that as many of
    `max_position_embeddings` serve no token. A graph of more than the rest fails: the
    runtime pads with token 0, which has a position like any other (transformers 5.15.1,
    models/roberta/modeling_roberta.py, create_position_ids_from_input_ids)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderProfile:
    """A text encoder that an engine compiles."""

    name: str
    hf_id: str
    """Short name, and the checkpoint."""
    family: str
    """The `model_type` of the checkpoint."""
    architecture: str
    """The class of transformers whose graph is compiled; `RBLN` before it names the
    class of optimum.rbln."""
    shape: EncoderShape
    """Its dimensions."""
    positions: int | None
    """The length above which the SDK refuses to compile; None where the checkpoint sets
    none."""
    usable_positions: int | None
    """Those of them that serve tokens; a longer graph fails."""
    max_tokens: int | None
    """Where its tokenizer cuts a text, but no more than the usable positions; None
    where nothing sets a limit."""
    limit_source: str
    """What sets `max_tokens`."""
    source: str
    """Where the dimensions were read."""
    notes: tuple[str, ...] = ()
    """What to know of it, a sentence each."""
    auto_class: str = ""
    """The class that picks the same class by the checkpoint's configuration."""
    sdk: str = ""
    """The package that compiles it."""
    lists_since: str = ""
    """Its release from which several lengths can be compiled."""

    @property
    def class_name(self) -> str:
        """The class of `optimum.rbln` that compiles and loads it."""
        return f"RBLN{self.architecture}"
