"""Every rule about a configuration of vLLM."""

from __future__ import annotations

from bucketwise.engines.vllm.rules import decode, encoder
from bucketwise.lint.finding import Check, Rule


def _named(module: str, *checks: Check) -> tuple[Rule, ...]:
    return tuple(
        Rule(f"{module}/{check.__name__.replace('_', '-')}", check) for check in checks
    )


RULES: tuple[Rule, ...] = (
    *_named(
        "encoder-graphs",
        encoder.unknown_key,
        encoder.switched_off,
        encoder.wrong_budgets,
        encoder.wrong_limit,
        encoder.repeated_budget,
        encoder.more_items_than_tokens,
        encoder.uneven_budget,
        encoder.list_without_items,
        encoder.image_above_top,
        encoder.budget_never_used,
        encoder.budgets_in_patches,
        encoder.list_of_two_paths,
        encoder.clips_widen_replays,
        encoder.no_encoder_graphs,
        encoder.graphs_are_off,
        encoder.wasteful_budgets,
    ),
    *_named(
        "capture-sizes",
        decode.wrong_sizes,
        decode.sizes_given_twice,
        decode.wrong_maximum,
        decode.sizes_above_a_step,
        decode.last_below_requests,
        decode.nothing_for_mixed_steps,
        decode.uneven_with_drafts,
    ),
)
"""In the order reports tell them; an id is file and function."""


def every_rule() -> tuple[Rule, ...]:
    """Return every rule."""
    return RULES
