"""Results land whole, in the asked folder only."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bucketwise.app.output import (
    check_folder,
    default_folder,
    write_tables,
    write_text,
)
from bucketwise.app.pages import check_formats
from bucketwise.app.planning import write_plan
from bucketwise.core.analysis import Analysis
from bucketwise.errors import OutputError, UsageError
from bucketwise.report.formats import FORMATS
from bucketwise.system.atomic import replacing
from tests.test_report import analysis_of


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analysis_of()


@pytest.mark.parametrize(
    ("first_input", "folder"),
    [
        ("-", "bucketwise-stdin"),
        ("logs/october.csv.gz", "bucketwise-october"),
        ("logs/*.csv", "bucketwise-traffic"),
        ("../a b;rm -rf.csv", "bucketwise-a-b-rm--rf"),
    ],
)
def test_the_default_folder_is_a_plain_name_here(first_input: str, folder: str) -> None:
    assert default_folder(first_input) == Path(folder)


def test_only_a_folder_of_ours_or_an_empty_one_is_taken(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "new") is None
    assert check_folder(tmp_path) is None
    (tmp_path / "plan.json").write_text('{"schema": "something/1"}')
    with pytest.raises(OutputError, match=r"holds 'plan\.json'"):
        check_folder(tmp_path)
    (tmp_path / "plan.json").write_text('{"schema": "bucketwise.plan/1"}')
    assert check_folder(tmp_path) == {"schema": "bucketwise.plan/1"}


def test_a_file_that_fails_midway_leaves_the_older_one(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "older")

    def fail() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "older"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_tables_are_written_one_below_the_other(tmp_path: Path) -> None:
    parts = [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})]
    write_tables(iter(parts), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a\n1\n2\n"
    write_tables(iter(parts), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_tables(iter([pd.DataFrame()]), tmp_path / "none" / "t.csv")


@pytest.fixture
def no_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave PATH without any program; analyses are made before."""
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def pages_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} & set(FORMATS.values())


@pytest.mark.parametrize(
    ("formats", "names"),
    [
        (("html",), {"report.html"}),
        (("md", "html", "md"), {"report.html", "summary.md"}),
        (("md",), {"summary.md"}),
        ((), set()),
    ],
)
def test_the_pages_asked_for_are_written_and_older_ones_go(
    formats: tuple[str, ...], names: set[str], tmp_path: Path, analysis: Analysis
) -> None:
    folder = tmp_path / "out"
    write_plan(analysis, folder, formats=())
    for name in FORMATS.values():
        (folder / name).write_text("of an older plan")
    (folder / "notes.md").write_text("mine")
    written = write_plan(analysis, folder, formats=formats)
    assert pages_in(folder) == names
    assert all("of an older plan" not in (folder / n).read_text() for n in names)
    assert (folder / "notes.md").read_text() == "mine"
    first = min(names, default="plan.json")
    assert written.first == first
    assert written.notes == ()


def test_a_summary_names_the_report_only_where_it_lies_beside_it(
    tmp_path: Path, analysis: Analysis
) -> None:
    for formats, is_named in ((("md",), False), (("md", "html"), True)):
        write_plan(analysis, tmp_path / "out", formats=formats)
        text = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
        assert ("report.html" in text) == is_named
        assert "optimum-rbln-0.12.0/rbln_config.json" in text


@pytest.mark.usefixtures("no_chromium")
def test_without_a_chromium_everything_else_is_written_and_that_is_said(
    tmp_path: Path, analysis: Analysis
) -> None:
    written = write_plan(analysis, tmp_path / "out", formats=("pdf", "md"))
    assert pages_in(tmp_path / "out") == {"summary.md"}
    (note,) = written.notes
    assert note.startswith("summary.pdf was not made: no Chromium was found")
    assert note.endswith("or print report.html (--format html) from a browser")


@pytest.mark.usefixtures("no_chromium")
def test_paper_alone_that_cannot_be_made_leaves_older_results_as_they_are(
    tmp_path: Path, analysis: Analysis
) -> None:
    folder = tmp_path / "out"
    write_plan(analysis, folder, formats=("md",))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=r"summary\.pdf was not made"):
        write_plan(analysis, folder, formats=("pdf",))
    assert {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file()
    } == before
    with pytest.raises(OutputError, match=r"summary\.pdf was not made"):
        check_formats(["pdf"])
    check_formats(["pdf", "md"])


def test_a_format_that_nobody_knows_is_refused(
    tmp_path: Path, analysis: Analysis
) -> None:
    with pytest.raises(UsageError, match="expected one of html, pdf, md, got 'docx'"):
        write_plan(analysis, tmp_path / "out", formats=("docx",))
    assert not (tmp_path / "out").exists()
