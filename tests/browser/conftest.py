"""A real headless Chromium, and reports made by the real command line.

A test of the page takes `page` and `docs_report` and calls `open_report(page,
docs_report)` of tests/browser/visits.py; one that changes nothing on the page takes
`each_visit`, which opened it for all of them. Tests in this folder are marked `browser`
by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bucketwise.app.printing import CHROMIUM, find_chromium
from tests.browser.reports import REPORTS
from tests.browser.visits import (
    PATIENCE_MS,
    Visit,
    as_at_first,
    fresh_page,
    open_report,
    unfold,
)

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # With `--dist loadgroup` one worker takes a whole group, so that it starts one browser
    # and makes each report once. The attacks share no report with the others.
    for item in items:
        if HERE in item.path.parents:
            group = "attacks" if item.path.stem == "test_attacks" else "browser"
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group(group))


def chromium_path() -> str:
    """Find this machine's Chromium; without one skip, or fail where CI is set."""
    found = find_chromium()
    if found is None:
        reason = f"no Chromium on PATH ({', '.join(CHROMIUM)})"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; where CI is set these tests may not be skipped")
        pytest.skip(f"{reason}; install one to run the tests of the page")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Containers run as root, where Chromium has no sandbox; the pages are our own.
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu"],
            timeout=PATIENCE_MS,
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def one_page(browser: Browser) -> Iterator[Page]:
    """A page for many tests: another one is a process, and takes longer than a report."""
    with fresh_page(browser) as empty:
        yield empty


@pytest.fixture
def page(one_page: Page) -> Page:
    """An empty page, 1280 x 900, light; reports keep nothing from one to the next."""
    as_at_first(one_page)
    one_page.goto("about:blank")
    return one_page


@pytest.fixture(scope="session")
def page_without_scripts(browser: Browser) -> Iterator[Page]:
    """A page for many tests where JavaScript is turned off."""
    with fresh_page(browser, scripts=False) as empty:
        yield empty


@pytest.fixture(scope="session")
def report_named(
    browser: Browser,  # noqa: ARG001 - without one no report is made
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """Name in `REPORTS` -> its report.html, made when first asked for."""
    return cache(lambda name: REPORTS[name](tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="session")
def docs_report(report_named: Callable[[str], Path]) -> Path:
    """The report of the shipped screenshots, with decoder load and --current."""
    return report_named("docs")


@pytest.fixture(scope="session", params=REPORTS)
def each_report(
    report_named: Callable[[str], Path], request: pytest.FixtureRequest
) -> Path:
    """Every report in turn."""
    return report_named(request.param)


@pytest.fixture(scope="session")
def visit_to(browser: Browser) -> Iterator[Callable[[Path], Visit]]:
    """A report -> the page it is shown on, opened when first asked for."""
    with ExitStack() as pages:
        yield cache(
            lambda report: open_report(pages.enter_context(fresh_page(browser)), report)
        )


@pytest.fixture
def each_visit(visit_to: Callable[[Path], Visit], each_report: Path) -> Iterator[Visit]:
    """Every report in turn, opened once for all tests that change nothing on it."""
    visit = visit_to(each_report)
    yield visit
    as_at_first(visit.page)


@pytest.fixture(scope="session")
def unfolded_docs(
    browser: Browser, docs_report: Path
) -> Iterator[Callable[[str], Page]]:
    """A colour scheme -> the report of the screenshots with all of it unfolded.

    It is opened once for all tests that change nothing on it.
    """
    with ExitStack() as pages:

        def opened(scheme: str) -> Page:
            page = pages.enter_context(fresh_page(browser, dark=scheme == "dark"))
            open_report(page, docs_report)
            unfold(page)
            return page

        yield cache(opened)
