"""What the copy buttons put on the clipboard, seen by pasting it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visits import fresh_page, open_report

WITHOUT_THE_API = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
"""A page from a plain http address has no `navigator.clipboard`."""


def pasted(page: Page) -> str:
    page.evaluate("document.body.append(document.createElement('textarea'))")
    field = page.locator("textarea").last
    field.focus()
    page.keyboard.press("Control+V")
    text = field.input_value()
    field.evaluate("field => field.remove()")
    return text


@pytest.fixture(
    scope="module", params=["", WITHOUT_THE_API], ids=["with the API", "without it"]
)
def page_with(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with fresh_page(browser) as page:
        page.add_init_script(request.param)
        yield page


@pytest.fixture
def report(page_with: Page, docs_report: Path) -> Page:
    page_with.goto("about:blank")
    return open_report(page_with, docs_report).page


def test_the_button_of_a_file_copies_all_of_it(report: Page, docs_report: Path) -> None:
    report.locator("summary", has_text="ready to copy").click()
    listing = report.locator(".listing", has_text="rbln_config").first
    button = listing.get_by_role("button")
    button.click()
    expect(button).to_have_text("Copied")
    shown = listing.locator("pre").text_content()
    assert pasted(report) == shown
    names = [path.name for path in docs_report.parent.rglob("*") if path.is_file()]
    assert any(name in listing.locator(".file").inner_text() for name in names)


def test_the_button_of_the_panel_copies_the_edited_file(report: Page) -> None:
    first = report.locator("#what-if-lengths input").first
    first.fill("1000")
    first.press("Enter")
    button = report.locator("#what-if-copy-file")
    button.click()
    expect(button).to_have_text("Copied")
    text = pasted(report)
    assert text == report.locator("#what-if-text").text_content()
    assert "1000" in text


def test_the_copied_link_opens_the_edited_plan(report: Page, docs_report: Path) -> None:
    first = report.locator("#what-if-lengths input").first
    first.fill("1000")
    first.press("Enter")
    button = report.locator("#what-if-link")
    button.click()
    expect(button).to_have_text("Copied")
    link = pasted(report)
    assert link.startswith(docs_report.as_uri())
    report.goto("about:blank")
    report.goto(link)
    again = report.locator("#what-if-lengths input").first
    expect(again).to_have_value("1000")
