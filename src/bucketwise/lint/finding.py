"""What a rule says, what would put it right, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bucketwise.nouns.document import Path
from bucketwise.nouns.traffic import Place

Severity = Literal["error", "warning", "info"]
"""error: will fail; warning: will waste, or may fail; info: good to know."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One change of the configuration."""

    path: Path
    """What is changed."""
    action: Literal["set", "remove", "rename"]
    """What is done; a rename keeps the value."""
    value: Any = None
    """What it becomes, or its new name; JSON, None where it is removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, wasteful or good to know."""

    severity: Severity
    """How bad it is."""
    path: Path
    """The value it is about; () for the configuration as a whole."""
    found: str
    """What was found, in words."""
    why: str
    """What the SDK does with it, in which release, and where that stands."""
    right: str
    """What would be right."""
    raises: str = ""
    """The exception it ends in, as "ValueError: the start of its message"; "" where
    none is raised, or none can be told."""
    fixes: tuple[Fix, ...] = ()
    """Changes that put it right; () where a person must decide."""


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
