"""What a report shows beside the analysis and its files: memory and findings."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.core.memory import MemoryPlan
from bucketwise.lint.case import Judged
from bucketwise.nouns.engine import Base, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """What is known of the deployment; each part may be missing, and its section too.

    Attributes
    ----------
    base : Base or None
        The configuration emitted ones start from, in the engine's own form; None for
        none.
    targets : tuple of Target
        The dialects they are emitted for, oldest first.
    memory : MemoryPlan or None
        What each device holds with the proposed configuration.
    memory_before : MemoryPlan or None
        The same with today's lengths, or with one graph of the top length where nobody
        said what runs today.
    in_service : Judged or None
        The configuration of today, or its lengths alone, judged with the traffic.
    """

    base: Base | None = None
    targets: tuple[Target, ...] = ()
    memory: MemoryPlan | None = None
    memory_before: MemoryPlan | None = None
    in_service: Judged | None = None
