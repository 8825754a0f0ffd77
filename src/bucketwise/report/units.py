"""Which patches a length counts: two units, one of them enforced."""

from __future__ import annotations

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.explain import parse_size
from bucketwise.core.patching import count_patches, needed_lengths
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Paragraph,
    Part,
    Row,
    Table,
)

PARTS = {4: "a quarter", 9: "a ninth"}
"""One of so many, in words."""

SIDES = (16, 32, 64)
"""Sides of the examples in merged patches: 512, 1,024 and 2,048 px on Qwen3-VL."""


SHAPES = ("512x512", "640x640", "1920x1080", "2048x2048", "400x3000")
"""Examples where an image fills a count of soft tokens: shapes count, sizes do not."""


def units(analysis: Analysis) -> Part:
    """Return the paragraph on units, with both numbers."""
    model, visual = analysis.plan.model, analysis.plan.visual
    if visual.soft_tokens:
        return _soft_units(analysis)
    area = model.merge_size**2
    side = 32 * model.merge_size * model.patch_size
    merged, part = 32 * 32, PARTS.get(area, f"1/{area}")
    counts_merged = analysis.release.engine.patches_per_length(analysis.profile) > 1
    patches = "patches before the merge" if counts_merged else "ViT patches"
    example = (
        f"On this model an image of {side:,} x {side:,} px is {merged * area:,} {patches} "
        f"and {merged:,} merged patches. "
        if model.has_pixel_limits
        else ""
    )
    blocks: list[Block] = []
    text = (
        f"The ViT graph sees patches of {model.patch_size} x {model.patch_size} px; "
        f"its output merges {area} of them into one token for the language model. "
        f"{example}{analysis.release.engine.unit_note} "
        f"A length read in the wrong unit holds {part} of the intended area."
    )
    blocks.append(Paragraph(text=text))
    if model.window_patches:
        blocks.append(_windows(analysis))
    blocks.append(_table(analysis, patches))
    unit = "merged patches" if visual.bucket_unit == "merged_patches" else "ViT patches"
    finding = (
        "Released runtimes compare ViT patches, before the merge; the lists in this "
        f"report are in {unit}."
    )
    if counts_merged:
        finding = f"Lengths count merged patches, {area} of the ViT each."
    return Part(
        id="units",
        title="Units",
        finding=finding,
        blocks=tuple(blocks),
    )


def _soft_units(analysis: Analysis) -> Part:
    """Return what is compared where an image fills a count of soft tokens."""
    profile, counts = analysis.profile, analysis.plan.visual.soft_tokens
    count = analysis.preprocessing.image.max_pixels // profile.length_px**2
    text = (
        f"The processor scales an image, up or down, to fill max_soft_tokens {count:,} "
        f"of {profile.length_px} x {profile.length_px} px, cuts it into patches of "
        f"{profile.patch_px} x {profile.patch_px} px, and pads these to "
        f"{profile.patches_per_merged} times the count. The ViT pools "
        f"{profile.patches_per_merged} patches into a soft token: it is compiled for "
        f"counts ({', '.join(f'{each:,}' for each in counts)}), and the runtime takes "
        "one exactly. What is no padding goes to the language model, the run of one "
        "image in one chunk: the lengths of this report count these soft tokens, and "
        "the least length that holds them serves them. Patches are compared with "
        "neither."
    )
    why = (
        "A length is taken only beside a count that runs on it, and a count only by a "
        "processor that scales to it: an edit of one asks for others, which a page "
        "cannot follow. --soft-tokens, --pin and --buckets of bucketwise analyze can; "
        "the limits above have every count."
    )
    return Part(
        id="units",
        title="Units",
        finding=(
            "Lengths count the soft tokens of one image; vision_tower.max_soft_tokens "
            "counts them too, padding among them."
        ),
        blocks=(
            Paragraph(text=text),
            _soft_table(analysis),
            Callout(
                level="note", mark="Why there is no panel to try lengths.", text=why
            ),
        ),
    )


def _soft_table(analysis: Analysis) -> Table:
    profile, lengths = analysis.profile, analysis.plan.visual.vit_max_seq_lens
    padded = (
        analysis.preprocessing.image.max_pixels // profile.length_px**2
    ) * profile.patches_per_merged
    rows = []
    for shape in SHAPES:
        made = count_patches(parse_size(shape), profile, analysis.preprocessing)
        tokens, patches = int(made.merged_patches[0]), int(made.vit_patches[0])
        held = next((each for each in lengths if each >= tokens), None)
        width, height = shape.split("x")
        cells = (
            f"{int(width):,} x {int(height):,} px",
            f"{int(made.resized_width_px[0]):,} x {int(made.resized_height_px[0]):,} px",
            f"{patches:,}",
            f"{padded:,}",
            f"{tokens:,}",
            "none" if held is None else f"{held:,}",
        )
        rows.append(Row(cells=cells))
    return Table(
        caption="What images of some shapes become",
        head=(
            Column(text="Image"),
            *(
                Column(text=text, style="number")
                for text in (
                    "Scaled to",
                    "Patches",
                    "Padded to",
                    "Soft tokens",
                    "Length it runs on",
                )
            ),
        ),
        rows=tuple(rows),
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


def _table(analysis: Analysis, patches: str) -> Table:
    model = analysis.plan.model
    head = ["Image", patches[0].upper() + patches[1:], "Merged patches"]
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
    for merged_side in SIDES if model.has_pixel_limits else ():
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
    return Table(
        caption="The same image in both units, before any pixel limit",
        head=(
            Column(text=head[0]),
            *(Column(text=text, style="number") for text in head[1:]),
        ),
        rows=tuple(rows),
    )
