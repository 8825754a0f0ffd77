"""Today's lengths against the proposed ones, on the same images."""

from __future__ import annotations

from bucketwise.analysis import Analysis
from bucketwise.numbers import (
    compared,
    dotted,
    joined,
    number,
    percent,
    plural,
    plural_of,
    verb,
)
from bucketwise.plan import Current
from bucketwise.report.blocks import Block, Column, Paragraph, Row, Section, Table
from bucketwise.report.drawings import lengths_drawing
from bucketwise.report.reading import noun_of, spent


def today(analysis: Analysis) -> Section | None:
    """Return the comparison; None where nobody said what runs today."""
    current = analysis.plan.visual.current
    if current is None:
        return None
    blocks: list[Block] = [_table(analysis, current)]
    if current.unused_buckets:
        n = len(current.unused_buckets)
        text = (
            f"No run of this traffic uses today's {'length' if n == 1 else 'lengths'} "
            f"{joined(current.unused_buckets)}: {plural(n, 'graph')} "
            f"{verb(n, 'takes', 'take')} compile time and device memory for nothing."
        )
        blocks.append(Paragraph(text=text))
    blocks.append(lengths_drawing(analysis, current))
    return Section(
        id="today",
        title="Today against proposed",
        finding=_finding(analysis, current),
        blocks=tuple(blocks),
    )


def _finding(analysis: Analysis, current: Current) -> str:
    visual, noun = analysis.plan.visual, noun_of(analysis)
    if current.padded_compute_served <= 0:
        return (
            f"Today's lengths serve none of these {plural_of(noun)}; the proposed "
            "ones serve all of them."
        )
    before, after = current.padded_compute_served, current.proposed_compute_on_served
    said = compared(before, after, "ViT compute", "today's")
    text = (
        f"On the same {plural_of(noun)} under the same limits the proposed lengths "
        f"need {said}: {spent(after, visual)} against {spent(before, visual)}"
    )
    failing = current.overflow_images
    if failing:
        fails, are = verb(failing, "fails", "fail"), verb(failing, "is", "are")
        text += f"; the {plural(failing, noun)} that {fails} today {are} served too"
    return f"{text}."


def _table(analysis: Analysis, current: Current) -> Table:
    return Table(
        caption=(
            f"Today ({current.source}) and the plan. What both serve, "
            f"{plural(current.served_images, 'image')}, is priced under max_pixels "
            f"{current.compared_max_pixels:,}, the lower of the two limits; what each "
            "serves, under its own."
        ),
        head=(
            Column(text="What"),
            Column(text="Today", style="number"),
            Column(text="Proposed", style="number"),
        ),
        rows=tuple(Row(cells=cells) for cells in _lines(analysis, current)),
    )


def _lines(analysis: Analysis, current: Current) -> tuple[tuple[str, str, str], ...]:
    visual = analysis.plan.visual
    own = f"{current.max_pixels:,}"
    if current.max_pixels_assumed:
        own += " (assumed: not given)"
    unused = dotted(current.unused_buckets) if current.unused_buckets else "none"
    idle = [use.vit_patches for use in visual.buckets if not use.runs]
    share = percent(current.overflow_share)
    noun = plural_of(noun_of(analysis)).capitalize()
    return (
        (
            f"{noun} that fail",
            f"{number(current.overflow_images)} ({share})",
            f"{number(visual.overflow_images)}",
        ),
        (
            "Lengths, ViT patches",
            dotted(current.max_seq_lens),
            dotted(visual.vit_max_seq_lens),
        ),
        ("Graphs", str(len(current.max_seq_lens)), str(len(visual.vit_max_seq_lens))),
        ("Lengths no run uses", unused, dotted(idle) if idle else "none"),
        ("max_pixels", own, f"{visual.processor.max_pixels:,}"),
        (
            "ViT compute, what both serve",
            spent(current.padded_compute_served, visual),
            spent(current.proposed_compute_on_served, visual),
        ),
        (
            "ViT compute, what each serves",
            spent(current.padded_compute_today, visual),
            spent(visual.padded_compute, visual),
        ),
    )
