"""Choose decoder batch sizes for a traffic of images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.decoder.decoder_plan import (
    Decided,
    decide_decoder,
    decide_pattern,
    suggest_batch_size,
)
from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.pricing import Deployment
from bucketwise.core.patching import Counts
from bucketwise.core.plan import Assumption
from bucketwise.nouns.activity import Evidence
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import Traffic

HIGH_SHARE = 0.999
"""The share of images whose visual tokens a context should hold beside the text."""

_JOINED = Assumption(
    name="sizes and decoder load",
    value="of one service",
    status="assumed",
    source="they were read from different files; nothing in them says that they "
    "belong together",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderAsk:
    """What is asked of the decoder."""

    question: DecoderOptions
    """Slots, graphs, costs."""
    deployment: Deployment
    """What it will run on."""
    evidence: Evidence | None = None
    """What it carried; without, the vendor's pattern is told."""
    suggest_batch_size: bool = False
    """Whether nobody gave the batch size, so that the evidence suggests it."""


def decide(
    ask: DecoderAsk, profile: ModelProfile, counts: Counts, traffic: Traffic
) -> Decided:
    """Decide the decoder half; sequences hold the visual tokens of the traffic."""
    if ask.evidence is None:
        return decide_pattern(
            ask.question.batch_size, profile.family, ask.deployment.engine
        )
    accepted = counts.accepted
    visual = counts.visual_tokens[accepted]
    count = counts.sizes.count[accepted]
    order = np.argsort(visual, kind="stable")
    reached = np.cumsum(count[order]) / count.sum()
    deployment = replace(
        ask.deployment,
        mean_visual=round(float((visual * count).sum() / count.sum())),
        high_visual=int(visual[order][np.searchsorted(reached, HIGH_SHARE)]),
    )
    question, assumed = ask.question, []
    if ask.suggest_batch_size:
        question, suggested = suggest_batch_size(
            ask.evidence, question, profile, deployment
        )
        assumed.append(suggested)
    decided = decide_decoder(ask.evidence, question, profile, deployment)
    names = {record.name for record in traffic.inputs}
    if not (ask.evidence.names and names.issuperset(ask.evidence.names)):
        assumed.append(_JOINED)
    return replace(decided, assumptions=(*decided.assumptions, *assumed))
