"""The drawing of what every answer costs in memory against what it wastes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bucketwise.core.cost import waste_of
from bucketwise.core.plan import Current, Visual
from bucketwise.engines.rbln.lengths import mask_bytes
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.labels import along, place_notes
from bucketwise.report.drawings.lengths import share_axis
from bucketwise.report.drawings.scales import span_axis
from bucketwise.report.plots import FrontPlot, Note, Points
from bucketwise.words.numbers import BYTE_UNITS, dotted, memory, number, percent, plural

TODAY = "today"
EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Answer:
    """One list of lengths: what it takes, what it wastes.

    Attributes
    ----------
    name : str
        The strategy it is from, or what else made it.
    lengths : tuple of int
        In ViT patches.
    waste : float
        Share of the compute that is padding, 0 to 1.
    remark : str
        What hinders comparing it; "" where nothing does.
    """

    name: str
    lengths: tuple[int, ...]
    waste: float
    remark: str = ""

    @property
    def mask_bytes(self) -> int:
        """Bytes of the attention masks of all its graphs."""
        return sum(mask_bytes(length) for length in self.lengths)


def front_drawing(visual: Visual) -> Drawing:
    """Return all answers by mask memory and waste, with those that none beats."""
    answers = answers_of(visual)
    front = unbeaten([answer for answer in answers if not answer.remark])
    chosen = Answer("the plan", visual.vit_max_seq_lens, visual.waste)
    sizes = [answer.mask_bytes for answer in answers]
    scale, unit = _byte_scale(max(sizes))
    x = span_axis(
        f"attention masks of all graphs, {unit}",
        (size / scale for size in sizes),
        form=_plain,
    )
    y = share_axis("waste", max(answer.waste for answer in answers))
    points = [(answer.mask_bytes / scale, answer.waste) for answer in answers]
    line = tuple((answer.mask_bytes / scale, answer.waste) for answer in front)
    wanted = [
        Note(
            text=text, x=at.mask_bytes / scale, y=at.waste, side="right", strong=strong
        )
        for at, text, strong in _wanted(answers, front, chosen)
    ]
    spoken = _finding(visual, answers, front, chosen)
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
        plot=FrontPlot(
            points=_by_name(answers, scale),
            front=line,
            chosen=(chosen.mask_bytes / scale, chosen.waste),
            notes=place_notes(
                wanted, [*points, *along(line, x, y)], x, y, n_far=len((EXACT, TODAY))
            ),
            x=x,
            y=y,
        ),
        table=_table(answers, front, chosen),
    )


def answers_of(visual: Visual) -> tuple[Answer, ...]:
    """Return every answer known for this traffic, equal ones of a name once.

    Other pixel limits are none of them: they make images smaller, and so run others.
    """
    current = visual.current
    found = [
        *(Answer(EXACT, item.vit_max_seq_lens, item.waste) for item in visual.frontier),
        *(
            Answer(item.name, item.vit_max_seq_lens, item.waste)
            for item in visual.strategies
        ),
        *([_of_today(current)] if current else []),
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


def _of_today(current: Current) -> Answer:
    waste = waste_of(current.useful_compute_served, current.padded_compute_served)
    remark = ""
    if current.overflow_images:
        fails = percent(current.overflow_share)
        remark = f"fails {fails} of the images; its waste is of the others"
    elif current.max_pixels != current.compared_max_pixels:
        remark = "under another limit"
    return Answer(TODAY, current.max_seq_lens, waste, remark)


def _wanted(
    answers: Sequence[Answer], front: Sequence[Answer], chosen: Answer
) -> list[tuple[Answer, str, bool]]:
    """Return what is to be noted, the most important first."""
    n_graphs = len(chosen.lengths)
    wanted = [(chosen, f"the plan, {plural(n_graphs, 'graph')}", True)]
    seen = {chosen.lengths}
    today = [answer for answer in answers if answer.name == TODAY]
    ordered = [*today, *front, *(each for each in answers if each.name == EXACT)]
    for answer in (*ordered, *answers):
        if answer.lengths not in seen:
            seen.add(answer.lengths)
            text = str(len(answer.lengths))
            wanted.append((answer, _note(answer, text), False))
    return wanted


def _note(answer: Answer, text: str) -> str:
    if answer.name == TODAY:
        return f"today, {text}" + (", fails some" if answer.remark else "")
    return text


def _by_name(answers: Sequence[Answer], scale: float) -> tuple[Points, ...]:
    names = dict.fromkeys(answer.name for answer in answers)
    groups = {name: [each for each in answers if each.name == name] for name in names}
    return tuple(
        Points(
            name=name,
            x=tuple(answer.mask_bytes / scale for answer in group),
            y=tuple(answer.waste for answer in group),
        )
        for name, group in groups.items()
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
    rows = []
    for answer in sorted(answers, key=lambda each: (each.mask_bytes, each.waste)):
        is_chosen = answer.lengths == chosen.lengths and answer.waste == chosen.waste
        rows.append(
            Row(
                cells=(
                    answer.name,
                    number(len(answer.lengths)),
                    dotted(answer.lengths),
                    memory(answer.mask_bytes),
                    percent(answer.waste),
                    answer.remark or ("no" if answer in front else "yes"),
                ),
                marked=is_chosen,
            )
        )
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


def _byte_scale(n_bytes: int) -> tuple[float, str]:
    index = (n_bytes.bit_length() - 1) // 10
    return 1024.0**index, BYTE_UNITS[index]


def _plain(value: float) -> str:
    return f"{value:,.4g}"
