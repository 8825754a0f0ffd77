"""Any traffic under any options: a whole report, or one clear error.

The number of examples is a budget, raised with BUCKETWISE_FUZZ_EXAMPLES.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from bucketwise.app import planning
from bucketwise.app.comparing import compare
from bucketwise.app.options.shared import VideoOptions
from bucketwise.cli.chart import chart_lines
from bucketwise.cli.compare import table_lines
from bucketwise.cli.decision_lines import decision_lines
from bucketwise.core.analysis import Analysis
from bucketwise.errors import BucketwiseError
from bucketwise.read import read_evidence, read_inputs
from bucketwise.report.comparison import RENDERERS
from bucketwise.report.comparison.words import finding, told_over
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.summary.content import summary_of
from bucketwise.report.summary.page import sheets
from tests.any_traffic import START_S, Case, cases
from tests.report_laws import (
    check_page,
    check_plan,
    check_words,
    pictures_checked,
)

EXAMPLES = int(os.environ.get("BUCKETWISE_FUZZ_EXAMPLES", "4"))


def check_report(case: Case, folder: Path, *, read: bool = False) -> None:
    """Write all that `analyze` and `compare` make of a case, and check it."""
    traffic, evidence = case.traffic(), None
    if read:
        traffic, evidence = read_inputs([case.write(folder)], max_bad_rows=1.0)
    if case.activity:
        load = folder / "load.csv"
        load.write_text(case.activity)
        evidence = read_evidence([load], max_bad_rows=1.0)
    analysis = planning.analyze(
        traffic, evidence=evidence, batch_size=case.batch_size, **case.options
    )
    _check_files(analysis, case, folder / "out")
    buckets = analysis.plan.visual.buckets
    check_words("\n".join((*decision_lines(analysis), *chart_lines(buckets, 80))))


def _check_files(analysis: Analysis, case: Case, out: Path) -> None:
    target = case.options.get("target", ())
    written = planning.write_plan(
        analysis, out, target=target, formats=("html", "md"), config=case.config
    )
    assert not written.notes
    check_plan((out / "plan.json").read_text("utf-8"))
    check_page((out / "report.html").read_text("utf-8"))
    check_words((out / "summary.md").read_text("utf-8").split("```")[0])
    # The page that is printed, without the program that prints it.
    for sheet in itertools.islice(sheets(summary_of(analysis, {}, ReportInputs())), 1):
        check_words(sheet)


def check_comparison(case: Case) -> None:
    """Render all that `compare` makes of a case, and check it."""
    shared = ("model", "min_pixels", "max_pixels", "video", "bucket_unit", "cost")
    comparison = compare(
        case.traffic(),
        case.plans,
        **{name: case.options[name] for name in shared if name in case.options},
    )
    said = (finding(comparison), *table_lines(comparison), told_over(comparison))
    check_words("\n".join(said))
    for suffix, render in RENDERERS.items():
        text = render(comparison)
        if suffix == ".html":
            check_page(text)
        check_words("" if suffix == ".html" else text)


# What no plan can be made of, in the words that say so.
REFUSALS = (
    r"traffic: none of \d+ rows? can be used",
    r"traffic: none of \d+ usable rows? passes the processor \(ValueError: ",
    r"traffic: \d+ usable rows?, and each has a count of 0; ",
    r"max_pixels: expected at least min_pixels ",
    r"--current-max-pixels: expected at least min_pixels ",
    r"--pin: expected a multiple of \d+ for ",
    r"--target: \S+ cannot compile ",
    r"--(batch-size|activity): \S+ embeds images and generates nothing: ",
    r"activity: no request lasts any time; ",
    r"activity: no request has more than 1 token of output, ",
    r"activity: nothing was ever active in it; ",
    r"activity: the requests take no time; ",
    r"graph-minutes: the price of a graph needs --cost flops",
    r"graph-minutes: the compute of \S+ is not known; leave it out, ",
    r"(min|max)_pixels: expected none, as \S+ knows no limit in pixels: ",
    r"\d+ of \d+ records? cannot be used|none of \d+ records? can be used",
)

HEAT = tuple({"width": 300 + 40 * at, "height": 200 + 31 * at} for at in range(61))
"""So many sizes that they are counted in cells."""

WORST = {
    "a level of the heat map without a cell": Case(HEAT + HEAT[:1] * 9),
    "a size that nobody sent above the top, with times and a load": Case(
        (
            {"width": 640, "height": 480, "count": 5, "time": START_S, "label": "a"},
            {"width": 3_000, "height": 3_000, "count": 0, "time": START_S + 3_600},
            {"width": 320, "height": 240, "count": 1e-9, "time": START_S + 9_000},
        ),
        activity=f"start,end\n{START_S},{START_S + 4}\n",
        batch_size=256,
    ),
    "pins far below all that is needed": Case(
        ({"width": 3_000, "height": 3_000},),
        {"pins": (64, 128, 192, 256), "current": (4, 1_000_000)},
    ),
    "counts at both ends of what is read": Case(
        (
            {"width": 720, "height": 5_000, "count": 1e-9},
            {"width": 64, "height": 64, "count": 1e15},
        ),
        {"buckets": (1, 8), "cost": "linear"},
    ),
    "clips alone, years before any clock": Case(
        (
            {"width": 640, "height": 480, "frames": 9, "time": "0001-01-01T00:00:00"},
            {"width": 64, "height": 48, "frames": 700, "time": "9999-12-31T23:00:00"},
        ),
        {"model": "qwen2-vl-7b"},
    ),
    "clips that sampling leaves one frame": Case(
        ({"width": 28, "height": 28},),
        {"video": VideoOptions(max_frames=1)},
    ),
    "visual tokens alone": Case(
        ({"image_tokens": 1, "label": "\u202e"}, {"image_tokens": 16_384}),
        {"model": "qwen2.5-vl-7b", "bucket_unit": "merged"},
    ),
}


@contextmanager
def refused_clearly() -> Iterator[None]:
    """Let pass what says that no plan can be made, and why."""
    try:
        yield
    except BucketwiseError as error:
        if not any(re.match(each, str(error)) for each in REFUSALS):
            raise


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_traffic_makes_a_whole_report_or_one_clear_error(case: Case) -> None:
    with pictures_checked(), TemporaryDirectory() as folder, refused_clearly():
        check_report(case, Path(folder))


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_traffic_makes_a_whole_comparison_or_one_clear_error(case: Case) -> None:
    with pictures_checked(), refused_clearly():
        check_comparison(case)


@pytest.mark.parametrize("name", WORST)
def test_the_worst_traffic_makes_a_whole_report_and_comparison(
    name: str, tmp_path: Path
) -> None:
    with pictures_checked():
        check_report(WORST[name], tmp_path, read=True)
        check_comparison(WORST[name])


@pytest.mark.parametrize("name", list(WORST)[:2])
def test_the_worst_figures_are_drawn_to_the_end(name: str, tmp_path: Path) -> None:
    check_report(WORST[name], tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"width": 1, "height": 201}, "none of 1 usable row passes the processor"),
        ({"width": "x", "height": 1}, "none of 1 row can be used"),
        ({"width": 9, "height": 9, "count": 0}, "1 usable row, and each has a count"),
    ],
)
def test_what_serves_nothing_is_refused_before_anything_is_written(
    row: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BucketwiseError, match=said):
        check_report(Case((row,)), tmp_path, read=True)
    with pytest.raises(BucketwiseError, match=said):
        check_comparison(Case((row,)))
    assert not (tmp_path / "out").exists()
