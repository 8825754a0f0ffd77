"""A page of blocks as Markdown, for a pull request or a ticket."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.report.blocks import (
    Block,
    Callout,
    Drawing,
    Facts,
    Folded,
    Paragraph,
    Report,
    Table,
)
from bucketwise.report.markdown import escaped, quoted, rows_of


def to_markdown(report: Report) -> str:
    """Return a page as GitHub Flavored Markdown, without its figures."""
    parts = [f"# {escaped(report.title)}", escaped(report.subtitle)]
    for section in report.sections:
        parts += [f"## {escaped(section.title)}", f"**{escaped(section.finding)}**"]
        for block in section.blocks:
            parts += _block(block)
    return "\n\n".join((*parts, escaped(report.footer))) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield escaped(block.text)
        case Callout():
            yield quoted(block)
        case Facts():
            yield "\n".join(
                f"- {escaped(fact.label)}: **{escaped(fact.value)}**, {escaped(fact.note)}"
                for fact in block.items
            )
        case Table():
            yield escaped(block.caption)
            yield rows_of(block)
        case Drawing():
            return  # what it draws stands in the tables beside it
        case Folded():
            for inner in block.blocks:
                yield from _block(inner)
        case _:
            message = f"{type(block).__name__} has no form in Markdown"
            raise TypeError(message)
