"""Markdown that reads as the text it was made from, whatever that text holds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bucketwise.report.blocks import Callout, Column, Row, Table
from bucketwise.report.markdown import code, escaped, quoted, rows_of
from bucketwise.words.text import one_line

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
BREAKER = "<!-- -->"
"""What keeps a host from telling people that their name was written."""

SIGNS = st.text("\\`*_{}[]()<>|~$!#&;:@-+=.1aw/\n\t \x1b\u202e", max_size=40)
TEXTS = st.one_of(SIGNS, st.text(max_size=40))


def flat(text: str) -> str:
    return " ".join(one_line(text).split())


def said(tokens: list[Token]) -> str:
    """Return the text of a document in which nothing is marked up."""
    inline = [token for token in tokens if token.type == "inline"]
    children = [child for token in inline for child in token.children or ()]
    kinds = {child.type for child in children}
    assert kinds <= {"text", "text_special", "html_inline"}
    shown = [child for child in children if child.type != "html_inline"]
    hidden = {child.content for child in children if child.type == "html_inline"}
    assert hidden <= {BREAKER}
    return "".join(child.content for child in shown)


@given(text=TEXTS)
@example("1. not a list")
@example("- nor this")
@example("[a](javascript:alert(1)) <img src=x onerror=alert(1)> &lt; &amp;lt;")
@example(
    "__a__ _b_ a_b **c** ~~d~~ `e` $f$ | # @everyone https://x.example www.x.example"
)
@example("===")
@example("---")
@example("    indented")
@example("\\")
@example("<!-- -->")
def test_escaped_text_is_one_paragraph_that_reads_as_it_stood(text: str) -> None:
    tokens = READER.parse(escaped(text))
    if not flat(text):
        assert tokens == []
        return
    assert [token.type for token in tokens] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]
    assert said(tokens) == flat(text)


@given(cells=st.tuples(TEXTS, TEXTS))
def test_a_cell_stays_one_cell(cells: tuple[str, str]) -> None:
    table = Table(
        caption="",
        head=(Column(text="A"), Column(text="B", style="number")),
        rows=(Row(cells=cells),),
    )
    tokens = READER.parse(rows_of(table))
    inline = [token for token in tokens if token.type == "inline"]
    assert [said([token]) for token in inline] == ["A", "B", *map(flat, cells)]
    assert tokens[-1].type == "table_close"


@given(text=TEXTS.filter(str.strip))
def test_a_callout_stays_one_quotation(text: str) -> None:
    tokens = READER.parse(quoted(Callout(level="danger", mark="Mark:", text=text)))
    assert tokens[0].type == "blockquote_open"
    assert tokens[-1].type == "blockquote_close"
    assert sum(token.type == "inline" for token in tokens) == 1


@given(text=TEXTS.filter(str.strip))
def test_a_code_span_holds_all_of_its_text(text: str) -> None:
    (token,) = [each for each in READER.parse(f"a {code(text)} b") if each.children]
    found = [child for child in token.children or () if child.type == "code_inline"]
    assert [each.content.strip() for each in found] == [one_line(text).strip()]


@pytest.mark.parametrize("text", ["max_pixels 4,194,304", "43.0% less (1 in 3)"])
def test_plain_words_are_left_plain(text: str) -> None:
    assert escaped(text) == text
