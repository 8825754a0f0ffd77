"""Findings as commands of GitHub Actions, which shows them beside the lines."""

from __future__ import annotations

from bucketwise.lint.case import LintReport
from bucketwise.lint.finding import Reported, Severity
from bucketwise.lint.formats.words import dotted, file_and_line
from bucketwise.words.text import printable

_COMMANDS: dict[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "info": "notice",
}


def as_github(report: LintReport) -> str:
    """Return one command a finding; "" where there is none."""
    return "".join(
        f"{_command(each)}\n" for judged in report.judged for each in judged.reported
    )


def _command(reported: Reported) -> str:
    finding = reported.finding
    file, line, cell = file_and_line(reported.place)
    properties = [f"file={_property(file)}"]
    if line:
        properties.append(f"line={line}")
    properties.append(f"title={_property(reported.rule)}")
    said = f"{dotted(finding.path)}: {finding.found}. {finding.why}."
    if finding.right:
        said += f" Right: {finding.right}"
    if cell:
        said = f"{cell}: {said}"
    command = _COMMANDS[finding.severity]
    return f"::{command} {','.join(properties)}::{_data(said)}"


# As GitHub's own toolkit does it (actions/toolkit, packages/core/src/command.ts,
# escapeData and escapeProperty); a carriage return is made visible before.
def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
