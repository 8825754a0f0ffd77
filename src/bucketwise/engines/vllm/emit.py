"""A plan -> the text of the files that an operator of vLLM runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.core.plan import KEPT, Plan
from bucketwise.engines.serve_script import serve_script
from bucketwise.engines.vllm.base_config import VllmBase
from bucketwise.engines.vllm.capture_sizes import Server, united
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    CAPTURE_SIZES,
    FRAMES,
    RENAMED_ITEMS,
    SWITCH,
    items_key,
)
from bucketwise.engines.vllm.variants import VARIANTS, Variant
from bucketwise.nouns.engine import Target
from bucketwise.words.text import one_line

ONE_IMAGE = 1
"""Images of a replay: each by itself, so that it computes what was priced, however many
come together."""

NESTED_SINCE = (0, 30, 0)
"""From here on limits of images can be given apart from those of clips
(multimodal/processing, images_kwargs)."""


_RULES = (
    "Budgets are merged tokens, those that the language model sees. An image is replayed "
    "on the smallest that holds it; a larger one runs without a graph. By default vLLM "
    "captures no graph of the encoder at all."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitContext:
    """One plan for one target.

    Attributes
    ----------
    plan : Plan
        The answer.
    base : VllmBase
        What stands beside it.
    target : Target
        The releases.
    """

    plan: Plan
    base: VllmBase
    target: Target

    @property
    def variant(self) -> Variant:
        """What the package has of its own."""
        return VARIANTS[self.target.sdk]

    @property
    def budgets(self) -> tuple[int, ...]:
        """Merged tokens of each graph."""
        return self.plan.visual_for(self.target.version).merged_max_seq_lens

    @property
    def frames(self) -> int:
        """Temporal patches of the longest clip; 0 where clips are switched off."""
        return self.base.frames if self.target.parsed >= RENAMED_ITEMS else 0

    @property
    def capture_sizes(self) -> tuple[int, ...]:
        """Sizes of the language model's graphs; () where vLLM's own stay."""
        decoder = self.plan.decoder
        if decoder is None or not decoder.evidence.samples:
            return ()
        if decoder.decision.rule == KEPT:
            return ()
        server = Server(max_num_seqs=decoder.batch_size, release=self.target.parsed)
        return united(decoder.decoder_batch_sizes, server, self.variant.own(server))

    def compilation(self) -> dict[str, Any]:
        """Return the compilation config."""
        return {
            **self.base.mapping,
            SWITCH: True,
            BUDGETS: list(self.budgets),
            items_key(self.target.parsed): ONE_IMAGE,
            **({FRAMES: self.frames} if self.frames else {}),
            **({CAPTURE_SIZES: list(self.capture_sizes)} if self._sets_sizes else {}),
        }

    @property
    def _sets_sizes(self) -> bool:
        return bool(self.capture_sizes) and self.variant.sizes_key == CAPTURE_SIZES

    def additional(self) -> dict[str, Any]:
        """Return --additional-config; {} for none."""
        if not self.capture_sizes or self._sets_sizes:
            return {}
        return {self.variant.sizes_key: list(self.capture_sizes)}

    def processor(self) -> dict[str, Any]:
        """Return the image limits to set; {} where they are the checkpoint's own."""
        limits, model = self.plan.visual.processor, self.plan.model
        if limits.max_pixels == model.max_pixels and model.limits_source != "given":
            return {}
        pixels = {"min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels}
        nested = self.frames and self.target.parsed >= NESTED_SINCE
        return {"images_kwargs": pixels} if nested else pixels


def compilation_text(context: EmitContext) -> str:
    """Return compilation_config.json."""
    return json.dumps(context.compilation(), indent=2) + "\n"


def serve_text(context: EmitContext) -> str:
    """Return serve.sh."""
    plan, visual = context.plan, context.plan.visual_for(context.target.version)
    lines = [
        f"Serve {one_line(plan.model.hf_id)} with {context.target.covers}.",
        "",
        _RULES,
        "",
        *(
            f"{budget:,} merged tokens: {use.share:.1%} of the images"
            + (
                f", up to {use.largest_square:,} x {use.largest_square:,} px"
                if plan.model.has_pixel_limits
                else ""
            )
            for budget, use in zip(
                visual.merged_max_seq_lens, visual.buckets, strict=False
            )
        ),
    ]
    if context.variant.note:
        lines += ["", context.variant.note]
    if not context.frames:
        lines += [
            "",
            "No clip was in the traffic: with them every graph would be larger.",
        ]
    return serve_script(plan.model.hf_id, lines, _flags(context))


def _flags(context: EmitContext) -> list[str]:
    processor, decoder = context.processor(), context.plan.decoder
    flags = []
    if not context.frames:
        flags.append(_json_flag("--limit-mm-per-prompt", {"video": 0}))
    if processor:
        flags.append(_json_flag("--mm-processor-kwargs", processor))
    if context.base.max_model_len:
        flags.append(f"--max-model-len {context.base.max_model_len}")
    given = context.plan.provenance.options.get("batch_size")
    if decoder is not None and (given or context.capture_sizes):
        flags.append(f"--max-num-seqs {decoder.batch_size}")
    if additional := context.additional():
        flags.append(_json_flag("--additional-config", additional))
    return [*flags, _json_flag("--compilation-config", context.compilation())]


def _json_flag(name: str, value: object) -> str:
    return f"{name} {shlex.quote(json.dumps(value))}"


EMITTERS = {"compilation_config.json": compilation_text, "serve.sh": serve_text}
"""File name -> its text."""

EMITTED = re.compile(
    r"(?:vllm|vllm-ascend|tpu-inference)-[\d.]+/(?:compilation_config\.json|serve\.sh)"
)
"""Paths of what is written among the results."""


def emit(plan: Plan, base: VllmBase, targets: Sequence[Target]) -> dict[str, str]:
    """Return every file for every target."""
    return {
        f"{target.folder}/{name}": text(
            EmitContext(plan=plan, base=base, target=target)
        )
        for target in targets
        for name, text in EMITTERS.items()
    }
