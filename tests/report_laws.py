"""What any report obeys, whatever the traffic: its plan, its figures, its pages."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import combinations
from typing import Any
from unittest.mock import patch

import jsonschema
from matplotlib.figure import Figure
from matplotlib.text import Text

from bucketwise.core.analysis import Analysis
from bucketwise.core.schema import plan_schema
from bucketwise.report import render
from bucketwise.report.blocks import Block, Drawing, Part, Report, Section, each_block
from bucketwise.report.figures.paper import Paper, styled
from tests.test_report import Outline

NO_NUMBER = re.compile(r"(?<![\w.-])(nan|inf|None(?! of)|NaN|Infinity)(?![\w-])")
FALSE_PERCENT = re.compile(r"(?<![\d,.])(0\.0+|100\.0+)%")


def check_plan(text: str) -> dict[str, Any]:
    """Check plan.json against its schema and the laws of its numbers."""
    plan: dict[str, Any] = json.loads(text, parse_constant=_refused)
    _validator().validate(plan)
    traffic, visual, decoder = plan["traffic"], plan["visual"], plan["decoder"]
    assert traffic["rows_read"] == traffic["rows_used"] + traffic["rows_rejected"]
    assert math.isclose(sum(use["share"] for use in visual["buckets"]), 1)
    answers = [visual, *visual["buckets"], *visual["frontier"], *visual["strategies"]]
    assert all(0 <= each["waste"] < 1 for each in answers)
    savings = [each["saving"] for each in visual["frontier"][1:]]
    assert all(0 <= saving < 1 for saving in savings)
    if decoder and decoder["active_share"]:
        assert math.isclose(sum(decoder["active_share"].values()), 1)
        assert decoder["decoder_batch_sizes"][-1] == decoder["batch_size"]
    return plan


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(plan_schema())


def _refused(name: str) -> None:
    raise AssertionError(name)


@contextmanager
def pictures_checked() -> Iterator[None]:
    """Check what every figure draws in place of drawing it."""
    with patch("bucketwise.report.templating.to_svg", check_drawing):
        yield


def page_in_words(
    analysis: Analysis, snippets: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Return the page of an analysis with its figures checked and not drawn."""
    with pictures_checked():
        return render(analysis, snippets or {})


def named(report: Report, name: str) -> Section | Part:
    """Return a section or a part of one by its id."""
    parts = [each for each in every_block(report) if isinstance(each, Part)]
    found: list[Section | Part] = [*report.sections, *parts]
    return next(each for each in found if each.id == name)


def every_block(report: Report) -> Iterator[Block]:
    """Return every block of a report, in reading order."""
    return each_block(block for each in report.sections for block in each.blocks)


def check_page(page: str) -> None:
    """Check that a page nests, that its links lead somewhere, and what it says."""
    outline = Outline(page)
    assert "<img" not in page, "text of others became markup"
    assert page.replace("\n", "").isprintable(), "text of others turns or hides ours"
    assert len(outline.ids) == len(set(outline.ids))
    links = [value[1:] for name, value in outline.attributes if name == "href"]
    assert set(links) <= set(outline.ids)
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert sections
    assert links[: len(sections)] == sections, "the contents name every section"
    assert len(sections) <= 8, "a room reads no more"
    for data in re.findall(r'application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        json.loads(data, parse_constant=_refused)
    check_words(re.sub(r"<(script|style|pre)\b.*?</\1>", "", page, flags=re.DOTALL))


def check_words(text: str) -> None:
    """Check that text holds no number that is none, and no false 0 % or 100 %."""
    said = html.unescape(re.sub(r"<[^>]+>", " ", text))
    for pattern in (NO_NUMBER, FALSE_PERCENT):
        found = pattern.search(said)
        assert not found, said[max(found.start() - 80, 0) : found.end() + 40]


def check_drawing(drawing: Drawing) -> str:
    """Draw a figure, check it, and stand in for its SVG, which takes long."""
    figure = figure_of(drawing)
    _check_texts(figure, drawing.id)
    check_words(f"{drawing.title} {drawing.description} {drawing.caption}")
    return "<svg></svg>"


def figure_of(drawing: Drawing) -> Figure:
    """Return a figure as drawn, before it is written."""
    with styled(drawing.id):
        paper = Paper()
        drawing.plot.draw(paper)
        paper.fit()
        paper.figure.draw_without_rendering()  # places labels of axes
    return paper.figure


def texts_of(figure: Figure) -> list[Text]:
    """Return every text that is seen in a figure."""
    found: list[Text] = []
    for ax in figure.axes:
        legend = ax.get_legend()
        found += ax.texts
        found += [ax.xaxis.label, ax.yaxis.label]
        found += [*legend.get_texts(), legend.get_title()] if legend else []
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            found += [
                tick.label1
                for tick in axis.get_major_ticks()
                if tick.label1.get_visible()
                and low - slack <= tick.get_loc() <= high + slack
            ]
    return [text for text in found if text.get_text().strip()]


def _check_texts(figure: Figure, name: str) -> None:
    """Check that each text lies inside the figure, and none on another."""
    boxes = []
    for text in texts_of(figure):
        said, box = text.get_text(), text.get_window_extent()
        check_words(said)
        assert figure.bbox.x0 <= box.x0, f"{name}: {said} is cut off on the left"
        assert box.x1 <= figure.bbox.x1, f"{name}: {said} is cut off on the right"
        assert figure.bbox.y0 <= box.y0, f"{name}: {said} is cut off below"
        assert box.y1 <= figure.bbox.y1, f"{name}: {said} is cut off above"
        boxes.append((said, box.padded(-1)))
    for (said, box), (other, beside) in combinations(boxes, 2):
        assert not box.overlaps(beside), f"{name}: {said} lies on {other}"
