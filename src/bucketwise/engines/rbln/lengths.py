"""The length a runtime compares with its buckets, by model family and release."""

from __future__ import annotations

from collections.abc import Mapping

from bucketwise.engines.rbln.releases import Version, written

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


UNIT_NOTE = (
    "Vendor documents up to 0.11 give the unit of a bucket as merged patches. The runtime "
    "of every released version compares ViT patches, before the merge, and the docstring "
    "of 0.12.0 says so."
)


def window_note(family: str) -> str:
    """Return what releases count wrong, a sentence; "" for nothing."""
    mended = MISCOUNTED_BEFORE.get(family)
    if mended is None:
        return ""
    return f"Releases before {written(mended)} count one window too many."


def extra_windows(family: str, version: Version) -> int:
    """Return the windows a release counts too many in a run of a windowed tower."""
    mended = MISCOUNTED_BEFORE.get(family)
    return int(mended is not None and version < mended)


def mask_bytes(length: int) -> int:
    """Return the bytes of the attention mask of one graph of that length."""
    return MASK_BYTES_PER_ELEMENT * length**2
