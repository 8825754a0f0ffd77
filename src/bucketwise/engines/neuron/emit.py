"""A plan -> the text of the files that an operator of AWS Neuron runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.core.plan import Plan
from bucketwise.engines.neuron.base_config import NeuronBase
from bucketwise.engines.neuron.targets import (
    BATCHES,
    BLOCK,
    BUCKETS,
    NEURON_SECTION,
    NXDI_STACK,
    NXDI_VISION,
    OVERRIDE,
    SEQ_LEN,
    SEQS,
    SWITCH,
    TEXT_SECTION,
    TOKENS,
    VISION_SECTION,
    VLLM_STACK,
    WHOLE_BATCH,
)
from bucketwise.engines.serve_script import serve_script
from bucketwise.nouns.engine import Target
from bucketwise.words.text import one_line

_NXDI_RULES = (
    "Buckets are ViT patches before the merge, those of all images of a request together. "
    "A request runs on the first that holds it, so that they ascend; above the last it "
    "fails. Each bucket is a compile."
)
_BLOCK_RULES = (
    "Every image and every frame of a clip takes a whole block of ViT patches before the "
    "merge. A call is given the smallest bucket that holds the sum of its patches, and "
    "fails where it has fewer blocks than images. Each bucket is a compile."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitContext:
    """One plan for one target."""

    plan: Plan
    base: NeuronBase
    target: Target

    @property
    def lengths(self) -> tuple[int, ...]:
        """ViT patches of each graph."""
        return self.plan.visual_for(self.target.version).vit_max_seq_lens

    @property
    def decode(self) -> tuple[int, ...]:
        """Batch sizes of the decoder; () where the load does not tell."""
        decoder = self.plan.decoder
        known = decoder is not None and decoder.evidence.samples
        return decoder.decoder_batch_sizes if decoder is not None and known else ()

    @property
    def has_batches(self) -> bool:
        """Whether some are below the whole batch, which is compiled in any case."""
        return len(self.decode) > 1

    def section(self, name: str, **settings: Any) -> dict[str, Any]:
        """Return a section that was given, with settings in their place."""
        return {name: {**self.base.given.get(name, {}), **settings}}

    @property
    def is_nxdi(self) -> bool:
        """Whether it is for NxD Inference."""
        return self.target.sdk == NXDI_STACK.sdk


def nxdi_config(context: EmitContext) -> dict[str, Any]:
    """Return --additional-config of NxD Inference."""
    lengths = context.lengths
    text: dict[str, Any] = {}
    if context.decode:
        text[WHOLE_BATCH] = context.decode[-1]
    if context.has_batches:
        text[BATCHES] = [*context.decode]
    vision = {SWITCH: True, BUCKETS: [*lengths], SEQ_LEN: lengths[-1]}
    override = {
        **context.base.given,
        **(context.section(TEXT_SECTION, **text) if text else {}),
        **context.section(NXDI_VISION, **vision),
    }
    return {OVERRIDE: override}


def vllm_config(context: EmitContext) -> dict[str, Any]:
    """Return --additional-config of vLLM Neuron."""
    block = context.lengths[-1]
    text = {SEQS: [*context.decode]} if context.decode else {}
    vision = {BLOCK: block, TOKENS: [each * block for each in context.base.counts]}
    return {
        **context.base.given,
        **(context.section(NEURON_SECTION, **text) if text else {}),
        **context.section(VISION_SECTION, **vision),
    }


def config_of(context: EmitContext) -> Mapping[str, Any]:
    """Return --additional-config."""
    return nxdi_config(context) if context.is_nxdi else vllm_config(context)


def config_text(context: EmitContext) -> str:
    """Return additional_config.json."""
    return json.dumps(config_of(context), indent=2) + "\n"


def serve_text(context: EmitContext) -> str:
    """Return serve.sh."""
    plan = context.plan
    lines = [
        f"Serve {one_line(plan.model.hf_id)} with {context.target.covers}.",
        "",
        _NXDI_RULES if context.is_nxdi else _BLOCK_RULES,
        "",
        *(_uses(context) if context.is_nxdi else _blocks(context)),
        "",
        f"A request may have {_images(context)}"
        + (
            ", and one clip."
            if context.base.frames
            else ", and no clip: none was seen."
        ),
    ]
    return serve_script(plan.model.hf_id, lines, _flags(context))


def _images(context: EmitContext) -> str:
    n_images = context.base.images
    return "one image" if n_images == 1 else f"up to {n_images:,} images"


def _uses(context: EmitContext) -> list[str]:
    visual = context.plan.visual_for(context.target.version)
    what = "images" if context.base.images == 1 else "requests"
    return [
        f"{length:,} patches: {use.share:.1%} of the {what}, up to "
        f"{use.largest_square:,} x {use.largest_square:,} px"
        for length, use in zip(context.lengths, visual.buckets, strict=False)
    ]


def _blocks(context: EmitContext) -> list[str]:
    block = context.lengths[-1]
    return [
        f"{each * block:,} patches: {each} blocks of {block:,}, for {each} images"
        for each in context.base.counts
    ]


def _flags(context: EmitContext) -> list[str]:
    base, plan = context.base, context.plan
    clips = 1 if base.frames and not context.is_nxdi else 0
    flags = [
        _json_flag("--limit-mm-per-prompt", {"image": base.images, "video": clips})
    ]
    limits, model = plan.visual.processor, plan.model
    if limits.max_pixels != model.max_pixels or model.limits_source == "given":
        pixels = {"min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels}
        flags.append(_json_flag("--mm-processor-kwargs", pixels))
    if base.max_model_len:
        flags.append(f"--max-model-len {base.max_model_len}")
    flags.append(f"--max-num-seqs {base.max_num_seqs}")
    if base.cores or not context.is_nxdi:
        # Blocks are dealt out to the ranks: with others the graphs would be others.
        flags.append(f"--tensor-parallel-size {base.world}")
    if context.is_nxdi and context.has_batches:
        # Batch sizes of the decoder are refused together with either.
        flags += ["--no-enable-prefix-caching", "--no-enable-chunked-prefill"]
    return [*flags, _json_flag("--additional-config", config_of(context))]


def _json_flag(name: str, value: object) -> str:
    return f"{name} {shlex.quote(json.dumps(value))}"


EMITTERS: Mapping[str, Callable[[EmitContext], str]] = {
    "additional_config.json": config_text,
    "serve.sh": serve_text,
}
"""File name -> its text."""

EMITTED = re.compile(
    rf"(?:{NXDI_STACK.sdk}|{VLLM_STACK.sdk})-[\d.]+/"
    r"(?:additional_config\.json|serve\.sh)"
)
"""Paths of what is written among the results."""


def emit(plan: Plan, base: NeuronBase, targets: Sequence[Target]) -> dict[str, str]:
    """Return every file for every target."""
    return {
        f"{target.folder}/{name}": text(
            EmitContext(plan=plan, base=base, target=target)
        )
        for target in targets
        for name, text in EMITTERS.items()
    }
