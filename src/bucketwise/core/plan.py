"""The answer: which lengths to compile, with the evidence for it, as one value."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from bucketwise.core.cost import CostCurve
from bucketwise.errors import ConfigError
from bucketwise.nouns.image_rules import NO_LIMIT
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.traffic import FloatArray, IntArray, Rejection
from bucketwise.words.numbers import MINUS, NOISE, significant
from bucketwise.words.text import worded

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = "bucketwise.plan/2"
READ_SCHEMAS = ("bucketwise.plan/1", SCHEMA)
"""Schemas of plans that are still read: lengths, limits and model stand alike in both."""


Status = Literal["measured", "derived", "assumed"]
Severity = Literal["error", "warning", "note"]
Call = Literal["go", "go_if", "keep", "no"]
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

    @property
    def has_pixel_limits(self) -> bool:
        """Whether there are limits in pixels to set."""
        return not self.limits_source.startswith(NO_LIMIT)


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

    @classmethod
    def of(cls, rejection: Rejection) -> RejectedRows:
        """Restate what a reader counted."""
        examples = tuple(
            Example(source=place.source or None, line=place.line)
            for place in rejection.places
        )
        return cls(reason=rejection.reason, count=rejection.count, examples=examples)


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
    """The pixel limits to set on the processor that feeds the compiled graphs.

    The video limits are None where the checkpoint's own stay.
    """

    min_pixels: int
    max_pixels: int
    video_min_pixels: int | None = None
    video_max_pixels: int | None = None

    def with_max_pixels(self, max_pixels: int) -> Processor:
        """Return the limits with another upper one; frames that follow images do so."""
        follows = self.video_max_pixels == self.max_pixels
        video = max_pixels if follows else self.video_max_pixels
        return dataclasses.replace(self, max_pixels=max_pixels, video_max_pixels=video)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeLimit:
    """The largest max_pixels under which no image can outgrow the top bucket.

    `shrinks_share` is the share of images that it makes smaller than the plan does;
    `value` is None where no limit does it.
    """

    value: int | None
    shrinks_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopChoice:
    """How the top bucket and the limits came to hold each other.

    `needed` is the top that the traffic asks for. Where the limits let nothing past it
    through, `way` is "needed"; else "raised" to `holds_all`, the top that holds whatever
    the limits let through, or "lowered" limits, or "overflow" where that was allowed.
    `raising_costs` is the share of padded compute that the higher top adds;
    `lowered_max_pixels` the limit that `needed` holds, None where there is none, and
    `lowering_shrinks` the share of images that it makes smaller.
    """

    way: Literal["needed", "raised", "lowered", "overflow"]
    needed: int
    holds_all: int
    raising_costs: float
    lowered_max_pixels: int | None
    lowering_shrinks: float


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
    """Cost of one run at length S: a*S + b*S^2, in `unit`; or as it was `measured`."""

    kind: str
    unit: str
    a: float
    b: float
    source: str
    measured: MeasuredCurve | None = None

    @classmethod
    def of(cls, curve: CostCurve) -> Cost:
        """Return the curve that runs are priced by."""
        return cls(
            kind=curve.kind,
            unit=curve.unit,
            a=curve.a,
            b=curve.b,
            source=curve.source,
            measured=curve.measured,
        )

    @property
    def is_time(self) -> bool:
        """Whether it was measured, in milliseconds."""
        return self.measured is not None

    def at(self, lengths: IntArray | Sequence[int]) -> FloatArray:
        """Return the cost of one run at each length."""
        size = np.asarray(lengths, dtype=np.float64)
        if self.measured is not None:
            return self.measured.at(size)
        return self.a * size + self.b * size**2


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

    @property
    def length(self) -> int:
        """The compiled length, in ViT patches."""
        return self.vit_patches


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """The exact optimum with k buckets; `saving` is against k-1, None for the first."""

    k: int
    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float
    saving: float | None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths, in ViT patches."""
        return self.vit_max_seq_lens


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyResult:
    """What one strategy chose with k buckets, priced like every other."""

    name: str
    exact: bool
    k: int
    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths, in ViT patches."""
        return self.vit_max_seq_lens


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
class TailLimit:
    """A lower max_pixels that is proposed, and not applied.

    `shrinks_share` is the share of images that it makes smaller than the plan does, and
    `saving` that of the plan's padded compute with as many lengths.
    """

    max_pixels: int
    shrinks_share: float
    vit_max_seq_lens: tuple[int, ...]
    padded_compute: float
    saving: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What runs today, on the same images under the same limits.

    Overflow is counted under today's own limits, which `limits_source` sets, and
    `padded_compute_today` prices what is served under them; the other two computes
    price the images that both serve under `compared_max_pixels`, the lower of today's
    limit and the plan's. `shrunk_images` counts, under today's own limits, images
    smaller than with no upper limit at all. `max_pixels_assumed` says that nothing told
    sets the upper limit, so that it is the checkpoint's.
    """

    max_seq_lens: tuple[int, ...]
    min_pixels: int
    max_pixels: int
    max_pixels_assumed: bool
    limits_source: str
    compared_max_pixels: int
    overflow_images: float
    overflow_share: float
    overflow_runs: float
    served_images: float
    shrunk_images: float
    useful_compute_served: float
    padded_compute_today: float
    padded_compute_served: float
    proposed_compute_on_served: float
    saving: float
    unused_buckets: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """What a plan must say aloud: an error raises, a warning may, a note only costs.

    `rules` are the rules of lint that find the same in the emitted files.
    """

    id: str
    severity: Severity
    words: str
    rules: tuple[str, ...] = ()


def in_order(*warnings: PlanWarning) -> tuple[PlanWarning, ...]:
    """Return warnings the gravest first, otherwise as they come."""
    order: tuple[Severity, ...] = ("error", "warning", "note")
    return tuple(sorted(warnings, key=lambda each: order.index(each.severity)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason of a verdict, and what to type to change it, where that is known."""

    id: str
    severity: Severity
    words: str
    option: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do, and why.

    "go" compiles the plan; "go_if" does once its conditions are checked; "keep" stays
    with the lists of today; "no" means that the plan would not load or not serve.
    """

    call: Call
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTerm:
    """One thing that takes memory of the fullest device."""

    name: str
    bytes: int
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the fullest device holds as planned.

    `fits` is true where it surely fits, false where it does not, by estimate or for
    certain, and None where it fits by estimate with less than the margin to spare.
    """

    device: str
    device_bytes: int
    needed_bytes: int
    fits: bool | None
    terms: tuple[MemoryTerm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPoint:
    """A list of lengths that no other beats in compute, memory and graphs together.

    `memory_bytes` is what its lengths take of a device beside weights, `compile_min`
    None where nobody told what a graph takes, and `sequences` how many of the whole
    context the cache then has room for; None where that is not known.
    """

    k: int
    vit_max_seq_lens: tuple[int, ...]
    compute: float
    memory_bytes: int
    compile_min: float | None
    sequences: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """One budget that was given, and what the plan takes of it.

    `unit` is that of `room` and `used`, which is None where it is not known; `option`
    what to type to keep it, where that is known.
    """

    name: Literal["compile", "memory", "image"]
    room: float
    used: float | None
    unit: str
    option: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the plan keeps it."""
        return self.used is None or self.used <= self.room * (1 + NOISE)


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
    """The ViT half of the plan; `max_seq_lens` is in `bucket_unit`.

    Where the runtime compares soft tokens, every list counts those, and `soft_tokens` are
    the counts to compile the ViT for; () for all other models.
    """

    bucket_unit: BucketUnit
    max_seq_lens: tuple[int, ...]
    vit_max_seq_lens: tuple[int, ...]
    merged_max_seq_lens: tuple[int, ...]
    soft_tokens: tuple[int, ...] = ()
    decision: Decision
    processor: Processor
    overflow_possible: int
    worst: Worst
    top: TopChoice
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
    tail_limit: TailLimit | None
    current: Current | None
    warnings: tuple[PlanWarning, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths, in ViT patches."""
        return self.vit_max_seq_lens

    @property
    def one_graph_compute(self) -> float:
        """The compute of every run on one graph of the top length."""
        top = self.vit_max_seq_lens[-1]
        runs = sum(use.runs for use in self.buckets)
        return runs * float(self.cost.at([top])[0])

    @property
    def has_masks(self) -> bool:
        """Whether graphs are given masks: chunks of a language model make theirs."""
        given = any(use.mask_bytes for use in self.buckets)
        return given and not self.soft_tokens


class UseLike(Protocol):
    """One compiled length and what it serves, whatever it counts."""

    @property
    def length(self) -> int: ...  # noqa: D102
    @property
    def share(self) -> float: ...  # noqa: D102
    @property
    def useful_compute(self) -> float: ...  # noqa: D102
    @property
    def padded_compute(self) -> float: ...  # noqa: D102
    @property
    def waste(self) -> float: ...  # noqa: D102
    @property
    def pinned(self) -> bool: ...  # noqa: D102


class PointLike(Protocol):
    """The exact optimum with k lengths, whatever they count."""

    @property
    def k(self) -> int: ...  # noqa: D102
    @property
    def lengths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def padded_compute(self) -> float: ...  # noqa: D102
    @property
    def waste(self) -> float: ...  # noqa: D102
    @property
    def saving(self) -> float | None: ...  # noqa: D102


class StrategyLike(Protocol):
    """What one strategy chose, whatever the lengths count."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def exact(self) -> bool: ...  # noqa: D102
    @property
    def k(self) -> int: ...  # noqa: D102
    @property
    def lengths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def padded_compute(self) -> float: ...  # noqa: D102
    @property
    def waste(self) -> float: ...  # noqa: D102


class Planned(Protocol):
    """Chosen lengths with the evidence for them: of a ViT, or of a text encoder."""

    @property
    def lengths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def decision(self) -> Decision: ...  # noqa: D102
    @property
    def cost(self) -> Cost: ...  # noqa: D102
    @property
    def padded_compute(self) -> float: ...  # noqa: D102
    @property
    def waste(self) -> float: ...  # noqa: D102
    @property
    def frontier(self) -> Sequence[PointLike]: ...  # noqa: D102
    @property
    def strategies(self) -> Sequence[StrategyLike]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderEvidence:
    """What is known of the decoder's load.

    `kind` is "none" where nothing was read; the shares are None then. `samples` counts
    every record read, idle, clipped and unusable ones too. `idle_share` is over the
    time seen (`observed_s`, the seconds of all replicas), `clipped_share` over busy
    time: more was in flight than there are slots. `measured_with` says what the steps
    of the system that was seen cost: one graph, several, or a GPU engine's.
    """

    kind: str
    samples: int
    span_s: float
    observed_s: float
    replicas: int
    clipped_share: float | None
    idle_share: float | None
    measured_with: str
    names: tuple[str, ...]
    rejections: tuple[RejectedRows, ...]
    faults: tuple[RejectedRows, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """Cost of one decode step; `at[b - 1]` is that of the graph for b sequences."""

    kind: str
    unit: str
    at: tuple[float, ...]
    status: Status
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderPoint:
    """The exact optimum with k decoder graphs; `saving` is against k-1.

    `slots_cost` is the mean cost of a step in slots: what it would be if a step cost
    in proportion to its slots.
    """

    k: int
    decoder_batch_sizes: tuple[int, ...]
    mean_step_cost: float
    slots_cost: float
    saving: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphUse:
    """One decoder graph: share of the steps it runs, and of their slots in use."""

    batch_size: int
    share: float
    slots_used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeOption:
    """What another batch_size would meet; shares are over busy time.

    `full_share` with every slot in use, `queueing_share` with more in flight than slots.
    """

    batch_size: int
    mean_active: float
    full_share: float
    queueing_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLength:
    """Tokens a request holds, and the `max_seq_len` that would do.

    `with_images` says whether the visual tokens are among them; where they are not,
    `visual` is what was added for them. `max_seq_len` is a multiple of `partition`.
    """

    p999: int
    largest: int
    with_images: bool
    visual: int
    partition: int
    max_seq_len: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderDecision:
    """Why these decoder graphs: the rule that spoke and its words."""

    k: int
    rule: str
    reason: str


KEPT = "kept"
"""The rule by which the engine's own graphs stay: none others are to be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """The decoder half of the plan; sizes ascend and end with `batch_size`.

    `active_share` is over busy time. `mean_step_cost` and `one_graph_step_cost` are
    means over steps, with the chosen graphs and with `batch_size` alone; `saving` is
    the share between them and `slots_saving` the same if steps cost in proportion to
    their slots, which no saving exceeds. They are None where nothing was read.
    """

    batch_size: int
    decoder_batch_sizes: tuple[int, ...]
    decision: DecoderDecision
    evidence: DecoderEvidence
    active_share: dict[str, float]
    mean_active: float | None
    graphs: tuple[GraphUse, ...]
    step_cost: StepCost | None
    mean_step_cost: float | None
    one_graph_step_cost: float | None
    saving: float | None
    slots_saving: float | None
    frontier: tuple[DecoderPoint, ...]
    batch_sizes: tuple[BatchSizeOption, ...]
    suggested_batch_size: int | None
    context_length: ContextLength | None
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what every release of the SDK needs."""
        sizes = self.decoder_batch_sizes
        if (
            list(sizes) != sorted(set(sizes))
            or not sizes
            or sizes[0] < 1
            or sizes[-1] != self.batch_size
        ):
            message = (
                "decoder_batch_sizes: expected sizes that ascend from 1 or more to "
                f"batch_size ({self.batch_size}), got {list(sizes)}"
            )
            raise ConfigError(message)


def sizes_to_set(decoder: Decoder | None) -> tuple[int, ...]:
    """Return the sizes of decoder graphs to write; () where an engine's own stay."""
    if decoder is None or decoder.decision.rule == KEPT:
        return ()
    return decoder.decoder_batch_sizes


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


RANGE_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number and the ends it lies between; no `high` where there is no upper end."""

    low: float
    likely: float
    high: float | None

    @classmethod
    def of(cls, value: float) -> Range:
        """Return a number that is known."""
        return cls(low=value, likely=value, high=value)

    @property
    def said(self) -> str:
        """Its ends in words, one number where they read alike."""
        low, high = (
            "" if end is None else significant(end, RANGE_DIGITS).replace("-", MINUS)
            for end in (self.low, self.high)
        )
        if not high:
            return f"{low} or more"
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphMore:
    """What one more graph would cost and save, on the exact optimum."""

    vit_max_seq_lens: tuple[int, ...]
    saved_ms_an_image: Range
    device_hours_a_month: Range | None
    money_a_month: Range | None
    compile_s: Range | None
    device_bytes: int
    paid_back_images: Range | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What the lengths save by measured milliseconds, with the formulas written out.

    `ms_an_image` is what an image takes of them in the mean, over all images; `against` says of what: today's lengths, on the images both serve, or one graph of
    the top. Ranges come from the band of the curve, and from that of the price.
    `compile_s` is that of every graph of the plan, and `paid_back_images` how many images
    save as long; None where it is not known, or never.
    """

    ms_an_image: Range
    against: Literal["today", "one_graph"]
    before_ms_an_image: Range
    after_ms_an_image: Range
    saved_ms_an_image: Range
    images_per_day: float | None
    days_a_month: int
    device_hours_a_month: Range | None
    price_per_device_hour: Range | None
    money_a_month: Range | None
    compile_s: Range | None
    paid_back_images: Range | None
    one_more_graph: GraphMore | None
    formulas: tuple[str, ...]

    @property
    def a_month(self) -> str:
        """What a month saves, in money where that is known; "" where neither is."""
        hours, money = self.device_hours_a_month, self.money_a_month
        if hours is None:
            return ""
        text = f"{hours.said} device-hours"
        return f"{text}, {money.said} in money" if money else text


Part = Literal["vit", "prefill", "decode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPart:
    """What one part of a request takes; shares are of the parts that are known.

    `ms` is what the request waits for, `device_ms` what a device is busy for it: a
    decode step is shared by the sequences active in it.
    """

    name: Part
    ms: float
    share: float
    device_ms: float
    device_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBudget:
    """What a request with one image takes by measured milliseconds, part by part.

    `left_out` says which parts are not known and why, `assumed` what nobody told.
    """

    parts: tuple[RequestPart, ...]
    prompt_tokens: float
    output_tokens: float | None
    left_out: tuple[str, ...]
    assumed: tuple[str, ...]

    @property
    def vit(self) -> RequestPart:
        """The part of the ViT, which is always known."""
        return self.parts[0]

    @property
    def ms(self) -> float:
        """What is known of the request, in all."""
        return sum(each.ms for each in self.parts)


SEED = 0
"""Of every random draw: the same input gives the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made the plan: version, inputs, options, seed."""

    bucketwise: str
    inputs: tuple[InputUsed, ...]
    options: dict[str, Any]
    seed: int


Found = Literal["exact", "local search", "as asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Calls of images on one list, replayed by the engine's own rule.

    `hits` are images that ran on a graph, `misses` those above every length, which ran
    without; `rows` and `padded_rows` are merged patches that the graphs computed, and
    those of them that held no image; `computed` is what both together computed.
    """

    merged_max_seq_lens: tuple[int, ...]
    max_items: int
    hits: float
    misses: float
    replays: float
    computed: float
    rows: float
    padded_rows: float
    waste: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How images that come together run, where the engine has them share a run.

    "exact" where each runs alone and no list computes less; "local search" where which
    run together depends on the list, and a search priced by replaying the calls found
    it; "as asked" where a strategy or a budget decides. `told` is what told which images
    came together: "arrivals", "requests"; nothing for calls of one image. `plan` and
    `default` are the list of the plan and the engine's own on the same calls.
    """

    found: Found
    told: tuple[str, ...]
    calls: float
    images: float
    most_images: int
    plan: Replayed
    default: Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioUse:
    """What the lengths cost one scenario, beside its own best as many of them."""

    name: str
    runs: float
    padded_compute: float
    waste: float
    regret: float
    """Compute above that of its own best lengths, a share of that."""
    vit_max_seq_lens: tuple[int, ...]
    """Its own best lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRange:
    """How far one length may move, the others staying, before its list costs 1 % more."""

    vit_patches: int
    """The length as planned; in tokens where texts are planned for."""
    shortest: int
    longest: int
    """The first and the last multiple that keep within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterPart:
    """What lengths chosen from all images before a part cost on it."""

    start_s: int
    """Where it starts, in seconds since 1970 (UTC)."""
    regret: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What lengths chosen as these were cost on traffic they have not seen.

    Regret is compute above the least possible for the new traffic, a share of that
    least, with as many lengths under the same top.
    """

    method: Literal["time", "labels", "images"]
    """What new traffic was: each later part of the images, other labels, or other images
    like these."""
    regret: float
    """The mean."""
    low: float
    high: float
    """Nine of ten times it lies between."""
    rounds: int
    """How often it was chosen and priced."""
    new_images: float
    """Images of new traffic, in the mean."""
    outgrown_images: float
    """Images of the later half that are larger than every one before; 0 without times."""
    saving_low: float | None
    saving_high: float | None
    """Between what the saving against today, or one graph, lies nine of ten times; None
    where today's lengths do not serve everything."""
    ranges: tuple[LengthRange, ...]
    """Of each length, ascending; () where marks bind them."""
    parts: tuple[LaterPart, ...] = ()
    """By time, oldest first; () without times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one engine is told to do, and why.

    `visual` is for the newest target; where lists differ by target,
    `visual_by_target` has one for each, keyed by release, and is empty otherwise.
    `decoder` is None where neither its load nor its batch size was told. `packing` is
    None where the engine runs every image by itself.
    """

    verdict: Verdict
    model: Model
    traffic: TrafficSummary
    visual: Visual
    visual_by_target: dict[str, Visual] = field(default_factory=dict)
    decoder: Decoder | None
    memory: Memory | None
    budgets: tuple[BudgetUse, ...] = ()
    frontier_budgets: tuple[BudgetPoint, ...] = ()
    packing: Packing | None = None
    confidence: Confidence | None = None
    scenarios: tuple[ScenarioUse, ...] = ()
    savings: Savings | None = None
    request: RequestBudget | None = None
    warnings: tuple[PlanWarning, ...]
    assumptions: tuple[Assumption, ...]

    def visual_for(self, version: str) -> Visual:
        """Return the ViT half for one target."""
        return self.visual_by_target.get(version, self.visual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Answer):
    """The whole answer, as `plan.json` holds it (schema `bucketwise.plan/2`).

    It is that of the engine named first. `by_engine` has those of the others, keyed by
    package and newest release ("vllm-0.33.0"), as each alone would be told; None where
    one engine alone was asked for.
    """

    schema: str = SCHEMA
    provenance: Provenance
    by_engine: dict[str, Answer] | None = None

    def beside(self, others: Mapping[str, Plan]) -> Plan:
        """Return the plan with those of other engines, by package and release."""
        names = [each.name for each in dataclasses.fields(Answer)]
        told = {
            key: Answer(**{name: getattr(plan, name) for name in names})
            for key, plan in others.items()
        }
        return dataclasses.replace(self, by_engine=told or None)

    def to_json(self) -> str:
        """Return the plan as JSON text, stable to the byte."""
        return worded(plan_text(self), self.model.family, unit=self.visual.cost.unit)


def plan_text(plan: DataclassInstance) -> str:
    """Return a plan as JSON text, stable to the byte."""
    plain = {"schema": SCHEMA, **integral(dataclasses.asdict(plan))}
    if plain.get("by_engine") is None:
        plain.pop("by_engine", None)
    for record in plain["provenance"]["inputs"]:
        if record["name"] is None:
            del record["name"]
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def others_of(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a plan.json tells engines beside its own, by package and release."""
    return plan.get("by_engine") or {}


def answer_of(plan: Mapping[str, Any], sdk: str) -> Mapping[str, Any]:
    """Return what a plan.json tells an engine: its own part, else the plan itself."""
    found = (
        part for key, part in others_of(plan).items() if key.rpartition("-")[0] == sdk
    )
    return next(found, plan)


OF_SOME = ("measured", "savings", "request")
"""What only plans with a measured cost have; others leave it out."""


def integral(value: Any) -> Any:
    """Write whole floats as integers, so weights read as they were given."""
    if isinstance(value, dict):
        return {
            key: integral(item)
            for key, item in value.items()
            if item is not None or key not in OF_SOME
        }
    if isinstance(value, (list, tuple)):
        return [integral(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
