"""What any report obeys, whatever the traffic: its plan, its figures, its pages."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import jsonschema

from bucketwise.core.analysis import Analysis
from bucketwise.core.schema import plan_schema
from bucketwise.report import render
from bucketwise.report.blocks import Drawing
from bucketwise.report.plots import (
    Axis,
    Cells,
    Contour,
    Edge,
    FrontPlot,
    HeatPlot,
    HistogramPlot,
    Marks,
    Points,
    ScatterPlot,
    StepsPlot,
    Stretch,
)
from tests.test_report import Outline

NO_NUMBER = re.compile(r"(?<![\w.-])(nan|inf|None(?! of)|NaN|Infinity)(?![\w-])")
FALSE_PERCENT = re.compile(r"(?<![\d,.])(0\.0+|100\.0+)%")

SLACK = 1e-9
"""Share of an axis by which a tick may lie past its end."""


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
    """Check what is to be drawn, and stand in for the picture, which takes long."""
    for part in _parts(drawing.plot):
        _check_part(part, drawing)
    plot = drawing.plot
    if isinstance(plot, HistogramPlot):
        assert all(low < high for low, high in pairwise(plot.bounds)), drawing.id
        assert len(plot.bounds) == len(plot.weights) + 1
        assert 0 <= min(plot.weights) <= max(plot.weights) <= plot.y.high
    check_words(f"{drawing.title} {drawing.description} {drawing.caption}")
    return "<svg></svg>"


def _check_part(part: Any, drawing: Drawing) -> None:
    plot = drawing.plot
    match part:
        case float():
            assert math.isfinite(part), drawing.id
        case Axis():
            _check_axis(part, drawing.id)
        case Stretch():
            assert len(part.at) == len(part.value) + 1, drawing.id
        case Cells():
            assert part.left, f"{drawing.id}: {part.label} has no cell"
        case Edge():
            assert isinstance(plot, HistogramPlot | StepsPlot)
            assert _is_inside(plot.x, [part.at]), f"{drawing.id}: {part}"
        case Marks() | Points() | Contour():
            assert isinstance(plot, ScatterPlot | HeatPlot | FrontPlot)
            assert part.x
            assert _is_inside(plot.x, part.x), f"{drawing.id}: {part}"
            assert _is_inside(plot.y, part.y), f"{drawing.id}: {part}"
        case _:
            pass  # a name, or what holds the parts checked here


def _is_inside(axis: Axis, values: Sequence[float]) -> bool:
    return all(-SLACK <= axis.fraction(value) <= 1 + SLACK for value in values)


def _parts(value: Any) -> Iterator[Any]:
    """Return numbers and named parts, however deep."""
    if isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    elif is_dataclass(value):
        yield value
        for each in fields(value):
            yield from _parts(getattr(value, each.name))
    elif isinstance(value, float):
        yield value


def _check_axis(axis: Axis, name: str) -> None:
    assert axis.low < axis.high, name
    assert not axis.log or axis.low > 0, name
    assert axis.ticks, f"{name}: no tick on {axis.label}"
    for tick in axis.ticks:
        assert tick.label, name
        assert _is_inside(axis, [tick.at]), f"{name}: {tick}"
    # On a day of its own "12:00" may come again.
    if "time" not in axis.label:
        labels = [tick.label for tick in axis.ticks]
        assert len(set(labels)) == len(labels), f"{name}: {labels}"
