"""What was read: counts, sizes, and the lengths they need."""

from __future__ import annotations

from datetime import datetime

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import TrafficSummary
from bucketwise.report.blocks import Block, Fact, Facts, Paragraph, Section
from bucketwise.report.figures.arrivals import arrivals_drawing
from bucketwise.report.figures.labels import labels_drawing
from bucketwise.report.figures.lengths import cumulated_drawing
from bucketwise.report.figures.pixels import pixels_drawing, sizes_table
from bucketwise.report.figures.sizes import sizes_drawing
from bucketwise.report.figures.times import DAY_S, EPOCH_YEAR, HOUR_S
from bucketwise.report.plan_queries import demand_of, noun_of
from bucketwise.words.numbers import number, plural
from bucketwise.words.reject_reasons import left_out

_TOLD = (
    "The input tells how many visual tokens each image became, and no size: there is "
    "no picture of sizes as sent."
)

DAYS_A_YEAR = 365.25
LONG_DAYS = 2 * DAYS_A_YEAR


def traffic(analysis: Analysis) -> Section:
    """Return what was read, in numbers and figures."""
    blocks: list[Block] = [_facts(analysis), cumulated_drawing(analysis)]
    sizes = analysis.counts.sizes
    if ((sizes.count > 0) & ~sizes.is_told).any():
        blocks.extend((sizes_drawing(analysis), pixels_drawing(analysis)))
    else:
        blocks += [Paragraph(text=_TOLD), sizes_table(analysis)]
    arrivals = arrivals_drawing(analysis)
    if arrivals is not None:
        blocks.append(arrivals)
    if analysis.traffic.labels:
        blocks.append(labels_drawing(analysis))
    return Section(
        id="traffic",
        title="Traffic",
        finding=_finding(analysis),
        blocks=tuple(blocks),
    )


def _finding(analysis: Analysis) -> str:
    summary = analysis.plan.traffic
    noun = noun_of(analysis)
    needed = demand_of(analysis).needed
    low, high = int(needed[0]), int(needed[-1])
    by_tokens = summary.told == summary.images
    kind = "distinct token count" if by_tokens else "distinct size"
    sizes = plural(summary.distinct_sizes, kind)
    text = f"{plural(summary.images, noun)} of {sizes} "
    if low == high:
        return f"{text}all need the same length, {low:,} ViT patches."
    return (
        f"{text}need {plural(needed.size, 'distinct length')}, from {low:,} to "
        f"{high:,} ViT patches."
    )


def _facts(analysis: Analysis) -> Facts:
    summary = analysis.plan.traffic
    weighted = "weighted by a count column" if summary.weighted else "each row is one"
    apart = " and ".join(left_out(summary.rejections)) or "0 rejected"
    images = summary.images - summary.clips
    facts = [
        Fact(
            label="Rows read",
            value=number(summary.rows_read),
            note=f"{number(summary.rows_used)} used, {apart}",
        ),
        Fact(label="Images", value=number(images), note=weighted),
    ]
    if summary.clips:
        facts.append(
            Fact(
                label="Clips", value=number(summary.clips), note="videos of any length"
            )
        )
    facts.append(
        Fact(
            label="ViT runs",
            value=number(summary.runs),
            note="one an image, one a temporal patch",
        )
    )
    if summary.told:
        facts.append(
            Fact(
                label="Known by visual tokens",
                value=number(summary.told),
                note="their sizes as sent are unknown",
            )
        )
    if summary.refused_by_processor:
        facts.append(
            Fact(
                label="Refused by the processor",
                value=number(summary.refused_by_processor),
                note="counted above, served by no plan",
            )
        )
    facts.append(_span(summary))
    if summary.labels:
        n_labels = len(summary.labels)
        note = "their mix is drawn below"
        facts.append(Fact(label="Labels", value=number(n_labels), note=note))
    return Facts(items=tuple(facts))


def _span(summary: TrafficSummary) -> Fact:
    if summary.first is None or summary.last is None:
        return Fact(label="Span", value="not told", note="no usable time column")
    first, last = (
        datetime.fromisoformat(text) for text in (summary.first, summary.last)
    )
    seconds = (last - first).total_seconds()
    note = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    if last.year == EPOCH_YEAR:
        note = "in plain seconds, on a clock of the log's own"
    return Fact(label="Span", value=duration(seconds), note=note)


def duration(seconds: float) -> str:
    """Return a span of time in its largest fitting unit."""
    days = seconds / DAY_S
    if days >= LONG_DAYS:
        return f"{days / DAYS_A_YEAR:.1f} years"
    if days >= 2:  # noqa: PLR2004 - "1.5 days" reads worse than "36 hours"
        return plural(round(days), "day")
    if seconds >= 2 * HOUR_S:
        return plural(round(seconds / HOUR_S), "hour")
    if seconds >= 60:  # noqa: PLR2004 - a minute
        return plural(round(seconds / 60), "minute")
    return plural(round(seconds), "second")
