"""What the SDK does with several decoder graphs, by model family and target."""

from __future__ import annotations

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
