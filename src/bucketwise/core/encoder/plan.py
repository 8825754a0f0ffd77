"""The answer for a text encoder, as plan.json holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bucketwise.core.plan import (
    SCHEMA,
    Assumption,
    Confidence,
    Cost,
    Decision,
    FrontierPoint,
    Memory,
    PlanWarning,
    Provenance,
    RejectedRows,
    StrategyResult,
    Verdict,
    plan_text,
)
from bucketwise.nouns.traffic import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderModel:
    """The text encoder, the class that compiles it, and the longest text it takes.

    `max_tokens` is the limit the plan was decided under, None where nothing sets one;
    `positions` the length above which the SDK refuses to compile.
    """

    name: str
    hf_id: str
    family: str
    architecture: str
    class_name: str
    auto_class: str
    assumed: bool
    positions: int | None
    usable_positions: int | None
    max_tokens: int | None
    limit_source: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTraffic:
    """What was read. Rows are records; texts are weighted.

    `longest` is the longest text in tokens, before anything is cut.
    """

    rows_read: int
    rows_used: int
    rows_rejected: int
    texts: float
    longest: int
    distinct_lengths: int
    weighted: bool
    rejections: tuple[RejectedRows, ...]
    labels: tuple[str, ...]
    slot_width_s: int
    first: str | None
    last: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCost(Cost):
    """Cost of one text at length S: fixed + a*S + b*S^2, in `unit`."""

    fixed: float

    def at(self, lengths: IntArray | Sequence[int]) -> FloatArray:
        """Return the cost of one text at each length."""
        return self.fixed + Cost.at(self, lengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """One length and the texts it serves. Shares and waste are 0 to 1."""

    tokens: int
    texts: float
    share: float
    useful_compute: float
    padded_compute: float
    waste: float
    pinned: bool

    @property
    def length(self) -> int:
        """The compiled length."""
        return self.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPoint:
    """The exact optimum with k lengths; `saving` is against k-1, None for the first."""

    k: int
    max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float
    saving: float | None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths."""
        return self.max_seq_lens

    @classmethod
    def of(cls, point: FrontierPoint) -> TokenPoint:
        """Restate what the solver found."""
        return cls(
            k=point.k,
            max_seq_lens=point.lengths,
            padded_compute=point.padded_compute,
            waste=point.waste,
            saving=point.saving,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStrategy:
    """What one strategy chose with k lengths, priced like every other."""

    name: str
    exact: bool
    k: int
    max_seq_lens: tuple[int, ...]
    padded_compute: float
    waste: float

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths."""
        return self.max_seq_lens

    @classmethod
    def of(cls, result: StrategyResult) -> TokenStrategy:
        """Restate what a solver found."""
        return cls(
            name=result.name,
            exact=result.exact,
            k=result.k,
            max_seq_lens=result.lengths,
            padded_compute=result.padded_compute,
            waste=result.waste,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCurrent:
    """What runs today, on the same texts.

    `overflow_texts` are longer than every length of today; the computes price the texts
    that both lists hold.
    """

    max_seq_lens: tuple[int, ...]
    overflow_texts: float
    overflow_share: float
    served_texts: float
    padded_compute_served: float
    proposed_compute_on_served: float
    saving: float
    unused_lengths: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The lengths to compile, in tokens, and where the tokenizer is to cut.

    `truncate_at` is the longest length: what is longer raises in the runtime, so that
    the tokenizer has to cut there. `truncated_texts` are longer than the limit that the
    plan was decided under.
    """

    max_seq_lens: tuple[int, ...]
    decision: Decision
    truncate_at: int
    truncated_texts: float
    truncated_share: float
    largest_needed: int
    cost: TokenCost
    useful_compute: float
    padded_compute: float
    waste: float
    buckets: tuple[TokenBucket, ...]
    frontier: tuple[TokenPoint, ...]
    strategies: tuple[TokenStrategy, ...]
    current: TokenCurrent | None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The compiled lengths."""
        return self.max_seq_lens


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderPlan:
    """The whole answer for a text encoder, as `plan.json` holds it.

    It has the keys of a plan for images; those that tell of images and of a decoder are
    null, and `encoder` holds what was decided. `memory` is that of the one device.
    """

    schema: str = SCHEMA
    verdict: Verdict
    model: EncoderModel
    traffic: TextTraffic
    visual: None = None
    encoder: Encoder
    decoder: None = None
    memory: Memory | None = None
    confidence: Confidence | None = None
    warnings: tuple[PlanWarning, ...]
    assumptions: tuple[Assumption, ...]
    provenance: Provenance

    def to_json(self) -> str:
        """Return the plan as JSON text, stable to the byte."""
        return plan_text(self)

    def lengths_on(self, *, lists: bool) -> tuple[int, ...]:
        """Return what a release compiles: every length, or the longest alone."""
        return self.encoder.max_seq_lens if lists else self.encoder.max_seq_lens[-1:]
