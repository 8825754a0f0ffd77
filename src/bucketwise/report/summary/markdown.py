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
        *_tables(summary.settings, summary.before_after),
        *map(escaped, summary.why),
    ]
    if summary.warnings:
        points = "\n".join(f"- {escaped(text)}" for text in summary.warnings)
        parts += ["## What to know before", points]
    parts += [
        *_tables(summary.buckets),
        "## How sure",
        escaped(summary.sure.text),
        rows_of(summary.grounds),
        *_tables(summary.files),
        escaped(summary.footer),
    ]
    return "\n\n".join(parts) + "\n"


def _tables(*tables: Table) -> tuple[str, ...]:
    """Return the tables that have rows."""
    return tuple(
        f"## {escaped(each.caption)}\n\n{rows_of(each)}" for each in tables if each.rows
    )
