"""Findings for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from bucketwise.core.memory import plan_lines
from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.finding import SEVERITIES, Reported, Severity
from bucketwise.lint.formats.words import FORMS, NOUNS, dotted, facts, totals
from bucketwise.words.numbers import plural_of
from bucketwise.words.text import one_line, worded

_WIDTH = 100


def as_text(report: LintReport) -> str:
    """Return every configuration with its findings, errors first, and the totals."""
    lines = [line for judged in report.judged for line in _configuration(judged)]
    return "\n".join([*lines, f"{totals(report)}.", ""])


def _configuration(judged: Judged) -> Iterator[str]:
    document = judged.subject.document
    form = FORMS[document.form].format(server=judged.subject.engine.server)
    yield f"{one_line(str(document.place(())))} ({form})"
    for what, said in facts(judged):
        yield from _wrapped(f"{what:<9}", said)
    for said in (*document.notes, *judged.not_judged):
        yield from _wrapped("skipped  ", one_line(said))
    yield ""
    for severity in SEVERITIES:
        yield from _group(judged, severity)
    if judged.memory:
        yield "  memory, none of it measured"
        for told in plan_lines(judged.memory):
            line = worded(told, judged.subject.family)
            yield from _wrapped("", one_line(line), indent=4 + _indent_of(line))
        yield ""


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def _group(judged: Judged, severity: Severity) -> Iterator[str]:
    found = [each for each in judged.reported if each.finding.severity == severity]
    if found:
        yield f"  {plural_of(NOUNS[severity])}"
        for each in found:
            yield from _finding(each)


def _finding(reported: Reported) -> Iterator[str]:
    finding = reported.finding
    place = one_line(str(reported.place))
    yield f"    {reported.rule}  {place}  {dotted(finding.path)}"
    for name, said in (
        ("found", finding.found),
        ("why", finding.why),
        ("right", finding.right),
        ("raises", finding.raises),
    ):
        if said:
            yield from _wrapped(f"{name:<7}", one_line(said), indent=6)
    yield ""


def _wrapped(label: str, said: str, indent: int = 2) -> list[str]:
    return textwrap.wrap(
        said,
        _WIDTH,
        initial_indent=" " * indent + label,
        subsequent_indent=" " * (indent + len(label)),
        break_long_words=False,
        break_on_hyphens=False,
    )
