"""What a page is made of: blocks that hold finished text, and drawings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper


Level = Literal["good", "note", "warning", "danger"]
"""How loud something is said; words beside it say the same."""


class Plot(Protocol):
    """What a figure plots, as plain numbers, and how."""

    def draw(self, paper: Paper) -> None:
        """Draw it onto blank paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Remarks one below the other."""

    kind: ClassVar[str] = "points"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callout:
    """Text that must not be missed; `mark` says its weight in words."""

    kind: ClassVar[str] = "callout"
    level: Level
    mark: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One key number: what it is, its value, and what to know beside it.

    `filled` is the share of a bar that is full, over 1 where it overflows; None for no
    bar.
    """

    label: str
    value: str
    note: str = ""
    wide: bool = False
    level: Level = "note"
    filled: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Key numbers side by side."""

    kind: ClassVar[str] = "facts"
    items: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column head; `style` is how its cells are set."""

    text: str
    style: Literal["text", "number", "code", "lengths", "mark"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Cells in column order; the first heads the row. `marked` sets the row off.

    `failing` are the places of cells whose words tell of a failure.
    """

    cells: tuple[str, ...]
    marked: bool = False
    failing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption; a wide one takes the room of two."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[Column, ...]
    rows: tuple[Row, ...]
    wide: bool = False

    @classmethod
    def of_numbers(
        cls, caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> Table:
        """Return a table of numbers, but for its first column, which names the rows."""
        first, *others = heads
        return cls(
            caption=caption,
            head=(
                Column(text=first),
                *(Column(text=text, style="number") for text in others),
            ),
            rows=tuple(Row(cells=tuple(cells)) for cells in rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure: what it plots, what to see, and the numbers behind it.

    `id` is unique in the page; `title` and `description` are read aloud in place of
    the picture.
    """

    kind: ClassVar[str] = "drawing"
    id: str
    title: str
    description: str
    caption: str
    plot: Plot
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Text to copy, as it is."""

    kind: ClassVar[str] = "listing"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The panel in which lengths are edited; `data` is JSON safe inside a script."""

    kind: ClassVar[str] = "what_if"
    data: str
    decoder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Blocks behind a line that opens them."""

    kind: ClassVar[str] = "folded"
    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Blocks under a heading of their own; `finding` is their answer in one sentence."""

    kind: ClassVar[str] = "part"
    id: str
    title: str
    finding: str = ""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The first screen: the verdict, what a room asks for, the picture, how sure.

    `beside` stands beside the picture.
    """

    kind: ClassVar[str] = "opening"
    verdict: Callout
    facts: Facts
    drawing: Drawing
    sure: Callout
    beside: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One of several views of which one is shown; `label` is on its tab."""

    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabs:
    """Panels of which one is shown, at first the first; `name` says what differs."""

    kind: ClassVar[str] = "tabs"
    name: str
    panels: tuple[Panel, ...]


Block = (
    Paragraph
    | Points
    | Callout
    | Facts
    | Table
    | Drawing
    | Listing
    | Folded
    | Opening
    | Part
    | Tabs
    | WhatIf
)


def each_block(blocks: Iterable[Block]) -> Iterator[Block]:
    """Return blocks and those inside them, in reading order."""
    for block in blocks:
        yield block
        if isinstance(block, Part | Folded):
            yield from each_block(block.blocks)
        elif isinstance(block, Tabs):
            yield from each_block(
                each for panel in block.panels for each in panel.blocks
            )
        elif isinstance(block, Opening):
            yield from (block.verdict, block.facts, block.drawing, block.sure)
            yield from each_block(block.beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section; `finding` is its answer in one sentence."""

    id: str
    title: str
    finding: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole page."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str
