"""How sure the decision is, in a few short sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bucketwise.core.analysis import Analysis
from bucketwise.core.half_split import DRAWS, HalfSplit, chance_of_larger
from bucketwise.core.plan import Plan
from bucketwise.core.plan_record import moment_of
from bucketwise.core.warnings import FEW_IMAGES
from bucketwise.report.blocks import Callout
from bucketwise.report.plan_queries import images_accepted, noun_of
from bucketwise.words.numbers import duration, number, percent, plural, plural_of

STEADY = 0.05
"""Lengths that cost less than this above the best on images unseen are called steady:
what the last graph must save by default."""

DECIDING = {
    "model": "the model",
    "image limits": "image limits",
    "video sampling": "video sampling",
    "sizes": "how photos are turned",
}
"""Assumptions that change the lengths, in words; the others change the files."""


def how_sure(analysis: Analysis) -> Callout:
    """Return how far the decision can be trusted, with the numbers that say so."""
    text = " ".join(_sentences(analysis))
    return Callout(level="note", mark="How sure:", text=text)


def chance_in_words(analysis: Analysis) -> str:
    """Return the chance that the next image outgrows all so far, as "1 in n"."""
    return f"1 in {number(round(1 / chance_of_larger(images_accepted(analysis))))}"


def deciding(analysis: Analysis) -> tuple[tuple[str, str], ...]:
    """Return the assumed values that would change the lengths: in words, and the value."""
    clips = analysis.plan.traffic.clips > 0
    return tuple(
        (DECIDING[item.name], item.value)
        for item in analysis.plan.assumptions
        if item.status == "assumed"
        and item.name in DECIDING
        and (clips or item.name != "video sampling")
    )


def _sentences(analysis: Analysis) -> Iterator[str]:
    noun = noun_of(analysis)
    images = images_accepted(analysis)
    only = "Only " if images < FEW_IMAGES else ""
    yield f"{only}{plural(images, noun)}{_span(analysis)}."
    if analysis.steadiness is not None:
        yield _steady(analysis.steadiness, analysis)
    yield _chance(analysis)
    yield _priced(analysis.plan)
    names = [name for name, _ in deciding(analysis)]
    if names:
        yield f"Assumed: {', '.join(names)}."


def _priced(plan: Plan) -> str:
    """Say what the numbers of the ViT are: measured time, or none."""
    cost, savings = plan.visual.cost, plan.savings
    if savings is not None and cost.measured is not None:
        ms = savings.ms_an_image
        return (
            f"Times are {cost.source}: an image takes {ms.said} ms at "
            f"{cost.measured.level * 100:g}%."
        )
    patches = cost.unit == "patch"
    unit = "patches" if patches else "arithmetic by the model's dimensions"
    return f"Compute is {unit}, not measured time."


def _span(analysis: Analysis) -> str:
    summary = analysis.plan.traffic
    if summary.first is None or summary.last is None:
        return ", of times unknown"
    first, last = map(datetime.fromisoformat, (summary.first, summary.last))
    return f" over {duration((last - first).total_seconds())}"


def _steady(found: HalfSplit, analysis: Analysis) -> str:
    noun = noun_of(analysis)
    if found.split == "random":
        text = (
            f"Lengths chosen from one half of them cost {_more(found.extra)} on the other "
            "half than lengths chosen from that half"
        )
        if found.worst_extra:
            text += f" ({percent(found.worst_extra)} in the worst of {DRAWS} draws)"
        return f"{text}."
    text = (
        f"Lengths chosen from {_earlier(found)} cost {_more(found.extra)} on the newer "
        "ones than lengths chosen from those"
    )
    if found.outgrown_images:
        text += f", and {plural(found.outgrown_images, noun)} outgrew all before"
    return f"{text}."


def _more(extra: float) -> str:
    return f"{percent(extra)} more" if extra else "no more"


def _earlier(found: HalfSplit) -> str:
    if not found.until_s or found.until_s < SECONDS_A_YEAR:
        return "the older half"
    return f"the older half (before {moment_of(found.until_s):%Y-%m-%d})"


SECONDS_A_YEAR = 365 * 86_400
"""Times of the first year count from the start of a log."""


def _chance(analysis: Analysis) -> str:
    visual, noun = analysis.plan.visual, noun_of(analysis)
    if visual.overflow_possible <= visual.vit_max_seq_lens[-1]:
        return f"No {noun} can outgrow the top length under these limits."
    return (
        f"The next {noun} is larger than all so far with a chance of at most "
        f"{chance_in_words(analysis)}, if {plural_of(noun)} to come are like these."
    )
