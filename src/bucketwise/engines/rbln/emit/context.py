"""What every emitter is given, and the configuration it puts into its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.core.plan import Decoder, Model, Plan, Visual
from bucketwise.engines.rbln.attention import MAX_GDN_CHUNK
from bucketwise.engines.rbln.base_config import BaseConfig, on_release
from bucketwise.engines.rbln.defaults import in_force
from bucketwise.engines.rbln.keys import FORCED_WITHIN, QWEN3_5, Level
from bucketwise.engines.rbln.model_classes import generates, model_class, within
from bucketwise.engines.rbln.nesting import nested, nested_path
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.targets import RblnTarget


def config_text(context: EmitContext) -> str:
    """Return rbln_config.json."""
    return json.dumps(context.config(), indent=2, allow_nan=False) + "\n"


DOCUMENTED_UNIT = ".documented-unit"
"""Part of every file name whose lengths count merged patches."""

GIVEN = "given"
"""`video_limits_source` of limits somebody set."""

WHOLE_CLIP_FAMILIES = ("qwen3_vl", "qwen3_vl_moe", "qwen3_5")
"""Families whose video limits bound the clip, not the frame (transformers 5.15.1,
models/qwen3_vl/video_processing_qwen3_vl.py); that processor knows `size` alone."""


_ABOVE = tuple(key for key, default in FORCED_WITHIN.items() if default is None)
"""What stands above the language model, where its class has such a level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitContext:
    """One plan for one dialect."""

    model: Model
    """The model and its limits."""
    visual: Visual
    """The ViT half that holds for the dialect."""
    decoder: Decoder | None
    """The decoder half; None keeps the base's batch sizes."""
    base: BaseConfig
    """What the configuration starts from, as the dialect's releases run it."""
    target: RblnTarget
    clips: bool = True
    """Whether clips are sent, and so to be served."""

    @classmethod
    def of(cls, plan: Plan, base: BaseConfig, target: RblnTarget) -> EmitContext:
        """Return what of a plan and a base holds for a dialect."""
        kind = model_class(plan.model.family)
        return cls(
            model=plan.model,
            visual=plan.visual_for(target.version),
            decoder=plan.decoder,
            base=on_release(base, kind, target.parsed),
            target=target,
            clips=plan.traffic.clips > 0,
        )

    @property
    def unsplit_releases(self) -> tuple[str, ...]:
        """Releases of the dialect that split no ViT, where the others split this one."""
        return unsplit_releases(self.target, self.base.mapping, self.model.family)

    @property
    def documented_unit(self) -> bool:
        """Whether lengths count merged patches."""
        return self.visual.bucket_unit == "merged_patches"

    @property
    def unit_suffix(self) -> str:
        """The part of file names that tells the unit; "" for the runtime's own."""
        return DOCUMENTED_UNIT if self.documented_unit else ""

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths to compile, in the plan's unit."""
        if self.documented_unit:
            return self.visual.merged_max_seq_lens
        return self.visual.max_seq_lens

    @property
    def class_name(self) -> str:
        """The class of `optimum.rbln` that compiles and loads the model."""
        return model_class(self.model.family).name

    @property
    def covers(self) -> str:
        """The releases the text is for, in words."""
        return self.target.covers_since(model_class(self.model.family).since)

    @property
    def is_local(self) -> bool:
        """Whether the model is known by the base name of a folder alone."""
        return "/" not in self.model.hf_id

    @property
    def folder(self) -> str:
        """Name of the compiled folder."""
        return self.target.compiled_folder(self.model.name) + self.unit_suffix

    @property
    def max_soft_tokens(self) -> int:
        """What an image is scaled to; 0 where the processor has pixel limits instead."""
        if not self.visual.soft_tokens:
            return 0
        return self.visual.processor.max_pixels // self._soft_token_px

    @property
    def video_soft_tokens(self) -> int:
        """What a frame of a clip is scaled to, where there is such a number."""
        limits = self.visual.processor
        return (limits.video_max_pixels or self.model.video_max_pixels) // (
            self._soft_token_px
        )

    @property
    def _soft_token_px(self) -> int:
        area_px: int = (self.model.merge_size * self.model.patch_size) ** 2
        return area_px

    @property
    def video_limits(self) -> tuple[int, int] | None:
        """Video limits to set beside the image's; None where the checkpoint's stay."""
        if not self.generates:
            return None
        limits = self.visual.processor
        if limits.video_min_pixels is None or limits.video_max_pixels is None:
            return None
        return limits.video_min_pixels, limits.video_max_pixels

    @property
    def inside(self) -> tuple[str, ...]:
        """Keys that lead to the level of the language model; () for the top."""
        return within(self.model.family, {})

    @property
    def generates(self) -> bool:
        """Whether the model generates; one that embeds takes no clips either."""
        return generates(self.model.family)

    def config(self) -> dict[str, Any]:
        """Return the configuration as the model's class takes it, ViT lengths first.

        What a class hands down to its language model stands above it: up to 0.11.1 it
        raises within (optimum-rbln 0.11.1, transformers/models/colqwen2/
        configuration_colqwen2.py).
        """
        level = self.settings()
        if not self.inside:
            return self._nested(level, self.visual.soft_tokens)
        above = {key: level.pop(key) for key in _ABOVE if key in level}
        return self._nested(level) | above

    def settings(self) -> dict[str, Any]:
        """Return it in the dialect's names: `visual`, and the language model's at the top."""
        top = settings_in(
            self.target, self.base.mapping, self.lengths, self.model.family
        )
        if self.decoder:
            top["batch_size"] = self.decoder.batch_size
            top["decoder_batch_sizes"] = list(self.decoder.decoder_batch_sizes)
        return top

    def place(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return where a value of the base stands in the configuration."""
        if not self.inside or path[0] in _ABOVE:
            return nested_path(path, {}, self.model.family)
        return (*self.inside, *path)

    def left_out(self) -> tuple[str, ...]:
        """Return the base's keys that the dialect refuses, dotted."""
        plain = self.base.mapping
        refused = [key for key in self.target.refused_keys("top") if key in plain]
        refused += [
            f"visual.{key}"
            for key in self.target.refused_keys("visual")
            if key in plain["visual"]
        ]
        return tuple(refused)

    def devices(self) -> dict[str, Any]:
        """Return the device numbers of both levels, as loading takes them."""
        return self._nested(devices_in(self.base.mapping))

    def _nested(
        self, level: dict[str, Any], counts: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        """Return the level of the language model where the class has it."""
        for name in reversed(self.inside):
            level = {name: level}
        return nested(level, self.model.family, counts)


def unsplit_releases(
    target: RblnTarget, base: Mapping[str, Any], family: str
) -> tuple[str, ...]:
    """Return releases of a dialect that split no ViT, where the others split this one."""
    kind = model_class(family)
    if base["visual"]["num_devices"] == 1:
        return ()
    return tuple(
        written(version)
        for version in target.releases
        if version >= kind.since and not kind.splits_visual(version)
    )


def settings_in(
    target: RblnTarget, base: Mapping[str, Any], lengths: Sequence[int], family: str
) -> dict[str, Any]:
    """Return a base in a dialect's names, with the lengths of the ViT."""
    top = _dialect(target, base, "top")
    visual = _dialect(target, top.pop("visual"), "visual")
    if _chunk_too_long(target, top, family):
        top["gdn_chunk_size"] = MAX_GDN_CHUNK
    return {"visual": {target.bucket_key: list(lengths)} | visual} | top


def devices_in(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the device numbers of both levels, from 0 up where a base gives none."""
    visual = base["visual"]
    return {
        "device": base.get("device", list(range(base["num_devices"]))),
        "visual": {"device": visual.get("device", list(range(visual["num_devices"])))},
    }


def _chunk_too_long(target: RblnTarget, top: Mapping[str, Any], family: str) -> bool:
    """Return whether linear attention would take a prefill chunk it refuses."""
    if family not in QWEN3_5 or top.get("gdn_chunk_size"):
        return False
    chunk: int = in_force(
        top,
        "gdn_chunk_size",
        target.parsed,
        npu=top.get("npu"),
        family=family,
    )
    return chunk > MAX_GDN_CHUNK


def _dialect(
    target: RblnTarget, level: Mapping[str, Any], name: Level
) -> dict[str, Any]:
    return {
        target.devices_key if key == "num_devices" else key: item
        for key, item in level.items()
        if key not in target.refused_keys(name)
    }
