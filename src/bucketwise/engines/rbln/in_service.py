"""The configuration of today, judged with the traffic of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bucketwise.core.analysis import Analysis
from bucketwise.core.in_service import limits_in_service
from bucketwise.core.patching import count_patches
from bucketwise.engines.rbln.keys import BUCKETS
from bucketwise.engines.rbln.releases import NEWEST, RELEASES, Version
from bucketwise.engines.rbln.rules.case import RblnCase, lengths_of, npu_of
from bucketwise.engines.rbln.rules.layout import plan_of
from bucketwise.engines.rbln.rules.table import RULES, judge
from bucketwise.engines.rbln.targets import RblnTarget
from bucketwise.lint.case import Judged, TrafficUse
from bucketwise.nouns.document import Document
from bucketwise.nouns.profile import PixelLimits

_NO_LENGTHS = "keys/missing-buckets"


def judge_in_service(
    analysis: Analysis, document: Document | None, targets: Sequence[RblnTarget]
) -> Judged | None:
    """Judge the configuration in service, or the lengths that are all that is known."""
    current = analysis.plan.visual.current
    version = targets[-1].parsed if targets else NEWEST
    if document is not None:
        compiled = [known for known in RELEASES if known <= (document.version or ())]
        version = compiled[-1] if compiled else version
    elif current is not None:
        lengths = {"visual": {BUCKETS: list(current.max_seq_lens)}}
        document = Document(
            config=lengths, form="list", source=current.source, places={}
        )
    else:
        return None
    rules = RULES
    subject = _subject(analysis, document, version, with_use=True)
    if not lengths_of(subject):
        # A base without lengths is whole: the plan brings them.
        rules = tuple(
            rule for rule in rules if not rule.on_lengths and rule.id != _NO_LENGTHS
        )
    return Judged(
        subject=subject,
        reported=judge(subject, rules),
        release_source=document.version_source or "the newest that is planned for",
        model_source="that of the plan",
        memory=plan_of(subject),
        not_judged=document.notes,
    )


def _subject(
    analysis: Analysis, document: Document, version: Version, *, with_use: bool = False
) -> RblnCase:
    limits = analysis.preprocessing.image
    use = None
    if with_use:
        limits = _in_force(analysis, document)
        under = replace(analysis.preprocessing, image=limits)
        use = TrafficUse(
            counts=count_patches(analysis.traffic.sizes(), analysis.profile, under),
            curve=analysis.curve,
        )
    return RblnCase(
        document=document,
        version=version,
        profile=analysis.profile,
        family=analysis.profile.family,
        limits=limits,
        npu=npu_of(document),
        use=use,
    )


def _in_force(analysis: Analysis, document: Document) -> PixelLimits:
    """Return the image limits in service: those today was counted under."""
    current = analysis.plan.visual.current
    if current is None:
        given = limits_in_service(analysis.profile, *document.limits)
        return given or analysis.preprocessing.image
    return PixelLimits(
        min_pixels=current.min_pixels,
        max_pixels=current.max_pixels,
        source=current.limits_source,
    )
