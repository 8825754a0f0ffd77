"""What a runtime does with compiled shapes: the lengths it compares, the decoder graphs it runs."""

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


FULL_BATCH_FAMILIES = frozenset({"qwen3_5", "qwen3_5_moe"})
"""Families whose sequences are pinned to their rows of the state, so that every step
runs the whole batch (vllm-rbln 0.12.0, model_executor/models/optimum/qwen3_vl.py)."""


EXACT_BATCH_FAMILIES = frozenset({"gemma4"})
"""Families whose own generate() takes the graph of exactly the batch that it is given
(optimum-rbln 0.12.0, transformers/models/gemma4/modeling_gemma4.py, forward)."""


def picks_smaller_graphs(family: str) -> bool:
    """Return whether some server runs a family on the smallest graph that holds it."""
    return family not in FULL_BATCH_FAMILIES


def vendor_pattern(batch_size: int) -> tuple[int, ...]:
    """Return 1, half and all of the batch: what the vendor's guides compile."""
    return tuple(sorted({1, max(batch_size // 2, 1), batch_size}))


def graph_rules(family: str, batch_size: int) -> tuple[str, ...]:
    """Return what holds for every list of decoder graphs, a sentence each."""
    # optimum-rbln 0.12.0, transformers/models/decoderonly/configuration_decoderonly.py
    # and modeling_decoderonly.py.
    needed = (
        f"batch_size {batch_size} is in the list, because every release needs its graph; "
        "a list of one other size is not checked, and the compile ends in a KeyError"
    )
    if not picks_smaller_graphs(family):
        whole = (
            "every step of this model runs the whole batch, in vllm-rbln 0.12.0 too: "
            "a smaller graph would never be used"
        )
        return needed, whole
    # vllm-rbln 0.12.0, utils/optimum/bucket.py; optimum-rbln 0.12.0,
    # transformers/models/qwen3_vl/modeling_qwen3_vl.py (self.decoder).
    own = (
        "takes the graph of exactly the batch it is given, and raises without one"
        if family in EXACT_BATCH_FAMILIES
        else "always runs the graph of batch_size for this model"
    )
    chosen = (
        "only vllm-rbln runs the smallest graph that holds the running requests; "
        f"generate() of optimum-rbln {own}"
    )
    # vllm-rbln 0.12.0, config.py, _resolve.
    native = (
        "vllm-rbln's --rbln-decode-batch-bucket-strategy and the like are for models that "
        "vLLM runs itself: with one of them this model does not start"
    )
    return needed, chosen, native
