"""How the answer was computed, what it rests on, and what made it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import SEED, Assumption, Confidence, Decoder, Visual
from bucketwise.report.blocks import (
    Block,
    Column,
    Folded,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.figures.front import front_drawing
from bucketwise.report.figures.pixels import pixels_drawing, sizes_table
from bucketwise.report.plan_queries import MARKS, UNIT, spent, traffic_inputs
from bucketwise.report.provenance import inputs_table
from bucketwise.report.rejections import notes_block
from bucketwise.report.sections.decoder import decoder_evidence
from bucketwise.report.sections.memory import terms
from bucketwise.report.sentences import time_of_run
from bucketwise.report.strategies import method_of, side_by_side
from bucketwise.report.units import units
from bucketwise.words.numbers import plural, significant, verb

RECURRENCE = (
    "Sort the distinct needed lengths. The cheapest way to cover the first j of them "
    "with k buckets is found from cheaper answers already known: for every place i "
    "before j, take the cheapest way to cover the first i with k-1 buckets, and add "
    "every run after i, up to j, at the cost of length j; the least of these sums is "
    "the answer. The last bucket is the top. Because a longer graph never costs less, "
    "the sums need not all be tried, and the answer is still the exact optimum, found "
    "in time proportional to k times the number of distinct lengths."
)
TOP = (
    "The top bucket is the largest needed length in the traffic under the limits in "
    "force, with any headroom asked for, rounded up to the alignment. A bucket holds "
    "a run of exactly its own length. Shares and waste are over ViT runs: one an "
    "image, one a temporal patch of a clip. Waste is 1 - useful / padded compute."
)

STEPS = (
    "Decoder graphs are the same problem with active sequences as the length, the "
    "cost of a step as the cost, and batch_size as the top: a step runs on the smallest "
    "graph that holds the running requests, and padded slots are computed like others. Counted are steps, not time. "
)
SEEN = (
    " Time with so many active sequences is divided by what a step took where the load "
    "was seen."
)
COSTS = {
    "roofline": (
        "A step takes at least what the slower of memory and arithmetic needs, with "
        "the weights read once and every slot's cache with them (the roofline of "
        "Williams, Waterman and Patterson, 2009)"
    ),
    "slots": "The cost of a step is as assumed",
    "measured": "The cost of a step is measured",
}
REPLAY = (
    " Arrivals are replayed with continuous batching, one prompt at a time; because "
    "faster steps leave fewer sequences active, choice and replay are repeated until "
    "neither changes the other."
)


def appendix(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return method, evidence and provenance, folded."""
    visual, made = analysis.plan.visual, analysis.plan.provenance
    evidence = decoder_evidence(analysis)
    # What it draws is the memory of masks, which not every graph is given.
    fronts = (
        (front_drawing(visual, analysis.release.engine.mask_bytes),)
        if visual.has_masks
        else ()
    )
    told = analysis.counts.sizes.is_told | (analysis.counts.sizes.count <= 0)
    sizes = sizes_table(analysis)
    parts = (
        Part(id="computed", title="How it was computed", blocks=_computed(analysis)),
        units(analysis),
        side_by_side(visual, UNIT, *fronts),
        Part(
            id="sizes",
            title="Sizes",
            blocks=(sizes,) if told.all() else (pixels_drawing(analysis), sizes),
        ),
        *(
            [Part(id="load", title="Decoder graphs and load", blocks=tuple(evidence))]
            if evidence
            else []
        ),
        *(
            [Part(id="terms", title="Terms of memory", blocks=terms(inputs.memory))]
            if inputs.memory
            else []
        ),
        assumptions(analysis.plan.assumptions),
        Part(
            id="provenance",
            title="Provenance",
            blocks=(
                _provenance(analysis),
                inputs_table(made.inputs),
                *notes_block(traffic_inputs(analysis), analysis.plan.traffic.notes),
            ),
        ),
    )
    return folded_method(visual.decision.strategy, parts)


def folded_method(strategy: str, parts: tuple[Block, ...]) -> Section:
    """Return the appendix: one sentence on the method, and the rest behind a line."""
    return Section(
        id="method",
        title="Method and appendix",
        finding=f"The lengths are {method_of(strategy)} for this traffic under a cost of length.",
        blocks=(
            Folded(
                summary="Method, units, strategies, sizes, assumptions and provenance",
                blocks=parts,
            ),
        ),
    )


def _computed(analysis: Analysis) -> tuple[Block, ...]:
    return (
        Paragraph(text=RECURRENCE),
        Paragraph(text=TOP),
        Paragraph(text=_cost(analysis.plan.visual)),
        *_confidence(analysis.plan.confidence),
        *_decoder(analysis.plan.decoder),
    )


def _cost(visual: Visual) -> str:
    cost, top = visual.cost, visual.vit_max_seq_lens[-1]
    if cost.is_time:
        return time_of_run(cost, top)
    if cost.unit == "patch":
        return (
            f"Cost: one run at a length of S counts {_times(cost.a)}S, so compute is in patches "
            f"({cost.source}). It says how much is padded, not how long it takes."
        )
    linear, square = cost.a * top, cost.b * top**2
    return (
        f"Cost: one run at length S takes f(S) = a * S + b * S^2, with a = "
        f"{_coefficient(cost.a)} and b = {_coefficient(cost.b)} {cost.unit} "
        f"({cost.source}). At the top length of {top:,} that is "
        f"{spent(linear, visual)} + {spent(square, visual)} = "
        f"{spent(linear + square, visual)}; the second "
        "part is attention. Compute is arithmetic, not time: a device may be bound by "
        "memory instead."
    )


def _times(factor: float) -> str:
    return "" if factor == 1 else f"{_coefficient(factor)} * "


def _confidence(found: Confidence | None) -> list[Block]:
    """Return how the regret on new traffic was computed; nothing where it was not."""
    if found is None:
        return []
    new = {
        "time": "the images are cut by time into 24 parts, and each of the last 19 is new "
        "to the lengths of all before it; the interval is their least and greatest",
        "labels": f"labels are drawn with repetition, {found.rounds} times for the lengths "
        f"and {found.rounds} times anew to price them (seed {SEED})",
        "images": f"images are drawn with repetition, {found.rounds} times for the lengths "
        f"and {found.rounds} times anew to price them (seed {SEED})",
    }[found.method]
    text = (
        f"New traffic: {new}. Regret is the compute on what is new above that of its own "
        "exact optimum, of as many lengths under the same top. The range of a length is "
        "how far it may move, the others staying, before the list costs 1% more. The "
        "chance of a larger image is at most 1/(n+1) after n images, with ties less: if "
        "those to come are like these, each of n+1 is as likely to be the largest."
    )
    return [Paragraph(text=text)]


def _decoder(decided: Decoder | None) -> list[Block]:
    """Return how the decoder graphs were chosen; nothing where no load is known."""
    if decided is None or decided.step_cost is None:
        return []
    cost = decided.step_cost
    text = f"{STEPS}{COSTS.get(cost.kind, cost.kind)}: {cost.source}."
    text += REPLAY if decided.evidence.kind == "arrivals" else SEEN
    return [Paragraph(text=text)]


def _coefficient(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else significant(value, 6)


def _provenance(analysis: Analysis) -> Table:
    plan = analysis.plan
    made = plan.provenance
    lines = [
        ("bucketwise", made.bucketwise or "version not recorded"),
        ("plan schema", plan.schema),
        ("model", f"{plan.model.hf_id} ({plan.model.source})"),
        ("strategy", plan.visual.decision.strategy),
        ("seed of random halves", str(made.seed)),
    ]
    lines.extend(
        (f"option {name}", json.dumps(value, ensure_ascii=False, default=str))
        for name, value in made.options.items()
    )
    return Table(
        caption="What made this report; the same input and options give the same bytes",
        head=(Column(text="What"), Column(text="Value")),
        rows=tuple(Row(cells=line) for line in lines),
    )


def assumptions(rows: Sequence[Assumption]) -> Part:
    """Return every value the plan rests on, with how far to trust it."""
    n_assumed = sum(item.status == "assumed" for item in rows)
    rest = plural(n_assumed, "value") if n_assumed else "No value"
    table = Table(
        caption="What the plan rests on",
        head=(
            Column(text="Value of"),
            Column(text="Is"),
            Column(text="Mark", style="mark"),
            Column(text="Source"),
        ),
        rows=tuple(
            Row(cells=(item.name, item.value, MARKS[item.status], item.source))
            for item in rows
        ),
    )
    return Part(
        id="assumptions",
        title="Assumptions",
        finding=(
            f"{rest} of {len(rows):,} {verb(n_assumed or 1, 'is', 'are')} assumed; each "
            "can be replaced by your own."
            if n_assumed
            else "Every value was given, measured, or follows from published files."
        ),
        blocks=(table,),
    )
