"""What is judged: a configuration, what it is for, and where it was read."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.core.cost import CostCurve
from bucketwise.core.demand import Demand
from bucketwise.core.patching import Counts
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.document import Document
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Version
from bucketwise.nouns.profile import ModelProfile, PixelLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
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
class Subject:
    """A configuration with all that its judgement needs.

    Attributes
    ----------
    document : Document
        What was read.
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
    use : Use or None
        What users send; None where nobody told.
    encoder : EncoderProfile or None
        The text encoder; None where nobody named one.
    texts : Demand or None
        How many texts are how long, in tokens; None where nobody told.
    """

    document: Document
    version: Version
    profile: ModelProfile | None = None
    family: str = ""
    limits: PixelLimits | None = None
    npu: str | None = None
    use: Use | None = None
    encoder: EncoderProfile | None = None
    texts: Demand | None = None
