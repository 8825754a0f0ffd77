"""What the report says of devices and of the configuration in service."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bucketwise.app.reporting import report_inputs
from bucketwise.core.analysis import Analysis
from bucketwise.core.buckets import Buckets
from bucketwise.core.in_service import InService
from bucketwise.core.options import PlanOptions
from bucketwise.engines.rbln.base_config import given_base, zoo_base
from bucketwise.engines.rbln.targets import pick_targets
from bucketwise.report import render
from bucketwise.report.blocks import Report, Row, Table, each_block
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import MARKS
from bucketwise.report.view import view_of
from bucketwise.words.numbers import change as said_change
from tests.report_laws import named
from tests.strategies import today_of
from tests.test_report import HOSTILE, SNIPPETS, TODAY, analysis_of, text_of

TARGETS = pick_targets(())
CONFIG: dict[str, Any] = {
    "visual": {"max_seq_len": [1_024, 3_136]},
    "num_devices": 8,
    "kvcache_partition_len": 16_384,
    "max_seq_len": 262_144,
    "batch_size": 1,
    "create_runtimes": False,
}


def known(analysis: Analysis, config: Any = None) -> ReportInputs:
    base = zoo_base("qwen3_vl")
    return report_inputs(analysis, base=base, targets=TARGETS, config=config)


def finding(report: Report, name: str) -> str:
    return named(report, name).finding


def tables(report: Report, name: str) -> list[Table]:
    blocks = each_block(named(report, name).blocks)
    return [block for block in blocks if isinstance(block, Table)]


def rows_of(report: Report, name: str) -> list[Row]:
    return [row for table in tables(report, name) for row in table.rows]


def cells(report: Report, what: str) -> tuple[str, ...]:
    return next(
        row.cells
        for row in rows_of(report, "decision")
        if row.cells[0].startswith(what)
    )


def test_the_terms_of_a_device_add_up_to_what_the_decision_says() -> None:
    analysis = analysis_of()
    inputs = known(analysis)
    assert inputs.memory is not None
    report = view_of(analysis, {}, inputs)
    total = next(row for row in rows_of(report, "memory") if row.cells[0] == "All")
    assert cells(report, "Memory of a device")[2] == total.cells[1]
    assert inputs.memory.pools[0].device_bytes == sum(
        term.device_bytes for term in inputs.memory.pools[0].terms
    )


def test_lengths_alone_tell_the_two_sides_of_memory_apart() -> None:
    analysis = analysis_of()
    lengths = analysis.plan.visual.vit_max_seq_lens
    same = analysis_of(today=replace(TODAY, buckets=Buckets(lengths)))
    inputs = known(same)
    assert inputs.memory == inputs.memory_before
    assert known(analysis).memory != known(analysis).memory_before
    assert cells(view_of(same, {}, inputs), "Memory of a device")[3] == "the same"


def test_without_today_one_graph_of_the_top_stands_before() -> None:
    analysis = analysis_of(today=None)
    report = view_of(analysis, {}, known(analysis))
    top = analysis.plan.visual.vit_max_seq_lens[-1]
    assert cells(report, "ViT lengths")[1] == f"{top:,}"
    k = analysis.plan.visual.decision.k
    assert cells(report, "ViT graphs")[1:4] == ("1", str(k), f"{k - 1} more")
    assert "configuration" not in [item.id for item in report.sections]


def test_one_graph_alone_has_no_other_side() -> None:
    analysis = analysis_of(today=None, question=PlanOptions(k_range=(1, 1)))
    report = view_of(analysis, {})
    [table] = [
        each for each in tables(report, "decision") if each.head[0].text == "What"
    ]
    assert [column.text for column in table.head] == ["What", "Proposed", "Mark"]


def test_a_base_without_room_is_said_before_anything_else_goes_wrong() -> None:
    tight = given_base(
        CONFIG | {"batch_size": 64, "kvcache_num_blocks": 1_024},
        family="qwen3_vl",
        source="rbln_config.json",
    )
    analysis = analysis_of()
    inputs = report_inputs(analysis, base=tight, targets=TARGETS)
    assert inputs.memory is not None
    assert inputs.memory.verdict == "does not fit"
    report = view_of(analysis, {}, inputs)
    assert finding(report, "memory").startswith("The proposed configuration does not")
    assert finding(report, "risks").startswith("The proposed configuration does not")
    assert cells(report, "Memory of a device")[2].endswith(", does not fit")


def test_a_bare_list_is_judged_by_its_lengths_alone() -> None:
    inputs = known(analysis_of())
    assert inputs.in_service is not None
    rules = {each.rule for each in inputs.in_service.reported}
    assert "buckets/image-too-long" in rules
    assert all(rule.startswith("buckets/") for rule in rules)


def test_a_file_is_judged_whole_with_the_line_of_each_finding(tmp_path: Path) -> None:
    file = tmp_path / "rbln_config.json"
    config = CONFIG | {"decoder_batch_size": [1]}
    file.write_text(json.dumps(config, indent=1), encoding="utf-8")
    analysis = analysis_of()
    report = view_of(analysis, {}, known(analysis, file))
    rows = {row.cells[0]: row for row in rows_of(report, "configuration")}
    wrong = rows["error: keys/wrong-key"]
    lines = file.read_text(encoding="utf-8").splitlines()
    at = next(i for i, text in enumerate(lines, 1) if "decoder_batch_size" in text)
    assert wrong.cells[1] == f"decoder_batch_size, line {at}"
    assert "fail" in finding(report, "configuration")


def test_a_base_without_lengths_lacks_nothing() -> None:
    config = CONFIG | {"visual": {"create_runtimes": False}}
    analysis = analysis_of(today=None)
    judged = known(analysis, config).in_service
    assert judged is not None
    rules = {each.rule for each in judged.reported}
    assert not {rule for rule in rules if rule.startswith("buckets/")}
    assert "keys/missing-buckets" not in rules


def test_findings_hold_for_the_limit_in_service() -> None:
    lower = today_of(1_024, 3_136, max_pixels=802_816)
    judged = known(analysis_of(today=lower)).in_service
    assert judged is not None
    assert judged.subject.limits is not None
    assert judged.subject.limits.max_pixels == 802_816
    assert "buckets/image-too-long" not in {each.rule for each in judged.reported}


def test_hostile_text_of_a_configuration_is_escaped() -> None:
    analysis = analysis_of()
    inputs = known(analysis, CONFIG | {HOSTILE: HOSTILE})
    page = render(analysis, SNIPPETS, inputs)
    assert "<img" not in page
    assert HOSTILE in text_of(page)


@pytest.mark.parametrize("today", [TODAY, None])
def test_every_row_of_the_decision_carries_a_mark(today: InService | None) -> None:
    analysis = analysis_of(today=today)
    report = view_of(analysis, {}, known(analysis))
    [table] = [
        each for each in tables(report, "decision") if each.head[0].text == "What"
    ]
    assert {row.cells[-1] for row in table.rows} <= set(MARKS.values())


def test_today_and_proposed_are_priced_on_the_same_images() -> None:
    analysis = analysis_of()
    current = analysis.plan.visual.current
    assert current is not None
    report = view_of(analysis, {}, known(analysis))
    [what, *_, change, _] = cells(report, "ViT compute, the")
    assert f"{current.served_images:,.0f} both serve" in what
    before, after = current.padded_compute_served, current.proposed_compute_on_served
    assert change == said_change(before, after)
