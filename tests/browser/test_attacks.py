"""No text a user gives breaks out of the page, tried in a real browser.

Emitted files, CSV cells and the terminal are attacked in tests/test_attacks.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from bucketwise.words.text import one_line, printable
from tests.browser.attacks import ATTACKS, as_file_name, batches, harmless
from tests.browser.reports import analyze
from tests.browser.scenes import BROKEN_PICTURES, PLACES, whole_scene
from tests.browser.visits import Visit, fresh_page, open_report, unfold

BATCHES = batches(3)

Outline = tuple[Counter[str], Counter[str]]

ELEMENTS = """
() => [...document.querySelectorAll('*')]
    .map(each => [each.tagName, ...each.getAttributeNames().sort()].join(' '))
"""
WORDS = """
() => [document.title, ...[...document.querySelectorAll('td, th')]
    .map(each => each.textContent)]
"""
PRESSED = """
() => {
    const found = document.querySelectorAll('button, summary, [role=tab]');
    found.forEach(each => each.click());
    document.querySelectorAll('main *').forEach(each =>
        ['mouseover', 'focus', 'load', 'error']
            .forEach(name => each.dispatchEvent(new Event(name))));
    return found.length;
}
"""


def opened(page: Page, report: Path, link: str = "") -> tuple[Visit, Outline]:
    """Open a report, press what can be pressed, and return its elements before, after."""
    visit = open_report(page, report, link)
    before = Counter(page.evaluate(ELEMENTS))
    assert page.evaluate(PRESSED)
    unfold(page)
    page.wait_for_timeout(50)
    return visit, (before, Counter(page.evaluate(ELEMENTS)))


@pytest.fixture(scope="module")
def harmless_report(
    browser: Browser,  # noqa: ARG001 - without one no report is made
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("harmless")
    texts = harmless(len(BATCHES[0]))
    return analyze(folder / "out", *whole_scene(folder / "in", texts))


@pytest.fixture(scope="module")
def harmless_elements(browser: Browser, harmless_report: Path) -> Outline:
    with fresh_page(browser) as page:
        return opened(page, harmless_report)[1]


@pytest.mark.parametrize("texts", BATCHES, ids=range(len(BATCHES)))
def test_attacks_are_shown_as_text_and_change_nothing(
    page: Page, harmless_elements: Outline, tmp_path: Path, texts: list[str]
) -> None:
    report = analyze(tmp_path / "out", *whole_scene(tmp_path / "in", texts))
    visit, elements = opened(page, report)
    assert visit.told == []
    assert visit.requests_seen == [report.as_uri()]
    assert page.evaluate("window.pwned") is None
    assert elements == harmless_elements
    assert not_shown(page.evaluate(WORDS), texts) == set()


def test_attacks_in_the_link_are_passed_over(
    page: Page, harmless_report: Path, harmless_elements: Outline
) -> None:
    text = " ".join(ATTACKS.values())
    for link in (f"what-if={text}", f"what-if=1024;65536;{text}", quote(text)):
        page.goto("about:blank")
        visit, elements = opened(page, harmless_report, link)
        assert visit.told == []
        [asked] = visit.requests_seen
        assert asked.startswith(harmless_report.as_uri())
        assert page.evaluate("window.pwned") is None
        assert elements == harmless_elements


def not_shown(words: Sequence[str], texts: Sequence[str]) -> set[tuple[str, str]]:
    """Return what is missing from the page: the place and the text."""
    title, *cells = words
    said = "\n".join(cells)
    missing = set()
    for at, text in enumerate(texts):
        name = as_file_name(text)
        wanted = {
            "input": f"{name} {at}.csv",
            "column": f"label from {text.strip()!r}",
            "load": f"load {name}.csv",
        }
        if at < len(BROKEN_PICTURES) * PLACES:
            wanted["member"] = f"shard.tar/{name}.png"
        # Labels that hold an address are kept out of every output.
        if "@" not in text:
            wanted["label"] = text.strip()
        missing |= {
            (place, shown)
            for place, shown in wanted.items()
            if not any(form in said for form in forms(shown))
        }
    model = texts[0].replace("--", "/")[:30].strip()
    if not any(form in title for form in forms(model)):
        missing.add(("model", model))
    return missing


def forms(text: str) -> set[str]:
    """Return how a text may stand on the page: as it is, or with controls made visible.

    HTML reads every line end as a line feed (HTML standard, 13.2.3.5); a model's id has
    a question mark for what cannot be printed.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    marked = "".join(each if each.isprintable() else "?" for each in text)
    return {plain, printable(text), one_line(text), marked}
