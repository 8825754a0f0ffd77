"""The releases that are planned for: what they are called, and what they serve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.core.plan import Plan
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import ListToSet, Target, Version, parse_version, written
from bucketwise.nouns.profile import ModelProfile

TEXT_SECTION, NXDI_VISION = "text_neuron_config", "vision_neuron_config"
"""Within `override_neuron_config`, which vLLM hands to NxD Inference."""

OVERRIDE = "override_neuron_config"
BUCKETS, SWITCH, SEQ_LEN = "buckets", "enable_bucketing", "seq_len"
BATCHES, WHOLE_BATCH = "token_generation_batches", "tkg_batch_size"

NEURON_SECTION, VISION_SECTION = "neuron_config", "vision_neuron_config"
"""Of what vLLM Neuron takes."""

LATER_VISION = "encoder_neuron_config"
"""Its name from 0.29.0.1.2.0 on, with SDK 2.33."""

BLOCK, TOKENS = "vision_attention_block_size", "num_vision_tokens_buckets"
SEQS = "num_seqs_buckets"

SERVED = frozenset({"qwen3_vl"})
"""Families with lists of patches (neuronx-distributed-inference 4bcdc54b, models;
AWS Neuron SDK 2.32.0, vllm-neuron/docs/model-recipes)."""

BY_IMAGES = frozenset({"qwen2_vl"})
"""Families that NxD Inference pads to numbers of images of one size."""

ONE_SIZE = (
    "NxD Inference pads images of {family} to one size, default_image_width times "
    "default_image_height, and its buckets are numbers of images: no list of lengths is "
    "planned"
)

ALL_TARGETS = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronTarget(Target):
    """Releases of one of the two."""

    lists: str
    """What it calls its lists."""

    @property
    def keys(self) -> str:
        """What it calls its lists."""
        return self.lists


@dataclass(frozen=True, slots=True)
class Stack:
    """What one of the two is planned for."""

    target: NeuronTarget
    level: str
    """What holds the list of lengths."""
    key: str
    """Its name."""

    @property
    def sdk(self) -> str:
        """The package."""
        return self.target.sdk

    def named(self, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets asked for; all of them without a name."""
        for name in names:
            text = name.strip().lower().removeprefix(self.sdk).lstrip("=@ ")
            if parse_version(text)[:2] != self.target.parsed[:2]:
                message = f"--target: expected {self.target.name}, got {name!r}"
                raise UsageError(message)
        return (self.target,)

    def of(self, family: str) -> tuple[Target, ...]:
        """Return the targets that take lists for a family."""
        return (self.target,) if family in SERVED else ()

    def pick(self, family: str, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets to plan for: those named, the newest without a name.

        Raises
        ------
        ConfigError
            Where one that was named takes no list for the family.
        """
        named = tuple(each for each in names if each != ALL_TARGETS)
        found = self.of(family)
        if named and self.named(named) and not found:
            why = self.refusal_of(family) or (
                f"{self.sdk} has no class for {family} that takes lengths; expected "
                f"{' or '.join(sorted(SERVED))}"
            )
            message = f"--target: {why}"
            raise ConfigError(message)
        return found

    def refusal_of(self, family: str) -> str:
        """Return why no list is planned for a family; "" where one is, or it is unknown."""
        if family in BY_IMAGES and self is NXDI_STACK:
            return ONE_SIZE.format(family=family)
        return ""

    def refusal(self, profile: ModelProfile) -> str:
        """Return the same of a model, as a sentence."""
        words = self.refusal_of(profile.family)
        return f"{words}." if words else ""

    def lists_to_set(self, plan: Plan) -> tuple[ListToSet, ...]:
        """Return the list of lengths by its name."""
        if not self.of(plan.model.family):
            return ()
        return (
            ListToSet(
                level=self.level,
                key=self.key,
                lengths=plan.visual.vit_max_seq_lens,
                first=written(self.target.least),
                last=self.target.version,
                is_oldest=True,
                is_newest=True,
            ),
        )


def _target(sdk: str, release: Version, lists: str, covers: str) -> NeuronTarget:
    name = written(release)
    return NeuronTarget(
        sdk=sdk,
        version=name,
        covers=f"{sdk} {name} ({covers})",
        releases=(release,),
        lists=lists,
    )


NXDI_STACK = Stack(
    _target(
        "neuronx-distributed-inference",
        (0, 10, 18399),
        f"{BUCKETS}, {BATCHES}",
        "Neuron SDK 2.31 and 2.32",
    ),
    NXDI_VISION,
    BUCKETS,
)
VLLM_STACK = Stack(
    _target(
        "vllm-neuron",
        (0, 24, 0, 1, 1, 0),
        f"{BLOCK}, {TOKENS}, {SEQS}",
        "Neuron SDK 2.32",
    ),
    VISION_SECTION,
    BLOCK,
)
