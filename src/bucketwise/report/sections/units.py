"""Which patches a length counts: two units, one of them enforced."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.patching import needed_lengths
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Paragraph,
    Row,
    Section,
    Table,
)
from bucketwise.report.sections.decision import ordinal

SIDES = (16, 32, 64)
"""Sides of the examples in merged patches: 512, 1,024 and 2,048 px on Qwen3-VL."""


def units(analysis: Analysis) -> Section:
    """Return the paragraph on units, with both numbers."""
    model, visual = analysis.plan.model, analysis.plan.visual
    area = model.merge_size**2
    side = 32 * model.merge_size * model.patch_size
    merged = 32 * 32
    blocks: list[Block] = []
    text = (
        f"The ViT graph sees patches of {model.patch_size} x {model.patch_size} px; "
        f"its output merges {area} of them into one token for the language model. On "
        f"this model an image of {side:,} x {side:,} px is {merged * area:,} ViT "
        f"patches and {merged:,} merged patches. {analysis.release.engine.unit_note} "
        f"A length read in the wrong unit holds {ordinal(area)} of the intended area."
    )
    blocks.append(Paragraph(text=text))
    if model.window_patches:
        blocks.append(_windows(analysis))
    blocks.append(_table(analysis))
    unit = "merged patches" if visual.bucket_unit == "merged_patches" else "ViT patches"
    return Section(
        id="units",
        title="Units",
        finding=(
            "Released runtimes compare ViT patches, before the merge; the lists in "
            f"this report are in {unit}."
        ),
        blocks=tuple(blocks),
    )


def _windows(analysis: Analysis) -> Callout:
    window = analysis.plan.model.window_patches
    text = (
        f"This model attends in windows of {window} x {window} patches, and the "
        f"runtime pads every window, even a partial one, to {window**2}. A needed "
        "length is therefore more than the ViT patches of most images."
    )
    wrong = analysis.release.engine.window_note(analysis.plan.model.family)
    text += f" {wrong}" if wrong else ""
    return Callout(level="note", mark="Windows.", text=text)


def _table(analysis: Analysis) -> Table:
    model = analysis.plan.model
    head = ["Image", "ViT patches", "Merged patches"]
    engine = analysis.release.engine
    # Releases that count alike share a column, that of the newest.
    by_extra = {
        release.extra_windows(model.family): release
        for release in engine.releases(engine.targets_of(model.family))
        if model.window_patches
    }
    columns = sorted(by_extra.values(), key=lambda release: release.version)
    head += [f"Needed, {engine.sdk} {release.name}" for release in columns]
    rows = []
    for merged_side in SIDES:
        grid = merged_side * model.merge_size
        sides = np.array([grid], dtype=np.int64)
        px = grid * model.patch_size
        needed = [
            int(needed_lengths(sides, sides, model.window_patches, extra)[0])
            for release in columns
            for extra in [release.extra_windows(model.family)]
        ]
        cells = (grid**2, merged_side**2, *needed)
        texts = tuple(f"{value:,}" for value in cells)
        rows.append(Row(cells=(f"{px:,} x {px:,} px", *texts)))
    rows.extend(
        Row(
            cells=(
                f"bucket of {use.vit_patches:,}",
                f"{use.vit_patches:,}",
                f"{use.merged_patches:,}",
                *("" for _ in columns),
            )
        )
        for use in analysis.plan.visual.buckets
    )
    return Table(
        caption="The same image in both units, before any pixel limit",
        head=(
            Column(text=head[0]),
            *(Column(text=text, style="number") for text in head[1:]),
        ),
        rows=tuple(rows),
    )
