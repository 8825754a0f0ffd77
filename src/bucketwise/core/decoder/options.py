"""The options of a choice of decoder batch sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve

MAX_BATCH_SIZE = 4_096
"""More sequences than any published configuration decodes at once."""

STEP_COSTS = ("roofline", "slots")
"""Step costs that have a name; measured ones are given point by point."""

GPU = "gpu"
"""Says that the load was seen on a GPU engine, which pads to no graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderOptions:
    """What is asked of the decoder's load."""

    batch_size: int
    """Slots the decoder will have."""
    k_range: tuple[int, int] = (1, 4)
    """Least and most graphs."""
    min_saving: float = 0.05
    """Share of the step cost left that the last graph must save, 0 to 1."""
    step_cost: str | Mapping[int, float] | MeasuredCost = "roofline"
    """Or milliseconds of a step, measured: by batch size, or as a curve of it."""
    prefill: MeasuredCurve | None = None
    """Milliseconds of a prompt by its tokens, where they were measured."""
    measured_with: tuple[int, ...] | str | None = None
    """Graphs of the system that the load was seen on; None takes the evidence's word,
    and one graph where it says nothing."""
    pins: tuple[int, ...] = ()
    """Graphs that must be compiled."""
    limited_by: str = "--decoder-graphs"
    """The option that says how many there may be."""

    def __post_init__(self) -> None:
        """Check every option by itself."""
        least, most = self.k_range
        cost = self.step_cost
        named = not isinstance(cost, str) or cost in STEP_COSTS
        measured = not isinstance(cost, MeasuredCost) or cost.decoder is not None
        graphs = self.measured_with if isinstance(self.measured_with, tuple) else (1,)
        wrong = {
            f"batch-size: expected 1 to {MAX_BATCH_SIZE}, got {self.batch_size}": (
                not 1 <= self.batch_size <= MAX_BATCH_SIZE
            ),
            f"decoder-graphs: expected 1 or more, ascending, got {least}-{most}": (
                not 1 <= least <= most
            ),
            f"min-saving: expected 0 or more and below 1, got {self.min_saving}": (
                not 0 <= self.min_saving < 1
            ),
            f"step-cost: expected {', '.join(STEP_COSTS)}, a cost.json or points such as "
            f"1=12.5,8=20 (ms), got {cost!r}": not named,
            "step-cost: expected measured decode steps, got a measured cost without "
            "any; measure some and run bucketwise calibrate again": not measured,
            f"measured-with: expected batch sizes from 1 up, got {list(graphs)}": (
                not graphs or min(graphs) < 1
            ),
            f"measured-with: expected {GPU} or batch sizes such as 1,4,8, got "
            f"{self.measured_with!r}": (
                isinstance(self.measured_with, str) and self.measured_with != GPU
            ),
        }
        if any(not 1 <= pin <= MAX_BATCH_SIZE for pin in self.pins):
            said = f"expected 1 to {MAX_BATCH_SIZE:,}, got {list(self.pins)}"
            wrong[f"decoder-pin: {said}"] = True
        raise_all([problem for problem, holds in wrong.items() if holds], UsageError)
