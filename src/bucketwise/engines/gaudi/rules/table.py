"""Every rule about settings of vllm-gaudi."""

from __future__ import annotations

from collections.abc import Iterable

from bucketwise.engines.gaudi.rules import images, steps
from bucketwise.engines.gaudi.rules.case import GaudiCase
from bucketwise.lint.finding import Check, Reported, Rule, gravest_first


def _named(module: str, *checks: Check) -> tuple[Rule, ...]:
    return tuple(
        Rule(f"{module}/{check.__name__.replace('_', '-')}", check) for check in checks
    )


RULES: tuple[Rule, ...] = (
    *_named(
        "gaudi-images",
        images.list_of_none,
        images.wrong_lengths,
        images.nothing_is_padded,
        images.no_single_image,
        images.image_above_top,
        images.wrong_resolution,
        images.resolutions_not_read,
        images.nothing_is_warmed,
        images.no_images_allowed,
        images.many_graphs,
    ),
    *_named(
        "gaudi-steps",
        steps.no_shape,
        steps.one_phase_alone,
        steps.more_sequences_than_blocks,
        steps.batch_below_requests,
        steps.blocks_below_need,
        steps.ranges_beside_file,
        steps.unknown_strategy,
        steps.old_strategy,
        steps.ranges_not_read,
        steps.maximum_not_reached,
        steps.padding_out_of_range,
    ),
)
"""In the order reports tell them; an id is file and function."""


def every_rule() -> tuple[Rule, ...]:
    """Return every rule."""
    return RULES


def judge(subject: GaudiCase, rules: Iterable[Rule] = RULES) -> tuple[Reported, ...]:
    """Apply every rule to settings."""
    return gravest_first(
        Reported(
            rule=rule.id, finding=finding, place=subject.document.place(finding.path)
        )
        for rule in rules
        for finding in rule.check(subject)
    )
