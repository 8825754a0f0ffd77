"""Pixel limits: whom each shrinks, what it costs, and what a larger image meets."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.limits import IN_FORCE
from bucketwise.core.plan import Cap, Visual
from bucketwise.report.blocks import Block, Column, Paragraph, Row, Section, Table
from bucketwise.report.plan_queries import UNIT, images_accepted, noun_of, spent
from bucketwise.report.sentences import limits_to_set
from bucketwise.words.numbers import (
    change,
    dotted,
    memory,
    number,
    percent,
    plural_of,
    share_in_words,
)

_UNKNOWN = (
    "Some images are known by their visual tokens alone, as counted under the limit "
    "they were logged with: what another limit would make of them is unknown."
)


def limits(analysis: Analysis) -> Section:
    """Return the table of limits and what happens past the top bucket."""
    visual = analysis.plan.visual
    other: Block = _table(visual) if visual.caps else Paragraph(text=_UNKNOWN)
    blocks: list[Block] = [other, _to_set(analysis), _larger(analysis)]
    return Section(
        id="limits",
        title="Pixel limits",
        finding=_finding(visual),
        blocks=tuple(blocks),
    )


def _outgrows(visual: Visual) -> bool:
    return visual.overflow_possible > visual.vit_max_seq_lens[-1]


def _finding(visual: Visual) -> str:
    limit, top = visual.processor.max_pixels, visual.vit_max_seq_lens[-1]
    if not _outgrows(visual):
        return (
            f"With max_pixels {limit:,} no input can outgrow the top bucket of {top:,} "
            f"{UNIT}."
        )
    worst = visual.worst
    kind = "a clip" if worst.frames else "an image"
    return (
        f"With max_pixels {limit:,} {kind} can still outgrow the top bucket: "
        f"{worst.width_px:,} x {worst.height_px:,} px needs {worst.needed:,} {UNIT} of "
        f"{top:,}."
    )


def _table(visual: Visual) -> Table:
    force = next((cap for cap in visual.caps if cap.name == IN_FORCE), None)
    masks = not visual.soft_tokens
    rows = [
        Row(
            cells=(
                cap.name,
                f"{cap.max_pixels:,}",
                number(cap.shrinks_images),
                percent(cap.shrinks_share),
                dotted(cap.vit_max_seq_lens),
                *((memory(cap.mask_bytes),) if masks else ()),
                spent(cap.padded_compute, visual),
                _relative(cap, force),
            ),
            marked=cap is force,
        )
        for cap in visual.caps
    ]
    return Table(
        caption=(
            "The plan, in force, and other upper limits, each with its own exact "
            "optimum of as many graphs. "
            "At p95, 95% of the images are no larger under the limit in force. Shrunk "
            "is counted against no upper limit at all."
        ),
        head=(
            Column(text="Limit"),
            Column(text="max_pixels", style="number"),
            Column(text="Shrinks", style="number"),
            Column(text="Share", style="number"),
            Column(text="Lengths, ViT patches", style="lengths"),
            *((Column(text="Top mask", style="number"),) if masks else ()),
            Column(text="Padded compute", style="number"),
            Column(text="Against in force", style="number"),
        ),
        rows=tuple(rows),
    )


def _relative(cap: Cap, force: Cap | None) -> str:
    if force is None or cap is force:
        return ""
    return change(force.padded_compute, cap.padded_compute)


def _to_set(analysis: Analysis) -> Paragraph:
    model, visual = analysis.plan.model, analysis.plan.visual
    text = (
        f"{limits_to_set(analysis.plan)} The checkpoint ships "
        f"{model.checkpoint_min_pixels:,} to {model.checkpoint_max_pixels:,}."
    )
    if analysis.plan.traffic.clips:
        text += (
            f" Clips: {model.video_min_pixels:,} to {model.video_max_pixels:,} "
            f"({model.video_limits_source})."
        )
    if _outgrows(visual):
        safe = visual.max_pixels_safe
        text += (
            " No max_pixels keeps every image inside the top bucket."
            if safe.value is None
            else f" The largest safe max_pixels is {safe.value:,}; it would make "
            f"{share_in_words(safe.shrinks_share)}, of the images smaller than the plan "
            "does."
        )
    return Paragraph(text=text)


def _larger(analysis: Analysis) -> Paragraph:
    visual = analysis.plan.visual
    images = images_accepted(analysis)
    noun = plural_of(noun_of(analysis))
    chance = (
        f"If the traffic to come is like this one, m further {noun} hold on average "
        f"m/(n+1) that are larger than the largest of n so far, fewer where sizes "
        f"repeat: at most one in the next {number(images)}. "
    )
    if _outgrows(visual):
        worst = visual.worst
        lower = "the video limit" if worst.frames else "max_pixels"
        meets = (
            "One that needs more than the top bucket is not served: the runtime raises "
            f"an error. The worst under these limits is {worst.width_px:,} x "
            f"{worst.height_px:,} px: a grid of {worst.grid_w:,} x {worst.grid_h:,} "
            f"patches, {worst.needed:,} in needed length. Compile {worst.needed:,} as "
            f"the top length, or lower {lower}, to be sure."
        )
    else:
        meets = (
            "The processor shrinks such an image to the limit, and it fits the top "
            "bucket. Set both limits on the processor that feeds the graphs; without "
            "them the checkpoint's own hold."
        )
    return Paragraph(text=chance + meets)
