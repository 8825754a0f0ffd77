"""The model families bucketwise emits for, by the names the SDK gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.conformance.releases import Release, Version

BUCKETS = (1_024, 4_096, 16_384)
"""Lengths every tower takes: multiples of 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family.

    Attributes
    ----------
    checkpoint : str
        A built-in model of bucketwise that belongs to it.
    stem, task : str
        What names its classes: `<stem>Config` and `<stem><task>` in transformers, and
        `RBLN<stem><task>` in optimum.rbln.
    tower : str
        The class of its ViT in optimum.rbln.
    since : tuple of int
        The release its class came with.
    gold : str
        Its recorded sizes, a file of tests/gold.
    limits : tuple of int
        The recorded pixel limits under which few sizes outgrow 16,384 patches.
    splits : bool
        Whether its ViT takes several devices.
    window : int
        Side of its windows in patches; 0 for none.
    within, language_model : str
        The submodule that holds its language model, and the class of that; "" where the
        class itself is one.
    """

    checkpoint: str
    stem: str
    task: str = "ForConditionalGeneration"
    tower: str
    since: Version = (0, 10, 2)
    gold: str
    limits: tuple[int, int]
    splits: bool
    window: int = 0
    within: str = ""
    language_model: str = ""

    @property
    def model_class(self) -> str:
        """The class that compiles and loads it."""
        return f"RBLN{self.stem}{self.task}"

    @property
    def generates(self) -> bool:
        """Whether it has a decoder."""
        return not self.within

    def level(self, config: Any) -> Any:
        """Return the settings of its language model in a configuration or an object."""
        if not self.within:
            return config
        if isinstance(config, dict):
            return config[self.within]
        # The class that holds a language model calls it otherwise once it is loaded.
        loaded = getattr(config, f"{self.within}_model", None)
        return getattr(config, self.within) if loaded is None else loaded

    def nested(self, level: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with those settings, where its class has them."""
        if not self.within:
            return level
        above = {name: level[name] for name in ("batch_size",) if name in level}
        below = {name: value for name, value in level.items() if name not in above}
        return {self.within: below} | above

    def served_by(self, release: Release) -> bool:
        """Return whether a release has its class."""
        return release.parsed >= self.since


FAMILIES: dict[str, Family] = {
    "qwen2_vl": Family(
        checkpoint="qwen2-vl-7b",
        stem="Qwen2VL",
        tower="RBLNQwen2VisionTransformerPretrainedModel",
        gold="qwen2_vl.csv.gz",
        limits=(3_136, 3_211_264),
        splits=False,
    ),
    "qwen2_5_vl": Family(
        checkpoint="qwen2.5-vl-7b",
        stem="Qwen2_5_VL",
        tower="RBLNQwen2_5_VisionTransformerPretrainedModel",
        gold="qwen2_5_vl.csv.gz",
        limits=(3_136, 3_211_264),
        splits=False,
        window=8,
    ),
    "qwen3_vl": Family(
        checkpoint="qwen3-vl-2b",
        stem="Qwen3VL",
        tower="RBLNQwen3VLVisionModel",
        gold="qwen3_vl.csv.gz",
        limits=(65_536, 4_194_304),
        splits=True,
    ),
    "qwen3_vl_moe": Family(
        checkpoint="qwen3-vl-30b-a3b",
        stem="Qwen3VLMoe",
        tower="RBLNQwen3VLMoeVisionModel",
        gold="qwen3_vl.csv.gz",
        limits=(65_536, 1_003_520),
        splits=True,
    ),
    "qwen3_5": Family(
        checkpoint="qwen3.5-4b",
        stem="Qwen3_5",
        tower="RBLNQwen3_5VisionModel",
        since=(0, 11, 1),
        gold="qwen3_5.csv.gz",
        limits=(65_536, 3_211_264),
        splits=True,
    ),
    "exaone4_5": Family(
        checkpoint="exaone-4.5-33b",
        stem="Exaone4_5_",
        tower="RBLNExaone4_5_VisionModel",
        since=(0, 11, 0),
        gold="exaone4_5.csv.gz",
        limits=(3_136, 3_211_264),
        splits=True,
        window=8,
    ),
    "colqwen2": Family(
        checkpoint="colqwen2-v1.0-hf",
        stem="ColQwen2",
        task="ForRetrieval",
        tower="RBLNQwen2VisionTransformerPretrainedModel",
        gold="colqwen2.csv.gz",
        limits=(3_136, 3_211_264),
        splits=False,
        within="vlm",
        language_model="RBLNQwen2VLModel",
    ),
}
