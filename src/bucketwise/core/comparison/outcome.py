"""What is compared, and what that finds: scenarios, one outcome for each, and what they are compared over."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.in_unit import in_unit
from bucketwise.core.options import MOST_BUCKETS
from bucketwise.core.plan import (
    BucketUse,
    Cost,
    Model,
    Provenance,
    TrafficSummary,
    integral,
)
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import OVERFLOWS, Release
from bucketwise.nouns.profile import ModelProfile, PixelLimits

LEAST_SCENARIOS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One list of compiled lengths and the processor in front of it."""

    name: str
    """What it is called; no other scenario has this name."""
    buckets: Buckets
    """Compiled lengths in ViT patches, at most `MOST_BUCKETS`."""
    limits: PixelLimits | None = None
    """Image limits in front of it; None takes those of the setting."""
    source: str = "given"
    """Where the lengths were read."""

    def __post_init__(self) -> None:
        """Check that there are not more lengths than anybody compiles."""
        n_lengths = len(self.buckets.lengths)
        if n_lengths > MOST_BUCKETS:
            message = (
                f"{self.name}: expected 1 to {MOST_BUCKETS} lengths, got {n_lengths:,}"
            )
            raise ConfigError(message)


def check_names(names: Sequence[str]) -> None:
    """Check that there is something to compare, and a name for each."""
    if len(names) < LEAST_SCENARIOS:
        message = f"compare: expected two plans or more, got {len(names)}"
        raise UsageError(message)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        message = (
            f"compare: {twice[0]!r} names two plans; give each a name of its own, such "
            "as today=1024,4096"
        )
        raise UsageError(message)


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
    profile: ModelProfile = field(repr=False, compare=False)
    """What it runs; in no JSON."""

    def as_told(self) -> Comparison:
        """Return the same with lengths in the unit of the engine, as readers see it."""
        return in_unit(self, self.release.engine.patches_per_length(self.profile))

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """What is said elsewhere -> what is meant of the engine."""
        return self.release.engine.words(self.profile)

    @property
    def does(self) -> tuple[str, str]:
        """What an image above every length does, and what several do."""
        return OVERFLOWS[self.release.engine.overflow]

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
            if each.name not in ("needed", "release", "profile")
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
