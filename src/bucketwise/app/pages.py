"""The pages that are written beside a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bucketwise.app.printing import NO_CHROMIUM, count_pages, find_chromium, print_html
from bucketwise.core.analysis import Analysis
from bucketwise.errors import OutputError
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.formats import FORMATS, chosen_formats
from bucketwise.words.text import worded

if TYPE_CHECKING:
    from bucketwise.core.encoder.analysis import EncoderAnalysis
    from bucketwise.report.summary.content import Summary

WHOLE = "every section, figure and table, and what other lengths would do"
"""What the report holds beside its summary."""

OTHERWISE = "print report.html (--format html) from a browser"


@dataclass(frozen=True, slots=True)
class Pages:
    """Files by name, and a word on each that could not be made."""

    files: Mapping[str, str | bytes]
    notes: tuple[str, ...] = ()

    def beside(self, files: Mapping[str, bytes]) -> Pages:
        """Return the pages with more files beside them."""
        return replace(self, files={**self.files, **files})


def check_formats(formats: Iterable[str]) -> None:
    """Refuse early what cannot be made at all: paper alone, and nothing to print with."""
    if chosen_formats(formats) == ("pdf",) and find_chromium() is None:
        raise OutputError(_not_made(NO_CHROMIUM))


def pages_of(
    analysis: Analysis,
    snippets: Mapping[str, Mapping[str, str]],
    inputs: ReportInputs,
    formats: Iterable[str],
    figures: str | None = None,
) -> Pages:
    """Return the pages asked for, and the figures of a form; a PDF that fails is a note."""
    from bucketwise.report import render  # noqa: PLC0415 - loads matplotlib
    from bucketwise.report.summary.content import summary_of  # noqa: PLC0415

    plan = analysis.plan
    reword = partial(
        worded,
        family=plan.model.family,
        words=analysis.release.engine.words(analysis.profile),
        unit=plan.visual.cost.unit,
    )
    pages = _pages(
        formats,
        lambda: reword(render(analysis, snippets, inputs)),
        lambda beside: summary_of(analysis, snippets, inputs, beside=beside),
        WHOLE,
        reword,
    )
    if not figures:
        return pages
    from bucketwise.report.headline import pictures_of  # noqa: PLC0415 - as above

    return pages.beside(pictures_of(analysis, inputs, figures))


def encoder_pages(
    analysis: EncoderAnalysis,
    snippets: Mapping[str, Mapping[str, str]],
    formats: Iterable[str],
) -> Pages:
    """Return the pages of a plan for a text encoder, as `pages_of` does."""
    from bucketwise.report.encoder import (  # noqa: PLC0415 - loads matplotlib
        HOLDS,
        encoder_summary,
        encoder_view,
    )
    from bucketwise.report.page import to_html  # noqa: PLC0415

    return _pages(
        formats,
        lambda: to_html(encoder_view(analysis, snippets)),
        lambda beside: encoder_summary(analysis, snippets, beside=beside),
        HOLDS,
        partial(worded, family=analysis.plan.model.family),
    )


def _pages(
    formats: Iterable[str],
    page: Callable[[], str],
    summed_up: Callable[[Mapping[str, str]], Summary],
    whole: str,
    reword: Callable[[str], str],
) -> Pages:
    asked = chosen_formats(formats)
    files: dict[str, str | bytes] = {}
    if "html" in asked:
        files[FORMATS["html"]] = page()
    if not {"pdf", "md"} & {*asked}:
        return Pages(files)

    from bucketwise.report.summary.markdown import to_markdown  # noqa: PLC0415
    from bucketwise.report.summary.page import sheets  # noqa: PLC0415

    summary = summed_up({FORMATS["html"]: whole} if "html" in asked else {})
    if "md" in asked:
        files[FORMATS["md"]] = reword(to_markdown(summary))
    if "pdf" not in asked:
        return Pages(files)
    try:
        files[FORMATS["pdf"]] = _on_one_page(map(reword, sheets(summary)))
    except OutputError as error:
        note = _not_made(str(error))
        if asked == ("pdf",):
            raise OutputError(note) from error
        return Pages(files, (note,))
    return Pages(files)


def _on_one_page(sheets: Iterable[str]) -> bytes:
    """Print the first sheet that is one page; the last where none is."""
    pdf = b""
    for sheet in sheets:
        pdf = print_html(sheet)
        if count_pages(pdf) == 1:
            break
    return pdf


def _not_made(why: str) -> str:
    return f"{FORMATS['pdf']} was not made: {why}, or {OTHERWISE}"
