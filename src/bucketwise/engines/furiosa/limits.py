"""Which max_pixels wastes least on buckets that cannot be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bucketwise.core.analysis import Analysis
from bucketwise.core.limits import IN_FORCE
from bucketwise.core.plan import Cap, Reason
from bucketwise.core.tail_limit import MOST_SHRUNK
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.decode_only import base_to_emit
from bucketwise.nouns.engine import Target
from bucketwise.words.numbers import change, less, percent

NO_DECODER = Reason(
    id="no-decoder",
    severity="note",
    words="No decode buckets are planned: furiosa-llm fxb build says itself not to set "
    "them (--tokenwise-buckets) without knowing all that goes with them.",
)


def least_waste(found: Sequence[Cap]) -> Cap:
    """Return the limit that wastes least of those that shrink few more than the largest."""
    most = found[0].shrinks_share + MOST_SHRUNK
    few = [each for each in found if each.shrinks_share <= most]
    return min(few, key=lambda each: (each.waste, -each.max_pixels))


def in_words(found: Sequence[Cap]) -> str:
    """Return which limit wastes least, and what others waste, a sentence each."""
    best, largest = least_waste(found), found[0]
    given = next((each for each in found if each.name == IN_FORCE), largest)
    said = (
        f"Of the limits that shrink at most {percent(MOST_SHRUNK)} more of the images than "
        f"the largest, max_pixels {best.max_pixels:,} wastes least: {percent(best.waste)} "
        "of the ViT compute is padding"
    )
    if given not in (best, largest):
        said += (
            f"; with the one in force, {given.max_pixels:,}, {percent(given.waste)} is, "
            f"and {percent(given.shrinks_share)} of the images are shrunk"
        )
    if best == largest:
        return f"{said}. It is the largest, which furiosa-llm takes by itself."
    if given not in (best, largest):
        return f"{said}."
    return (
        f"{said}, and {percent(best.shrinks_share)} of the images are shrunk. With the "
        f"largest, {largest.max_pixels:,}, {percent(largest.waste)} is and "
        f"{percent(largest.shrinks_share)} are; the lower one computes "
        f"{change(largest.padded_compute, best.padded_compute)}."
    )


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge the limit in force beside the one that wastes least."""
    found = analysis.plan.visual.caps
    if not analysis.release.engine.fixed_lengths(analysis.profile) or not found:
        # No buckets are known, which the verdict says, or no size is.
        return analysis
    warnings = tuple(
        each for each in analysis.plan.warnings if each.id not in _OF_CHOSEN_LENGTHS
    )
    plan = replace(analysis.plan, warnings=warnings, decoder=None)
    asked = (NO_DECODER,) if analysis.plan.decoder else ()
    verdict = verdict_of(plan, Grounds(min_saving=min_saving, overflow="shrinks"))
    grave = tuple(each for each in verdict.reasons if each.severity != "note")
    best = least_waste(found)
    call = verdict.call
    if call in ("go", "keep"):
        saved = less(plan.visual.padded_compute, best.padded_compute)
        call = "go" if saved >= min_saving else "keep"
    fixed = analysis.release.engine.no_lengths
    verdict = replace(
        verdict,
        call=call,
        reasons=(
            *grave,
            Reason(id="least-waste", severity="note", words=in_words(found)),
            Reason(id="no-lengths", severity="note", words=fixed),
            *asked,
        ),
    )
    return replace(
        analysis,
        plan=replace(plan, verdict=verdict),
        base=base_to_emit(analysis, base, targets),
    )


_OF_CHOSEN_LENGTHS = ("idle-lengths", "wasteful-lengths", "top-above-limits")
"""Warnings that propose other lengths."""
