"""What lint found -> the text of every format, one function a format."""

from __future__ import annotations

from collections.abc import Callable

from bucketwise.lint.case import LintReport
from bucketwise.lint.formats.github import as_github
from bucketwise.lint.formats.json_text import as_json
from bucketwise.lint.formats.rules_page import rules_page
from bucketwise.lint.formats.sarif import as_sarif
from bucketwise.lint.formats.text import as_text

__all__ = ["RENDERERS", "Renderer", "rules_page"]

Renderer = Callable[[LintReport], str]

RENDERERS: dict[str, Renderer] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
"""Format -> what writes it; every text ends its lines, and a report may have none."""
