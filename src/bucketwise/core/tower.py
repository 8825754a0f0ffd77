"""What a vision tower holds: its parameters on the device, and those on the host."""

from __future__ import annotations

from bucketwise.core.cost import CHANNELS
from bucketwise.nouns.profile import ModelProfile

POSITIONS = {
    "gemma4": 2 * 10_240,
    "qwen3_vl": 2_304,
    "qwen3_vl_moe": 2_304,
    "qwen3_5": 2_304,
    "qwen3_5_moe": 2_304,
}
"""Rows of the learned position embedding, by family; the others have none
(num_position_embeddings in transformers 5.23.0, models/*/configuration_*.py; Gemma4's are
two tables of position_embedding_size, 5.15.1). The same families, Gemma4 apart, have a
bias in the patch embedding."""

VALUE_BYTES = 2
"""Of an input or output in 16 bits."""

GATED_MATRICES = 3
"""Towers with a gated MLP have RMS norms, one weight a channel; the others have layer
norms, with a bias (transformers 5.23.0, models/qwen2_5_vl/modeling_qwen2_5_vl.py)."""


def device_parameters(profile: ModelProfile) -> int:
    """Return the parameters of a tower that its compiled graphs hold.

    All blocks, the merger and the deepstack mergers, with biases and norms (optimum-rbln
    0.12.0: Qwen3VLVisionModelWrapper in transformers/models/qwen3_vl/
    qwen3_vl_architecture.py, and its likes in qwen2_vl, qwen2_5_vl, qwen3_5 and
    exaone4_5).

    With `host_parameters` the sums equal those of the towers on torch's meta device
    (transformers 5.23.0).
    """
    vit = profile.tower
    norm = 1 if vit.mlp_matrices == GATED_MATRICES else 2
    mlp = vit.mlp_matrices * vit.hidden * vit.intermediate
    matrices = vit.hidden * (vit.qkv_width + vit.hidden) + mlp
    if profile.soft_tokens:
        # It pools instead of merging, has no biases, and normalises what attention and
        # MLP are given and yield (optimum-rbln 0.12.0, transformers/models/gemma4/
        # gemma4_architecture.py, Gemma4VisionModelWrapper).
        return vit.depth * (matrices + 4 * vit.hidden + 2 * vit.normed_head_dim)
    biases = vit.qkv_width + 2 * vit.hidden + (vit.mlp_matrices - 1) * vit.intermediate
    block = matrices + biases + 2 * norm * vit.hidden
    wide = profile.patches_per_merged * vit.hidden
    merger = wide**2 + wide + wide * vit.out_hidden + vit.out_hidden
    # A deepstack merger normalises after it has put patches together.
    norms = norm * (vit.hidden + vit.deepstack_mergers * wide)
    return vit.depth * block + (1 + vit.deepstack_mergers) * merger + norms


def projector_parameters(profile: ModelProfile) -> int:
    """Return the parameters of a projector that is a graph of its own; 0 where none is.

    It leads from the tower to the language model, and runs on one device (optimum-rbln
    0.12.0, transformers/models/gemma4/modeling_gemma4.py, embed_vision).
    """
    return profile.tower.hidden * profile.tower.out_hidden if profile.soft_tokens else 0


def host_parameters(profile: ModelProfile) -> int:
    """Return the parameters of a tower that stay on the host.

    Patch and position embedding run in torch before the graph (optimum-rbln 0.12.0,
    transformers/models/qwen3_vl/modeling_qwen3_vl.py, save_torch_artifacts).
    """
    hidden = profile.tower.hidden
    pixels = CHANNELS * profile.temporal_patch * profile.patch_px**2
    positions = POSITIONS.get(profile.family, 0)
    biases = 1 if positions and not profile.soft_tokens else 0
    return hidden * (pixels + positions + biases)


def io_bytes(profile: ModelProfile, length: int) -> int:
    """Return the least that a graph of a length keeps: its input rows and its output."""
    patch = CHANNELS * profile.temporal_patch * profile.patch_px**2
    merged = -(-length // profile.lengths_per_merged)
    vit = profile.vit
    out = vit.out_hidden * (1 + vit.deepstack_mergers) if vit else 0
    return VALUE_BYTES * (length * patch + merged * out)
