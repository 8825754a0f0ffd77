"""A plan -> the text of the files that an operator of vllm-gaudi runs."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bucketwise.core.plan import Plan
from bucketwise.engines.gaudi.base_config import GaudiBase
from bucketwise.engines.gaudi.decode import Shape, decode_shapes, prompt_shapes
from bucketwise.engines.gaudi.releases import LENGTHS, RESOLUTIONS, SHAPES_FILE
from bucketwise.engines.gaudi.strategies import Server, own_axes
from bucketwise.engines.gaudi.targets import GaudiTarget
from bucketwise.engines.gaudi.vision import MOST_IMAGES, PADS
from bucketwise.engines.gaudi.warming import Warmed
from bucketwise.engines.serve_script import serve_script
from bucketwise.nouns.engine import Target
from bucketwise.words.numbers import percent, plural
from bucketwise.words.text import one_line

SHAPES_NAME = "buckets.txt"

_PADDED = (
    "An image is padded to the smallest length that holds it, in ViT patches before the "
    "merge; a larger one runs as it is, once its graph is compiled."
)
_READ = (
    "Read in the place of VLLM_BUCKETING_STRATEGY, for prompts and decode steps both: "
    "(sequences, tokens of each, blocks of cache). A step runs on the first, in ascending "
    "order, that holds it."
)
_COST = "Each shape takes 10 to 14 s of the start, as users of vllm-gaudi report."
_EXACT = "Images are padded to nothing: each grid that comes has a graph of its own."


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitContext:
    """One plan for one target."""

    plan: Plan
    base: GaudiBase
    target: GaudiTarget

    @property
    def lengths(self) -> tuple[int, ...]:
        """What images are padded to; () where they are not."""
        if self.plan.model.family not in PADS:
            return ()
        return self.plan.visual.vit_max_seq_lens

    @property
    def warmed(self) -> Warmed | None:
        """The resolutions to warm; None where the release has no name for any."""
        return self.base.warmed if self.target.warms_resolutions else None

    @property
    def server(self) -> Server | None:
        """What bounds the shapes of a step; None where no load was given."""
        decoder = self.plan.decoder
        return self.base.server(decoder.batch_size) if decoder else None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of prompts and then of decode; () where vllm-gaudi's own stay."""
        decoder, server = self.plan.decoder, self.server
        if decoder is None or server is None:
            return ()
        ladder = own_axes(server)[1]
        steps = decode_shapes(decoder.decoder_batch_sizes, ladder, server)
        return (*prompt_shapes(server), *steps)


def shapes_text(context: EmitContext) -> str:
    """Return buckets.txt."""
    server = context.server
    if server is None:
        return ""
    full = (
        f"For {server.max_num_seqs} sequences of {server.max_model_len:,} tokens in blocks "
        f"of {server.block_tokens}: the last decode line reaches the "
        f"{server.most_blocks:,} blocks that they can fill. A lower top would run full "
        "steps on shapes too small for them."
    )
    return _comments((_READ, full, _COST)) + "".join(
        f"{line}\n" for line in _lines(context.shapes)
    )


def _lines(shapes: Iterable[Shape]) -> Iterator[str]:
    """Yield a line for shapes that differ in their blocks alone."""
    for (batch, tokens), alike in groupby(shapes, key=lambda each: each[:2]):
        blocks = [each[2] for each in alike]
        yield f"({batch}, {tokens}, {blocks if len(blocks) > 1 else blocks[0]})"


def serve_text(context: EmitContext) -> str:
    """Return serve.sh."""
    plan = context.plan
    model = plan.model.hf_id
    notes = [
        f"Serve {one_line(model)} with {context.target.covers}.",
        *_said(context),
    ]
    # A paragraph a note, an empty comment between two.
    lines = [line for note in notes for line in ("", *note.splitlines())]
    exports = "".join(f"export {line}\n" for line in _variables(context))
    return serve_script(model, lines[1:], _flags(context), f"{exports}\n")


def _said(context: EmitContext) -> Iterator[str]:
    if context.lengths:
        uses = context.plan.visual.buckets
        yield _PADDED
        yield "\n".join(
            f"{length:,} ViT patches: {use.share:.1%} of the images"
            for length, use in zip(context.lengths, uses, strict=False)
        )
    else:
        yield _EXACT
    if warmed := context.warmed:
        yield (
            f"{plural(len(warmed.resolutions), 'resolution')}, each with one image a call, "
            f"and the shapes that are warmed anyway cover {percent(warmed.share)} of the "
            "images: the others wait for a compile the first time their grid comes."
        )
    if not context.shapes:
        yield "No load was given: the shapes of decode steps stay vllm-gaudi's own."


def _variables(context: EmitContext) -> Iterator[str]:
    if context.lengths:
        yield f"{LENGTHS}={','.join(map(str, context.lengths))}"
    if context.warmed and context.warmed.resolutions:
        sizes = ",".join(map(str, context.warmed.resolutions))
        yield f"{RESOLUTIONS}={sizes}"
    if context.shapes:
        yield f'{SHAPES_FILE}="$(cd "$(dirname "$0")" && pwd)/{SHAPES_NAME}"'


def _flags(context: EmitContext) -> Iterator[str]:
    limits, model = context.plan.visual.processor, context.plan.model
    yield _json_flag("--limit-mm-per-prompt", {"image": MOST_IMAGES})
    if limits.max_pixels != model.max_pixels or model.limits_source == "given":
        pixels = {"min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels}
        yield _json_flag("--mm-processor-kwargs", pixels)
    server = context.server
    if server is not None:
        yield f"--max-num-seqs {server.max_num_seqs}"
        yield f"--max-model-len {server.max_model_len}"
        yield f"--max-num-batched-tokens {server.max_num_batched_tokens}"
        yield f"--block-size {server.block_tokens}"
    elif context.base.max_model_len:
        yield f"--max-model-len {context.base.max_model_len}"


def _json_flag(name: str, value: object) -> str:
    return f"{name} {shlex.quote(json.dumps(value))}"


def _comments(notes: Iterable[str]) -> str:
    """Return paragraphs as comments, an empty one between them."""
    rows = [
        row
        for note in notes
        for line in ("", *note.splitlines())
        for row in (textwrap.wrap(line, width=88) or [""])
    ]
    return "".join(f"# {row}".rstrip() + "\n" for row in rows[1:])


EMITTERS = {SHAPES_NAME: shapes_text, "serve.sh": serve_text}
"""File name -> its text; "" for no file."""

EMITTED = re.compile(r"vllm-gaudi-[\d.]+/(?:buckets\.txt|serve\.sh)")
"""Paths of what is written among the results."""


def emit(plan: Plan, base: GaudiBase, targets: Sequence[Target]) -> dict[str, str]:
    """Return every file for every target."""
    contexts = [
        EmitContext(plan=plan, base=base, target=target)
        for target in targets
        if isinstance(target, GaudiTarget)
    ]
    texts = {
        f"{context.target.folder}/{name}": text(context)
        for context in contexts
        for name, text in EMITTERS.items()
    }
    return {path: text for path, text in texts.items() if text}
