"""Findings as SARIF 2.1.0, which code scanning takes."""

from __future__ import annotations

import inspect
import json
from typing import Any
from urllib.parse import quote

from bucketwise.lint.case import LintReport
from bucketwise.lint.finding import Reported, Rule, Severity
from bucketwise.lint.formats.words import dotted, file_and_line
from bucketwise.words.text import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def as_sarif(report: LintReport) -> str:
    """Return the report as a SARIF log with one run."""
    positions = {rule.id: position for position, rule in enumerate(report.rules)}
    run = {
        "tool": {
            "driver": {
                "name": "bucketwise",
                "version": report.version,
                "rules": [_rule(rule) for rule in report.rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(each, positions)
            for judged in report.judged
            for each in judged.reported
        ],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, allow_nan=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    explained = inspect.getdoc(rule.check) or rule.id
    return {
        "id": rule.id,
        "shortDescription": _message(rule.summary or rule.id),
        "fullDescription": _message(explained),
        "help": _message(explained),
    }


def _result(reported: Reported, positions: dict[str, int]) -> dict[str, Any]:
    finding = reported.finding
    file, line, cell = file_and_line(reported.place)
    said = f"{dotted(finding.path)}: {finding.found}. {finding.why}."
    if finding.right:
        said += f" Right: {finding.right}"
    result: dict[str, Any] = {
        "ruleId": reported.rule,
        "level": _LEVELS[finding.severity],
        "message": _message(f"{cell}: {said}" if cell else said),
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(printable(file), safe="")},
                    # Code hosts want a line even of what is about the whole file.
                    "region": {"startLine": line or 1},
                },
                "logicalLocations": [{"fullyQualifiedName": dotted(finding.path)}],
            }
        ],
    }
    if reported.rule in positions:
        result["ruleIndex"] = positions[reported.rule]
    if finding.raises:
        result["properties"] = {"raises": printable(finding.raises)}
    return result


def _message(text: str) -> dict[str, str]:
    # Braces mark what is filled in and are doubled (SARIF 2.1.0, 3.11.5); brackets
    # before a parenthesis would be a link (3.11.6).
    safe = printable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": safe}
