"""The answer: which lengths to compile, with the evidence for it, as one value."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = "bucketwise.plan/1"

Status = Literal["measured", "derived", "assumed"]
BucketUnit = Literal["vit_patches", "merged_patches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model the plan is for, and the image limits in force."""

    name: str
    hf_id: str
    family: str
    assumed: bool
    patch_size: int
    merge_size: int
    window_patches: int
    align: int
    min_pixels: int
    max_pixels: int
    limits_source: str
    checkpoint_min_pixels: int
    checkpoint_max_pixels: int
    video_min_pixels: int
    video_max_pixels: int
    video_limits_source: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A rejected row: base name of its file (None when not told) and line."""

    source: str | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """Rows rejected for one reason."""

    reason: str
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSummary:
    """What was read. Rows are records; images and runs are weighted.

    `images` counts images and clips; `clips` how many of them are clips, and `told` how
    many are known by their visual tokens alone; `first` and `last` are ISO 8601 in UTC.
    """

    rows_read: int
    rows_used: int
    rows_rejected: int
    images: float
    clips: float
    told: float
    runs: float
    distinct_sizes: int
    distinct_lengths: int
    weighted: bool
    refused_by_processor: float
    rejections: tuple[RejectedRows, ...]
    labels: tuple[str, ...]
    slot_width_s: int
    first: str | None
    last: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """The pixel limits to set on the processor that feeds the compiled graphs."""

    min_pixels: int
    max_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeLimit:
    """The largest max_pixels under which no image can outgrow the top bucket.

    `shrinks_share` is the share of images that it makes smaller than the plan does;
    `value` is None where no limit does it.
    """

    value: int | None
    shrinks_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The worst needed length an input can reach, and an input that reaches it.

    `frames` is 0 for an image.
    """

    needed: int
    height_px: int
    width_px: int
    frames: int
    grid_h: int
    grid_w: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one run at length S: a*S + b*S^2, in `unit`."""

    kind: str
    unit: str
    a: float
    b: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketUse:
    """One bucket and what it serves. Shares and waste are over runs, 0 to 1."""

    vit_patches: int
    merged_patches: int
    largest_square: int
    runs: float
    share: float
    useful_compute: float
    padded_compute: float
    waste: float
    mask_bytes: int
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """The exact optimum with k buckets; `saving` is against k-1, None for the first."""

    k: int
    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float
    saving: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyResult:
    """What one strategy chose with k buckets, priced like every other."""

    name: str
    exact: bool
    k: int
    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What another max_pixels would do: whom it shrinks and what it costs.

    `name` says which limit it is ("checkpoint", "p99", ...). `shrinks_images` counts
    images smaller after the processor than they would be with no upper limit at all.
    """

    name: str
    max_pixels: int
    shrinks_images: float
    shrinks_share: float
    vit_max_seq_lens: tuple[int, ...]
    top: int
    padded_compute: float
    waste: float
    mask_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What runs today, on the same images under the same limits.

    Overflow is counted under today's own limit, and `padded_compute_today` prices what
    is served under it; the other two computes price the images that both serve under
    `compared_max_pixels`, the lower of today's limit and the plan's.
    """

    max_seq_lens: tuple[int, ...]
    max_pixels: int
    max_pixels_assumed: bool
    compared_max_pixels: int
    overflow_images: float
    overflow_share: float
    overflow_runs: float
    served_images: float
    useful_compute_served: float
    padded_compute_today: float
    padded_compute_served: float
    proposed_compute_on_served: float
    saving: float
    unused_buckets: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why this many buckets: the rule that spoke and its words."""

    k: int
    strategy: str
    rule: str
    reason: str
    price_per_graph: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visual:
    """The ViT half of the plan; `max_seq_lens` is in `bucket_unit`."""

    bucket_unit: BucketUnit
    max_seq_lens: tuple[int, ...]
    vit_max_seq_lens: tuple[int, ...]
    merged_max_seq_lens: tuple[int, ...]
    decision: Decision
    processor: Processor
    overflow_possible: int
    worst: Worst
    max_pixels_safe: SafeLimit
    overflow_images: float
    shrunk_images: float
    shrunk_share: float
    largest_needed: int
    cost: Cost
    useful_compute: float
    padded_compute: float
    waste: float
    buckets: tuple[BucketUse, ...]
    frontier: tuple[FrontierPoint, ...]
    strategies: tuple[StrategyResult, ...]
    caps: tuple[Cap, ...]
    current: Current | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One value the plan rests on, and how far to trust it."""

    name: str
    value: str
    status: Status
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputUsed:
    """One input: kind, base name (left out when asked), rows and canonical hash."""

    kind: str
    rows: int
    sha256: str
    notes: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made the plan: version, inputs, options, seed."""

    bucketwise: str
    inputs: tuple[InputUsed, ...]
    options: dict[str, Any]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole answer, as `plan.json` holds it (schema `bucketwise.plan/1`).

    `visual` is for the newest target; where lists differ by target,
    `visual_by_target` has one for each, keyed by release, and is empty otherwise.
    `decoder` is None until there is evidence of what the decoder carries.
    """

    schema: str = SCHEMA
    model: Model
    traffic: TrafficSummary
    visual: Visual
    visual_by_target: dict[str, Visual] = field(default_factory=dict)
    decoder: None
    assumptions: tuple[Assumption, ...]
    provenance: Provenance

    def visual_for(self, version: str) -> Visual:
        """Return the ViT half for one target."""
        return self.visual_by_target.get(version, self.visual)

    def to_json(self) -> str:
        """Return the plan as JSON text, stable to the byte."""
        plain = _integral(dataclasses.asdict(self))
        for record in plain["provenance"]["inputs"]:
            if record["name"] is None:
                del record["name"]
        return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _integral(value: Any) -> Any:
    """Write whole floats as integers, so weights read as they were given."""
    if isinstance(value, dict):
        return {key: _integral(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_integral(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
