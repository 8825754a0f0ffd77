"""What the terminal and the summary both say of a plan, in the same words."""

from __future__ import annotations

from bucketwise.core.decoder.decoder_plan import BATCH_SIZE
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.plan import Current, Decoder, Plan
from bucketwise.words.numbers import memory, percent


def under_limit(current: Current, plan_max_pixels: int) -> str:
    """Say under which limit both are priced, where today's is another than the plan's."""
    if current.max_pixels == plan_max_pixels:
        return ""
    return f" under max_pixels {current.compared_max_pixels:,}, the lower of the two"


def limit_in_doubt(current: Current) -> str:
    """Say that today's limit is assumed, where that decides who fails; "" elsewhere."""
    if not current.max_pixels_assumed or not current.overflow_images:
        return ""
    return (
        "Nothing read sets the max_pixels in service, so that of the checkpoint, "
        f"{current.max_pixels:,}, stands for it, as the runtime would take it. With a "
        "smaller one fewer images may fail today than counted; --current-max-pixels "
        "tells it."
    )


def memory_in_doubt(plan: MemoryPlan | None) -> str:
    """Say that the proposal does not fit its devices, or may not; "" where it does."""
    if plan is None or not plan.lacks_bytes:
        return ""
    lacks = memory(plan.lacks_bytes)
    if plan.verdict == "does not fit":
        return f"The proposed configuration does not fit its devices, by {lacks} each."
    return (
        f"By estimate the proposed configuration lacks {lacks} on a device; only a "
        "compile can tell."
    )


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
