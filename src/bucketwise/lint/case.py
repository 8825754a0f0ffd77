"""What is judged, and what was said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bucketwise.core.buckets import Demand
from bucketwise.core.cost import CostCurve
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.patching import Counts
from bucketwise.lint.finding import (
    SEVERITIES,
    Reported,
    Rule,
    Severity,
    gravest_first,
)
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.document import Document
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Engine, Release, Version
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.together import Together


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficUse:
    """What users send, as far as a configuration can be judged by it."""

    counts: Counts
    """What the processor makes of every size."""
    together: Together = field(default_factory=Together)
    """Which images came at once."""
    curve: CostCurve
    """Cost of one ViT run."""
    tokens: RequestTokens | None = None
    """Tokens of the requests, where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintCase:
    """A configuration with all that its judgement needs."""

    document: Document
    """What was read."""
    engine: Engine
    """What compiles it."""
    version: Version
    """The release it is judged for."""
    profile: ModelProfile | None = None
    """The model; None where nobody named it."""
    family: str = ""
    """The `model_type`; "" where nobody knows it."""
    limits: PixelLimits | None = None
    """Image limits of the processor that will feed it; None where nobody knows them."""
    npu: str | None = None
    """Name of the NPU."""
    use: TrafficUse | None = None
    """What users send; None where nobody told."""
    encoder: EncoderProfile | None = None
    """The text encoder; None where nobody named one."""
    texts: Demand | None = None
    """How many texts are how long, in tokens; None where nobody told."""

    @property
    def sdk(self) -> str:
        """The package that compiles it."""
        return self.engine.sdk

    @property
    def release(self) -> Release:
        """The release it is judged for."""
        return self.engine.release(self.version)

    @property
    def encoder_family(self) -> str:
        """The `model_type` of the text encoder it is for; "" where it is for none."""
        return self.encoder.family if self.encoder else ""


def judge(subject: LintCase, rules: Iterable[Rule]) -> tuple[Reported, ...]:
    """Apply rules to a configuration, the gravest finding first."""
    return gravest_first(
        Reported(
            rule=rule.id, finding=finding, place=subject.document.place(finding.path)
        )
        for rule in rules
        for finding in rule.check(subject)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One configuration, judged."""

    subject: LintCase
    """What it was judged by."""
    reported: tuple[Reported, ...]
    """What rules say, errors first."""
    release_source: str
    """Why for this release, in words."""
    model_source: str = ""
    """Where the model is named, in words; "" where it is not known."""
    npu_source: str = ""
    """Where the NPU is named, in words; "" where nobody did."""
    memory: MemoryPlan | None = None
    """What each device would hold; None where the configuration tells too little."""
    not_judged: tuple[str, ...] = ()
    """What rules could not look at, and what would let them, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """Configurations, judged by the same rules."""

    judged: tuple[Judged, ...]
    """In the order they were read."""
    rules: tuple[Rule, ...]
    """Every rule that was applied."""
    version: str
    """The release of bucketwise that applied them."""

    @property
    def counts(self) -> dict[Severity, int]:
        """Findings by severity, the worst first."""
        found = Counter(
            each.finding.severity for judged in self.judged for each in judged.reported
        )
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def failed(self) -> bool:
        """Whether a configuration will fail."""
        return self.counts["error"] > 0
