"""The files to paste, by release."""

from __future__ import annotations

from collections.abc import Mapping

from bucketwise.report.blocks import Listing, Panel, Section, Tabs
from bucketwise.words.numbers import plural


def snippets(files: Mapping[str, Mapping[str, str]], sdk: str) -> Section | None:
    """Return every file in tabs by release, the newest first; None where there is none."""
    named = [(version, texts) for version, texts in files.items() if texts]
    if not named:
        return None
    n_files = sum(len(texts) for _, texts in named)
    panels = tuple(
        Panel(
            label=f"{sdk} {version}",
            blocks=tuple(Listing(name=name, text=text) for name, text in texts.items()),
        )
        for version, texts in reversed(named)
    )
    return Section(
        id="snippets",
        title="Files",
        finding=(
            f"{plural(n_files, 'file')} for {plural(len(named), 'release')}, ready to "
            "copy; the same text stands in the files beside this report."
        ),
        blocks=(Tabs(name="Release", panels=panels),),
    )
