"""What a checkpoint is: its processor's limits, its ViT and its language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bucketwise.errors import raise_all

_MOST_PIXELS = 2**62
"""Above it a product of two sides is no longer exact in 64 bits."""

VideoRule = Literal["per_frame", "whole_clip", "refused"]


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

        Raises
        ------
        ConfigError
            When a limit is below 1 or the two are crossed. The processors
            themselves refuse 0 (transformers 5.15.1,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSampling:
    """How the video processor picks frames from a clip with known fps.

    `cap_pixels_per_frame` is the processor's switch of that name, off by default.
    """

    fps: float | None
    min_frames: int
    max_frames: int
    cap_pixels_per_frame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VitShape:
    """Dimensions of the vision tower that decide its cost.

    Attributes
    ----------
    depth, hidden, intermediate, out_hidden : int
        Blocks, width, MLP width, and width of the language model it feeds.
    mlp_matrices : int
        2 for fc1/fc2, 3 for a gated MLP.
    deepstack_mergers : int
        Mergers beside the final one.
    full_attention_blocks : int
        Blocks that attend over the whole run; the others attend in windows.
    kv_width : int
        Width of keys, and of values; 0 where it is `hidden`, as with as many heads of
        theirs as of queries.
    """

    depth: int
    hidden: int
    intermediate: int
    out_hidden: int
    mlp_matrices: int
    deepstack_mergers: int
    full_attention_blocks: int
    kv_width: int = 0

    @property
    def qkv_width(self) -> int:
        """Width of queries, keys and values together."""
        return self.hidden + 2 * (self.kv_width or self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class LmShape:
    """Dimensions of the language model that decide what a token costs.

    Every layer is attention, full or linear, and behind it either an MLP or experts;
    both are gated: three matrices each.

    Attributes
    ----------
    layers, hidden, vocab : int
        Layers, width, and rows of the embedding.
    tied : bool
        Whether lm_head is the input embedding.
    full_attention_layers : int
        Layers that attend over all tokens, and keep keys and values of each; those that
        neither attend so nor slide are linear attention (Gated DeltaNet), whose state
        does not grow.
    sliding_layers, sliding_window_tokens : int
        Layers of the same attention that attend over the last so many tokens alone, and
        keep those; 0 where no layer does.
    heads, kv_heads, head_dim : int
        Of full and sliding attention.
    attention_biases : {0, 3, 4}
        Its projections with a bias: none, query, key and value, or the output's too.
    qk_norms : bool
        Whether it normalises queries and keys, with one weight a dimension of a head.
    query_gates : bool
        Whether its query projection is twice as wide, to gate what attention yields.
    intermediate : int
        Width of the MLP; 0 where layers have experts.
    experts, experts_per_token, expert_intermediate : int
        Experts of a layer, those a token takes, and the width of one; 0 with an MLP.
    shared_expert_intermediate : int
        Width of the expert every token takes beside them, with a gate; 0 where none.
    linear_key_heads, linear_key_head_dim : int
        Keys, and as many queries, of linear attention; 0 where no layer has it.
    linear_value_heads, linear_value_head_dim : int
        Its values; each key serves a whole number of them.
    linear_conv_kernel : int
        Tokens that its convolution over queries, keys and values sees.
    source : str
        Where the values were read.
    """

    layers: int
    hidden: int
    vocab: int
    tied: bool
    full_attention_layers: int
    sliding_layers: int = 0
    sliding_window_tokens: int = 0
    heads: int
    kv_heads: int
    head_dim: int
    attention_biases: int = 0
    qk_norms: bool = False
    query_gates: bool = False
    intermediate: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_expert_intermediate: int = 0
    linear_key_heads: int = 0
    linear_key_head_dim: int = 0
    linear_value_heads: int = 0
    linear_value_head_dim: int = 0
    linear_conv_kernel: int = 0
    source: str

    def __post_init__(self) -> None:
        """Check that the dimensions fit together.

        Raises
        ------
        ConfigError
            Naming every dimension that is out of range.
        """
        needed = ["layers", "hidden", "vocab", "heads", "kv_heads", "head_dim"]
        needed += [*_EXPERTS] if self.experts else ["intermediate"]
        needed += [*_LINEAR] if self.linear_layers > 0 else []
        needed += ["sliding_window_tokens"] if self.sliding_layers > 0 else []
        problems = [
            f"language model: {field}: expected at least 1, got {value}"
            for field in needed
            if (value := getattr(self, field)) < 1
        ]
        raise_all(problems)
        wrong = {
            f"full_attention_layers: expected 0 to layers ({self.layers}), got "
            f"{self.full_attention_layers}": (
                not 0 <= self.full_attention_layers <= self.layers
            ),
            "sliding_layers: expected 0 to what full_attention_layers leave of layers "
            f"({self.layers - self.full_attention_layers}), got {self.sliding_layers}": (
                not 0 <= self.sliding_layers <= self.layers - self.full_attention_layers
            ),
            f"heads: expected a multiple of kv_heads ({self.kv_heads}), got "
            f"{self.heads}": (self.heads % self.kv_heads > 0),
            f"attention_biases: expected 0, 3 or 4, got {self.attention_biases}": (
                self.attention_biases not in (0, 3, 4)
            ),
            f"experts_per_token: expected at most experts ({self.experts}), got "
            f"{self.experts_per_token}": self.experts_per_token > self.experts,
            f"intermediate: expected 0 beside experts, got {self.intermediate}": (
                self.experts > 0 and self.intermediate > 0
            ),
            "linear_value_heads: expected a multiple of linear_key_heads "
            f"({self.linear_key_heads}), got {self.linear_value_heads}": (
                self.linear_layers > 0
                and self.linear_value_heads % self.linear_key_heads > 0
            ),
        }
        raise_all([f"language model: {what}" for what, holds in wrong.items() if holds])

    @property
    def linear_layers(self) -> int:
        """Layers of linear attention."""
        return self.layers - self.full_attention_layers - self.sliding_layers

    @property
    def attention_layers(self) -> int:
        """Layers that keep keys and values, of all tokens or the last ones."""
        return self.full_attention_layers + self.sliding_layers


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

    Attributes
    ----------
    supported : tuple of int
        Ascending.
    chunk : int
        The multiple that every length must be.
    """

    supported: tuple[int, ...]
    chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillShape:
    """Dimensions of a language model of mixed layers that decide what a chunk costs.

    Attributes
    ----------
    layers, full_layers : int
        All layers, and those of full attention; the others attend in a sliding window.
    hidden, intermediate : int
        Width, and width of the gated MLP.
    wide_layers : int
        Layers whose MLP is twice as wide.
    shared_layers, shared_full_layers : int
        Layers that take keys and values of an earlier one, and those of full attention
        among them.
    heads, kv_heads, full_kv_heads : int
        Query heads, and key heads of sliding and of full attention.
    head_dim, full_head_dim : int
        Width of a head of sliding and of full attention.
    keys_are_values : bool
        Whether full attention has one projection for both.
    experts, experts_per_token, expert_intermediate : int
        Experts beside the MLP, those a token takes, and the width of one; 0 where none.
    per_layer_input : int
        Width of the input that each layer has of its own; 0 where none.
    """

    layers: int
    full_layers: int
    hidden: int
    intermediate: int
    wide_layers: int = 0
    shared_layers: int = 0
    shared_full_layers: int = 0
    heads: int
    kv_heads: int
    full_kv_heads: int
    head_dim: int
    full_head_dim: int
    keys_are_values: bool = False
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    per_layer_input: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """A model as far as bucket choice needs to know it.

    Attributes
    ----------
    name : str
        The checkpoint's name in lower case, without organisation and "-Instruct".
    hf_id : str
        The Hugging Face id, or the base name of the folder it was read from.
    family : str
        The `model_type` of the checkpoint's config.json.
    patch_px, merge, temporal_patch : int
        Patch side in pixels, patches merged along a side, frames in a temporal patch.
    window_patches : int
        Side of an attention window in patches; 0 where every block sees the run.
    checkpoint : PixelLimits
        Image limits the checkpoint ships.
    deployment : PixelLimits or None
        Image limits of the model's published RBLN deployment.
    video : PixelLimits or None
        Video limits the checkpoint ships; None where video falls back to the image's.
    video_rule : {"per_frame", "whole_clip", "refused"}
        What the video limits bound; whether the processor takes no clips.
    sampling : VideoSampling
        Frame sampling.
    vit : VitShape
        The tower.
    lm : LmShape or None
        The language model; None where a folder does not tell it.
    source : str
        Where the tower's values were read.
    notes : tuple of str
        What a reader should know of how they were read, a sentence each.
    soft_tokens : SoftTokens or None
        Where the runtime compares an image's soft tokens and not its ViT patches.
    prefill : PrefillShape or None
        What reads those tokens; given with `soft_tokens`.
    """

    name: str
    hf_id: str
    family: str
    patch_px: int
    merge: int
    temporal_patch: int
    window_patches: int
    checkpoint: PixelLimits
    deployment: PixelLimits | None
    video: PixelLimits | None
    video_rule: VideoRule
    sampling: VideoSampling
    vit: VitShape
    lm: LmShape | None
    source: str
    notes: tuple[str, ...] = ()
    soft_tokens: SoftTokens | None = None
    prefill: PrefillShape | None = None

    def __post_init__(self) -> None:
        """Check that sides divide as the formulas assume.

        Raises
        ------
        ConfigError
            Naming every dimension that is out of range.
        """
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

    @property
    def align(self) -> int:
        """The multiple every bucket must be.

        merge^2, because the merger reshapes by it (optimum-rbln 0.12.0,
        transformers/models/qwen3_vl/modeling_qwen3_vl.py); a whole window for
        windowed towers (qwen2_5_vl/modeling_qwen2_5_vl.py: "must be a multiple of
        window_seq_len"); where lengths count soft tokens the multiple of a chunk.
        """
        if self.soft_tokens:
            return self.soft_tokens.chunk
        return self.window_patches**2 or self.patches_per_merged
