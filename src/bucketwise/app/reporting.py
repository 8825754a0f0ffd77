"""What the report shows beside the plan: memory of its devices, lint of today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.document import Document
from bucketwise.nouns.engine import Target
from bucketwise.read.configs.documents import mapping_document, read_documents
from bucketwise.report.deployment import ReportInputs


def report_inputs(
    analysis: Analysis,
    *,
    base: Any,
    targets: Sequence[Target],
    config: str | Path | Mapping[str, Any] | Document | None = None,
) -> ReportInputs:
    """Gather what the report shows beside the plan."""
    engine = analysis.release.engine
    memory, before = engine.memory_with(analysis, base, targets)
    return ReportInputs(
        base=base,
        targets=tuple(targets),
        memory=memory,
        memory_before=before,
        in_service=engine.judge_in_service(analysis, _document(config), targets),
    )


def _document(
    config: str | Path | Mapping[str, Any] | Document | None,
) -> Document | None:
    if config is None or isinstance(config, Document):
        return config
    if isinstance(config, Mapping):
        return mapping_document(config)
    return read_documents(config)[0]
