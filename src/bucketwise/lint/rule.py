"""A rule, and what it says of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bucketwise.lint.finding import SEVERITIES, Finding
from bucketwise.nouns.traffic import Place

Check = Callable[[Any], Iterator[Finding]]
"""Yields what is to be said of what is judged."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id in words, and the function that applies it."""

    id: str
    check: Check

    @property
    def summary(self) -> str:
        """What it says, in one sentence."""
        return (self.check.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A finding, the rule that made it, and where it stands."""

    rule: str
    finding: Finding
    place: Place


Judge = Callable[[Any, Iterable[Rule]], tuple[Reported, ...]]
"""Applies rules to what is judged."""


def gravest_first(reported: Iterable[Reported]) -> tuple[Reported, ...]:
    """Return what rules say, errors first; then as it came."""
    return tuple(
        sorted(reported, key=lambda each: SEVERITIES.index(each.finding.severity))
    )
