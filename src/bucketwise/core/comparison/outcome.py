"""What a comparison finds: one outcome a scenario, and what they are compared over."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from bucketwise.core.buckets import Demand
from bucketwise.core.plan import (
    BucketUse,
    Cost,
    Model,
    Provenance,
    TrafficSummary,
    integral,
)
from bucketwise.nouns.engine import Release

SCHEMA = "bucketwise.comparison/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The exact optimum with as many buckets, over what one scenario serves.

    `possible_saving` is the share of the scenario's compute that it leaves out: no list
    of that many lengths saves more.
    """

    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    possible_saving: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of the traffic in one scenario.

    Failures, shrunk images, `useful_compute`, `padded_compute`, `waste`, `buckets` and
    `optimum` are under the scenario's own limits, over what it serves. Only
    `compared_compute` and `saving`, which is against the first scenario, are over
    `Comparison.compared`, and `deciding_compute` over `Comparison.deciding`, None for a
    scenario that is not in it. `unaligned` holds lengths that the model cannot be
    compiled for.
    """

    name: str
    source: str
    vit_max_seq_lens: tuple[int, ...]
    min_pixels: int
    max_pixels: int
    limits_source: str
    overflow_images: float
    overflow_share: float
    overflow_runs: float
    largest_needed: int
    served_images: float
    shrunk_images: float
    shrunk_share: float
    useful_compute: float
    padded_compute: float
    waste: float
    compared_compute: float
    saving: float
    deciding_compute: float | None
    optimum: Optimum | None
    buckets: tuple[BucketUse, ...]
    unused_buckets: tuple[int, ...]
    unaligned: tuple[int, ...]
    mask_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What some scenarios are compared over: the images all of them serve.

    `min_pixels` and `max_pixels` are the lowest of these scenarios, so that what a
    limit saves is not mistaken for what lengths do; `useful_compute` is at the needed
    lengths under them.
    """

    scenarios: tuple[str, ...]
    images: float
    min_pixels: int
    max_pixels: int
    useful_compute: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Scenarios side by side, in the order they were given."""

    schema: str = SCHEMA
    model: Model
    """The model, and the limits of scenarios that bring none."""
    target: str
    """The SDK dialect whose needed lengths are compared."""
    traffic: TrafficSummary
    """What was read, under the limits in force."""
    cost: Cost
    images: float
    """Images the processor accepts, weighted."""
    compared: Basis
    """What every scenario is compared over."""
    deciding: Basis
    """What those that fail least are compared over, so that one that fails much decides
    nothing among them; the same where only one fails least."""
    outcomes: tuple[Outcome, ...]
    """One a scenario."""
    provenance: Provenance
    needed: Demand = field(repr=False, compare=False)
    """Every accepted image at its needed length under the compared limits; evidence for
    drawings, in no JSON."""
    release: Release = field(repr=False, compare=False)
    """Whose runtime compares; in no JSON."""

    @property
    def first(self) -> Outcome:
        """What the others are compared with."""
        return self.outcomes[0]

    @property
    def ranked(self) -> tuple[Outcome, ...]:
        """The scenarios, the one that fails least first; then the one that costs least.

        Of equals the one with fewer graphs, then with the smaller masks, comes first.
        """
        return tuple(
            sorted(
                self.outcomes,
                key=lambda each: (
                    each.overflow_images,
                    each.compared_compute
                    if each.deciding_compute is None
                    else each.deciding_compute,
                    len(each.vit_max_seq_lens),
                    each.mask_bytes,
                ),
            )
        )

    def to_json(self) -> str:
        """Return the comparison as JSON text, stable to the byte."""
        plain = {
            each.name: _plain(getattr(self, each.name))
            for each in dataclasses.fields(self)
            if each.name not in ("needed", "release")
        }
        text = json.dumps(integral(plain), indent=2, ensure_ascii=False)
        return text + "\n"


def _plain(value: Any) -> Any:
    """Return dataclasses, alone or in tuples, as JSON values."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
