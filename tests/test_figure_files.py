"""The headline figures as files: what they are, what is recorded, what stays of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from bucketwise import analyze, write_plan
from bucketwise.app.planning import deployment_of
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.verdict import memory_of
from bucketwise.errors import UsageError
from bucketwise.report.figures.memory import PARTS, memory_drawing
from bucketwise.report.figures.rows import Rows
from bucketwise.report.headline import headline_drawings
from tests.commands import bucketwise
from tests.strategies import traffic_of

NAMES = ("graphs", "lengths", "memory")
TRAFFIC = traffic_of((480, 640, 900), (1080, 1920, 90), (2000, 2000, 10))


def written_in(folder: Path) -> set[str]:
    """Return the files below a folder, by their paths in it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_three_headline_figures_stand_beside_the_report(
    form: str, tmp_path: Path
) -> None:
    (tmp_path / "sizes.csv").write_text("width,height\n" + "640,480\n1920,1080\n" * 9)
    words = ("analyze", "sizes.csv", "--current", "4096", "--format", "none")
    done = bucketwise(*words, "--figures", form, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert {f"figures/{name}.{form}" for name in NAMES} <= written_in(out)
    options = json.loads((out / "plan.json").read_text())["provenance"]["options"]
    assert options["figures"] == form
    for name in NAMES:
        path = out / "figures" / f"{name}.{form}"
        if form == "png":
            with Image.open(path) as picture:
                assert picture.format == "PNG"
                assert picture.width > 1_200
                assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        else:
            assert ET.fromstring(path.read_text()).tag.endswith("svg")  # noqa: S314
            assert "<text" not in path.read_text()


def test_figures_are_written_where_they_are_asked_for_alone(tmp_path: Path) -> None:
    analysis = analyze(TRAFFIC)
    assert analysis.plan.provenance.options["figures"] is None
    write_plan(analysis, tmp_path / "out", formats=(), figures="svg")
    assert any(each.startswith("figures/") for each in written_in(tmp_path / "out"))
    # An older run's go with its plan.
    write_plan(analysis, tmp_path / "out", formats=())
    assert not any(each.startswith("figures/") for each in written_in(tmp_path / "out"))
    assert not (tmp_path / "out/figures").exists()


def test_equal_plans_give_equal_figures_byte_for_byte(tmp_path: Path) -> None:
    for form in ("png", "svg"):
        analysis = analyze(TRAFFIC, figures=form)
        for folder in ("one", "two"):
            write_plan(analysis, tmp_path / folder, formats=())
        for name in NAMES:
            one, two = (
                (tmp_path / folder / f"figures/{name}.{form}").read_bytes()
                for folder in ("one", "two")
            )
            assert one == two


def test_a_figure_that_shows_nothing_is_left_out(tmp_path: Path) -> None:
    analysis = analyze(traffic_of((480, 640)), figures="svg")
    written = write_plan(analysis, tmp_path / "out", formats=())
    names = {path.name for path in written.paths if path.parent.name == "figures"}
    assert names == {"lengths.svg", "memory.svg"}


def test_figures_speak_of_soft_tokens_where_the_report_does(tmp_path: Path) -> None:
    analysis = analyze(TRAFFIC, model="gemma-4-31b", figures="svg")
    written = write_plan(analysis, tmp_path / "out", formats=())
    texts = [path.read_text() for path in written.paths if path.suffix == ".svg"]
    # matplotlib says in a comment what the outlines of letters say.
    assert any("needed length, soft tokens" in text for text in texts)
    assert not any("ViT" in text for text in texts)


def test_the_figure_of_memory_adds_up_to_what_the_plan_says() -> None:
    analysis = analyze(TRAFFIC, current=(4_096, 16_384))
    assert isinstance(analysis.memory, MemoryPlan)
    assert isinstance(analysis.memory_before, MemoryPlan)
    drawing = memory_drawing(analysis.memory_before, analysis.memory, is_today=True)
    assert isinstance(drawing.plot, Rows)
    assert drawing.plot.series == PARTS
    told = memory_of(analysis.memory)
    assert told is not None
    assert drawing.plot.parts[:, 1].sum() * 2**30 == pytest.approx(told.needed_bytes)
    assert drawing.plot.limit is not None
    assert drawing.plot.limit.at * 2**30 == pytest.approx(told.device_bytes)


def test_the_headline_figures_are_those_of_the_page() -> None:
    analysis = analyze(TRAFFIC, current=(4_096, 16_384))
    drawings = headline_drawings(analysis, deployment_of(analysis))
    assert [each.id for each in drawings.values()] == [
        "figure-lengths",
        "figure-how-many",
        "figure-memory",
    ]


def test_a_form_that_figures_cannot_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="figures: expected one of png, svg, got 'gif'"
    ):
        analyze(TRAFFIC, figures="gif")
    with pytest.raises(
        UsageError, match="figures: expected one of png, svg, got 'gif'"
    ):
        write_plan(analyze(TRAFFIC), tmp_path / "out", figures="gif")
    assert not (tmp_path / "out").exists()
    done = bucketwise("analyze", "x.csv", "--figures", "gif", cwd=tmp_path)
    assert done.returncode == 2
