"""The one page as Markdown, for a pull request or a ticket."""

from __future__ import annotations

from bucketwise.report.blocks import Table
from bucketwise.report.markdown import escaped, quoted, rows_of
from bucketwise.report.summary.content import Summary


def to_markdown(summary: Summary) -> str:
    """Write the page as GitHub Flavored Markdown."""
    parts = [
        f"# {escaped(summary.title)}",
        escaped(summary.subtitle),
        *map(quoted, summary.alarms),
        f"**{escaped(summary.finding)}**",
        _table(summary.settings),
        _table(summary.before_after),
        *map(escaped, summary.why),
    ]
    if summary.warnings:
        points = "\n".join(f"- {escaped(text)}" for text in summary.warnings)
        parts += ["## What to know before", points]
    parts += [
        _table(summary.buckets),
        "## How sure",
        escaped(summary.sure.text),
        rows_of(summary.grounds),
        _table(summary.files),
        escaped(summary.footer),
    ]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    return f"## {escaped(table.caption)}\n\n{rows_of(table)}"
