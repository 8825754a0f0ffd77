"""The chosen buckets, why these and so many, and what if others were compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.core.analysis import Analysis, lengths_bytes
from bucketwise.core.options import SEARCHED
from bucketwise.core.plan import BucketUse, Current, Planned, PointLike, Visual
from bucketwise.report.before_after import minutes
from bucketwise.report.blocks import (
    Block,
    Column,
    Drawing,
    Paragraph,
    Part,
    Points,
    Row,
    Section,
    Table,
    WhatIf,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.figures.knee import knee_drawing
from bucketwise.report.figures.trade import trade_drawing
from bucketwise.report.plan_queries import MARKS, UNIT, noun_of, spent
from bucketwise.report.sentences import budget_uses
from bucketwise.report.what_if.panel_data import panel_data
from bucketwise.words.numbers import (
    dotted,
    joined,
    memory,
    number,
    percent,
    plural,
    saving_arithmetic,
    verb,
)


def buckets(analysis: Analysis, inputs: ReportInputs, counted: Analysis) -> Section:
    """Return the table of buckets, how many there are, and the panel to try others.

    Lengths are told in the unit of the engine; `counted` has them in ViT patches.
    """
    visual = analysis.plan.visual
    if analysis.release.engine.no_lengths:
        # They are built in: there is nothing to choose or to try.
        return Section(
            id="buckets",
            title="Buckets",
            finding=_finding(visual),
            blocks=(_table(analysis, counted),),
        )
    blocks: list[Block] = [
        _table(analysis, counted),
        Points(items=tuple(_why(analysis))),
        how_many(
            visual,
            analysis.plan.provenance.options,
            more=tuple(_budgets(analysis, counted)),
        ),
    ]
    # The panel repeats the processor that fits an image into limits in pixels, no other.
    profile = analysis.profile
    has_panel = profile.has_pixel_limits and profile.image_frames == 1
    if has_panel:
        blocks.append(_what_if(counted, inputs))
    return Section(
        id="buckets",
        title="Buckets and what if" if has_panel else "Buckets",
        finding=_finding(visual),
        blocks=tuple(blocks),
    )


def _finding(visual: Visual) -> str:
    total = visual.padded_compute - visual.useful_compute
    if len(visual.buckets) == 1:
        only = f"One bucket of {visual.vit_max_seq_lens[0]:,} holds every run"
        waste = percent(visual.waste)
        return f"{only}; {waste} is padding." if total > 0 else f"{only}, unpadded."
    if total <= 0:
        return "Every run fits its bucket exactly: nothing is padding."
    worst = max(visual.buckets, key=_padding)
    return (
        f"{percent(visual.waste)} of the ViT compute is padding, "
        f"{percent(_padding(worst) / total)} of that in the bucket of "
        f"{worst.vit_patches:,}."
    )


def _padding(use: BucketUse) -> float:
    return use.padded_compute - use.useful_compute


def _table(analysis: Analysis, counted: Analysis) -> Table:
    """Return whom each bucket serves, what it wastes, and what its graph takes."""
    visual, each = analysis.plan.visual, analysis.graph_minutes
    merged = counted.release.engine.patches_per_length(counted.profile) > 1
    heads = [
        "ViT patches",
        *(() if merged else ("Merged patches",)),
        *("Largest square, px", "ViT runs", "Share"),
        *("Padded compute", "Waste", "Device memory"),
        *(["Compile time"] if each is not None else []),
    ]
    held = [
        counted.length_bytes(use.vit_patches) for use in counted.plan.visual.buckets
    ]
    rows = [
        (
            f"{use.vit_patches:,}" + (" (pinned)" if use.pinned else ""),
            *(() if merged else (f"{use.merged_patches:,}",)),
            f"{use.largest_square:,} x {use.largest_square:,}"
            if use.largest_square
            else "none",
            number(use.runs),
            percent(use.share),
            spent(use.padded_compute, visual),
            percent(use.waste),
            memory(n_bytes),
            *([minutes(each.of([use.vit_patches]))] if each is not None else []),
        )
        for use, n_bytes in zip(visual.buckets, held, strict=True)
    ]
    total = (
        *(
            "All",
            "",
            *(() if merged else ("",)),
            number(sum(use.runs for use in visual.buckets)),
            "100%",
        ),
        *(spent(visual.padded_compute, visual), percent(visual.waste)),
        memory(sum(held)),
        *([minutes(each.of(visual.vit_max_seq_lens))] if each is not None else []),
    )
    takes = (
        "the attention mask, inputs and outputs"
        if visual.has_masks
        else analysis.release.engine.unmasked
    ) + f" ({MARKS['assumed']}: that every device holds them whole)"
    if analysis.graph_bytes is not None:
        takes = "as measured"
    return Table(
        caption=(
            "A bucket takes every run longer than the one above it and no longer than "
            f"itself. Device memory is what its graph adds beside the weights: {takes}"
        ),
        head=tuple(Column(text=text, style="number") for text in heads),
        rows=(
            *(Row(cells=cells) for cells in rows),
            Row(cells=total, marked=True),
        ),
    )


def _why(analysis: Analysis) -> Iterator[str]:
    """Return why these lengths and limits, in the numbers that decide."""
    visual, force = analysis.plan.visual, analysis.plan.model.max_pixels
    top, largest, noun = (
        visual.vit_max_seq_lens[-1],
        visual.largest_needed,
        noun_of(analysis),
    )
    held = f"the largest {noun} read needs {largest:,}"
    if analysis.batches is not None:
        held = f"the images that run together need up to {largest:,}"
    lets = "every image there can be"
    if analysis.plan.model.has_pixel_limits:
        held += f" under max_pixels {visual.processor.max_pixels:,}"
        lets = "everything the limit lets through"
    raised = "" if top == largest else "; headroom, alignment or a pin raises it"
    if visual.top.way == "raised":
        raised = f"; it is raised so that {lets} fits"
    yield f"Why {top:,} at the top: {held}{raised}."
    if len(visual.vit_max_seq_lens) > 1:
        below = joined(visual.vit_max_seq_lens[:-1])
        pinned = [use.vit_patches for use in visual.buckets if use.pinned]
        given = f" ({joined(pinned)} as asked)" if pinned else ""
        chosen = (
            "exact optimum; no other lengths, as many, cost less on this traffic"
            if visual.decision.strategy == "exact"
            else f"chosen by {_strategy(visual)}; the appendix has the "
            "exact optimum beside it"
        )
        yield f"Why {below} below it{given}: {chosen}."
    sure = analysis.plan.confidence
    if sure and sure.ranges:
        ranges = (
            f"{each.vit_patches:,} from {each.shortest:,} to {each.longest:,}"
            for each in sure.ranges
        )
        yield f"Each may move, the others staying, before 1% is lost: {'; '.join(ranges)}."
    limit = visual.processor.max_pixels
    if limit != force:
        yield (
            f"Why max_pixels {limit:,} instead of {force:,}: under it nothing outgrows "
            f"the top length, and no {noun} read becomes smaller."
        )
    yield from _unused(visual.current)


def _strategy(visual: Planned) -> str:
    """Return what chose the lengths."""
    name = visual.decision.strategy
    return f"a {name}" if name == SEARCHED else f"{name}, as asked"


def _unused(current: Current | None) -> Iterator[str]:
    """Return today's lengths that nobody needs."""
    if current is not None and current.unused_buckets:
        n = len(current.unused_buckets)
        yield (
            f"No run uses today's {'length' if n == 1 else 'lengths'} "
            f"{joined(current.unused_buckets)}: {plural(n, 'graph')} "
            f"{verb(n, 'takes', 'take')} compile time and device memory for nothing."
        )


def how_many(
    visual: Planned,
    options: Mapping[str, Any],
    unit: str = UNIT,
    more: tuple[Block, ...] = (),
) -> Part:
    """Return what each further graph saves and why k was chosen."""
    decided = visual.decision
    blocks: list[Block] = []
    if decided.price_per_graph is not None:
        price = spent(decided.price_per_graph, visual)
        text = (
            f"One more graph is priced at {price} on the scale of this traffic "
            f"({MARKS['measured']}: from the minutes, images and days given); k is "
            "where compute plus the price of all graphs is least."
        )
        blocks.append(Paragraph(text=text))
    if decided.strategy != "exact":
        searched = decided.strategy == SEARCHED
        packed = " for images that run together as in the plan" if searched else ""
        text = (
            f"The table and the curve are of the exact optimum{packed}; the plan itself "
            f"was made by {_strategy(visual)}."
        )
        blocks.append(Paragraph(text=text))
    blocks.append(_frontier(visual, unit))
    if drawing := graphs_drawing(visual, options, unit):
        blocks.append(drawing)
    blocks.extend(more)
    return Part(
        id="how-many",
        title="How many",
        finding=f"{plural(decided.k, 'graph')}: {decided.reason}.",
        blocks=tuple(blocks),
    )


def _budgets(analysis: Analysis, counted: Analysis) -> Iterator[Block]:
    """Yield what one more graph costs beside compute, and what each budget is used for."""
    plan = analysis.plan
    if len({point.k for point in plan.frontier_budgets}) > 1:
        held = lengths_bytes(counted)
        yield trade_drawing(plan.visual, plan.frontier_budgets, held)
    if used := budget_uses(plan):
        yield Paragraph(text=f"Budgets: {'; '.join(used)}.")


def graphs_drawing(
    visual: Planned, options: Mapping[str, Any], unit: str = UNIT
) -> Drawing | None:
    """Return what each graph saves as a figure; None where there is but one answer."""
    if len(visual.frontier) == 1:
        return None
    return knee_drawing(visual, options, _frontier(visual, unit))


def _frontier(visual: Planned, unit: str) -> Table:
    rows = []
    before: PointLike | None = None
    for point in visual.frontier:
        chosen = point.k == visual.decision.k
        arithmetic = saving = ""
        if before is not None and point.saving is not None:
            saving = percent(point.saving)
            arithmetic = saving_arithmetic(
                before.padded_compute, point.padded_compute, visual.cost.unit
            )
        rows.append(
            Row(
                cells=(
                    f"{point.k} (chosen)" if chosen else str(point.k),
                    dotted(point.lengths),
                    spent(point.padded_compute, visual),
                    percent(point.waste),
                    saving,
                    arithmetic,
                ),
                marked=chosen,
            )
        )
        before = point
    return Table(
        caption=(
            "The exact optimum for every number of graphs. What one more graph saves "
            "is a share of the compute with one graph fewer."
        ),
        head=(
            Column(text="Graphs"),
            Column(text=f"Lengths, {unit}", style="lengths"),
            Column(text="Padded compute", style="number"),
            Column(text="Waste", style="number"),
            Column(text="This graph saves", style="number"),
            Column(text="because", style="number"),
        ),
        rows=tuple(rows),
    )


def _what_if(analysis: Analysis, inputs: ReportInputs) -> Part:
    """Return the panel in which lengths are edited."""
    plan = analysis.plan
    releases = (
        analysis.release.engine.files_to_edit(plan, inputs.base, inputs.targets)
        if inputs.base is not None and inputs.targets
        else ()
    )
    terms = (
        analysis.release.engine.memory_coefficients(
            analysis, inputs.base, inputs.targets
        )
        if inputs.memory is not None and inputs.base is not None
        else None
    )
    told = panel_data(analysis, releases, terms)
    blocks: list[Block] = [
        WhatIf(data=told.json, decoder=told.decoder),
        Paragraph(text=_rests_on(analysis, told.stand_in_share)),
    ]
    sizes = " and decoder sizes" if told.decoder else ""
    limit = ", move the pixel limit" if told.limit else ""
    deployment = ", change what it is deployed with" if terms else ""
    return Part(
        id="what-if",
        title="What if",
        finding=(
            f"Move, add or remove lengths{sizes}{limit}{deployment}: who fits, waste, "
            "memory and files follow at once."
        ),
        blocks=tuple(blocks),
    )


def _rests_on(analysis: Analysis, stand_in_share: float) -> str:
    visual = analysis.plan.visual
    priced = "time is measured" if visual.cost.is_time else "compute is derived"
    text = (
        "Computed in this page, from the histogram of the sizes read, by the arithmetic "
        f"of the plan; starts at its lengths and at max_pixels "
        f"{visual.processor.max_pixels:,}. ViT {priced}, device memory is "
        "that of one device and partly assumed. The address of the page carries what "
        "is edited."
    )
    if analysis.batches is not None:
        text += (
            " Images run together as in the plan, whatever is edited; for an edited list "
            "the engine may pack them otherwise, which the command replays."
            if analysis.batches.most_images == 1
            else " The images of a request run together."
        )
    if analysis.plan.visual_by_target:
        text += (
            " Lengths are those of the newest release; files of releases before 0.12.0 "
            "get one attention window more for each, which holds the same images."
        )
    if stand_in_share:
        text += (
            f" To keep this file small, {percent(stand_in_share)} of the images are "
            "told by another size of the same length: exact under the limit of the "
            "plan, close under others."
        )
    return text
