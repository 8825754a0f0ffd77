"""The findings of lint on the configuration of today, and the files to copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bucketwise.lint.case import Judged
from bucketwise.lint.finding import Reported, Severity
from bucketwise.nouns.engine import written
from bucketwise.report.blocks import (
    Block,
    Column,
    Folded,
    Listing,
    Panel,
    Points,
    Row,
    Section,
    Table,
    Tabs,
)
from bucketwise.report.deployment import ReportInputs
from bucketwise.words.numbers import plural

NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
WHOLE = "the configuration"


def configuration(
    files: Mapping[str, Mapping[str, str]], sdk: str, inputs: ReportInputs | None = None
) -> Section | None:
    """Return what lint finds in that of today, and the files to copy; None for neither."""
    judged = inputs.in_service if inputs else None
    blocks: list[Block] = []
    if judged is not None:
        if judged.reported:
            blocks.append(_table(judged))
        blocks.append(Points(items=(_judged_by(judged), *judged.not_judged)))
    named = [(version, texts) for version, texts in files.items() if texts]
    if named:
        blocks.append(_files(named, sdk))
    if not blocks:
        return None
    said = _finding(judged) if judged is not None else "The files stand ready to copy."
    return Section(
        id="configuration",
        title="Configuration",
        finding=said,
        blocks=tuple(blocks),
    )


def _files(named: Sequence[tuple[str, Mapping[str, str]]], sdk: str) -> Folded:
    """Return every file in tabs by release, the newest first."""
    n_files = sum(len(texts) for _, texts in named)
    panels = tuple(
        Panel(
            label=f"{sdk} {version}",
            blocks=tuple(Listing(name=name, text=text) for name, text in texts.items()),
        )
        for version, texts in reversed(named)
    )
    return Folded(
        summary=(
            f"{plural(n_files, 'file')} for {plural(len(named), 'release')}, ready to "
            "copy; the same text stands in the files beside this report"
        ),
        blocks=(Tabs(name="Release", panels=panels),),
    )


def _finding(judged: Judged) -> str:
    found = Counter(each.finding.severity for each in judged.reported)
    what = "configuration" if _is_whole(judged) else "list of lengths"
    release = f"{judged.subject.sdk} {written(judged.subject.version)}"
    said = [
        plural(found[severity], noun)
        for severity, noun in NOUNS.items()
        if found[severity]
    ]
    if not said:
        return (
            f"Nothing is wrong with today's {what} that {release} or the traffic tells."
        )
    text = " and ".join([*([", ".join(said[:-1])] if said[:-1] else []), said[-1]])
    if found["error"]:
        one = "the error makes" if found["error"] == 1 else "the errors make"
        return f"Today's {what} has {text} for {release}: {one} it fail."
    return f"Today's {what} has {text} for {release}, and no error."


def _is_whole(judged: Judged) -> bool:
    """Return whether more than the lengths is known."""
    config = judged.subject.document.config
    visual = config.get("visual")
    return set(config) != {"visual"} or len(visual or {}) != 1


def _table(judged: Judged) -> Table:
    return Table(
        caption="Findings, errors first: an error will fail, a warning wastes or may "
        "fail, a note is good to know",
        head=(
            Column(text="Severity and rule"),
            Column(text="Where"),
            Column(text="Found"),
            Column(text="Why"),
            Column(text="Right"),
        ),
        rows=tuple(_row(each) for each in judged.reported),
        wide=True,
    )


def _row(reported: Reported) -> Row:
    finding = reported.finding
    where = ".".join(finding.path) or WHOLE
    if reported.place.line:
        where += f", line {reported.place.line:,}"
    raises = f" Raises {finding.raises}" if finding.raises else ""
    return Row(
        cells=(
            f"{NOUNS[finding.severity]}: {reported.rule}",
            where,
            finding.found,
            f"{finding.why}.{raises}" if raises else finding.why,
            finding.right,
        ),
        failing=(0,) if finding.severity == "error" else (),
    )


def _judged_by(judged: Judged) -> str:
    subject = judged.subject
    limits = subject.limits
    text = (
        f"Judged for {subject.sdk} {written(subject.version)} ({judged.release_source})"
    )
    if limits is not None:
        text += f", images of {limits.min_pixels:,} to {limits.max_pixels:,} px"
    text += " and the traffic of this report; bucketwise lint says the same of a file."
    if not _is_whole(judged):
        text += (
            " Only the lengths are known: --current with the file itself lets every rule "
            "look at it."
        )
    return text
