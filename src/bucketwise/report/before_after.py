"""Today against the plan in one table, on the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bucketwise.core.analysis import Analysis
from bucketwise.core.cost import waste_of
from bucketwise.core.memory import MemoryPlan, fit_in_words
from bucketwise.core.plan import Current, Savings, Status
from bucketwise.nouns.engine import OVERFLOWS
from bucketwise.report.blocks import Column, Row, Table
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import (
    MARKS,
    images_accepted,
    mark_of,
    noun_of,
    spent,
)
from bucketwise.report.sentences import decoder_note, under_limit
from bucketwise.words.numbers import (
    TIME_UNIT,
    change,
    compute,
    dotted,
    memory,
    number,
    percent,
    plural_of,
)

BOTH = "both serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One row: the two sides, what lies between them, and how far to trust it."""

    what: str
    before: str
    after: str
    change: str = ""
    status: Status
    marked: bool = False
    failing: tuple[int, ...] = ()


def before_after(analysis: Analysis, inputs: ReportInputs) -> Table:
    """Return what changes: today, or one graph of the top length, against the plan."""
    current = analysis.plan.visual.current
    lines = tuple(_lines(analysis, inputs, current))
    if current is None and len(analysis.plan.visual.vit_max_seq_lens) == 1:
        return _alone(lines)
    return Table(
        caption=_caption(analysis, current),
        head=(
            Column(text="What"),
            Column(text="Today" if current else "One graph", style="number"),
            Column(text="Proposed", style="number"),
            Column(text="Change", style="number"),
            Column(text="Mark", style="mark"),
        ),
        rows=tuple(
            Row(
                cells=(
                    line.what,
                    line.before,
                    line.after,
                    line.change,
                    MARKS[line.status],
                ),
                marked=line.marked,
                failing=line.failing,
            )
            for line in lines
        ),
        wide=True,
    )


def _alone(lines: tuple[_Line, ...]) -> Table:
    """Return the plan's side where there is no other."""
    return Table(
        caption="The plan; nobody said what runs today",
        head=(
            Column(text="What"),
            Column(text="Proposed", style="number"),
            Column(text="Mark", style="mark"),
        ),
        rows=tuple(
            Row(cells=(line.what, line.after, MARKS[line.status]), marked=line.marked)
            for line in lines
        ),
    )


def minutes(value: float) -> str:
    """Return minutes, and hours from two of them on."""
    hours = value / 60
    return f"{hours:,.1f} h" if hours >= 2 else f"{number(value)} min"  # noqa: PLR2004


def held_in_words(plan: MemoryPlan) -> str:
    """Return what the fullest device holds, and whether that fits where it is in doubt."""
    held = memory(plan.fullest.device_bytes)
    return held if plan.verdict == "fits" else f"{held}, {fit_in_words(plan)}"


def _caption(analysis: Analysis, current: Current | None) -> str:
    noun = plural_of(noun_of(analysis))
    if not analysis.release.engine.runs_on_lengths(analysis.profile):
        return "One decoder graph of the whole batch, and the plan"
    if current is None:
        return (
            "One graph of the top length, because nobody said what runs today, and the "
            f"plan, on the same {noun}"
        )
    limit = analysis.plan.visual.processor.max_pixels
    return (
        f"Today ({current.source}) and the plan, on the same {noun}"
        f"{under_limit(current, limit)}"
    )


def _lines(
    analysis: Analysis, inputs: ReportInputs, current: Current | None
) -> Iterator[_Line]:
    visual, engine = analysis.plan.visual, analysis.release.engine
    if not engine.runs_on_lengths(analysis.profile):
        yield from _decoder(analysis)
        return
    old = current.max_seq_lens if current else visual.vit_max_seq_lens[-1:]
    if current:
        yield _fails(analysis, current)
    yield _Line(
        what="ViT lengths, patches",
        before=dotted(old),
        after=dotted(visual.vit_max_seq_lens),
        status=mark_of(analysis),
    )
    if current:
        yield from _compute_today(analysis, current)
    else:
        yield from _compute(
            analysis, "", visual.one_graph_compute, visual.padded_compute
        )
    if analysis.plan.savings is not None:
        yield _an_image(analysis, analysis.plan.savings)
    if inputs.memory or analysis.plan.visual.has_masks:
        yield _memory(analysis, inputs, old)
    yield _graphs(analysis, old)
    yield from _decoder(analysis)
    if analysis.plan.model.has_pixel_limits:
        yield _shrunk(analysis, current)
        yield _pixel_limits(analysis, current)


def _fails(analysis: Analysis, current: Current) -> _Line:
    visual = analysis.plan.visual
    fails = current.overflow_images
    share = f" ({percent(current.overflow_share)})" if fails else ""
    return _Line(
        what=f"{plural_of(noun_of(analysis)).capitalize()} that "
        + OVERFLOWS[analysis.release.engine.overflow][1],
        before=f"{number(fails)}{share}",
        after=number(visual.overflow_images),
        change="all are served" if fails else "",
        status=mark_of(analysis, assumed=current.max_pixels_assumed),
        marked=fails > 0,
        failing=(1,) if fails else (),
    )


def _compute_today(analysis: Analysis, current: Current) -> Iterator[_Line]:
    visual = analysis.plan.visual
    before, after = current.padded_compute_served, current.proposed_compute_on_served
    useful = current.useful_compute_served
    if before <= 0:
        yield _Line(
            what="ViT compute",
            before="serves none",
            after=spent(visual.padded_compute, visual),
            status=mark_of(analysis),
        )
        return
    on = f", the {number(current.served_images)} {BOTH}"
    yield from _compute(
        analysis,
        on if current.overflow_images else "",
        before,
        after,
        useful=useful,
    )
    if current.overflow_images:
        yield _Line(
            what="ViT compute, all that each serves",
            before=spent(current.padded_compute_today, visual),
            after=spent(visual.padded_compute, visual),
            status=mark_of(analysis, assumed=current.max_pixels_assumed),
        )


def _compute(
    analysis: Analysis,
    on: str,
    before: float,
    after: float,
    *,
    useful: float | None = None,
) -> Iterator[_Line]:
    visual = analysis.plan.visual
    needed = visual.useful_compute if useful is None else useful
    yield _Line(
        what=f"ViT compute{on}",
        before=spent(before, visual),
        after=spent(after, visual),
        change=change(before, after),
        status=mark_of(analysis),
    )
    yield _Line(
        what="Waste: padding in it",
        before=percent(waste_of(needed, before)),
        after=percent(waste_of(needed, after)),
        status=mark_of(analysis),
    )


def _an_image(analysis: Analysis, savings: Savings) -> _Line:
    before, after = (
        each.likely for each in (savings.before_ms_an_image, savings.after_ms_an_image)
    )
    return _Line(
        what="ViT time an image",
        before=compute(before, TIME_UNIT),
        after=compute(after, TIME_UNIT),
        change=change(before, after),
        status=mark_of(analysis),
    )


def _memory(analysis: Analysis, inputs: ReportInputs, old: Sequence[int]) -> _Line:
    plan, before = inputs.memory, inputs.memory_before
    if plan is None or before is None:
        new = analysis.plan.visual.vit_max_seq_lens
        masks = [
            sum(map(analysis.release.engine.mask_bytes, lengths))
            for lengths in (old, new)
        ]
        return _Line(
            what="Memory: attention masks",
            before=memory(masks[0]),
            after=memory(masks[1]),
            change=more_or_less(*masks),
            status=mark_of(analysis),
        )
    held = before.fullest.device_bytes, plan.fullest.device_bytes
    return _Line(
        what=f"Memory of a device ({memory(plan.usable_bytes)})",
        before=held_in_words(before),
        after=held_in_words(plan),
        change=more_or_less(*held),
        status="assumed",
        marked=plan.lacks_bytes > 0,
        failing=tuple(
            at for at, each in enumerate((before, plan), 1) if each.lacks_bytes
        ),
    )


def more_or_less(before: int, after: int) -> str:
    """Return the difference of two amounts of memory in words."""
    if before == after:
        return "the same"
    return f"{memory(abs(after - before))} {'more' if after > before else 'less'}"


def _graphs(analysis: Analysis, old: Sequence[int]) -> _Line:
    new = analysis.plan.visual.vit_max_seq_lens
    each = analysis.graph_minutes
    if each is not None:
        return _Line(
            what="Compile time of the ViT",
            before=minutes(each.of(old)),
            after=minutes(each.of(new)),
            change=f"{len(new) - len(old):+d} graphs" if len(new) != len(old) else "",
            status="measured",
        )
    more = len(new) - len(old)
    return _Line(
        what="ViT graphs to compile",
        before=str(len(old)),
        after=str(len(new)),
        change=f"{abs(more)} {'more' if more > 0 else 'fewer'}" if more else "the same",
        status=mark_of(analysis),
    )


def _decoder(analysis: Analysis) -> Iterator[_Line]:
    decoder = analysis.plan.decoder
    if decoder is None:
        return
    cost = decoder.step_cost
    yield _Line(
        what="Decoder graphs",
        before=f"{decoder.batch_size:,}",
        after=dotted(decoder.decoder_batch_sizes),
        change=decoder_note(
            decoder,
            smaller=analysis.release.engine.picks_smaller_graphs(
                analysis.plan.model.family
            ),
        ),
        status=cost.status if cost else "assumed",
    )


def _shrunk(analysis: Analysis, current: Current | None) -> _Line:
    visual, images = analysis.plan.visual, images_accepted(analysis)
    before = current.shrunk_images if current else visual.shrunk_images
    texts = [
        f"{number(shrunk)} ({percent(shrunk / images)})" if shrunk else "0"
        for shrunk in (before, visual.shrunk_images)
    ]
    return _Line(
        what=f"{plural_of(noun_of(analysis)).capitalize()} shrunk by the limit",
        before=texts[0],
        after=texts[1],
        status=mark_of(
            analysis, assumed=current.max_pixels_assumed if current else False
        ),
    )


def _pixel_limits(analysis: Analysis, current: Current | None) -> _Line:
    model, limits = analysis.plan.model, analysis.plan.visual.processor
    before = current.max_pixels if current else model.max_pixels
    unset = " (the checkpoint's)" if current and current.max_pixels_assumed else ""
    return _Line(
        what=f"max_pixels (min_pixels {limits.min_pixels:,})",
        before=f"{before:,}{unset}",
        after=f"{limits.max_pixels:,}",
        change="" if before == limits.max_pixels else change(before, limits.max_pixels),
        status="measured" if model.limits_source == "given" else "assumed",
    )
