"""What changed between two plans, in words: for a terminal and for a ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bucketwise.core.plan_diff import Part, PlanDiff, State, in_words, named
from bucketwise.report.blocks import Table
from bucketwise.report.markdown import escaped, rows_of
from bucketwise.words.numbers import MINUS, literal, percent

HEADS = ("step", "what changed", "ViT patches", "waste", "saving")


def as_text(found: PlanDiff) -> str:
    """Return what changed, step by step, and what each cause did of it."""
    rows = [HEADS, *map(_cells, found.states)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = (
        "  ".join(each.ljust(width) for each, width in zip(row, widths, strict=True))
        for row in rows
    )
    told = (*_changes(found), *(f"  {row.rstrip()}" for row in table), *_ends(found))
    return "\n".join([*told, ""])


def as_markdown(found: PlanDiff) -> str:
    """Return the same for a ticket or a pull request."""
    head, *changes = _changes(found)
    parts = [
        f"## {escaped(head)}",
        "\n".join(f"- {escaped(each.strip())}" for each in changes),
        rows_of(Table.of_numbers("", HEADS, map(_cells, found.states))),
        "\n".join(f"- {escaped(each)}" for each in _ends(found)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


RENDERERS: dict[str, Callable[[PlanDiff], str]] = {
    "text": as_text,
    "json": PlanDiff.to_json,
    "md": as_markdown,
}
"""Format -> what writes it; every text ends its lines."""


def _changes(found: PlanDiff) -> Iterator[str]:
    yield f"From A to B: {in_words(found.causes)}."
    yield from (f"  {each.words}" for each in found.changes)


def _ends(found: PlanDiff) -> Iterator[str]:
    yield from map(_part, found.parts)
    if found.parts:
        yield "Saving is against one graph of the top."
    yield from found.notes


def _part(part: Part) -> str:
    lists = "; ".join(f"{literal(old)} -> {literal(new)}" for old, new in part.lists)
    return (
        f"Due to {named(part.causes)}: {lists or 'the same list'}, waste "
        f"{_points(part.waste)}, saving {_points(part.saving)}."
    )


def _cells(state: State) -> tuple[str, ...]:
    return (
        state.name,
        named(state.causes),
        literal(state.vit_max_seq_lens) if state.vit_max_seq_lens else "none",
        *(
            "" if each is None else percent(each)
            for each in (state.waste, state.saving)
        ),
    )


def _points(change: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    text = f"{abs(change) * 100:,.1f}"
    if text == "0.0":
        return "0.0 points"
    return f"{MINUS if change < 0 else '+'}{text} points"
