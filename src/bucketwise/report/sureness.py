"""How sure the decision is, in a few short sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bucketwise.core.analysis import Analysis
from bucketwise.core.confidence import chance_of_larger
from bucketwise.core.plan import Confidence, Plan
from bucketwise.core.warnings import FEW_IMAGES
from bucketwise.report.blocks import Callout
from bucketwise.report.plan_queries import images_accepted, noun_of
from bucketwise.words.numbers import duration, number, percent, plural, plural_of

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
    if analysis.plan.confidence is not None:
        today = analysis.plan.visual.current is not None
        yield on_new_traffic(analysis.plan.confidence, noun, today=today)
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


def on_new_traffic(found: Confidence, noun: str, *, today: bool) -> str:
    """Return what lengths chosen so cost on traffic they have not seen; a sentence."""
    nouns = plural_of(noun)
    new = {
        "time": f"the {plural(round(found.new_images), noun)} that came next",
        "labels": f"as many {nouns} of other labels like these",
        "images": f"as many {nouns} like these",
    }[found.method]
    often = "18 times of 20" if found.method == "time" else "nine times of ten"
    text = (
        f"On {new}, lengths chosen so cost {_more(found.regret)} than the best for them"
    )
    if found.high:
        text += f" ({percent(found.low)} to {percent(found.high)} {often})"
    if found.saving_low is not None and found.saving_high is not None:
        text += (
            f" and saved {percent(found.saving_low)} to {percent(found.saving_high)} "
            f"against {'today' if today else 'one graph'}"
        )
    if found.outgrown_images:
        outgrown = plural(found.outgrown_images, noun)
        text += f"; {outgrown} of the later half outgrew all before"
    return f"{text}."


def _more(regret: float) -> str:
    return f"{percent(regret)} more" if regret else "no more"


def _chance(analysis: Analysis) -> str:
    visual, noun = analysis.plan.visual, noun_of(analysis)
    if visual.overflow_possible <= visual.vit_max_seq_lens[-1]:
        return f"No {noun} can outgrow the top length under these limits."
    return (
        f"The next {noun} is larger than all so far with a chance of at most "
        f"{chance_in_words(analysis)}, if {plural_of(noun)} to come are like these."
    )
