"""The figure of what every answer costs in memory against what it wastes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

from bucketwise.core.cost import waste_of
from bucketwise.core.plan import Current, Visual
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.figures.palette import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    OUTLINE,
    PURPLE,
    RING,
    SKY,
    VERMILLION,
)
from bucketwise.report.figures.spans import Span
from bucketwise.words.numbers import BYTE_UNITS, dotted, memory, number, percent, plural

if TYPE_CHECKING:
    from bucketwise.report.figures.paper import Paper

MARKS = (
    *(("o", BLUE), ("^", ORANGE), ("s", GREEN), ("v", PURPLE), ("D", SKY)),
    *(("X", VERMILLION), ("*", INK), ("P", ORANGE)),
)
"""Shapes and colours of named points, in their order and then anew."""

TODAY = "today"
EXACT = "exact"


MaskBytes = Callable[[int], int]
"""Length -> bytes of the attention mask of its graph."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One list of lengths by its strategy: what it takes, what share of compute it wastes.

    `remark` says what hinders comparing it; "" where nothing does.
    """

    name: str
    lengths: tuple[int, ...]
    mask_bytes: int
    waste: float
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What each answer costs in two ways, by name, and those that none beats in both.

    `counts` are the numbers of graphs of the answers; `front` runs from left to right.
    """

    answers: Mapping[str, tuple[tuple[float, float], ...]]
    counts: tuple[tuple[float, float, str], ...]
    front: tuple[tuple[float, float], ...]
    chosen: tuple[float, float]
    chosen_label: str
    x_label: str

    def draw(self, paper: Paper) -> None:
        """Draw points by name, the front as a line, and numbers of graphs beside them."""
        (ax,) = paper.panels(235)
        points = [point for group in self.answers.values() for point in group]
        paper.set_x(ax, Span.over(x for x, _ in points), self.x_label)
        paper.set_y(ax, Span.of_shares(y for _, y in points), "waste", "percent")
        ax.plot(*zip(*self.front, strict=True), color=BLUE, linewidth=1.2, zorder=1)
        ax.scatter(*self.chosen, label=self.chosen_label, **RING)
        looks = zip(self.answers.items(), cycle(MARKS), strict=False)
        for order, ((name, group), (marker, colour)) in enumerate(looks):
            across, up = zip(*group, strict=True)
            ax.scatter(
                across,
                up,
                72 if marker == "*" else 40,
                marker=marker,
                color=colour,
                edgecolors=OUTLINE,
                linewidths=0.5,
                zorder=2 if order else 3,
                label=name,
                clip_on=False,
            )
            for x, y in group:
                said = f"{name}: {percent(y)} waste, {x:,.3g} ({self.x_label})"
                paper.tell(ax, said, (x, x), (y, y))
        paper.notes(ax, self.counts, [self.front, *([point] for point in points)])
        paper.legend(ax)


def front_drawing(visual: Visual, mask_bytes: MaskBytes) -> Drawing:
    """Return all answers by mask memory and waste, with those that none beats."""
    answers = answers_of(visual, mask_bytes)
    front = unbeaten([answer for answer in answers if not answer.remark])
    chosen = _answer("the plan", visual.vit_max_seq_lens, visual.waste, mask_bytes)
    largest = max(answer.mask_bytes for answer in answers)
    power = (largest.bit_length() - 1) // 10
    spoken = _finding(visual, answers, front, chosen)

    def place(answer: Answer) -> tuple[float, float]:
        return answer.mask_bytes / 1024.0**power, answer.waste

    fails = visual.current is not None and visual.current.overflow_images
    groups: dict[str, list[tuple[float, float]]] = {}
    for answer in answers:
        name = answer.name + (", fails some" if fails and answer.name == TODAY else "")
        groups.setdefault(name, []).append(place(answer))
    today = [answer for answer in answers if answer.name == TODAY]
    # Each list of lengths is noted once, where there is room: the most important first.
    noted = {each.lengths: each for each in (chosen, *today, *front, *answers)}
    return Drawing(
        id="figure-front",
        title="Memory against waste, every strategy and number of graphs",
        description=(
            f"{len(answers)} answers by the memory of their attention masks and their "
            f"waste. {spoken}"
        ),
        caption=(
            "Further left is less memory, further down less waste. The line joins the "
            "answers that no other beats in both; a number beside a point is its number "
            f"of graphs, the ring is the plan. {spoken}"
        ),
        plot=Front(
            answers={name: tuple(group) for name, group in groups.items()},
            counts=tuple(
                (*place(each), str(len(each.lengths))) for each in noted.values()
            ),
            front=tuple(map(place, front)),
            chosen=place(chosen),
            chosen_label=f"the plan, {plural(len(chosen.lengths), 'graph')}",
            x_label=f"attention masks of all graphs, {BYTE_UNITS[power]}",
        ),
        table=_table(answers, front, chosen),
    )


def answers_of(visual: Visual, mask_bytes: MaskBytes) -> tuple[Answer, ...]:
    """Return every answer known for this traffic, equal ones of a name once.

    Other pixel limits are none of them: they make images smaller, and so run others.
    """
    current = visual.current
    found = [
        *(
            _answer(EXACT, item.vit_max_seq_lens, item.waste, mask_bytes)
            for item in visual.frontier
        ),
        *(
            _answer(item.name, item.vit_max_seq_lens, item.waste, mask_bytes)
            for item in visual.strategies
        ),
        *([_of_today(current, mask_bytes)] if current else []),
    ]
    return tuple(dict.fromkeys(found))


def unbeaten(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Return the answers that no other beats, by memory; of equals the first.

    One answer beats another that takes as much memory or more and wastes as much or
    more, one of the two being more.
    """
    kept: list[Answer] = []
    for answer in sorted(answers, key=lambda each: (each.mask_bytes, each.waste)):
        if not kept or answer.waste < kept[-1].waste:
            kept.append(answer)
    return tuple(kept)


def _answer(
    name: str, lengths: tuple[int, ...], waste: float, mask_bytes: MaskBytes
) -> Answer:
    return Answer(name, lengths, sum(map(mask_bytes, lengths)), waste)


def _of_today(current: Current, mask_bytes: MaskBytes) -> Answer:
    waste = waste_of(current.useful_compute_served, current.padded_compute_served)
    remark = ""
    if current.overflow_images:
        fails = percent(current.overflow_share)
        remark = f"fails {fails} of the images; its waste is of the others"
    elif current.max_pixels != current.compared_max_pixels:
        remark = "under another limit"
    return replace(
        _answer(TODAY, current.max_seq_lens, waste, mask_bytes), remark=remark
    )


def _finding(
    visual: Visual,
    answers: Sequence[Answer],
    front: Sequence[Answer],
    chosen: Answer,
) -> str:
    on_front = any(
        answer.mask_bytes == chosen.mask_bytes and answer.waste == chosen.waste
        for answer in front
    )
    plan = (
        f"The plan takes {memory(chosen.mask_bytes)} and wastes {percent(chosen.waste)}"
    )
    said = "none beats it in both" if on_front else "another beats it in both"
    today = next((answer for answer in answers if answer.name == TODAY), None)
    if today is None:
        return f"{plan}; {said}."
    text = f"{plan}; {said}. Today takes {memory(today.mask_bytes)} and wastes"
    text += f" {percent(today.waste)}"
    if visual.current is not None and visual.current.overflow_images:
        text += f", and fails {percent(visual.current.overflow_share)} of the images"
    return f"{text}."


def _table(answers: Sequence[Answer], front: Sequence[Answer], chosen: Answer) -> Table:
    rows = [
        Row(
            cells=(
                answer.name,
                number(len(answer.lengths)),
                dotted(answer.lengths),
                memory(answer.mask_bytes),
                percent(answer.waste),
                answer.remark or ("no" if answer in front else "yes"),
            ),
            marked=(answer.lengths, answer.waste) == (chosen.lengths, chosen.waste),
        )
        for answer in sorted(answers, key=lambda each: (each.mask_bytes, each.waste))
    ]
    return Table(
        caption=(
            "Every answer by the memory of its attention masks; one is beaten where "
            "another takes no more memory and wastes no more"
        ),
        head=(
            Column(text="From"),
            Column(text="Graphs", style="number"),
            Column(text="Lengths, ViT patches", style="lengths"),
            Column(text="Masks", style="number"),
            Column(text="Waste", style="number"),
            Column(text="Beaten"),
        ),
        rows=tuple(rows),
    )
