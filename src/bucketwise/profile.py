"""What a checkpoint's processor and ViT are: sizes, limits, dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bucketwise.errors import raise_all

VideoRule = Literal["per_frame", "whole_clip"]


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
        if self.min_pixels < 1:
            problems.append(f"min_pixels: {self.min_pixels} found; at least 1 is right")
        if self.max_pixels < max(self.min_pixels, 1):
            problems.append(
                f"max_pixels: {self.max_pixels} found; at least min_pixels "
                f"({self.min_pixels}) is right"
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
    """

    depth: int
    hidden: int
    intermediate: int
    out_hidden: int
    mlp_matrices: int
    deepstack_mergers: int
    full_attention_blocks: int


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
    video_rule : {"per_frame", "whole_clip"}
        What the video limits bound.
    sampling : VideoSampling
        Frame sampling.
    vit : VitShape
        The tower.
    source : str
        Where the values were read.
    notes : tuple of str
        What a reader should know of how they were read, a sentence each.
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
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that sides divide as the formulas assume.

        Raises
        ------
        ConfigError
            Naming every dimension that is out of range.
        """
        problems = [
            f"{self.name}: {field} is {value}; at least 1 is right"
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
    def align(self) -> int:
        """The multiple every bucket must be.

        merge^2, because the merger reshapes by it (optimum-rbln 0.12.0,
        transformers/models/qwen3_vl/modeling_qwen3_vl.py); a whole window for
        windowed towers (qwen2_5_vl/modeling_qwen2_5_vl.py: "must be a multiple of
        window_seq_len").
        """
        return self.window_patches**2 or self.patches_per_merged
