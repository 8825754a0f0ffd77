"""The forms in which a decision is written, and the file of each."""

from __future__ import annotations

from collections.abc import Iterable

from bucketwise.errors import UsageError

FORMATS = {"html": "report.html", "pdf": "summary.pdf", "md": "summary.md"}
"""Name -> file: the whole report, and the page that sums it up on paper and as text."""


PICTURES = ("png", "svg")
"""Forms in which figures are written as files of their own."""


def check_picture(form: str | None) -> None:
    """Refuse a form that figures cannot be written in."""
    if form is not None and form not in PICTURES:
        message = f"figures: expected one of {', '.join(PICTURES)}, got {form!r}"
        raise UsageError(message)


def chosen_formats(names: Iterable[str]) -> tuple[str, ...]:
    """Return formats by name, each once, in their own order."""
    asked = tuple(names)
    unknown = [name for name in asked if name not in FORMATS]
    if unknown:
        message = f"format: expected one of {', '.join(FORMATS)}, got {unknown[0]!r}"
        raise UsageError(message)
    return tuple(name for name in FORMATS if name in asked)
