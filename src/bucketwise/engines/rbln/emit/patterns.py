"""Emitted files as texts with places, and lists by the names of releases, for numbers that are edited in the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bucketwise.core.plan import BucketUse, Decoder, GraphUse, Plan, Visual
from bucketwise.engines.rbln.base_config import BaseConfig
from bucketwise.engines.rbln.emit import EmitContext, emitters_for, place_of
from bucketwise.engines.rbln.keys import BLOCKS
from bucketwise.engines.rbln.model_classes import first_release, serving_targets, within
from bucketwise.engines.rbln.shapes import extra_windows
from bucketwise.engines.rbln.targets import TARGETS, RblnTarget
from bucketwise.nouns.engine import FilePattern, ListToSet, ReleaseFiles

OPEN, CLOSE = "\ue000", "\ue001"
"""Marks of a place. Private characters: emitters let none of a user's through."""

LENGTH = 7_000_000_000_000_003
"""Stands for a length, and MAX_PIXELS for a limit: larger than any there can be."""

MAX_PIXELS = 7_000_000_000_000_019

SIZE = 7_000_000_000_000_031
"""Stands for the batch size of one decoder graph."""

NUM_BLOCKS = 7_000_000_000_000_057
"""Stands for the blocks of the cache, where they were chosen to fit."""

REASON = "reason-of-the-decoder-graphs"


def releases_of(
    plan: Plan, base: BaseConfig, targets: Sequence[RblnTarget]
) -> tuple[ReleaseFiles, ...]:
    """Return the files of every release, the newest first."""
    return tuple(_release(plan, base, target, targets[-1]) for target in targets[::-1])


def _release(
    plan: Plan, base: BaseConfig, target: RblnTarget, newest: RblnTarget
) -> ReleaseFiles:
    context = EmitContext(
        model=plan.model,
        visual=plan.visual_for(target.version),
        decoder=plan.decoder,
        base=base,
        target=target,
        clips=plan.traffic.clips > 0,
    )
    marked = replace(
        context,
        visual=_marked(context.visual),
        decoder=None if plan.decoder is None else _marked_decoder(plan.decoder),
        base=_marked_base(context.base),
    )
    files = tuple(
        FilePattern(
            name=place_of(name, context),
            text=text_of(context),
            pattern=_places(text_of(marked), plan.decoder),
        )
        for name, text_of in emitters_for(plan.model.family).items()
    )
    family = plan.model.family
    more = extra_windows(family, target.parsed) - extra_windows(family, newest.parsed)
    return ReleaseFiles(
        version=target.version,
        extra=plan.model.window_patches**2 * more,
        files=files,
    )


def _marked(visual: Visual) -> Visual:
    use = BucketUse(
        vit_patches=LENGTH,
        merged_patches=LENGTH,
        largest_square=0,
        runs=0.0,
        share=0.0,
        useful_compute=0.0,
        padded_compute=0.0,
        waste=0.0,
        mask_bytes=0,
        pinned=False,
    )
    return replace(
        visual,
        max_seq_lens=(LENGTH,),
        vit_max_seq_lens=(LENGTH,),
        merged_max_seq_lens=(LENGTH,),
        processor=visual.processor.with_max_pixels(MAX_PIXELS),
        buckets=(use,),
    )


def _marked_base(base: BaseConfig) -> BaseConfig:
    for item in base.values:
        if item.path == (BLOCKS,) and item.origin == "derived":
            return base.with_values({BLOCKS: NUM_BLOCKS}, "derived", item.source)
    return base


def _marked_decoder(decoder: Decoder) -> Decoder:
    # A decoder is valid with its batch size in the list alone: that list is the mark.
    return replace(
        decoder,
        decoder_batch_sizes=(decoder.batch_size,),
        decision=replace(decoder.decision, reason=REASON),
        graphs=(GraphUse(batch_size=SIZE, share=0.0, slots_used=0.0),),
    )


def _places(text: str, decoder: Decoder | None) -> str:
    """Put a place wherever a mark stands; a list over lines takes its lines."""
    rules = [
        (rf"^ {{6}}{LENGTH}$", "lengths-lines"),
        # Where the ViT stands one level deeper.
        (rf"^ {{8}}{LENGTH}$", "deep-lengths-lines"),
        (rf"^#.*{LENGTH:,}.*$", "bucket-rows"),
        (str(LENGTH), "lengths"),
        (str(MAX_PIXELS), "max-pixels"),
        (str(NUM_BLOCKS), "blocks"),
        (rf"^#.* {SIZE} slots .*$", "graph-rows"),
        (rf"^#   {REASON}\.$", "decoder-reason"),
    ]
    for rule, place in rules:
        text = re.sub(rule, f"{OPEN}{place}{CLOSE}", text, flags=re.MULTILINE)
    if decoder is None:
        return text
    lists = [
        (r"""("decoder_batch_sizes": \[\n) +\d+$""", "sizes-lines"),
        (r"""('decoder_batch_sizes': \[)\d+(?=\])""", "sizes"),
    ]
    for rule, place in lists:
        text = re.sub(rule, rf"\g<1>{OPEN}{place}{CLOSE}", text, flags=re.MULTILINE)
    return text


def lists_to_set(plan: Plan) -> tuple[ListToSet, ...]:
    """Return what to write for each name of the list, oldest releases first."""
    family = plan.model.family
    level = ".".join((*within(family, {}), "visual"))
    groups: dict[tuple[tuple[int, ...], str], list[RblnTarget]] = {}
    for target in serving_targets(family, plan.provenance.options.get("target") or ()):
        if plan.visual_by_target and target.version not in plan.visual_by_target:
            continue
        lengths = plan.visual_for(target.version).max_seq_lens
        groups.setdefault((lengths, target.bucket_key), []).append(target)
    return tuple(
        ListToSet(
            level=level,
            key=key,
            lengths=lengths,
            first=first_release(targets[0], family),
            last=targets[-1].version,
            is_oldest=targets[0].version == next(iter(TARGETS)),
            is_newest=targets[-1].version == next(reversed(TARGETS)),
        )
        for (lengths, key), targets in groups.items()
    )
