"""The class that compiles and loads each model family, and what its ViT can do."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClass:
    """One class of `optimum.rbln`, by the family it serves.

    Attributes
    ----------
    name : str
        The class; the same in every release from 0.10.2 to 0.12.0
        (optimum/rbln/__init__.py of each wheel, _import_structure).
    visual_splits : bool
        Whether the ViT can be split over devices. Where it cannot, the SDK drops the
        number of devices of a `visual` mapping without a word (optimum-rbln 0.12.0,
        configuration_utils.py, filter_parameters, after the model's `_tp_support`).
    max_seq_len : int
        Context length of the published configuration.
    kvcache_partition_len : int or None
        Its cache partition; None where it runs without flash attention.
    source : str
        Where the last two were read.
    """

    name: str
    visual_splits: bool
    max_seq_len: int
    kvcache_partition_len: int | None
    source: str


# `_tp_support`: transformers/models/qwen3_vl/modeling_qwen3_vl.py sets it for the ViT
# (and the MoE tower inherits it); the Qwen2-VL and Qwen2.5-VL towers do not.
MODEL_CLASSES: dict[str, ModelClass] = {
    "qwen2_vl": ModelClass(
        name="RBLNQwen2VLForConditionalGeneration",
        visual_splits=False,
        max_seq_len=32_768,
        kvcache_partition_len=None,
        source="the class's own example, optimum-rbln 0.12.0, "
        "transformers/models/qwen2_vl/modeling_qwen2_vl.py",
    ),
    "qwen2_5_vl": ModelClass(
        name="RBLNQwen2_5_VLForConditionalGeneration",
        visual_splits=False,
        max_seq_len=114_688,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0, "
        "transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py",
    ),
    "qwen3_vl": ModelClass(
        name="RBLNQwen3VLForConditionalGeneration",
        visual_splits=True,
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0, "
        "transformers/models/qwen3_vl/modeling_qwen3_vl.py",
    ),
    "qwen3_vl_moe": ModelClass(
        name="RBLNQwen3VLMoeForConditionalGeneration",
        visual_splits=True,
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, the Qwen3-VL configuration",
    ),
}


def model_class(family: str) -> ModelClass:
    """Return the class that serves a family.

    Parameters
    ----------
    family : str
        The `model_type` of the checkpoint.

    Raises
    ------
    ConfigError
        When no class is known for it.
    """
    found = MODEL_CLASSES.get(family)
    if found is None:
        known = ", ".join(MODEL_CLASSES)
        message = f"model family: {family!r} found; one of {known} is right"
        raise ConfigError(message)
    return found
