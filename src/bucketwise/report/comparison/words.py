"""What a comparison says in words: on the page, in Markdown and on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bucketwise.core.comparison.outcome import Basis, Comparison, Outcome
from bucketwise.words.numbers import (
    NOISE,
    change,
    compared,
    compute,
    number,
    percent,
    plural,
    plural_of,
    verb,
)


@dataclass(frozen=True, slots=True)
class CostColumn:
    """A column of a table: its head, and a cell for each scenario."""

    head: str
    cells: tuple[str, ...]


MOST_NAMED = 2
"""Failing scenarios that a sentence names; more are counted."""


def noun_in(comparison: Comparison) -> str:
    """Return what the traffic is made of: images, clips, or both."""
    traffic = comparison.traffic
    if not traffic.clips:
        return "image"
    return "clip" if traffic.clips == traffic.images else "image or clip"


def spent_in(comparison: Comparison, value: float) -> str:
    """Return compute in the unit of the comparison's cost."""
    return compute(value, comparison.cost.unit)


def failing(outcome: Outcome, noun: str) -> str:
    """Return how many fail in a sentence: "64 images (27.4%)" or "no image"."""
    if not outcome.overflow_images:
        return f"no {noun}"
    return (
        f"{plural(outcome.overflow_images, noun)} ({percent(outcome.overflow_share)})"
    )


def fails(outcome: Outcome) -> str:
    """Return how many fail in a table: "64 (27.4%)" or "0"."""
    if not outcome.overflow_images:
        return "0"
    return f"{number(outcome.overflow_images)} ({percent(outcome.overflow_share)})"


def finding(comparison: Comparison) -> str:
    """Return in one sentence with which the fewest fail, and what it costs."""
    best, equal, noun = comparison.ranked[0], equals(comparison), noun_in(comparison)
    names, many = listed([each.name for each in equal]), len(equal) > 1
    cost = _cost(comparison, many=many)
    one, several = comparison.does
    it = "they" if many else "it"
    if not any(each.overflow_images for each in comparison.outcomes):
        return f"No {noun} {one} with any of them, and {names} {cost}."
    if not best.overflow_images:
        dearer = deciding_cost(best) > deciding_cost(against(comparison))
        joint = "but" if dearer else "and"
        return f"With {names} no {noun} {one}, {joint} {it} {cost}{_worse(comparison)}."
    return (
        f"With each some {plural_of(noun)} {several}: with {names} fewest, "
        f"{failing(best, noun)}, and {it} {cost}{_worse(comparison)}."
    )


def equals(comparison: Comparison) -> tuple[Outcome, ...]:
    """Return the scenarios that fail as little, and cost as little, as the best."""
    best = comparison.ranked[0]
    least = deciding_cost(best)
    return tuple(
        each
        for each in comparison.outcomes
        if each.overflow_images == best.overflow_images
        and abs(deciding_cost(each) - least) <= NOISE * least
    )


def deciding_cost(outcome: Outcome) -> float:
    """Return what a scenario costs where that decides, else on what all serve."""
    decides = outcome.deciding_compute
    return outcome.compared_compute if decides is None else decides


def against(comparison: Comparison) -> Outcome:
    """Return what the best is told against: the first, if it decides, else the next."""
    best, first = comparison.ranked[0], comparison.first
    if first is not best and first.deciding_compute is not None:
        return first
    return comparison.ranked[1]


def deciding_columns(comparison: Comparison) -> tuple[CostColumn, CostColumn]:
    """Return compute over what decides, and what it is against the first in it."""
    values = [each.deciding_compute for each in comparison.outcomes]
    return _columns(comparison, values, comparison.deciding)


def compared_columns(comparison: Comparison) -> tuple[CostColumn, ...]:
    """Return the same over what all serve; nothing where that is what decides."""
    if comparison.deciding == comparison.compared:
        return ()
    values = [each.compared_compute for each in comparison.outcomes]
    return _columns(comparison, values, comparison.compared)


def compute_head(comparison: Comparison) -> str:
    """Return what a scenario is told to take: the compute of all, or the time of one."""
    return "ViT time an image" if comparison.cost.is_time else "ViT compute"


def shown_over(comparison: Comparison, over: Basis) -> float:
    """Return by how many images that is divided."""
    return over.images if comparison.cost.is_time else 1.0


def _columns(
    comparison: Comparison, values: Sequence[float | None], over: Basis
) -> tuple[CostColumn, CostColumn]:
    """Return compute, and what it is against the first scenario that has any."""
    head, images = compute_head(comparison), shown_over(comparison, over)
    if comparison.deciding != comparison.compared:
        head += f", {plural(over.images, noun_in(comparison))}"
    first = next(index for index, value in enumerate(values) if value is not None)
    before = values[first] or 0.0
    spent, against_first = [], []
    for index, value in enumerate(values):
        if value is None:
            spent.append(f"more {comparison.does[1]}")
            against_first.append("")
        else:
            spent.append(spent_in(comparison, value / images) if before else "none")
            reference = index == first
            against_first.append("reference" if reference else change(before, value))
    name = comparison.outcomes[first].name
    return (
        CostColumn(head, tuple(spent)),
        CostColumn(f"against {name}", tuple(against_first)),
    )


def told_over(comparison: Comparison) -> str:
    """Say what compute is over, for those that decide and for all."""
    compared, deciding = comparison.compared, comparison.deciding
    if deciding == compared:
        which = "" if compared.images == comparison.images else ", those that all serve"
        return f"Compute is over {basis(comparison, compared)}{which}."
    return (
        f"Those with which the fewest {comparison.does[1]} are compared with each other "
        f"over {basis(comparison, deciding)}; all of them over the "
        f"{plural(compared.images, noun_in(comparison))} that all serve"
        f"{'' if _limits(compared) == _limits(deciding) else f', {_limits(compared)}'}."
    )


def basis(comparison: Comparison, over: Basis) -> str:
    """Say over which images compute is, and under which limits."""
    return f"{share_of(comparison, over)}, {_limits(over)}"


def _limits(over: Basis) -> str:
    return f"under {over.min_pixels:,} to {over.max_pixels:,} px"


def share_of(comparison: Comparison, over: Basis) -> str:
    """Return how many images a basis holds: "all 5 images" or "3 of 5 images"."""
    images = plural(comparison.images, noun_in(comparison))
    if over.images == comparison.images:
        return f"all {images}"
    return f"{number(over.images)} of {images}"


def listed(names: Sequence[str]) -> str:
    """Return names as a reader would say them."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _cost(comparison: Comparison, *, many: bool) -> str:
    """Return the predicate on compute."""
    noun, over = noun_in(comparison), comparison.deciding
    if not over.images:
        return f"cannot be compared by cost, as no {noun} is served by all"
    where = ""
    if over.images < comparison.images:
        everyone = len(over.scenarios) == len(comparison.outcomes)
        who = "all serve" if everyone else f"{listed(over.scenarios)} serve"
        where = f" on the {plural(over.images, noun)} that {who}"
    if many:
        return f"cost the same{where}"
    best, other = comparison.ranked[0], against(comparison)
    before, after = deciding_cost(other), deciding_cost(best)
    return f"needs {compared(before, after, 'ViT compute', other.name)}{where}"


def _worse(comparison: Comparison) -> str:
    """Return what those that fail more fail."""
    noun, least = noun_in(comparison), comparison.ranked[0].overflow_images
    worse = [each for each in comparison.ranked if each.overflow_images > least]
    if len(worse) > MOST_NAMED:
        return f"; with {len(worse):,} others {failing(worse[0], noun)} or more do"
    told = [f"with {each.name} {failing(each, noun)}" for each in worse]
    return (
        f"; {listed(told)} {verb(worse[-1].overflow_images, 'does', 'do')}"
        if told
        else ""
    )
