"""Whether the plan fits its devices, term by term, and which pixel limits it rests on."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.limits import IN_FORCE
from bucketwise.core.memory import MemoryPlan, Pool, Term, cache_in_words, fit_in_words
from bucketwise.core.plan import Cap, Visual
from bucketwise.nouns.engine import OVERFLOWS
from bucketwise.report.before_after import more_or_less
from bucketwise.report.blocks import (
    Block,
    Column,
    Paragraph,
    Part,
    Points,
    Row,
    Section,
    Table,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import (
    MARKS,
    UNIT,
    images_accepted,
    noun_of,
    spent,
)
from bucketwise.report.sentences import limits_to_set
from bucketwise.words.numbers import (
    change,
    dotted,
    memory,
    number,
    percent,
    plural,
    plural_of,
    share_in_words,
)

_UNKNOWN = (
    "Some images are known by their visual tokens alone, as counted under the limit "
    "they were logged with: what another limit would make of them is unknown."
)


def memory_and_limits(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return what each device holds, where it is known, and the pixel limits."""
    plan, limits = inputs.memory, _limits(analysis)
    if plan is None:
        return Section(
            id="memory",
            title="Limits",
            finding=limits.finding,
            blocks=limits.blocks,
        )
    blocks: list[Block] = []
    # Of one kind of device the decision says as much.
    if inputs.memory_before is not None and len(plan.pools) > 1:
        is_today = analysis.plan.visual.current is not None
        blocks.append(_sides(inputs.memory_before, plan, is_today=is_today))
    blocks += [_terms(pool) for pool in plan.pools]
    notes = (
        cache_in_words(plan.blocks),
        *(f"It would fit with {each.words}." for each in plan.changes),
        *plan.notes,
    )
    return Section(
        id="memory",
        title="Memory and limits",
        finding=_finding(plan),
        blocks=(*blocks, Points(items=notes), limits),
    )


def _finding(plan: MemoryPlan) -> str:
    held, has = memory(plan.fullest.device_bytes), memory(plan.usable_bytes)
    return (
        f"The proposed configuration {fit_in_words(plan)}: the fullest device holds "
        f"{held} of {has} ({plan.device}), by estimate."
    )


def _sides(before: MemoryPlan, plan: MemoryPlan, *, is_today: bool) -> Table:
    old = {pool.name: pool for pool in before.pools}
    rows = [
        Row(
            cells=(
                f"{pool.name}, on {plural(len(pool.device_ids), 'device')}",
                memory(old[pool.name].device_bytes) if pool.name in old else "",
                memory(pool.device_bytes),
                more_or_less(old[pool.name].device_bytes, pool.device_bytes)
                if pool.name in old
                else "",
                fit_in_words(pool.fit),
            ),
            failing=(4,) if pool.fit.lacks_bytes else (),
        )
        for pool in plan.pools
    ]
    return Table(
        caption=f"Each device, {'today' if is_today else 'with one graph of the top'} and "
        f"proposed; {MARKS['assumed']}, because some terms are",
        head=(
            Column(text="Devices"),
            Column(text="Today" if is_today else "One graph", style="number"),
            Column(text="Proposed", style="number"),
            Column(text="Change", style="number"),
            Column(text="Verdict"),
        ),
        rows=tuple(rows),
    )


def _terms(pool: Pool) -> Table:
    total = Row(
        cells=("All", memory(pool.device_bytes), fit_in_words(pool.fit)),
        marked=True,
        failing=(2,) if pool.fit.lacks_bytes else (),
    )
    return Table(
        caption=f"What a device with {pool.name} holds as proposed",
        head=(
            Column(text="Term"),
            Column(text="A device", style="number"),
            Column(text="Mark", style="mark"),
        ),
        rows=(*map(_term, pool.terms), total),
    )


def _term(term: Term) -> Row:
    return Row(cells=(term.name, memory(term.device_bytes), MARKS[term.status]))


def terms(plan: MemoryPlan) -> tuple[Block, ...]:
    """Return what each term is made of, once for all devices that hold it."""
    sources = {term.name: term.source for pool in plan.pools for term in pool.terms}
    return (
        Table(
            caption="What each term of memory is made of",
            head=(Column(text="Term"), Column(text="Made of")),
            rows=tuple(Row(cells=line) for line in sources.items()),
        ),
    )


def _limits(analysis: Analysis) -> Part:
    """Return the table of limits and what happens past the top bucket."""
    visual, model = analysis.plan.visual, analysis.plan.model
    if not model.has_pixel_limits:
        source = f"{model.limits_source.capitalize()}."
        return Part(id="limits", title="Pixel limits", finding=source, blocks=())
    other: Block = _caps(visual) if visual.caps else Paragraph(text=_UNKNOWN)
    if analysis.release.engine.no_lengths:
        other = limits_of_fixed(visual)
    blocks: list[Block] = [
        other,
        Points(items=(_to_set(analysis), _larger(analysis))),
    ]
    return Part(
        id="limits",
        title="Pixel limits",
        finding=_limits_finding(visual),
        blocks=tuple(blocks),
    )


def _outgrows(visual: Visual) -> bool:
    return visual.overflow_possible > visual.vit_max_seq_lens[-1]


def _limits_finding(visual: Visual) -> str:
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


def _caps(visual: Visual) -> Table:
    force = next((cap for cap in visual.caps if cap.name == IN_FORCE), None)
    masks = visual.has_masks
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


def limits_of_fixed(visual: Visual) -> Table:
    """Return what the limits do that lengths which are built in hold to the full."""
    force = next((cap for cap in visual.caps if cap.name == IN_FORCE), None)
    return Table(
        caption="The limit in force and those that the other lengths hold to the full",
        head=(
            Column(text="Limit"),
            Column(text="max_pixels", style="number"),
            Column(text="Shrinks", style="number"),
            Column(text="Waste", style="number"),
            Column(text="Compute", style="number"),
        ),
        rows=tuple(
            Row(
                cells=(
                    cap.name,
                    f"{cap.max_pixels:,}",
                    percent(cap.shrinks_share),
                    percent(cap.waste),
                    _relative(cap, force),
                ),
                marked=cap is force,
            )
            for cap in visual.caps
        ),
    )


def _relative(cap: Cap, force: Cap | None) -> str:
    if force is None or cap is force:
        return ""
    return change(force.padded_compute, cap.padded_compute)


def _to_set(analysis: Analysis) -> str:
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
    return text


def _larger(analysis: Analysis) -> str:
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
        overflow = analysis.release.engine.overflow
        does = "is not served: the runtime raises an error"
        if overflow != "raises":
            does = OVERFLOWS[overflow][0]
        meets = (
            f"One that needs more than the top bucket {does}. The worst under these limits is {worst.width_px:,} x "
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
    return chance + meets
