"""The report opens anywhere: from a file, without network or scripts, in silence."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.visits import Visit, fresh_page, open_report

# Each line tries one thing the page's policy has to stop; the policy tells what it
# stopped by an event, also where a network would have been missing.
BREAKING_OUT = """
async expected => {
    const stopped = [];
    const allToldOf = new Promise(done => addEventListener(
        'securitypolicyviolation', event => {
            if (stopped.push(event.effectiveDirective) === expected) done();
        }));
    const add = (name, properties) =>
        document.body.append(Object.assign(document.createElement(name), properties));
    add('script', {textContent: 'window.pwned = 1'});
    add('script', {src: 'https://outside.invalid/code.js'});
    add('div', {innerHTML: '<a onclick="window.pwned = 1">x</a>'});
    document.body.lastChild.firstChild.click();
    add('img', {src: 'https://outside.invalid/picture.png'});
    add('iframe', {src: 'https://outside.invalid/'});
    add('link', {rel: 'stylesheet', href: 'https://outside.invalid/style.css'});
    add('video', {src: 'https://outside.invalid/film.mp4'});
    await fetch('https://outside.invalid/').catch(() => null);
    // A busy machine tells of them late; one that is never told of ends the waiting.
    await Promise.race([allToldOf, new Promise(done => setTimeout(done, 10000))]);
    return stopped.sort();
}
"""
# What does not show once the fold it is in, if any, has been opened by its summary.
HIDDEN = """
() => {
    const parts = [...document.querySelectorAll(
        'h1, h2, h3, .finding, section :is(table, pre, svg, p)')]
        .filter(each => !each.closest('#what-if'));
    const shown = each => each.checkVisibility({visibilityProperty: true});
    const hidden = fold => parts.filter(
        each => each.closest('details') === fold && !shown(each));
    return [
        ...hidden(null),
        ...[...document.querySelectorAll('details')].flatMap(fold => {
            if (!fold.open) fold.querySelector('summary').click();
            return hidden(fold);
        }),
    ].map(each => each.outerHTML.slice(0, 80));
}
"""
STOPPED = [
    *("connect-src", "frame-src", "img-src", "media-src"),
    *("script-src-attr", "script-src-elem", "script-src-elem", "style-src-elem"),
]


def test_it_opens_from_a_file_in_silence_and_asks_for_nothing_else(
    each_visit: Visit, each_report: Path
) -> None:
    assert each_visit.told == []
    assert each_visit.requests_seen == [each_report.as_uri()]


def test_it_opens_without_a_network(browser: Browser, docs_report: Path) -> None:
    with fresh_page(browser, offline=True) as page:
        visit = open_report(page, docs_report)
        assert visit.told == []
        assert page.locator("main > section").count() == 8


def test_every_link_inside_the_page_has_its_target_and_ids_are_unique(
    each_visit: Visit,
) -> None:
    page = each_visit.page
    ids = page.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))
    links = page.locator("a").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert links
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)


def test_every_reference_between_elements_has_its_target(each_visit: Visit) -> None:
    missing = each_visit.page.evaluate(
        """[...document.querySelectorAll('*')].flatMap(each =>
            ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'list']
              .flatMap(name => (each.getAttribute(name) || '').split(/\\s+/))
              .filter(id => id && !document.getElementById(id)))"""
    )
    assert missing == []


def test_its_policy_stops_scripts_and_everything_from_elsewhere(
    page: Page, docs_report: Path
) -> None:
    open_report(page, docs_report)
    assert page.evaluate(BREAKING_OUT, len(STOPPED)) == STOPPED
    assert page.evaluate("window.pwned") is None


def test_without_scripts_every_section_table_and_file_can_be_read(
    page_without_scripts: Page, each_report: Path
) -> None:
    page = page_without_scripts
    visit = open_report(page, each_report)
    assert page.locator("main table").count() >= 5
    assert page.locator("main pre").count() >= 4
    assert page.evaluate(HIDDEN) == []
    # The panel alone needs scripts, and says so.
    assert page.locator("#what-if-needs").is_visible()
    controls = page.locator("button, input, select, textarea")
    assert controls.filter(visible=True).count() == 0, "it would do nothing"
    assert visit.told == []
