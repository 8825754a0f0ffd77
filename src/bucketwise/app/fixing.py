"""What puts configurations right, as diffs of the files they were read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bucketwise.app.linting import lint_of
from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.fixing import fixed, written
from bucketwise.read.configs.documents.text import read_text
from bucketwise.read.configs.edits import (
    Correction,
    corrected,
    diff,
    name_for_patch,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFix:
    """What puts one file right.

    Attributes
    ----------
    source : str
        Base name of the file.
    diff : str
        What `patch -p0` applies; "" where none can be made.
    folder : str
        Where patch runs; "" for the working folder.
    values : tuple of str
        Where no diff can be made, each configuration put right, as JSON.
    """

    source: str
    diff: str = ""
    folder: str = ""
    values: tuple[str, ...] = ()


def fixes_of(report: LintReport) -> tuple[FileFix, ...]:
    """Return what puts right the files that were judged; nothing for those without fix."""
    found = groupby(report.judged, key=lambda each: each.subject.document.path)
    return tuple(
        fix for path, judged in found for fix in _fixes(path, tuple(judged), report)
    )


def _fixes(
    path: str, judged: tuple[Judged, ...], report: LintReport
) -> Iterator[FileFix]:
    engine = judged[0].subject.engine
    judge = lint_of(engine).judge
    corrections = []
    for each in judged:
        after = fixed(each.subject, report.rules, judge)
        # Of a serve line the subject's own is what the server makes of it.
        if after.config != each.subject.document.config:
            corrections.append(
                Correction(
                    document=each.subject.document,
                    config=after.config,
                    renames=after.renames,
                )
            )
    if not corrections:
        return
    source = corrections[0].document.source
    if path:
        text = read_text(path, engine.vocabulary)
        content = corrected(text, corrections)
        name, folder = name_for_patch(path)
        if content is not None and name.isprintable():
            before = Path(path).read_bytes().decode("utf-8")
            # The text that was read begins without a mark and ends lines by newlines.
            mark = "\ufeff" if before.startswith("\ufeff") else ""
            ends = "\r\n" if "\r\n" in before else "\n"
            after_text = mark + content.replace("\n", ends)
            yield FileFix(
                source=source, diff=diff(before, after_text, name), folder=folder
            )
            return
    yield FileFix(
        source=source,
        values=tuple(written(each.config) for each in corrections),
    )
