"""The page fits what it is shown on: wide and narrow screens, the dark, and A4 paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.visits import SCREEN_PX, Visit, fresh_page, open_report, unfold

PX_PER_MM = 96 / 25.4  # CSS Values 4, section 6.2
A4_MM = (210, 297)
MARGIN_MM = 15  # of `@page` in report.css
AREA_PX = (
    int((A4_MM[0] - 2 * MARGIN_MM) * PX_PER_MM),
    int((A4_MM[1] - 2 * MARGIN_MM) * PX_PER_MM),
)

WIDTHS_PX = (1280, 800, 360)
MOST_PAGES = 8
"""Without the appendix, which is printed where a reader opens it."""

# What stands past the right edge of the window, itself or with its text, and is not in
# a box that scrolls.
STICKING_OUT = """
() => {
    const scrolls = each => each && each !== document.documentElement && (
        ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(each).overflowX)
        || scrolls(each.parentElement));
    const width = document.documentElement.clientWidth;
    return [...document.body.querySelectorAll(':not(svg *)')]
        .filter(each => each.getBoundingClientRect().right > width + 1)
        .filter(each => !scrolls(each.parentElement))
        .map(each => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`);
}
"""

FIRST_SCREEN_PX = (1280, 800)
# What a room asks for, each by where it stands.
ASKED = {
    "what to compile": "#decision > .finding",
    "the verdict": "#decision .verdict",
    "what it saves": "#decision .facts > :nth-child(1)",
    "who fails": "#decision .facts > :nth-child(2)",
    "whether it fits": "#decision .facts > :nth-child(3)",
    "graphs": "#decision .facts > :nth-child(4)",
    "the lengths in one picture": "#figure-lengths svg",
    "how sure": "#decision .beside > .callout",
}

# Relative luminance and contrast ratio: WCAG 2.2, section 6.
MEASURES = """
const channels = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => channels(colour).slice(0, 3)
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
const paper = each => {
    const colour = getComputedStyle(each).backgroundColor;
    const seen = channels(colour).length < 4 || channels(colour)[3] > 0;
    return seen || !each.parentElement ? colour : paper(each.parentElement);
};
const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
};
"""
CONTRAST = """
selector => {
    const each = document.querySelector(selector);
    const back = paper(each);
    return [light(back), contrast(back, getComputedStyle(each).color)];
}
"""
FAINT_WORDS = """
() => [...document.querySelectorAll('figure svg text')]
    .filter(each => each.checkVisibility())
    .filter(each => contrast(
        paper(each.closest('svg')), getComputedStyle(each).fill) < 4.5)
    .map(each => `${each.textContent} ${getComputedStyle(each).fill}`)
"""

# The tallest thing that must not be cut, and what the paper is too narrow for.
ON_PAPER = """
([width, height]) => {
    const seen = [...document.querySelectorAll(
        'figure, figure svg, table, pre, .callout, .facts, h2, p')]
        .filter(each => each.getClientRects().length);
    const named = each => `${each.tagName} ${each.textContent.trim().slice(0, 50)}`;
    const box = each => each.getBoundingClientRect();
    return {
        wide: seen.filter(each => box(each).right > width + 1 || box(each).left < -1)
            .map(named),
        tall: seen.filter(each => each.tagName === 'FIGURE')
            .filter(each => box(each).height > height).map(named),
        cuttable: seen.filter(each => ['FIGURE', 'TABLE'].includes(each.tagName))
            .filter(each => getComputedStyle(each).breakInside !== 'avoid').map(named),
    };
}
"""


def measured(page: Page, script: str, argument: str | None = None) -> Any:
    """Return what a script says that uses `MEASURES`."""
    return page.evaluate(f"each => {{ {MEASURES} return ({script})(each); }}", argument)


def test_nothing_sticks_out_of_a_wide_a_middling_and_a_narrow_window(
    page: Page, each_report: Path
) -> None:
    open_report(page, each_report)
    for _ in ("folded", "unfolded"):
        for width_px in WIDTHS_PX:
            page.set_viewport_size({"width": width_px, "height": 900})
            assert page.evaluate(STICKING_OUT) == [], f"{width_px} px"
            wide_px = page.evaluate("document.documentElement.scrollWidth")
            assert wide_px <= width_px
        unfold(page)


def test_the_first_screen_answers_what_a_room_asks(each_visit: Visit) -> None:
    page = each_visit.page
    width_px, height_px = FIRST_SCREEN_PX
    page.set_viewport_size({"width": width_px, "height": height_px})
    page.evaluate("scrollTo(0, 0)")
    for asked, place in ASKED.items():
        box = page.locator(place).bounding_box()
        assert box is not None, asked
        assert box["height"] > 0, asked
        assert box["x"] >= 0, asked
        assert box["x"] + box["width"] <= width_px, asked
        assert box["y"] + box["height"] <= height_px, asked


def test_the_contents_stay_in_sight_and_hide_nothing_they_lead_to(
    page: Page, docs_report: Path
) -> None:
    open_report(page, docs_report)
    for link in page.locator("nav a").all():
        link.click()
        contents = page.locator("nav").bounding_box()
        target = page.locator(str(link.get_attribute("href"))).bounding_box()
        assert contents is not None
        assert target is not None
        assert contents["y"] >= 0
        assert contents["y"] + contents["height"] <= SCREEN_PX[1]
        assert target["y"] >= contents["height"] - 1 or contents["y"] > 0


def test_a_wide_screen_is_used_to_both_sides(page: Page, docs_report: Path) -> None:
    open_report(page, docs_report)
    page.set_viewport_size({"width": 1920, "height": 1080})
    for name in ("decision", "traffic", "buckets", "memory", "decoder"):
        right = page.locator(f"#{name}").evaluate(
            """each => Math.max(...[...each.querySelectorAll('figure, table, li')]
                .map(part => part.getBoundingClientRect().right))"""
        )
        assert right > 1920 / 2, name


def test_values_are_told_where_the_mouse_is(page: Page, docs_report: Path) -> None:
    open_report(page, docs_report)
    for name in ("lengths", "how-many", "decoder-active"):
        told = page.locator(f"#figure-{name} .told")
        said = told.evaluate_all("all => all.map(each => each.textContent)")
        assert said, name
        assert all(any(letter.isdigit() for letter in text) for text in said), name
        box = told.first.bounding_box()
        assert box is not None
        seen = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y)?.getAttribute('class')",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )
        assert seen in ("told", None), "nothing lies above it"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colours_of_the_system(
    unfolded_docs: Callable[[str], Page], scheme: str
) -> None:
    for part in ("body", "pre", "td", "summary", "nav a", "figcaption"):
        luminance, contrast = measured(unfolded_docs(scheme), CONTRAST, part)
        assert luminance < 0.1 if scheme == "dark" else luminance > 0.8, part
        assert contrast >= 4.5, part


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_figures_stand_out_from_their_paper(
    unfolded_docs: Callable[[str], Page], scheme: str
) -> None:
    assert measured(unfolded_docs(scheme), FAINT_WORDS) == []


def test_it_prints_on_a4_without_cutting_a_figure(each_visit: Visit) -> None:
    page = each_visit.page
    page.set_viewport_size({"width": AREA_PX[0], "height": AREA_PX[1]})
    page.emulate_media(media="print")
    found = page.evaluate(ON_PAPER, list(AREA_PX))
    assert found == {"wide": [], "tall": [], "cuttable": []}


def test_it_prints_on_a_sane_number_of_pages(each_visit: Visit) -> None:
    printed = each_visit.page.pdf(prefer_css_page_size=True)
    pages = re.findall(rb"/Type\s*/Page\b", printed)
    print(f"{len(pages)} pages")  # noqa: T201 - shown with -rP
    sizes = set(re.findall(rb"/MediaBox\s*\[([^\]]+)\]", printed))
    assert 2 <= len(pages) <= MOST_PAGES
    assert [[round(float(side)) for side in size.split()] for size in sizes] == [
        [0, 0, 595, 842]
    ], "A4 in points"


def test_a_dark_system_prints_dark_ink_on_white(
    browser: Browser, docs_report: Path
) -> None:
    with fresh_page(browser, dark=True) as page:
        open_report(page, docs_report)
        page.emulate_media(media="print", color_scheme="dark")
        luminance, contrast = measured(page, CONTRAST, "body")
        assert luminance > 0.95
        assert contrast >= 7
