"""Printing by a real Chromium: one page, equal bytes, and a word where it cannot."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from bucketwise.app import printing
from bucketwise.app.planning import write_plan
from bucketwise.app.printing import count_pages, find_chromium, print_html, undated
from bucketwise.errors import OutputError
from bucketwise.report.summary.content import summary_of
from bucketwise.report.summary.page import sheets
from tests.test_report import CASES, SNIPPETS, analysis_of


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip without a Chromium, or fail where CI is set; a busy machine may take long."""
    monkeypatch.setattr(printing, "TIMEOUT_S", 900.0)
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(
                "no Chromium on PATH, and where CI is set this may not be skipped"
            )
        pytest.skip("no Chromium on PATH")


def pages(n_pages: int) -> str:
    rows = "<p style='break-after: page'>page</p>" * (n_pages - 1)
    return f"<!doctype html><title>t</title>{rows}<p>last</p>"


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
def test_pages_are_printed_and_counted_without_a_clock() -> None:
    first = print_html(pages(3))
    assert first.startswith(b"%PDF-")
    assert count_pages(first) == 3
    assert set(re.findall(rb"Date \(D:(\d{4})", first)) == {b"1970"}
    assert print_html(pages(3)) == first


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("name", ["hostile", "merged_unit", "one_image"])
def test_a_summary_is_one_page(name: str) -> None:
    summary = summary_of(CASES[name](), SNIPPETS)
    assert any(count_pages(print_html(sheet)) == 1 for sheet in sheets(summary))


@pytest.mark.browser
@pytest.mark.usefixtures("chromium")
def test_the_same_plan_is_printed_to_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written = write_plan(analysis_of(), tmp_path / name, formats=["pdf"])
        assert written.notes == ()
        assert written.first == "summary.pdf"
    first, second = ((tmp_path / name / "summary.pdf").read_bytes() for name in "ab")
    assert count_pages(first) == 1
    assert first == second


def test_dates_keep_their_length_and_nothing_else_changes() -> None:
    pdf = b"<</CreationDate (D:20261121120908+00'00')\n/ModDate (D:2026)>> 20261121"
    found = undated(pdf)
    assert len(found) == len(pdf)
    assert found == (
        b"<</CreationDate (D:19700101000000+00'00')\n/ModDate (D:1970)>> 20261121"
    )


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named chromium first on PATH."""
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "timeout_s", "said"),
    [
        ("exit 3", 60.0, "ended with status 3"),
        ("exit 0", 60.0, "wrote no PDF"),
        ("exec sleep 60", 0.5, "did not end within"),
    ],
)
def test_a_chromium_that_fails_is_told_apart(
    script: str,
    timeout_s: float,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in(tmp_path, script, monkeypatch)
    monkeypatch.setattr(printing, "TIMEOUT_S", timeout_s)
    with pytest.raises(OutputError, match=said):
        print_html(pages(1))


def test_what_a_chromium_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "child"
    stand_in(tmp_path, f"sleep 600 & echo $! > {told}; wait", monkeypatch)
    for timeout_s in (0.5, 5.0, 50.0):  # a busy machine may not have started it
        monkeypatch.setattr(printing, "TIMEOUT_S", timeout_s)
        with pytest.raises(OutputError, match="did not end within"):
            print_html(pages(1))
        if told.is_file() and told.read_text():
            break
    child = int(told.read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process was left behind")


def test_chromium_is_told_of_no_setting_and_found_in_no_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, f"env > {tmp_path}/told; pwd >> {tmp_path}/told", monkeypatch)
    monkeypatch.setenv("CHROMIUM_FLAGS", "--no-sandbox")
    with pytest.raises(OutputError, match="wrote no PDF"):
        print_html(pages(1))
    told = (tmp_path / "told").read_text()
    assert "CHROMIUM_FLAGS" not in told
    assert str(Path.home()) not in told.replace(os.environ["PATH"], "")
    assert str(Path.cwd()) not in told.replace(os.environ["PATH"], "")
    for path in (".", "", str(tmp_path)):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", path)
        assert find_chromium() is None


def test_without_a_chromium_it_is_said_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        OutputError, match=r"no Chromium was found.*apt install chromium"
    ):
        print_html(pages(1))
