"""The page can be used by everyone: axe-core finds nothing, a keyboard is enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.visits import WCAG_AA, fresh_page, open_report, unfold

# What Tab has to reach, in document order, which is the reading order here, each with
# how it looks without focus.
REACHABLE = """
() => {
    window.looks = each => [each, ...each.children].map(part => {
        const style = getComputedStyle(part);
        return [style.outline, style.boxShadow, style.stroke, style.strokeWidth].join(';');
    }).join(' ');
    const shown = each => each.checkVisibility({visibilityProperty: true});
    const beaten = each => each.type === 'radio' && !each.checked
        && document.querySelector(`input[name="${each.name}"]:checked`);
    return [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex]')]
        .filter(each => each.tabIndex >= 0 && !each.disabled && shown(each))
        .filter(each => !beaten(each))
        .map((each, place) => {
            each.dataset.place = place;
            each.dataset.looks = window.looks(each);
            return {place: String(place), html: each.outerHTML.slice(0, 120)};
        });
}
"""
FOCUSED = """
() => {
    const each = document.activeElement;
    const box = each.getBoundingClientRect();
    return {
        place: each.dataset.place ?? each.tagName,
        marked: each.matches(':focus-visible')
            && each.dataset.looks !== window.looks(each),
        seen: box.bottom > 0 && box.top < innerHeight,
    };
}
"""


def violations(page: Page, rules: tuple[str, ...] = WCAG_AA) -> list[dict[str, Any]]:
    """Run axe-core and return each fault with the first elements that have it."""
    options = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        {
            "rule": each["id"],
            "impact": each["impact"],
            "elements": len(each["nodes"]),
            "first": [
                (node["html"][:120], node["failureSummary"])
                for node in each["nodes"][:3]
            ],
        }
        for each in found
    ]


# The others are made of the same parts as these.
def test_axe_core_finds_nothing_against_wcag_aa_or_good_practice(
    page: Page,
    report_named: Callable[[str], Path],
    unfolded_docs: Callable[[str], Page],
) -> None:
    open_report(page, report_named("labels"))
    unfold(page)
    for each in (page, unfolded_docs("light")):
        assert violations(each, (*WCAG_AA, "best-practice")) == []


def test_axe_core_finds_nothing_against_the_colours_of_the_dark(
    unfolded_docs: Callable[[str], Page],
) -> None:
    assert violations(unfolded_docs("dark"), ("cat.color",)) == []


def test_tab_reaches_everything_in_reading_order_and_shows_where_it_is(
    browser: Browser, each_report: Path
) -> None:
    # A page of its own: where Tab begins and ends is remembered.
    with fresh_page(browser) as page:
        open_report(page, each_report)
        reachable = page.evaluate(REACHABLE)
        assert len(reachable) >= 20
        for each in reachable:
            page.keyboard.press("Tab")
            expected = {"place": each["place"], "marked": True, "seen": True}
            assert page.evaluate(FOCUSED) == expected, each["html"]
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED)["place"] == "BODY", "a trap"
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(FOCUSED)["place"] == reachable[-1]["place"]


def test_enter_follows_a_link_of_the_contents(page: Page, docs_report: Path) -> None:
    open_report(page, docs_report)
    link = page.locator("nav a").last
    link.focus()
    page.keyboard.press("Enter")
    target = page.locator(str(link.get_attribute("href")))
    assert target.evaluate("each => each.getBoundingClientRect().top < innerHeight")


def test_enter_unfolds_the_numbers_behind_a_figure(
    page: Page, docs_report: Path
) -> None:
    open_report(page, docs_report)
    figure = page.locator("figure").first
    figure.locator("summary").focus()
    assert not figure.locator("table").is_visible()
    page.keyboard.press("Enter")
    assert figure.locator("table").is_visible()


def test_arrow_keys_move_a_table_that_is_wider_than_the_screen(
    browser: Browser, docs_report: Path
) -> None:
    with fresh_page(browser, (360, 700)) as page:
        open_report(page, docs_report)
        wide = (
            page.locator(".scroll")
            .filter(visible=True)
            .evaluate_all(
                "all => all.findIndex(each => each.scrollWidth > each.clientWidth)"
            )
        )
        region = page.locator(".scroll").filter(visible=True).nth(wide)
        region.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "each => each.scrollLeft > 0", arg=region.element_handle()
        )
