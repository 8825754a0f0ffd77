"""What is compared: lists of compiled lengths, each behind its processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bucketwise.core.buckets import Buckets
from bucketwise.core.options import MOST_BUCKETS
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.profile import PixelLimits

LEAST_SCENARIOS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One list of compiled lengths and the processor in front of it."""

    name: str
    """What it is called; no other scenario has this name."""
    buckets: Buckets
    """Compiled lengths in ViT patches, at most `MOST_BUCKETS`."""
    limits: PixelLimits | None = None
    """Image limits in front of it; None takes those of the setting."""
    source: str = "given"
    """Where the lengths were read."""

    def __post_init__(self) -> None:
        """Check that there are not more lengths than anybody compiles."""
        n_lengths = len(self.buckets.lengths)
        if n_lengths > MOST_BUCKETS:
            message = (
                f"{self.name}: expected 1 to {MOST_BUCKETS} lengths, got {n_lengths:,}"
            )
            raise ConfigError(message)


def check_names(names: Sequence[str]) -> None:
    """Check that there is something to compare, and a name for each."""
    if len(names) < LEAST_SCENARIOS:
        message = f"compare: expected two plans or more, got {len(names)}"
        raise UsageError(message)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        message = (
            f"compare: {twice[0]!r} names two plans; give each a name of its own, such "
            "as today=1024,4096"
        )
        raise UsageError(message)
