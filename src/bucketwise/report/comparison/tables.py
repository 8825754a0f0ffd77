"""Tables of a comparison that list what others sum up."""

from __future__ import annotations

from bucketwise.core.comparison.outcome import Comparison
from bucketwise.report.blocks import (
    Column,
    Row,
    Table,
)
from bucketwise.report.comparison.words import (
    compared_columns,
    deciding_columns,
    fails,
    noun_in,
    told_over,
)
from bucketwise.words.numbers import dotted, memory, number, percent, plural_of


def outcome_table(comparison: Comparison) -> Table:
    """Return who fails in each scenario and what it costs, the best one marked."""
    best = comparison.ranked[0]
    columns = (*deciding_columns(comparison), *compared_columns(comparison))
    heads = (
        f"{plural_of(noun_in(comparison)).capitalize()} that {comparison.does[1]}",
        *(column.head[0].upper() + column.head[1:] for column in columns),
    )
    return Table(
        wide=True,
        caption=(
            f"{told_over(comparison)} The marked row is the one with which the fewest "
            f"{comparison.does[1]}, then the one that costs least."
        ),
        head=(
            Column(text="Scenario"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(
            Row(
                cells=(
                    each.name,
                    fails(each),
                    *(column.cells[index] for column in columns),
                ),
                marked=each is best,
            )
            for index, each in enumerate(comparison.outcomes)
        ),
    )


def has_masks(comparison: Comparison) -> bool:
    """Return whether any graph is given a mask."""
    return any(each.mask_bytes for each in comparison.outcomes)


def lists_table(comparison: Comparison) -> Table:
    """Return what each scenario compiles."""
    masks = has_masks(comparison)
    caption = "What each compiles. Waste is over what it serves, under its own limits."
    if masks:
        caption += (
            " The attention mask is the one input of a graph that grows with the square "
            "of its length; all masks of a scenario are added up."
        )
    return Table(
        wide=True,
        caption=caption,
        head=(
            Column(text="Scenario"),
            Column(text="Graphs", style="number"),
            Column(text="Lengths, ViT patches", style="lengths"),
            Column(text="Of these, no run uses", style="lengths"),
            Column(text="Waste", style="number"),
            *((Column(text="Attention masks", style="number"),) if masks else ()),
        ),
        rows=tuple(
            Row(
                cells=(
                    each.name,
                    str(len(each.vit_max_seq_lens)),
                    dotted(each.vit_max_seq_lens),
                    dotted(each.unused_buckets) or "none",
                    percent(each.waste),
                    *((memory(each.mask_bytes),) if masks else ()),
                )
            )
            for each in comparison.outcomes
        ),
    )


def bucket_table(comparison: Comparison) -> Table:
    """Return every length of every scenario, and whom it serves."""
    masks = has_masks(comparison)
    merged = comparison.release.engine.patches_per_length(comparison.profile) > 1
    rows = [
        Row(
            cells=(
                each.name,
                f"{use.vit_patches:,}",
                *(() if merged else (f"{use.merged_patches:,}",)),
                f"{use.largest_square:,} x {use.largest_square:,}"
                if use.largest_square
                else "none",
                number(use.runs),
                percent(use.share),
                percent(use.waste),
                *((memory(use.mask_bytes),) if masks else ()),
            )
        )
        for each in comparison.outcomes
        for use in each.buckets
    ]
    heads = (
        "ViT patches",
        *(() if merged else ("Merged patches",)),
        "Largest square, px",
        "ViT runs",
        "Share",
        "Waste",
        *(("Attention mask",) if masks else ()),
    )
    return Table(
        caption="Every length: what it holds, who runs on it, what of that is padding",
        head=(
            Column(text="Scenario"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def limits_table(comparison: Comparison) -> Table:
    """Return the image limits of each scenario, and whom they shrink."""
    return Table(
        caption="Image limits of each scenario, and whom the upper one makes smaller",
        head=(
            Column(text="Scenario"),
            Column(text="min_pixels", style="number"),
            Column(text="max_pixels", style="number"),
            Column(text="Limits from"),
            Column(text="Made smaller", style="number"),
            Column(text="Largest need, ViT patches", style="number"),
            Column(text="Lengths from"),
        ),
        rows=tuple(
            Row(
                cells=(
                    each.name,
                    f"{each.min_pixels:,}",
                    f"{each.max_pixels:,}",
                    each.limits_source,
                    f"{number(each.shrunk_images)} ({percent(each.shrunk_share)})",
                    f"{each.largest_needed:,}",
                    each.source,
                )
            )
            for each in comparison.outcomes
        ),
    )
