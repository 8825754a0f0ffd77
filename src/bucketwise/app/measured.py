"""What was measured, as an option names it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from bucketwise.core.cost import COSTS
from bucketwise.core.decoder.options import STEP_COSTS
from bucketwise.errors import UsageError
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.read.measured_cost import read_cost

CostGiven = str | Path | MeasuredCost
"""A key of `COSTS`, a file that `calibrate` wrote, or what that holds."""

StepsGiven = CostGiven | Mapping[int, float]


def run_cost_of(given: CostGiven) -> str | MeasuredCost:
    """Return what a run costs, read from its file where that is what was named."""
    return _read(given, COSTS, "cost")


def step_cost_of(
    given: StepsGiven | None, cost: str | MeasuredCost
) -> str | MeasuredCost | Mapping[int, float]:
    """Return what a decode step costs: as given, else as measured with the runs."""
    if given is None:
        has_steps = isinstance(cost, MeasuredCost) and cost.decoder is not None
        return cost if has_steps else STEP_COSTS[0]
    return (
        given if isinstance(given, Mapping) else _read(given, STEP_COSTS, "step-cost")
    )


def recorded(given: object, *, places: bool) -> object:
    """Return how a plan records a cost: a file by its base name."""
    if isinstance(given, MeasuredCost):
        return "measured"
    if isinstance(given, Mapping):
        return {str(size): each for size, each in sorted(given.items())}
    if isinstance(given, (str, Path)) and str(given) not in (*COSTS, *STEP_COSTS):
        return Path(given).name if places else "measured"
    return given


def _read(given: CostGiven, names: Collection[str], option: str) -> str | MeasuredCost:
    if isinstance(given, MeasuredCost):
        return given
    if isinstance(given, str) and given in names:
        return given
    if not Path(given).is_file():
        known = ", ".join(names)
        message = (
            f"{option}: expected one of {known} or a cost.json that bucketwise calibrate "
            f"wrote, got {str(given)!r}"
        )
        raise UsageError(message)
    return read_cost(given)
