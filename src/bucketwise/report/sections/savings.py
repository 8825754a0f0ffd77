"""Time and money: what measured times make of a plan, and the parts of a request."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import GraphMore, Range, RequestBudget, Savings, Status
from bucketwise.report.blocks import (
    Block,
    Column,
    Paragraph,
    Points,
    Row,
    Section,
    Table,
)
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.sentences import pace
from bucketwise.words.numbers import (
    TIME_UNIT,
    compute,
    dotted,
    memory,
    number,
    percent,
    significant,
)

PARTS = {"vit": "ViT", "prefill": "Prefill", "decode": "Decode"}
OF = {"today": "today's lengths", "one_graph": "one graph of the top length"}


def time_and_money(analysis: Analysis) -> Section | None:
    """Return what follows from measured times; None where nothing was measured."""
    savings, request = analysis.plan.savings, analysis.plan.request
    if savings is None:
        return None
    said = savings.a_month
    first = f"A month saves {said}" if said else pace(savings.ms_an_image)
    share = ""
    if request is not None:
        most = "at most " if request.left_out else ""
        share = f"; the ViT is {most}{percent(request.vit.share)} of a request"
    return Section(
        id="time",
        title="Time and money" if savings.money_a_month else "Time",
        finding=f"{first}{share}.",
        blocks=(*_saved(savings), *(_request(request) if request else ())),
    )


def _saved(savings: Savings) -> Iterator[Block]:
    yield Table(
        caption=f"What the lengths save against {OF[savings.against]}; the ends are those "
        "of the measured band and of the price",
        head=(
            Column(text="What"),
            *(Column(text=text, style="number") for text in ("Likely", "From", "To")),
            Column(text="Mark", style="mark"),
        ),
        rows=tuple(
            Row(cells=(what, *_ends(value), MARKS[status]))
            for what, value, status in _rows(savings)
        ),
        wide=True,
    )
    if savings.formulas:
        said = ". ".join(each[0].upper() + each[1:] for each in savings.formulas)
        yield Paragraph(text=f"{said}. One device runs one image at a time.")
    if savings.one_more_graph is not None:
        yield Paragraph(text=_one_more(savings.one_more_graph))


def _ends(value: Range) -> tuple[str, str, str]:
    most = "may be never" if value.high is None else shown(value.high)
    return shown(value.likely), shown(value.low), most


def shown(value: float) -> str:
    """Return a number of the table: three digits, or all before the point."""
    return significant(value, 3) if abs(value) < 1_000 else number(value)  # noqa: PLR2004


def _rows(savings: Savings) -> Iterator[tuple[str, Range, Status]]:
    """Yield what is told of the savings, its ends, and how far to trust them."""
    per_day = savings.images_per_day
    told: tuple[tuple[str, Range | None, Status], ...] = (
        ("ms an image before", savings.before_ms_an_image, "derived"),
        ("ms an image with the plan", savings.after_ms_an_image, "derived"),
        ("ms saved an image", savings.saved_ms_an_image, "derived"),
        ("Images a second on one device", _a_second(savings.ms_an_image), "derived"),
        ("Images a day", Range.of(per_day) if per_day else None, "measured"),
        ("Device-hours saved a month", savings.device_hours_a_month, "derived"),
        ("Price of a device-hour", savings.price_per_device_hour, "measured"),
        ("Money saved a month", savings.money_a_month, "derived"),
        ("Seconds of compiling every graph", savings.compile_s, "measured"),
        ("Images until that is paid back", savings.paid_back_images, "derived"),
    )
    for what, value, status in told:
        if value:
            yield what, value, status


def _a_second(ms: Range) -> Range | None:
    if not ms.low or not ms.high:
        return None
    return Range(low=1_000 / ms.high, likely=1_000 / ms.likely, high=1_000 / ms.low)


def _one_more(more: GraphMore) -> str:
    """Say what one graph more would save and cost."""
    saves = [f"{more.saved_ms_an_image.said} ms an image"]
    if more.device_hours_a_month:
        saves.append(f"{more.device_hours_a_month.said} device-hours a month")
    if more.money_a_month:
        saves.append(f"{more.money_a_month.said} in money")
    costs = []
    if more.compile_s:
        costs.append(f"{more.compile_s.said} s of compiling")
    if more.device_bytes > 0:
        costs.append(f"{memory(more.device_bytes)} of a device")
    text = f"One graph more ({dotted(more.vit_max_seq_lens)}) would save {', '.join(saves)}"
    if costs:
        text += f", and cost {' and '.join(costs)}"
    if more.paid_back_images:
        text += f", paid back after {more.paid_back_images.said} images"
    return f"{text}."


def _request(request: RequestBudget) -> Iterator[Block]:
    """Yield the parts of a request, and what is not known of it."""
    yield Table.of_numbers(
        "A request with one image: what it waits for, and what a device is busy for it, as "
        "a decode step is shared by the sequences active in it",
        ("Part", "It waits", "Share", "A device is busy", "Share of that"),
        (
            (
                PARTS[each.name],
                compute(each.ms, TIME_UNIT),
                percent(each.share),
                compute(each.device_ms, TIME_UNIT),
                percent(each.device_share),
            )
            for each in request.parts
        ),
    )
    prompt = f"{number(request.prompt_tokens)} tokens of prompt"
    tokens = [prompt]
    if request.output_tokens is not None:
        tokens.append(f"{number(request.output_tokens)} of output")
    yield Points(
        items=(
            f"In the mean: {' and '.join(tokens)}.",
            f"Assumed: {'; '.join(request.assumed)}.",
            *(f"Left out, {each}." for each in request.left_out),
        )
    )
