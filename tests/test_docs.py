"""The README says what the program does."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import pytest

from bucketwise.cli import COMMANDS
from bucketwise.cli.decision_lines import decision_lines
from bucketwise.engines import ENGINES
from tests.commands import bucketwise as run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_decision_in_the_readme_is_what_the_demo_prints() -> None:
    import bucketwise

    analysis = bucketwise.analyze(
        bucketwise.read_traffic([ROOT / "sample_traffic" / "docs_screenshots.csv"]),
        model="qwen3-vl-2b",
        current=[1024, 3136, 16384],
        evidence=bucketwise.read_evidence(
            [ROOT / "sample_traffic" / "azure_conversations.csv.gz"]
        ),
        batch_size=8,
    )
    told = re.search(
        r"<!-- decision -->\n```\n(.*?)\n```\n<!-- /decision -->", README, re.DOTALL
    )
    assert told is not None
    assert told[1].splitlines() == list(decision_lines(analysis))


def test_the_targets_in_the_readme_are_those_that_are_listed() -> None:
    # `make docs` writes them.
    told = re.search(
        r"<!-- targets -->\n```\n(.*?)```\n<!-- /targets", README, re.DOTALL
    )
    assert told is not None
    assert told[1] == run("targets", cwd=ROOT).stdout


@pytest.mark.parametrize("sdk", ENGINES)
def test_every_engine_stands_in_the_page_about_them(sdk: str) -> None:
    page = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| ")]
    assert any(sdk in re.split(r"[ ,|]+", line) for line in table)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert f"bucketwise {command}" in README


def test_the_worked_example_of_vllm_is_what_lint_prints() -> None:
    from bucketwise.app import memory

    page = (ROOT / "docs" / "vllm-memory.md").read_text(encoding="utf-8")
    fit = memory.vllm_fit(
        model="qwen3-vl-2b", device_gb=32, gpu_memory_utilization=0.36, used_gb=11
    )
    assert "\n".join(memory.vllm_lines(fit)) in page


def test_every_sample_has_its_origin_and_its_report() -> None:
    origins = (ROOT / "sample_traffic" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "sample_traffic").glob("*.csv"):
        assert f"`{path.name}`" in origins
        assert (ROOT / "reports" / path.stem / "report.html").exists()
    for path in (ROOT / "sample_traffic").glob("*.csv.gz"):
        assert f"`{path.name}`" in origins


def test_every_place_that_contributors_are_sent_to_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sources = ROOT / "src" / "bucketwise"
    code = "".join(path.read_text(encoding="utf-8") for path in sources.rglob("*.py"))
    sent = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text))
    tables = set(re.findall(r"`([A-Z][A-Z_]{3,})`", text))
    assert len(sent) > 20
    assert [
        each
        for each in sorted(sent)
        if not any((top / each).exists() for top in (ROOT, sources))
    ] == []
    assert [each for each in tables if not re.search(rf"\b{each}\b.* = ", code)] == []


def test_the_recorded_calls_in_the_readme_are_those_that_are_counted_alike() -> None:
    rows = 0
    for path in (ROOT / "tests" / "gold").glob("*.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows += sum(1 for _ in csv.reader(file)) - 1
    assert f"- {rows:,} recorded calls of the real processors" in README
