"""docs/rules.md: every rule, in its own words."""

from __future__ import annotations

import inspect

from bucketwise.lint.finding import Rule
from bucketwise.lint.formats.words import MEANINGS, NOUNS

_HEAD = """\
# Rules of `bucketwise lint`

Made from the rules themselves by `make docs`. What a finding is called says what will
happen:

| finding | meaning |
|---|---|
"""


def rules_page(rules: tuple[Rule, ...]) -> str:
    """Return the page."""
    meanings = "".join(
        f"| {NOUNS[severity]} | {meaning} |\n" for severity, meaning in MEANINGS.items()
    )
    table = "".join(
        f"| [{rule.id}](#{_anchor(rule)}) | {_cell(rule.summary)} |\n" for rule in rules
    )
    texts = "".join(
        f"\n## {rule.id}\n\n{inspect.getdoc(rule.check) or ''}\n" for rule in rules
    )
    return f"{_HEAD}{meanings}\n| rule | what it finds |\n|---|---|\n{table}{texts}"


def _anchor(rule: Rule) -> str:
    # GitHub drops the stroke of a heading.
    return rule.id.replace("/", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
