"""A model: its processor's limits, its ViT, its language model, its soft tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal

from bucketwise.errors import ConfigError, raise_all
from bucketwise.nouns.image_rules import NO_LIMIT, ImageRule


def compiled_counts(
    lengths: tuple[int, ...], used: Iterable[int], supported: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the soft-token counts to compile the ViT for.

    The runtime takes no other: an image that was scaled to a count that is not compiled
    raises, so all that processors scale to are in it. And optimum-rbln refuses a length
    that no count runs on, although images of fewer tokens than their count would: for
    each such length the least count is added (0.12.0, transformers/models/gemma4/,
    get_image_features and _update_image_prefill_chunk_size).
    """
    counts = set(used)
    for below, length in pairwise((0, *lengths)):
        if not any(below < count <= length for count in counts):
            fitting = (each for each in supported if below < each <= length)
            counts |= set(islice(fitting, 1))
    return tuple(sorted(counts))


_MOST_PIXELS = 2**62
"""Above it a product of two sides is no longer exact in 64 bits."""

VideoRule = Literal["per_frame", "whole_clip", "refused", "uncounted"]

SamplingRule = Literal["pairs", "evenly", "fixed", "seconds", "duration", "rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLimits:
    """The pixel limits a processor enforces, and where each came from.

    For a clip under the `whole_clip` rule they bound frames * height * width.
    """

    min_pixels: int
    max_pixels: int
    source: str

    def __post_init__(self) -> None:
        """Check that the limits leave room.

        The processors themselves refuse a limit of 0 (transformers 5.15.1,
        models/qwen2_vl/image_processing_qwen2_vl.py).
        """
        problems = []
        if max(self.min_pixels, self.max_pixels) > _MOST_PIXELS:
            problems.append(
                f"pixel limits: expected at most {_MOST_PIXELS:,}, got "
                f"{self.min_pixels} to {self.max_pixels}"
            )
        if self.min_pixels < 1:
            problems.append(f"min_pixels: expected at least 1, got {self.min_pixels}")
        if self.max_pixels < max(self.min_pixels, 1):
            problems.append(
                f"max_pixels: expected at least min_pixels ({self.min_pixels}), got "
                f"{self.max_pixels}"
            )
        raise_all(problems)


def limits_of_rule(rule: ImageRule | None, patch_px: int) -> PixelLimits | None:
    """Return what stands for limits in pixels where a rule decides; None without one."""
    if rule is None:
        return None
    return PixelLimits(
        min_pixels=1,
        max_pixels=rule.most_pixels(patch_px),
        source=f"{NO_LIMIT}: {rule.words}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSampling:
    """How the video processor picks frames from a clip with known fps.

    `rule` is a key of `core.sampling.RULES`; `cap_pixels_per_frame` is the processor's
    switch of that name, off by default.
    """

    rule: SamplingRule
    fps: float | None
    min_frames: int
    max_frames: int
    cap_pixels_per_frame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VitShape:
    """Dimensions of the vision tower that decide its cost."""

    depth: int
    hidden: int
    intermediate: int
    out_hidden: int
    """Blocks, width, MLP width, and width of the language model it feeds."""
    mlp_matrices: int
    """2 for fc1/fc2, 3 for a gated MLP."""
    deepstack_mergers: int
    """Mergers beside the final one."""
    full_attention_blocks: int
    """Blocks that attend over the whole run; the others attend in windows."""
    kv_width: int = 0
    """Width of keys, and of values; 0 where it is `hidden`, as with as many heads of
    theirs as of queries."""
    normed_head_dim: int = 0
    """Width of a head whose queries and keys are normalised; 0 where they are not."""

    @property
    def qkv_width(self) -> int:
        """Width of queries, keys and values together."""
        return self.hidden + 2 * (self.kv_width or self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Layers of attention that have the same dimensions."""

    layers: int
    """How many."""
    heads: int
    kv_heads: int
    head_dim: int
    """Heads of queries, heads of keys and of values, and the width of each."""
    window_tokens: int = 0
    """They attend over so many last tokens, and keep those; 0 where over all."""
    borrowing_layers: int = 0
    """Those of the layers that take keys and values of an earlier one: they have no
    projections of them, and keep none."""
    keys_are_values: bool = False
    """Whether one projection gives both."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit together."""
        problems = [
            f"language model: {field}: expected at least 1, got {value}"
            for field in ("layers", "heads", "kv_heads", "head_dim")
            if (value := getattr(self, field)) < 1
        ]
        raise_all(problems)
        wrong = {
            f"heads: expected a multiple of kv_heads ({self.kv_heads}), got "
            f"{self.heads}": (self.heads % self.kv_heads > 0),
            f"window_tokens: expected at least 0, got {self.window_tokens}": (
                self.window_tokens < 0
            ),
            f"borrowing_layers: expected 0 to layers ({self.layers}), got "
            f"{self.borrowing_layers}": not 0 <= self.borrowing_layers <= self.layers,
        }
        raise_all([f"language model: {what}" for what, holds in wrong.items() if holds])

    @property
    def own_layers(self) -> int:
        """Layers with keys and values of their own."""
        return self.layers - self.borrowing_layers

    def attended(self, context_tokens: float) -> float:
        """Return the tokens of so many that a layer attends to, and keeps."""
        window = self.window_tokens
        return min(context_tokens, window) if window else context_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class LmShape:
    """Dimensions of the language model that decide what a token costs.

    Every layer is attention, of some kind or linear, and behind it an MLP, experts, or
    both; all are gated: three matrices each.
    """

    layers: int
    hidden: int
    vocab: int
    """Layers, width, and rows of the embedding."""
    tied: bool
    """Whether lm_head is the input embedding."""
    attention: tuple[Attention, ...]
    """Layers of attention by kind; the layers in none of them are linear attention
    (Gated DeltaNet), whose state does not grow."""
    attention_biases: int = 0
    """Its projections with a bias: none, query, key and value, or the output's too."""
    qk_norms: bool = False
    """Whether it normalises queries and keys, with one weight a dimension of a head."""
    query_gates: bool = False
    """Whether its query projection is twice as wide, to gate what attention yields."""
    normed_outputs: bool = False
    """Whether layers normalise what attention, MLP and experts yield too, and scale
    what the router is given and gives (Gemma4)."""
    intermediate: int = 0
    wide_layers: int = 0
    """Width of the MLP, 0 where there is none; and the layers that have one twice as
    wide."""
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    """Experts of a layer, those a token takes, and the width of one; 0 where none."""
    shared_expert_intermediate: int = 0
    """Width of the expert every token takes beside them, with a gate; 0 where none."""
    per_layer_input: int = 0
    """Width of the input that each layer has of its own; 0 where none."""
    linear_key_heads: int = 0
    linear_key_head_dim: int = 0
    """Keys, and as many queries, of linear attention; 0 where no layer has it."""
    linear_value_heads: int = 0
    linear_value_head_dim: int = 0
    """Its values; each key serves a whole number of them."""
    linear_conv_kernel: int = 0
    """Tokens that its convolution over queries, keys and values sees."""
    source: str
    """Where the values were read."""

    def __post_init__(self) -> None:
        """Check that the dimensions fit together."""
        needed = ["layers", "hidden", "vocab"]
        needed += [*_EXPERTS] if self.experts else ["intermediate"]
        needed += [*_LINEAR] if self.linear_layers > 0 else []
        problems = [
            f"language model: {field}: expected at least 1, got {value}"
            for field in needed
            if (value := getattr(self, field)) < 1
        ]
        raise_all(problems)
        wrong = {
            f"attention: expected kinds of up to layers ({self.layers}) together, got "
            f"{self.attention_layers}": self.linear_layers < 0,
            f"attention_biases: expected 0, 3 or 4, got {self.attention_biases}": (
                self.attention_biases not in (0, 3, 4)
            ),
            f"wide_layers: expected 0 to layers ({self.layers}), got "
            f"{self.wide_layers}": not 0 <= self.wide_layers <= self.layers,
            f"experts_per_token: expected at most experts ({self.experts}), got "
            f"{self.experts_per_token}": self.experts_per_token > self.experts,
            "linear_value_heads: expected a multiple of linear_key_heads "
            f"({self.linear_key_heads}), got {self.linear_value_heads}": (
                self.linear_layers > 0
                and self.linear_value_heads % self.linear_key_heads > 0
            ),
        }
        raise_all([f"language model: {what}" for what, holds in wrong.items() if holds])

    @property
    def attention_layers(self) -> int:
        """Layers that keep keys and values, of all tokens or the last ones."""
        return sum(each.layers for each in self.attention)

    @property
    def linear_layers(self) -> int:
        """Layers of linear attention."""
        return self.layers - self.attention_layers

    @property
    def full(self) -> tuple[Attention, ...]:
        """Kinds that attend over all tokens: what they keep grows with a sequence."""
        return tuple(each for each in self.attention if not each.window_tokens)

    @property
    def sliding(self) -> tuple[Attention, ...]:
        """Kinds that attend in a window."""
        return tuple(each for each in self.attention if each.window_tokens)


_EXPERTS = ("experts", "experts_per_token", "expert_intermediate")

_LINEAR = (
    "linear_key_heads",
    "linear_key_head_dim",
    "linear_value_heads",
    "linear_value_head_dim",
    "linear_conv_kernel",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTokens:
    """The numbers of soft tokens that a processor can make of an image at most.

    Such a processor fills whatever it is given up to the number and pads its tensor, so
    the ViT runs on that number exactly; what the runtime compares with its lengths is the
    run of an image's own tokens in the prompt.
    """

    supported: tuple[int, ...]
    """Ascending."""
    chunk: int
    """The multiple that every length must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """A model as far as bucket choice needs to know it."""

    name: str
    """The checkpoint's name in lower case, without organisation and "-Instruct"."""
    hf_id: str
    """The Hugging Face id, or the base name of the folder it was read from."""
    family: str
    """The `model_type` of the checkpoint's config.json."""
    patch_px: int
    merge: int
    temporal_patch: int
    """Patch side in pixels, patches merged along a side, frames in a temporal patch."""
    window_patches: int
    """Side of an attention window in patches; 0 where every block sees the run."""
    checkpoint: PixelLimits
    """Image limits the checkpoint ships."""
    deployment: PixelLimits | None
    """Image limits of the model's published RBLN deployment."""
    video: PixelLimits | None
    """Video limits the checkpoint ships; None where video falls back to the image's."""
    video_rule: VideoRule
    """What the video limits bound; whether the processor takes no clips, or they are not
    counted here."""
    sampling: VideoSampling
    vit: VitShape | None
    """The tower; None where its dimensions are not known."""
    lm: LmShape | None
    """The language model; None where a folder does not tell it."""
    source: str
    """Where the tower's values were read."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how they were read, a sentence each."""
    soft_tokens: SoftTokens | None = None
    """Where the runtime compares an image's soft tokens and not its ViT patches."""
    image_rule: ImageRule | None = None
    frame_rule: ImageRule | None = None
    """How images, and frames of clips, become runs where no pixel limits decide it."""
    image_frames: int = 1
    """Frames that an image counts as under its limits."""
    class_tokens: int = 0
    """What every run holds beside its patches."""
    separators: int = 0
    """Tokens around those of an image in the prompt, as the processor writes them."""
    whole_clips: bool = False
    """Whether a clip runs at once, and not one temporal patch after the other."""

    def __post_init__(self) -> None:
        """Check that sides divide as the formulas assume."""
        problems = [
            f"{self.name}: {field}: expected at least 1, got {value}"
            for field, value in (
                ("patch_px", self.patch_px),
                ("merge", self.merge),
                ("temporal_patch", self.temporal_patch),
            )
            if value < 1
        ]
        if self.merge >= 1 and self.window_patches % self.merge:
            problems.append(
                f"{self.name}: a window of {self.window_patches} patches is not a "
                f"multiple of merge ({self.merge})"
            )
        raise_all(problems)

    @property
    def tower(self) -> VitShape:
        """The dimensions of the tower, which must be known."""
        if self.vit is None:
            message = f"{self.name}: the dimensions of its vision tower are not known"
            raise ConfigError(message)
        return self.vit

    @property
    def has_pixel_limits(self) -> bool:
        """Whether limits in pixels decide what becomes of an image."""
        return self.soft_tokens is None and self.image_rule is None

    @property
    def limit_px(self) -> int:
        """Pixels that a ViT patch of an image counts under its limits."""
        return self.patch_px**2 * self.image_frames

    @property
    def factor_px(self) -> int:
        """Side of a merged patch in pixels: resized sides are multiples of it."""
        return self.patch_px * self.merge

    @property
    def patches_per_merged(self) -> int:
        """ViT patches in one merged patch."""
        return self.merge**2

    @property
    def length_px(self) -> int:
        """Side in pixels of what a length of 1 stands for: a patch or a soft token."""
        return self.factor_px if self.soft_tokens else self.patch_px

    @property
    def lengths_per_merged(self) -> int:
        """Length that one merged patch needs: 1 where lengths count soft tokens."""
        return 1 if self.soft_tokens else self.patches_per_merged

    def merged(self, length: int) -> int:
        """Return the merged patches, or soft tokens, that a length stands for."""
        return -(-(length - self.class_tokens) // self.lengths_per_merged)

    @property
    def align(self) -> int:
        """The multiple every bucket must be.

        merge^2, because the merger reshapes by it (optimum-rbln 0.12.0,
        transformers/models/qwen3_vl/modeling_qwen3_vl.py); a whole window for
        windowed towers (qwen2_5_vl/modeling_qwen2_5_vl.py: "must be a multiple of
        window_seq_len"); where lengths count soft tokens the multiple of a chunk. Runs
        with a token of their own beside the patches are no multiple of anything.
        """
        if self.soft_tokens:
            return self.soft_tokens.chunk
        if self.class_tokens:
            return 1
        return self.window_patches**2 or self.patches_per_merged
