"""What lint says of configurations: findings, and what they were judged by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bucketwise.core.memory import MemoryPlan
from bucketwise.lint.finding import SEVERITIES, Severity
from bucketwise.lint.rule import Reported, Rule
from bucketwise.lint.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One configuration, judged.

    Attributes
    ----------
    subject : Subject
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

    subject: Subject
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
