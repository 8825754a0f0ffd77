"""What one decode step costs, by the number of slots its graph has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from bucketwise.core.language_model import (
    prefill_flops,
    read_values,
    state_values,
    step_flops,
    step_weights,
)
from bucketwise.core.plan import Status
from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.engine import Device
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.profile import LmShape
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.words.numbers import TIME_UNIT

BYTES_PER_VALUE = 2
"""Weights, cache and activations in 16 bits, as every published configuration."""

MS = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCurve:
    """Cost of one decode step of the graph for 1, 2, ... sequences.

    Arrays have the shape (largest_batch,).
    """

    kind: str
    """Where it comes from: "roofline", "slots" or "measured"."""
    unit: str
    """Milliseconds, "ms", or "slot"."""
    costs: FloatArray
    """By batch size, from 1; positive."""
    status: Status
    """How far to trust it."""
    source: str
    """What it was made of."""

    def __post_init__(self) -> None:
        """Check that a step costs something."""
        if not (self.costs > 0).all() or not np.isfinite(self.costs).all():
            raise_all(["step-cost: every step must cost more than 0"], UsageError)

    def at(self, batch: IntArray) -> FloatArray:
        """Return the cost of a step of the graph for each batch size."""
        return self.costs[batch - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What runs the language model."""

    device: Device
    """Peaks of one device."""
    n_devices: int
    """Devices that share the model."""
    context_tokens: float
    """Tokens a sequence holds in the mean while it decodes."""


def slot_costs(largest: int) -> StepCurve:
    """Return a cost in proportion to the slots: the vendor's wording, an upper bound."""
    return StepCurve(
        kind="slots",
        unit="slot",
        costs=np.arange(1, largest + 1, dtype=np.float64),
        status="assumed",
        source="a step costs in proportion to its slots",
    )


def roofline(shape: LmShape, hardware: Hardware, largest: int) -> StepCurve:
    """Return the least time a step can take: the slower of memory and arithmetic.

    A step reads the weights once, and for every slot its cache, its state and the
    activations; padded slots are computed like others (Williams, Waterman, Patterson,
    2009, "Roofline"). Weights are spread over the devices evenly, the cache by its
    heads (optimum-rbln 0.9.4, the estimator of `kvcache_num_blocks`).
    """
    device, n_devices = hardware.device, hardware.n_devices
    cache = read_values(shape, hardware.context_tokens, n_devices)
    # Each layer's input, and what its MLP holds between, written and read once.
    between = (
        shape.intermediate
        + shape.experts_per_token * shape.expert_intermediate
        + shape.shared_expert_intermediate
        + shape.per_layer_input
    )
    activations = 2 * shape.layers * (shape.hidden + between)
    activations += 2 * shape.wide_layers * shape.intermediate
    per_slot = cache + (2 * state_values(shape) + activations) / n_devices
    costs = []
    for batch in range(1, largest + 1):
        values = step_weights(shape, batch) / n_devices + batch * per_slot
        memory_s = values * BYTES_PER_VALUE / device.dram_bytes_per_s
        flop = step_flops(shape, batch, hardware.context_tokens) / n_devices
        costs.append(MS * max(memory_s, flop / device.flop_per_s))
    return StepCurve(
        kind="roofline",
        unit="ms",
        costs=np.array(costs),
        status="assumed",
        source=f"roofline at the peaks of {n_devices} x {device.name} "
        f"({device.source}), {hardware.context_tokens:,.0f} tokens a sequence",
    )


def prefill_ms(shape: LmShape, hardware: Hardware, prompt: IntArray) -> FloatArray:
    """Return the least time the prompts can take, each by itself."""
    device, n_devices = hardware.device, hardware.n_devices
    weights_s = (
        step_weights(shape, 1) * BYTES_PER_VALUE / n_devices / device.dram_bytes_per_s
    )
    flop_s = prefill_flops(shape, prompt) / n_devices / device.flop_per_s
    return MS * np.maximum(weights_s, flop_s)


def measured(points: Mapping[int, float], largest: int) -> StepCurve:
    """Return measured step times, on straight lines between the points."""
    wrong = [
        "step-cost: expected a batch size from 1 up and a time above 0 ms, got "
        f"{batch}={cost_ms:g}"
        for batch, cost_ms in points.items()
        if batch < 1 or not 0 < cost_ms < float("inf")
    ]
    if len(points) < 2:  # noqa: PLR2004 - a line
        wrong.append("step-cost: give two batch sizes at least, such as 1=12.5,8=20")
    raise_all(wrong, UsageError)
    known = np.array(sorted(points), dtype=np.float64)
    costs_ms = np.array([points[int(batch)] for batch in known])
    batch = np.arange(1, largest + 1, dtype=np.float64)
    found = np.interp(batch, known, costs_ms)
    slope = (costs_ms[-1] - costs_ms[-2]) / (known[-1] - known[-2])
    beyond = batch > known[-1]
    found[beyond] = costs_ms[-1] + max(slope, 0.0) * (batch[beyond] - known[-1])
    said = ", ".join(
        f"{size:g}: {cost:g} ms" for size, cost in zip(known, costs_ms, strict=True)
    )
    return StepCurve(
        kind="measured",
        unit="ms",
        costs=found,
        status="measured",
        source=f"given with --step-cost ({said}), on straight lines between them",
    )


def measured_steps(cost: MeasuredCost, largest: int) -> StepCurve:
    """Return the milliseconds of a step on the curve that was fitted to measured ones."""
    if cost.decoder is None:
        raise_all(["step-cost: the measured cost has no decode steps"], UsageError)
    curve = cast("MeasuredCurve", cost.decoder)
    return StepCurve(
        kind="measured",
        unit=TIME_UNIT,
        costs=curve.at(np.arange(1, largest + 1)),
        status="measured",
        source=f"measured{f' with {cost.said}' if cost.said else ''}, with "
        f"{curve.smallest:,} to {curve.largest:,} sequences",
    )
