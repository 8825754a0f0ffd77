"""What was measured, what was derived and what was assumed, a line each."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan, Status
from bucketwise.report.blocks import Column, Row, Table
from bucketwise.report.plan_queries import MARKS, noun_of
from bucketwise.report.strategies import method_of
from bucketwise.words.numbers import number, plural

MOST_VALUES = 12

VIDEO = "video sampling"


def grounds(analysis: Analysis) -> Table:
    """Return what the page stands on, the surest first."""
    plan = analysis.plan
    rows = (
        ("measured", "; ".join((_read(analysis), *_values(plan, "measured")))),
        ("derived", "; ".join((_optimum(analysis), *_values(plan, "derived")))),
        ("assumed", "; ".join(_values(plan, "assumed")) or "nothing"),
    )
    return Table(
        caption="What it stands on",
        head=(Column(text="Mark"), Column(text="What")),
        rows=tuple(
            Row(cells=(MARKS[status], f"{text}.")) for status, text in rows if text
        ),
    )


def _read(analysis: Analysis) -> str:
    traffic = analysis.plan.traffic
    weighted = ", weighted" if traffic.weighted else ""
    text = (
        f"{plural(traffic.images, noun_of(analysis))}{weighted}, from "
        f"{number(traffic.rows_used)} of {plural(traffic.rows_read, 'row')}"
    )
    if traffic.refused_by_processor:
        text += f" ({number(traffic.refused_by_processor)} refused by the processor)"
    decoder = analysis.plan.decoder
    if decoder and decoder.evidence.samples:
        text += f"; {plural(decoder.evidence.samples, 'record')} of the decoder's load"
    return text


def _optimum(analysis: Analysis) -> str:
    timed = "compute is counted, not timed"
    if analysis.plan.visual.cost.is_time:
        timed = "what they take follows the measured curve"
    if analysis.release.engine.no_lengths:
        return f"no length of the ViT is chosen; {timed}"
    strategy = analysis.plan.visual.decision.strategy
    return f"the lengths are {method_of(strategy)} for this traffic; {timed}"


def _values(plan: Plan, status: Status) -> tuple[str, ...]:
    found = [
        f"{item.name} {item.value}"
        for item in plan.assumptions
        if item.status == status and (item.name != VIDEO or plan.traffic.clips)
    ]
    if len(found) <= MOST_VALUES:
        return tuple(found)
    left = len(found) - MOST_VALUES + 1
    return (*found[:-left], f"{left:,} more in plan.json")
