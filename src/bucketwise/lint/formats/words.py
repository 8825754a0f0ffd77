"""What a configuration was judged by, and how places and severities read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.finding import Severity
from bucketwise.nouns.document import Form, Path
from bucketwise.nouns.engine import written
from bucketwise.nouns.traffic import Place
from bucketwise.words.numbers import plural
from bucketwise.words.text import one_line

_CELL = re.compile(r"(.*)\[(cell \d+)\]", re.DOTALL)


def file_and_line(place: Place) -> tuple[str, int, str]:
    """Return the file, the line in it (0 for none), and the cell where it is one.

    A line of a cell is none of the notebook's file.
    """
    match = _CELL.fullmatch(place.source)
    if match:
        return match[1], 0, f"{match[2]}, line {place.line}"
    return place.source, place.line, ""


FORMS: Mapping[Form, str] = {
    "compile": "to compile",
    "compiled": "a compiled folder's",
    "load": "to load a compiled folder",
    "serve": "to serve with {server}",
    "list": "ViT lengths alone",
    "plan": "ViT lengths of a plan",
}
"""What a configuration is given to, in words."""

NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
"""What findings of a severity are called."""

MEANINGS: dict[Severity, str] = {
    "error": "it will fail: in the compile, when it is loaded, or at an image",
    "warning": "it wastes something, or may fail",
    "info": "good to know",
}


def dotted(path: Path) -> str:
    """Return a path as people write it; "the configuration" for the whole."""
    return one_line(".".join(path)) or "the configuration"


def facts(judged: Judged) -> tuple[tuple[str, str], ...]:
    """Return what a configuration was judged by: what, and which with its source."""
    subject = judged.subject
    release = f"{subject.sdk} {written(subject.version)}"
    found = [("release", release, judged.release_source)]
    model = subject.profile or subject.encoder
    if model is not None:
        found.append(("model", model.name, judged.model_source))
    elif subject.family:
        found.append(("model", f"one of {subject.family}", judged.model_source))
    if subject.limits is not None:
        limits = subject.limits
        pixels = f"{limits.min_pixels:,} to {limits.max_pixels:,} px"
        found.append(("images", pixels, limits.source))
    if subject.npu is not None:
        found.append(("NPU", subject.npu, judged.npu_source))
    if subject.use is not None:
        images = float(subject.use.counts.sizes.count.sum())
        found.append(("traffic", plural(images, "image"), "--traffic"))
    return tuple((what, one_line(f"{which} ({why})")) for what, which, why in found)


def totals(report: LintReport) -> str:
    """Return the number of findings of each severity, in one phrase."""
    counted = ", ".join(
        plural(number, NOUNS[severity]) for severity, number in report.counts.items()
    )
    return f"{counted} in {plural(len(report.judged), 'configuration')}"
