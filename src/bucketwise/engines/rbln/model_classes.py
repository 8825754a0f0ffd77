"""The class that compiles and loads each model family, and what its ViT can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.releases import Version, written
from bucketwise.engines.rbln.targets import (
    ALL_TARGETS,
    SDK,
    TARGETS,
    RblnTarget,
    pick_targets,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import ModelProfile

NEWEST = list(TARGETS)[-1]
"""The newest release looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClass:
    """One class of `optimum.rbln`, by the family it serves."""

    name: str
    """The class; the same in every release that has it (optimum/rbln/__init__.py of
    each wheel, _import_structure)."""
    tower: str
    """The class of its ViT; with "Config" behind it that of the ViT's configuration."""
    since: Version = (0, 10, 2)
    """The release it came with; the dialects start at 0.10.2."""
    visual_splits_since: Version | None
    """The release from which the ViT can be split over devices; None where no release
    splits it. A release that cannot drops the number of devices of a `visual` mapping
    without a word (optimum-rbln 0.12.0, configuration_utils.py, filter_parameters,
    after the model's `_tp_support`)."""
    max_seq_len: int
    """Context length of the published configuration."""
    kvcache_partition_len: int | None
    """Its cache partition; None where it runs without flash attention."""
    devices: int = 8
    visual_devices: int = 0
    """Devices of its language model, and of its ViT; 0 where the ViT has as many."""
    source: str
    """Where these were read."""
    within: str = ""
    """The submodule that holds the settings which others have at the top, `visual`
    among them; "" where they are at the top."""
    generates: bool = True
    """Whether it generates: one that embeds pages has no decoder, takes no clips, and
    vllm-rbln has no class for it."""

    def splits_visual(self, version: Version) -> bool:
        """Return whether a release can split the ViT over devices."""
        since = self.visual_splits_since
        return since is not None and version >= since


# `_tp_support`: transformers/models/qwen3_vl/modeling_qwen3_vl.py sets it for the ViT
# from 0.10.3 on (and the MoE tower inherits it), qwen3_5/modeling_qwen3_5.py and
# exaone4_5/modeling_exaone4_5.py from their first release; the Qwen2-VL and Qwen2.5-VL
# towers do not. No release has a class for qwen3_5_moe.
MODEL_CLASSES: dict[str, ModelClass] = {
    "qwen2_vl": ModelClass(
        name="RBLNQwen2VLForConditionalGeneration",
        tower="RBLNQwen2VisionTransformerPretrainedModel",
        visual_splits_since=None,
        max_seq_len=32_768,
        kvcache_partition_len=None,
        source="the class's own example, optimum-rbln 0.12.0, "
        "transformers/models/qwen2_vl/modeling_qwen2_vl.py",
    ),
    "qwen2_5_vl": ModelClass(
        name="RBLNQwen2_5_VLForConditionalGeneration",
        tower="RBLNQwen2_5_VisionTransformerPretrainedModel",
        visual_splits_since=None,
        max_seq_len=114_688,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0, "
        "transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py",
    ),
    "qwen3_vl": ModelClass(
        name="RBLNQwen3VLForConditionalGeneration",
        tower="RBLNQwen3VLVisionModel",
        visual_splits_since=(0, 10, 3),
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0, "
        "transformers/models/qwen3_vl/modeling_qwen3_vl.py",
    ),
    "qwen3_vl_moe": ModelClass(
        name="RBLNQwen3VLMoeForConditionalGeneration",
        tower="RBLNQwen3VLMoeVisionModel",
        visual_splits_since=(0, 10, 3),
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="RBLN Model Zoo, the Qwen3-VL configuration",
    ),
    "qwen3_5": ModelClass(
        name="RBLNQwen3_5ForConditionalGeneration",
        tower="RBLNQwen3_5VisionModel",
        since=(0, 11, 1),
        visual_splits_since=(0, 11, 1),
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="the class's own example, optimum-rbln 0.12.0, "
        "transformers/models/qwen3_5/modeling_qwen3_5.py",
    ),
    "gemma4": ModelClass(
        name="RBLNGemma4ForConditionalGeneration",
        tower="RBLNGemma4VisionModel",
        since=(0, 11, 0),
        visual_splits_since=(0, 11, 0),
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        devices=16,
        visual_devices=8,
        source="RBLN Model Zoo, image-text-to-text/gemma4/gemma-4-26b-a4b and gemma-4-31b",
    ),
    "exaone4_5": ModelClass(
        name="RBLNExaone4_5_ForConditionalGeneration",
        tower="RBLNExaone4_5_VisionModel",
        since=(0, 11, 0),
        visual_splits_since=(0, 11, 0),
        max_seq_len=262_144,
        kvcache_partition_len=16_384,
        source="the context of the checkpoint (its card's own server), in partitions as "
        "Qwen3-VL's; no RBLN configuration of it is published",
    ),
    # RBLNColQwen2ForRetrieval came with 0.9.2. Its language model is Qwen2-VL's without a
    # decoder (transformers/models/colqwen2/modeling_colqwen2.py, `_rbln_submodules`).
    "colqwen2": ModelClass(
        name="RBLNColQwen2ForRetrieval",
        tower="RBLNQwen2VisionTransformerPretrainedModel",
        visual_splits_since=None,
        max_seq_len=32_768,
        kvcache_partition_len=None,
        devices=4,
        source="RBLN Model Zoo, visual-document-retrieval/colqwen2",
        within="vlm",
        generates=False,
    ),
}


SUBMODULES = (
    "visual",
    "vision_tower",
    "vision_model",
    "language_model",
    "text_model",
    "multi_modal_projector",
    "audio_tower",
    "vlm",
)
"""Submodules that some multimodal class has; those of this table have `visual` alone, or
`vlm` with it within (`submodules` of each configuration class, optimum-rbln 0.12.0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneClass:
    """A class that a release removed, and what took its place."""

    gone_in: Version
    instead: str


AUTO_CLASSES: dict[str, GoneClass] = {
    "RBLNAutoModelForVision2Seq": GoneClass(
        gone_in=(0, 11, 0), instead="RBLNAutoModelForImageTextToText"
    ),
}
"""Automatic classes that are gone (optimum/rbln/__init__.py of each wheel)."""


def model_class(family: str) -> ModelClass:
    """Return the class that serves a family."""
    found = MODEL_CLASSES.get(family)
    if found is None:
        known = ", ".join(MODEL_CLASSES)
        message = (
            f"model family: expected one of {known}, got {family!r}; optimum-rbln up "
            f"to {NEWEST} has a class for no other"
        )
        raise ConfigError(message)
    return found


def generates(family: str) -> bool:
    """Return whether a family generates; one that nobody knows is taken to."""
    found = MODEL_CLASSES.get(family)
    return found is None or found.generates


def within(family: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that lead to the settings of the language model."""
    found = MODEL_CLASSES.get(family)
    if found is not None:
        return (found.within,) if found.within else ()
    holders = {kind.within for kind in MODEL_CLASSES.values() if kind.within}
    return tuple(
        name
        for name in sorted(holders)
        if isinstance(config.get(name), Mapping) and "visual" in config[name]
    )[:1]


ONE_SIZE = ("gemma3", "llava", "llava_next", "paligemma", "idefics3", "pixtral")
"""Families whose class compiles the tower for images of one size (optimum-rbln 0.12.0,
transformers/models/<family>/configuration_<family>.py; Pixtral's max_image_size)."""


def one_size(family: str) -> str:
    """Return why the class of a family takes no lengths, in words; "" for no such class."""
    if family not in ONE_SIZE:
        return ""
    return (
        f"The class that {SDK} has for {family} compiles its tower for images of one size: "
        "there are no lengths to choose, and no configuration is written."
    )


def refusal(profile: ModelProfile) -> str:
    """Return why no release compiles a model of a family that has a class, in words.

    A layer that borrows keys and values has no projections of them (transformers 5.8.1
    and 5.15.1, models/gemma4/modeling_gemma4.py, Gemma4TextAttention), and every layer
    is asked for them (optimum-rbln 0.11.0 to 0.12.0, transformers/models/decoderonly/
    decoderonly_architecture.py, DecoderOnlyAttention.__post_init__).
    """
    shape = profile.lm
    if shape is None or profile.family not in MODEL_CLASSES:
        return ""
    borrowing = sum(each.borrowing_layers for each in shape.attention)
    if not borrowing:
        return ""
    return (
        f"No {SDK} up to {NEWEST} compiles it: {borrowing} of its {shape.layers} layers "
        "take keys and values of an earlier one, and the class asks each for a "
        "projection of its own, which they lack."
    )


def splits_visual(family: str, version: Version) -> bool:
    """Return whether a release splits the ViT of a family over devices."""
    found = MODEL_CLASSES.get(family)
    kinds = MODEL_CLASSES.values() if found is None else [found]
    return any(kind.splits_visual(version) for kind in kinds)


def serves(target: RblnTarget, family: str) -> bool:
    """Return whether some release the dialect covers compiles the family."""
    found = MODEL_CLASSES.get(family)
    return found is not None and target.parsed >= found.since


def first_release(target: RblnTarget, family: str) -> str:
    """Return the oldest release of a dialect that compiles the family."""
    return ".".join(map(str, max(target.least, model_class(family).since)))


def serving_targets(family: str, names: Iterable[str] = ()) -> tuple[RblnTarget, ...]:
    """Return the dialects asked for, oldest first, that compile a family."""
    asked = tuple(names)
    targets = pick_targets(asked)
    lacking = [target.name for target in targets if not serves(target, family)]
    if asked and lacking:
        able = [target.name for target in TARGETS.values() if serves(target, family)]
        right = f"expected {' or '.join(able)}" if able else "leave --target out"
        message = (
            f"--target: {', '.join(lacking)} cannot compile {family}"
            f"{_since(family)}; {right}"
        )
        raise ConfigError(message)
    return tuple(target for target in targets if serves(target, family))


def targets_to_plan(family: str, names: Iterable[str]) -> tuple[RblnTarget, ...]:
    """Return the dialects to plan for: those named, each for "all", else the newest."""
    asked = tuple(names)
    if ALL_TARGETS in asked:
        return serving_targets(family)
    return serving_targets(family, asked) if asked else serving_targets(family)[-1:]


def _since(family: str) -> str:
    """Return when the class of a family came, in words; "" where none did."""
    found = MODEL_CLASSES.get(family)
    return "" if found is None else f", whose class came with {written(found.since)}"
