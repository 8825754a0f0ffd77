"""Findings as commands of GitHub Actions, which shows them beside the lines."""

from __future__ import annotations

from bucketwise.lint.case import LintReport
from bucketwise.lint.finding import Reported, Severity
from bucketwise.lint.formats.words import dotted, file_and_line
from bucketwise.words.github import annotation

_COMMANDS: dict[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "info": "notice",
}


def as_github(report: LintReport) -> str:
    """Return one command a finding; "" where there is none."""
    return "".join(
        _command(each) for judged in report.judged for each in judged.reported
    )


def _command(reported: Reported) -> str:
    finding = reported.finding
    file, line, cell = file_and_line(reported.place)
    said = f"{dotted(finding.path)}: {finding.found}. {finding.why}."
    if finding.right:
        said += f" Right: {finding.right}"
    if cell:
        said = f"{cell}: {said}"
    at = {"file": file, "line": line} if line else {"file": file}
    return annotation(_COMMANDS[finding.severity], said, **at, title=reported.rule)
