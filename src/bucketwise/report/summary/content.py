"""What the one page says, as one value that every form of it is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import BucketUse, Plan, Visual
from bucketwise.core.verdict import failing_today
from bucketwise.nouns.engine import Overflow
from bucketwise.report.before_after import before_after
from bucketwise.report.blocks import Callout, Column, Drawing, Level, Row, Table
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import noun_of, traffic_inputs
from bucketwise.report.sections.decision import (
    finding,
    headline,
    merged_callout,
    verdict_callout,
)
from bucketwise.report.settings import settings_table
from bucketwise.report.summary.grounds import grounds
from bucketwise.report.sureness import how_sure
from bucketwise.words.numbers import change, number, percent, plural

MOST_NAMES = 3
MOST_WARNINGS = 4
MOST_BUCKETS = 8
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One page in reading order, all of it finished text but the drawing.

    Attributes
    ----------
    title, subtitle : str
        What it is about and what it was read from.
    finding : str
        The decision in one sentence.
    alarms : tuple of Callout
        What must be read before the numbers.
    settings : Table
        What to write into the configuration and onto the processor.
    before_after : Table
        What it saves and what it costs, each with how far to trust it.
    why : tuple of str
        Why so many lengths, and what one would cost.
    warnings : tuple of str
        The gravest first.
    buckets : Table
        Whom each length serves.
    drawing : Drawing or None
        The lengths over what the traffic needs; None where the engine takes none.
    sure : Callout
        How far the decision can be trusted.
    grounds : Table
        What was measured, derived and assumed.
    files : Table
        Which file says more.
    footer : str
        What made it.
    """

    title: str
    subtitle: str
    finding: str
    alarms: tuple[Callout, ...]
    settings: Table
    before_after: Table
    why: tuple[str, ...]
    warnings: tuple[str, ...]
    buckets: Table
    drawing: Drawing | None
    sure: Callout
    grounds: Table
    files: Table
    footer: str


def summary_of(
    analysis: Analysis,
    snippets: Mapping[str, Mapping[str, str]],
    inputs: ReportInputs | None = None,
    *,
    beside: Mapping[str, str] | None = None,
) -> Summary:
    """Return the one page of an analysis."""
    analysis = analysis.as_told()
    plan, known = analysis.plan, inputs or ReportInputs()
    engine = analysis.release.engine
    on_lengths = engine.runs_on_lengths(analysis.profile)
    return Summary(
        title=f"What to compile for {shortened(plan.model.hf_id)}",
        subtitle=_subtitle(analysis),
        finding=finding(analysis),
        alarms=_alarms(plan, engine.overflow),
        settings=settings_table(plan, engine),
        before_after=before_after(analysis, known),
        why=() if engine.no_lengths else _why(plan.visual),
        warnings=_warnings(plan, engine.sdk),
        buckets=_buckets(
            plan.visual.buckets if on_lengths else (),
            merged=engine.patches_per_length(analysis.profile) > 1,
        ),
        drawing=headline(analysis) if on_lengths else None,
        sure=how_sure(analysis),
        grounds=grounds(analysis),
        files=files_table(
            snippets,
            beside or {},
            engine.sdk,
            "compile, load and serve files"
            if any("compile.py" in each for each in chain(*snippets.values()))
            else "what serves with it stands",
        ),
        footer=f"Made by bucketwise {plan.provenance.bucketwise}".rstrip()
        + ". Sizes only: no image, prompt or address is kept.",
    )


def shortened(name: str) -> str:
    """Return a name from outside, cut where it would fill the page."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _subtitle(analysis: Analysis) -> str:
    traffic = analysis.plan.traffic
    inputs = traffic_inputs(analysis)
    names = [shortened(record.name) for record in inputs if record.name][:MOST_NAMES]
    more = len(inputs) - len(names)
    if names and more:
        names.append(f"{more:,} more")
    said = ", ".join(names) or plural(len(inputs), "input")
    period = ""
    # Logs that count from an origin of their own begin in 1970.
    if traffic.first and traffic.last and not traffic.last.startswith("1970"):
        first, last = traffic.first[:10], traffic.last[:10]
        period = f", {first}" if first == last else f", {first} to {last}"
    return f"From {plural(traffic.images, noun_of(analysis))}: {said}{period}."


def _alarms(plan: Plan, overflow: Overflow) -> tuple[Callout, ...]:
    visual, found = plan.visual, [verdict_callout(plan.verdict)]
    if visual.current is not None and visual.current.overflow_images:
        mark, text = failing_today(visual.current, overflow)
        fails = overflow == "raises"
        if fails:
            text = f"{text} The runtime raises an error instead of answering."
        level: Level = "danger" if fails else "warning"
        found.append(Callout(level=level, mark=mark, text=text))
    if visual.bucket_unit == "merged_patches":
        found.append(merged_callout(visual))
    return tuple(found)


def _why(visual: Visual) -> tuple[str, ...]:
    found = [f"Why {len(visual.vit_max_seq_lens)}: {visual.decision.reason}."]
    if len(visual.vit_max_seq_lens) > 1:
        said = change(visual.one_graph_compute, visual.padded_compute)
        top = visual.vit_max_seq_lens[-1]
        found.append(f"Against one graph of {top:,}: {said} ViT compute.")
    return tuple(found)


def _warnings(plan: Plan, sdk: str) -> tuple[str, ...]:
    """Return the warnings, those of other releases last, and how many more there are."""
    found = dict.fromkeys(warning.words for warning in plan.warnings)
    for version, visual in plan.visual_by_target.items():
        for warning in visual.warnings:
            if warning not in plan.visual.warnings:
                found.setdefault(f"On {sdk} {version}: {warning.words}")
    texts = tuple(found)
    if len(texts) <= MOST_WARNINGS:
        return texts
    shown = texts[: MOST_WARNINGS - 1]
    left = plural(len(texts) - len(shown), "more warning")
    return (*shown, f"{left} in plan.json.")


def _buckets(uses: tuple[BucketUse, ...], *, merged: bool) -> Table:
    shown = uses[-MOST_BUCKETS:]
    caption = "Whom each length serves"
    if len(shown) < len(uses):
        caption += f"; the {MOST_BUCKETS} longest of {len(uses):,}"
    heads = ("ViT patches", "Merged", "Square up to, px", "Share of runs", "Padding")
    own = [at for at in range(len(heads)) if not (merged and at == 1)]
    return Table(
        caption=caption,
        head=tuple(Column(text=heads[at], style="number") for at in own),
        rows=tuple(Row(cells=tuple(_cells(use)[at] for at in own)) for use in shown),
    )


def _cells(use: BucketUse) -> tuple[str, ...]:
    side = use.largest_square
    return (
        f"{use.vit_patches:,}",
        f"{use.merged_patches:,}",
        number(side) if side else "none",
        percent(use.share),
        percent(use.waste),
    )


def files_table(
    snippets: Mapping[str, Mapping[str, str]],
    beside: Mapping[str, str],
    sdk: str,
    made: str = "compile, load and serve files",
) -> Table:
    """Return which file says more: those beside the page, and what those of a release do."""
    rows = [
        *beside.items(),
        (
            "plan.json",
            "the plan for programs, with every warning; what was read and rejected",
        ),
    ]
    named = {version: texts for version, texts in snippets.items() if texts}
    if named:
        newest = list(named)[-1]
        said = f"to set on {sdk} {newest}; {made} beside it"
        older = f", and those of {plural(len(named) - 1, 'older release')}"
        first = next(iter(named[newest]))
        rows.append((first, said + (older if len(named) > 1 else "")))
    return Table(
        caption="Which file says more",
        head=(Column(text="File", style="code"), Column(text="What it holds")),
        rows=tuple(Row(cells=row) for row in rows),
    )
