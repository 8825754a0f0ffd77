"""The chosen buckets one by one: whom each serves and what it wastes."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import BucketUse, Visual
from bucketwise.report.blocks import Column, Row, Section, Table
from bucketwise.report.figures.buckets import bars_drawing, padding_of
from bucketwise.report.plan_queries import UNIT, spent
from bucketwise.words.numbers import memory, number, percent

HEADS = (
    "ViT patches",
    "Merged patches",
    "Largest square, px",
    "ViT runs",
    "Share",
    "Useful",
    "Padded",
    "Waste",
)
MASK = "Attention mask"


def buckets(analysis: Analysis) -> Section:
    """Return the table of buckets and its figure."""
    visual = analysis.plan.visual
    return Section(
        id="buckets",
        title="Buckets",
        finding=_finding(visual),
        blocks=(
            _table(visual),
            bars_drawing(visual.buckets, visual.cost.unit, UNIT, "ViT compute"),
        ),
    )


def _finding(visual: Visual) -> str:
    total = sum(map(padding_of, visual.buckets))
    if len(visual.buckets) == 1:
        only = visual.buckets[0]
        if total <= 0:
            return (
                f"One bucket of {only.vit_patches:,} holds every run, with no padding."
            )
        waste = percent(visual.waste)
        return (
            f"One bucket of {only.vit_patches:,} holds every run; {waste} is padding."
        )
    if total <= 0:
        return "Every run fits its bucket exactly: nothing is padding."
    worst = max(visual.buckets, key=padding_of)
    return (
        f"{percent(visual.waste)} of the ViT compute is padding, and the bucket of "
        f"{worst.vit_patches:,} carries the largest part of it, "
        f"{percent(padding_of(worst) / total)}."
    )


def _table(visual: Visual) -> Table:
    pinned = any(use.pinned for use in visual.buckets)
    heads = (*HEADS, *((MASK,) if _has_masks(visual) else ()))
    head = [Column(text=text, style="number") for text in heads]
    if pinned:
        head.append(Column(text="Why"))
    rows = [
        Row(cells=_cells(use, visual) + (_why(use) if pinned else ()))
        for use in visual.buckets
    ]
    return Table(
        caption=(
            "A bucket takes every run longer than the one above it and no longer than "
            "itself."
            + (
                " The mask is the one input of the graph that grows with the square of "
                "its length."
                if _has_masks(visual)
                else ""
            )
        ),
        head=tuple(head),
        rows=(*rows, _total(visual, pinned=pinned)),
    )


def _cells(use: BucketUse, visual: Visual) -> tuple[str, ...]:
    side = use.largest_square
    return (
        f"{use.vit_patches:,}",
        f"{use.merged_patches:,}",
        f"{side:,} x {side:,}" if side else "none",
        number(use.runs),
        percent(use.share),
        spent(use.useful_compute, visual),
        spent(use.padded_compute, visual),
        percent(use.waste),
        *((memory(use.mask_bytes),) if _has_masks(visual) else ()),
    )


def _has_masks(visual: Visual) -> bool:
    """Return whether graphs are given masks: chunks of a language model make theirs."""
    return not visual.soft_tokens


def _why(use: BucketUse) -> tuple[str]:
    return ("pinned" if use.pinned else "chosen",)


def _total(visual: Visual, *, pinned: bool) -> Row:
    runs = sum(use.runs for use in visual.buckets)
    masks = sum(use.mask_bytes for use in visual.buckets)
    cells = (
        "All",
        "",
        "",
        number(runs),
        "100%",
        spent(visual.useful_compute, visual),
        spent(visual.padded_compute, visual),
        percent(visual.waste),
        *((memory(masks),) if _has_masks(visual) else ()),
    )
    return Row(cells=(*cells, "") if pinned else cells, marked=True)
