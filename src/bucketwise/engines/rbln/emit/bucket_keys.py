"""The list of ViT lengths under the names that releases take."""

from __future__ import annotations

from bucketwise.core.plan import Plan
from bucketwise.engines.rbln.model_classes import (
    first_release,
    serving_targets,
    within,
)
from bucketwise.engines.rbln.nesting import NESTINGS
from bucketwise.engines.rbln.targets import TARGETS, RblnTarget
from bucketwise.nouns.engine import ListToSet


def lists_to_set(plan: Plan) -> tuple[ListToSet, ...]:
    """Return what to write for each name of the list, oldest releases first."""
    family = plan.model.family
    level = ".".join((*within(family, {}), "visual"))
    groups: dict[tuple[tuple[int, ...], str], list[RblnTarget]] = {}
    for target in serving_targets(family, plan.provenance.options.get("target") or ()):
        if plan.visual_by_target and target.version not in plan.visual_by_target:
            continue
        lengths = plan.visual_for(target.version).max_seq_lens
        groups.setdefault((lengths, target.bucket_key), []).append(target)
    return tuple(
        ListToSet(
            level=level,
            key=key,
            lengths=lengths,
            first=first_release(targets[0], family),
            last=targets[-1].version,
            is_oldest=targets[0].version == next(iter(TARGETS)),
            is_newest=targets[-1].version == next(reversed(TARGETS)),
        )
        for (lengths, key), targets in groups.items()
    )


def nested_lists(plan: Plan) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return level, key and numbers of each list of a family that compares soft tokens."""
    nesting, visual = NESTINGS[plan.model.family], plan.visual
    return (
        (nesting.tower, nesting.counts, visual.soft_tokens),
        (nesting.language_model, nesting.lengths, visual.vit_max_seq_lens),
    )
