"""What is judged, and what was said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bucketwise.core.buckets import Demand
from bucketwise.core.cost import CostCurve
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.patching import Counts
from bucketwise.lint.finding import SEVERITIES, Reported, Rule, Severity
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.document import Document
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Engine, Release, Version
from bucketwise.nouns.profile import ModelProfile, PixelLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficUse:
    """What users send, as far as a configuration can be judged by it.

    Attributes
    ----------
    counts : Counts
        What the processor makes of every size.
    curve : CostCurve
        Cost of one ViT run.
    tokens : RequestTokens or None
        Tokens of the requests, where they are known.
    """

    counts: Counts
    curve: CostCurve
    tokens: RequestTokens | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LintCase:
    """A configuration with all that its judgement needs.

    Attributes
    ----------
    document : Document
        What was read.
    engine : Engine
        What compiles it.
    version : tuple of int
        The release it is judged for.
    profile : ModelProfile or None
        The model; None where nobody named it.
    family : str
        The `model_type`; "" where nobody knows it.
    limits : PixelLimits or None
        Image limits of the processor that will feed it; None where nobody knows them.
    npu : str or None
        Name of the NPU.
    use : TrafficUse or None
        What users send; None where nobody told.
    encoder : EncoderProfile or None
        The text encoder; None where nobody named one.
    texts : Demand or None
        How many texts are how long, in tokens; None where nobody told.
    """

    document: Document
    engine: Engine
    version: Version
    profile: ModelProfile | None = None
    family: str = ""
    limits: PixelLimits | None = None
    npu: str | None = None
    use: TrafficUse | None = None
    encoder: EncoderProfile | None = None
    texts: Demand | None = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One configuration, judged.

    Attributes
    ----------
    subject : LintCase
        What it was judged by.
    reported : tuple of Reported
        What rules say, errors first.
    release_source : str
        Why for this release, in words.
    model_source : str
        Where the model is named, in words; "" where it is not known.
    npu_source : str
        Where the NPU is named, in words; "" where nobody did.
    memory : MemoryPlan or None
        What each device would hold; None where the configuration tells too little.
    not_judged : tuple of str
        What rules could not look at, and what would let them, a sentence each.
    """

    subject: LintCase
    reported: tuple[Reported, ...]
    release_source: str
    model_source: str = ""
    npu_source: str = ""
    memory: MemoryPlan | None = None
    not_judged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """Configurations, judged by the same rules.

    Attributes
    ----------
    judged : tuple of Judged
        In the order they were read.
    rules : tuple of Rule
        Every rule that was applied.
    version : str
        The release of bucketwise that applied them.
    """

    judged: tuple[Judged, ...]
    rules: tuple[Rule, ...]
    version: str

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
