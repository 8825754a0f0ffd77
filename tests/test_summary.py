"""The one page: the decision in one value, the same in Markdown, on paper and in bytes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from bucketwise.core.options import PlanOptions
from bucketwise.report.blocks import Table
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.summary.content import (
    LONGEST_NAME,
    MOST_BUCKETS,
    MOST_WARNINGS,
    Summary,
    summary_of,
)
from bucketwise.report.summary.markdown import to_markdown
from bucketwise.report.summary.page import sheets
from tests.strategies import notes_of
from tests.test_report import CASES, SNIPPETS, Outline, analysis_of, hostile_analysis
from tests.test_report_decoder import CASES as DECODED

READER = MarkdownIt("commonmark", {"html": True}).enable("table")


def flat(text: str) -> str:
    return " ".join(text.split())


def seen(page: str) -> str:
    """Return what a reader of a page sees, in one line."""
    body = page.rsplit("<body>", maxsplit=1)[-1].replace("<!-- -->", "")
    return flat(html.unescape(re.sub(r"<[^>]+>", " ", body)))


def tables_of(summary: Summary) -> tuple[Table, ...]:
    return (
        summary.settings,
        summary.before_after,
        summary.buckets,
        summary.grounds,
        summary.files,
    )


def sentences_of(summary: Summary) -> Iterator[str]:
    """Yield every text of a summary."""
    yield from (summary.title, summary.subtitle, summary.finding, summary.footer)
    for alarm in summary.alarms:
        yield from (alarm.mark, alarm.text)
    yield from (*summary.why, *summary.warnings, summary.sure.text)
    for table in tables_of(summary):
        for row in table.rows:
            yield from row.cells


@pytest.mark.parametrize("name", CASES)
def test_both_forms_say_all_that_the_summary_says(name: str) -> None:
    summary = summary_of(CASES[name](), SNIPPETS)
    on_paper = seen(next(sheets(summary)))
    in_markdown = seen(READER.render(to_markdown(summary)))
    for text in sentences_of(summary):
        assert flat(text) in on_paper
        assert flat(text) in in_markdown


@pytest.mark.parametrize("name", CASES)
def test_no_summary_holds_what_only_a_program_says(name: str) -> None:
    for text in sentences_of(summary_of(CASES[name](), SNIPPETS)):
        assert not re.search(r"\b(nan|inf|None|True|False)\b", text)


def test_what_fails_today_stands_first() -> None:
    summary = summary_of(analysis_of(), SNIPPETS)
    assert summary.alarms[0].mark.startswith("Verdict: go")
    assert summary.alarms[1].mark == "64 images (27.4%) fail today,"
    assert summary.finding.startswith("Compile 4 ViT graphs, of ")
    told = to_markdown(summary)
    assert told.index("fail today") < told.index("visual.max_seq_lens")
    [verdict] = summary_of(analysis_of(today=None), {}).alarms
    assert "fail today" not in verdict.text


def test_both_names_of_the_list_are_there_with_the_processors_limits() -> None:
    rows = [row.cells for row in summary_of(analysis_of(), SNIPPETS).settings.rows]
    lengths = "[1200, 4096, 8160, 16224]"
    assert rows[:2] == [
        ("visual.max_seq_lens", lengths, "optimum-rbln up to 0.10.3"),
        ("visual.max_seq_len", lengths, "optimum-rbln from 0.10.4"),
    ]
    assert [cells[0] for cells in rows[-2:]] == ["min_pixels", "max_pixels"]


def test_releases_that_need_other_lists_are_told_apart() -> None:
    rows = [row.cells for row in summary_of(CASES["windows"](), {}).settings.rows]
    assert [(cells[0], cells[2]) for cells in rows[:3]] == [
        ("visual.max_seq_lens", "optimum-rbln up to 0.10.3"),
        ("visual.max_seq_len", "optimum-rbln 0.10.4 to 0.11.2"),
        ("visual.max_seq_len", "optimum-rbln from 0.12.0"),
    ]
    assert rows[1][1] != rows[2][1]


def test_decoder_graphs_are_set_where_they_were_planned() -> None:
    rows = [row.cells for row in summary_of(DECODED["light"](), {}).settings.rows]
    assert ("decoder_batch_sizes", "[2, 8]", "batch_size 8") in rows


def test_every_saving_says_how_far_to_trust_it() -> None:
    for row in summary_of(analysis_of(), SNIPPETS).before_after.rows:
        assert row.cells[-1] in MARKS.values()
    marks = [row.cells[0] for row in summary_of(analysis_of(), {}).grounds.rows]
    assert marks == list(MARKS.values())


def test_what_would_fill_the_page_is_cut_and_counted() -> None:
    analysis = analysis_of(question=PlanOptions(k_range=(10, 10)), today=None)
    model = replace(analysis.plan.model, hf_id="m" * 500)
    plan = replace(analysis.plan, warnings=notes_of(*"abcdefgh"), model=model)
    summary = summary_of(replace(analysis, plan=plan), {})
    assert summary.title.endswith(f"{'m' * (LONGEST_NAME - 1)}…")
    assert len(summary.warnings) == MOST_WARNINGS
    assert summary.warnings[-1] == "5 more warnings in plan.json."
    assert len(summary.buckets.rows) <= MOST_BUCKETS


def test_hostile_text_stays_text_in_both_forms() -> None:
    summary = summary_of(hostile_analysis(), SNIPPETS)
    page = next(sheets(summary))
    outline = Outline(page)
    assert not {"script", "img", "link", "iframe"} & set(outline.tags)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    told = READER.render(to_markdown(summary))
    assert not re.search(r"<(script|img|a)\b", told)


def test_equal_input_gives_equal_text() -> None:
    first, second = (summary_of(analysis_of(), SNIPPETS) for _ in range(2))
    assert to_markdown(first) == to_markdown(second)
    assert list(sheets(first)) == list(sheets(second))
