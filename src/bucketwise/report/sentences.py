"""What the terminal and the summary both say of a plan, in the same words."""

from __future__ import annotations

import numpy as np

from bucketwise.core.decoder.decoder_plan import BATCH_SIZE
from bucketwise.core.plan import (
    Cost,
    Current,
    Decoder,
    Plan,
    Range,
    StepCost,
)
from bucketwise.words.numbers import (
    TIME_UNIT,
    change,
    compute,
    literal,
    memory,
    number,
    percent,
    plural,
    significant,
)
from bucketwise.words.text import one_line

FORMS = {"linear": "straight", "quadratic": "quadratic", "steps": "stepped"}
"""A form of a measured curve in words."""

BUDGET_NAMES = {
    "compile": "compiling",
    "memory": "memory of a device",
    "image": "one image on the longest graph",
}


def under_limit(current: Current, plan_max_pixels: int) -> str:
    """Say under which limit both are priced, where today's is another than the plan's."""
    if current.max_pixels == plan_max_pixels:
        return ""
    return f" under max_pixels {current.compared_max_pixels:,}, the lower of the two"


def said_of(plan: Plan, warning_id: str) -> str:
    """Return what a warning of the plan says; "" where it has none of that id."""
    found = (each.words for each in plan.warnings if each.id == warning_id)
    return next(found, "")


def limits_to_set(plan: Plan) -> str:
    """Say which limits to set, whose they are where nobody gave them, and what was lowered."""
    model, processor = plan.model, plan.visual.processor
    if not model.has_pixel_limits:
        return f"{model.limits_source.capitalize()}."
    given = model.limits_source == "given"
    whose = "" if given else f" (limits not given: from {model.limits_source})"
    if processor.max_pixels < model.max_pixels:
        source = "yours" if given else model.limits_source
        whose = f", below max_pixels {model.max_pixels:,} ({source})"
    return (
        f"Set min_pixels {processor.min_pixels:,} and max_pixels "
        f"{processor.max_pixels:,} on the processor{whose}."
    )


def pace(ms_an_image: Range) -> str:
    """Say how long an image takes, and how many a second one device does."""
    a_second = significant(1_000 / ms_an_image.likely, 3) if ms_an_image.likely else "∞"
    return (
        f"{compute(ms_an_image.likely, TIME_UNIT)} an image, {a_second} images a second"
    )


def time_of_run(cost: Cost, top: int) -> str:
    """Say how the time of a run was measured, and what that of the longest is."""
    curve = cost.measured
    if curve is None:
        return ""
    low, likely, high = (
        significant(float(each(np.array([top]))[0]), 3)
        for each in (curve.low, curve.at, curve.high)
    )
    aside = f", {curve.outliers:,} set aside" if curve.outliers else ""
    return (
        f"Cost: the time of one run was {cost.source}: a {FORMS[curve.form]} curve through "
        f"{plural(curve.samples, 'measurement')} of {plural(curve.sizes, 'length')} from "
        f"{curve.smallest:,} to {curve.largest:,}{aside}, which it meets within "
        f"{percent(curve.residual_share)} in the root mean square. At {top:,} it gives "
        f"{likely} ms, {low} to {high} at {curve.level * 100:g}%."
    )


def budget_uses(plan: Plan) -> tuple[str, ...]:
    """Say of each budget that was given what the plan takes of it."""
    return tuple(
        f"{BUDGET_NAMES[each.name]}: {_amount(each.used, each.unit)} of "
        f"{_amount(each.room, each.unit)}"
        for each in plan.budgets
        if each.used is not None
    )


def _amount(value: float, unit: str) -> str:
    if unit == "bytes":
        return memory(int(value))
    return f"{number(value)} {unit}" if unit == "min" else compute(value, unit)


def assumed_batch_size(plan: Plan) -> str:
    """Say why the batch size is assumed; "" where somebody gave it."""
    rows = (row for row in plan.assumptions if row.name == BATCH_SIZE)
    row = next((each for each in rows if each.status == "assumed"), None)
    if row is None or plan.decoder is None or not plan.decoder.evidence.samples:
        return ""
    return f"batch_size {row.value}, {row.source}"


def decoder_saving(decoder: Decoder, *, smaller: bool) -> str:
    """Say what a decode step saves, or why there is nothing to say of it."""
    if not smaller:
        return "this model never runs a smaller graph"
    cost, saving, most = decoder.step_cost, decoder.saving, decoder.slots_saving
    if len(decoder.decoder_batch_sizes) == 1:
        return decoder.decision.reason
    if cost is None or saving is None or most is None:
        return decoder.decision.reason
    if cost.kind == "slots":
        return f"{percent(most)} fewer slots a step than with one graph"
    if cost.status == "measured":
        return f"a decode step gets {percent(saving)} cheaper ({cost.kind})"
    return (
        f"a decode step gets {percent(saving)} ({cost.kind}, {cost.status}) to "
        f"{percent(most)} (if slots dominate) cheaper"
    )


def decoder_note(decided: Decoder, *, smaller: bool) -> str:
    """Return in a few words what the choice saves, or why there is none."""
    if not smaller:
        return "this model never runs a smaller graph"
    if decided.decision.rule == "saturated":
        return "the decoder is full, one graph is enough"
    if len(decided.decoder_batch_sizes) == 1:
        return "one graph is enough"
    one, mean = decided.one_graph_step_cost, decided.mean_step_cost
    if one is None or mean is None:
        return "the vendor's pattern: no load was given"
    said = change(one, mean)
    if said == "the same":
        return said
    return f"{said} {'slots' if priced(decided) is None else 'a step'}"


def priced(decided: Decoder) -> StepCost | None:
    """Return the step cost; None where it is no more than the slots of a step."""
    cost = decided.step_cost
    return None if cost is None or cost.kind == "slots" else cost


def worst_scenario(plan: Plan) -> str:
    """Return what the lengths cost the scenario that they suit least, a sentence."""
    worst = max(plan.scenarios, key=lambda each: each.regret)
    return (
        f"Of {plural(len(plan.scenarios), 'scenario')} {one_line(worst.name)} pays most: "
        f"{percent(worst.regret)} more than on its own best lengths, "
        f"{literal(worst.vit_max_seq_lens)}."
    )
