"""Findings for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bucketwise.core.memory import MemoryPlan
from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.finding import Fix, Reported
from bucketwise.nouns.engine import written
from bucketwise.nouns.traffic import Place

SCHEMA = "bucketwise.findings/1"


def as_json(report: LintReport) -> str:
    """Return the report as JSON of the schema `SCHEMA`; ASCII only."""
    value = {
        "schema": SCHEMA,
        "failed": report.failed,
        "counts": report.counts,
        "configurations": [_configuration(judged) for judged in report.judged],
    }
    return json.dumps(value, indent=2, allow_nan=False, default=repr) + "\n"


def _configuration(judged: Judged) -> dict[str, Any]:
    subject, document = judged.subject, judged.subject.document
    limits, profile = subject.limits, subject.profile or subject.encoder
    return {
        "place": _place(document.place(())),
        "form": document.form,
        "class_name": document.class_name,
        "family": subject.family,
        "release": {
            "version": written(subject.version),
            "source": judged.release_source,
        },
        "model": {"name": profile.name, "source": judged.model_source}
        if profile
        else None,
        "image_limits": {
            "min_pixels": limits.min_pixels,
            "max_pixels": limits.max_pixels,
            "source": limits.source,
        }
        if limits
        else None,
        "npu": subject.npu,
        "images": float(subject.use.counts.sizes.count.sum()) if subject.use else None,
        "not_judged": [*document.notes, *judged.not_judged],
        "memory": _memory(judged.memory) if judged.memory else None,
        "findings": [_finding(each) for each in judged.reported],
    }


def _memory(plan: MemoryPlan) -> dict[str, Any]:
    return {
        "verdict": plan.verdict,
        "device": plan.device,
        "usable_bytes": plan.usable_bytes,
        "pools": [
            {
                "name": pool.name,
                "devices": list(pool.device_ids),
                "verdict": pool.fit.verdict,
                "terms": [asdict(term) for term in pool.terms],
            }
            for pool in plan.pools
        ],
        "changes": [change.words for change in plan.changes],
    }


def _finding(reported: Reported) -> dict[str, Any]:
    finding = reported.finding
    return {
        "rule": reported.rule,
        "severity": finding.severity,
        "place": _place(reported.place),
        "path": list(finding.path),
        "found": finding.found,
        "why": finding.why,
        "right": finding.right,
        "raises": finding.raises,
        "fixes": [_fix(fix) for fix in finding.fixes],
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {"action": fix.action, "path": list(fix.path), "value": fix.value}


def _place(place: Place) -> dict[str, Any]:
    return {"source": place.source, "line": place.line}
