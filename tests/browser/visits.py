"""One look at one page: what it said and what it asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request

SCREEN_PX = (1280, 900)

PATIENCE_MS = 600_000
"""How long a busy machine may take over one step; no test is about that."""

# What an axe run looks at: WCAG 2.0, 2.1 and 2.2, levels A and AA.
WCAG_AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


_LISTENING: dict[Page, Callable[[], None]] = {}
"""A page -> what ends the visit that listens to it."""


@dataclass(frozen=True)
class Visit:
    """A page, and what happened on it since it was opened.

    Attributes
    ----------
    page : Page
        Playwright's page.
    told : list of str
        Console messages, script errors and dialogs, in order: a sound report says
        nothing.
    requests_seen : list of str
        Addresses asked for; the page's own is the first.
    """

    page: Page
    told: list[str] = field(default_factory=list)
    requests_seen: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Write down what the page says and asks for, until it is left for another."""

        def of_console(message: ConsoleMessage) -> None:
            self.told.append(f"console {message.type}: {message.text}")

        def of_error(error: Error) -> None:
            self.told.append(f"error: {error.message}")

        def of_dialog(dialog: Dialog) -> None:
            self.told.append(f"dialog {dialog.type}: {dialog.message}")
            dialog.dismiss()

        def of_request(request: Request) -> None:
            self.requests_seen.append(request.url)

        heard: dict[Any, Any] = {
            "console": of_console,
            "pageerror": of_error,
            "dialog": of_dialog,
            "request": of_request,
        }

        def stop() -> None:
            for event, hear in heard.items():
                self.page.remove_listener(event, hear)

        _LISTENING.pop(self.page, lambda: None)()
        for event, hear in heard.items():
            self.page.on(event, hear)
        _LISTENING[self.page] = stop


def as_at_first(page: Page) -> None:
    """Give a page its first size, medium and mouse again."""
    page.set_viewport_size({"width": SCREEN_PX[0], "height": SCREEN_PX[1]})
    page.emulate_media(media="null")
    page.mouse.move(0, 0)


def open_report(page: Page, path: Path, fragment: str = "") -> Visit:
    """Open a report as a double click does, from file://, and listen to it.

    Parameters
    ----------
    page : Page
        The `page` fixture, or one of `fresh_page`.
    path : Path
        A report.html.
    fragment : str
        What follows `#` in the address.

    Returns
    -------
    Visit
        The page once it has loaded.
    """
    visit = Visit(page)
    visit.listen()
    page.goto(path.as_uri() + (f"#{fragment}" if fragment else ""))
    return visit


@contextmanager
def fresh_page(
    browser: Browser,
    size_px: tuple[int, int] = SCREEN_PX,
    *,
    dark: bool = False,
    scripts: bool = True,
    offline: bool = False,
) -> Iterator[Page]:
    """Give an empty page in a profile of its own: a screen, a colour scheme, no past."""
    context = browser.new_context(
        viewport={"width": size_px[0], "height": size_px[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        offline=offline,
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


def unfold(page: Page) -> None:
    """Open everything that can be folded."""
    page.evaluate(
        "document.querySelectorAll('details').forEach(each => each.open = true)"
    )
