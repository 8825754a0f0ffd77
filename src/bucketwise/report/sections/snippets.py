"""The files to paste, by release."""

from __future__ import annotations

from collections.abc import Mapping

from bucketwise.numbers import plural
from bucketwise.report.blocks import Block, Folded, Listing, Section


def snippets(files: Mapping[str, Mapping[str, str]]) -> Section | None:
    """Return every file, folded by release; None where there is none."""
    named = {version: texts for version, texts in files.items() if texts}
    if not named:
        return None
    n_files = sum(len(texts) for texts in named.values())
    blocks: list[Block] = []
    for version, texts in named.items():
        folded = Folded(
            summary=f"optimum-rbln {version}: {plural(len(texts), 'file')}",
            blocks=tuple(Listing(name=name, text=text) for name, text in texts.items()),
        )
        blocks.append(folded)
    return Section(
        id="snippets",
        title="Files to use",
        finding=(
            f"{plural(n_files, 'file')} for {plural(len(named), 'release')}, ready to "
            "copy; the same text stands in the files beside this report."
        ),
        blocks=tuple(blocks),
    )
