"""The length a runtime compares with its buckets, by model family and release."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bucketwise.engines.rbln.releases import Version
from bucketwise.nouns.traffic import IntArray

LARGEST_PUBLISHED_PATCHES = 16_384
"""The largest ViT length any published RBLN configuration compiles (RBLN Model Zoo,
qwen3-vl compile.py). Above it nobody has shown that a graph compiles."""

MASK_BYTES_PER_ELEMENT = 2
"""The attention mask is an input of shape [1, 1, S, S] in the model's dtype, 16 bit at
the least (optimum-rbln 0.12.0, transformers/models/qwen3_vl/modeling_qwen3_vl.py,
_update_rbln_config)."""

MISCOUNTED_BEFORE: Mapping[str, Version] = {
    "qwen2_5_vl": (0, 12, 0),
    "colqwen2": (0, 12, 0),
}
"""Families whose runtime counts window boundaries instead of windows, one window too
many, and the release that mended it (transformers/models/qwen2_5_vl/
modeling_qwen2_5_vl.py; optimum-rbln pull request 762). ColQwen2 runs that tower where
its checkpoint is made from one. EXAONE-4.5's own has counted right from the first
(transformers/models/exaone4_5/modeling_exaone4_5.py)."""


def extra_windows(family: str, version: Version) -> int:
    """Return the windows a release counts too many in a run of a windowed tower.

    Parameters
    ----------
    family : str
        The `model_type` of the checkpoint.
    version : tuple of int
        The optimum-rbln release.
    """
    mended = MISCOUNTED_BEFORE.get(family)
    return int(mended is not None and version < mended)


def needed_lengths(
    grid_h: IntArray, grid_w: IntArray, window_patches: int, extra: int
) -> IntArray:
    """Return the length the runtime needs for one run of each grid.

    A run without windows needs its ViT patches. With windows of w x w patches every
    window, even a partial one, is padded to w^2 (`_pad_for_window_attn_layers` in
    transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py).

    Parameters
    ----------
    grid_h, grid_w : ndarray of int64, shape (n,)
        Patches along each side after the processor's resize.
    window_patches : int
        Side of a window in patches; 0 for none.
    extra : int
        Windows counted too many, as `extra_windows` tells.

    Returns
    -------
    ndarray of int64, shape (n,)
        Needed lengths in ViT patches.
    """
    if not window_patches:
        return grid_h * grid_w
    windows = -(-grid_h // window_patches) * -(-grid_w // window_patches) + extra
    return np.asarray(windows * window_patches**2, dtype=np.int64)


def least_needed(vit_patches: IntArray, window_patches: int, extra: int) -> IntArray:
    """Return the least length a run of that many patches can need, whatever its grid.

    Parameters
    ----------
    vit_patches : ndarray of int64, shape (n,)
        Patches of one run.
    window_patches : int
        Side of a window in patches; 0 for none.
    extra : int
        Windows counted too many, as `extra_windows` tells.

    Returns
    -------
    ndarray of int64, shape (n,)
        `vit_patches` without windows; with windows, as if all but one were full.
    """
    if not window_patches:
        return vit_patches
    side = np.full_like(vit_patches, window_patches)
    return needed_lengths(
        side, -(-vit_patches // window_patches), window_patches, extra
    )


def mask_bytes(length: int) -> int:
    """Return the bytes of the attention mask of one graph of that length."""
    return MASK_BYTES_PER_ELEMENT * length**2
