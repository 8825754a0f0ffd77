"""Every trap of a compilation config of vLLM is found, and what is right is left alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import bucketwise
from bucketwise.engines.vllm.rules.table import RULES
from bucketwise.lint.case import Judged
from bucketwise.lint.fixing import fixed
from bucketwise.nouns.traffic import Traffic
from tests.commands import bucketwise as run
from tests.strategies import traffic_of

NEWEST = "vllm==0.33.0"
ON: dict[str, Any] = {"cudagraph_mm_encoder": True}
ITEMS = "encoder_cudagraph_max_vision_items_per_batch"
OLD_ITEMS = "encoder_cudagraph_max_images_per_batch"
BUDGETS = "encoder_cudagraph_token_budgets"
SIZES = "cudagraph_capture_sizes"
GOOD = ON | {BUDGETS: [256, 1_024], ITEMS: 8}

TRAFFIC = traffic_of((640, 480, 60), (1_024, 1_024, 30))
"""300 and 1,024 merged tokens of Qwen3-VL."""


def judged(config: Mapping[str, Any], target: str = NEWEST, **more: Any) -> Judged:
    [found] = bucketwise.lint_config(config, target=target, **more).judged
    return found


def served(config: Mapping[str, Any], flags: str = "", **more: Any) -> Judged:
    line = (
        f"vllm serve Qwen/Qwen3-VL-2B-Instruct {flags} "
        f"--compilation-config '{json.dumps(config)}'\n"
    )
    [found] = bucketwise.lint_config(line, target=NEWEST, **more).judged
    return found


def told(found: Judged) -> dict[str, str]:
    return {
        each.rule.partition("/")[2]: each.finding.severity for each in found.reported
    }


@pytest.mark.parametrize(
    ("config", "target", "rule", "severity"),
    [
        (ON | {OLD_ITEMS: 8}, NEWEST, "unknown-key", "error"),
        (ON | {ITEMS: 8}, "vllm==0.19.1", "unknown-key", "error"),
        (ON | {"encoder_cudagraph_budget": [64]}, NEWEST, "unknown-key", "error"),
        ({BUDGETS: [64]}, NEWEST, "switched-off", "warning"),
        (ON | {BUDGETS: [0, 64]}, NEWEST, "wrong-budgets", "error"),
        (ON | {BUDGETS: [64.5]}, NEWEST, "wrong-budgets", "error"),
        ({BUDGETS: [-1]}, NEWEST, "wrong-budgets", "error"),
        (ON | {ITEMS: -1}, NEWEST, "wrong-limit", "error"),
        (
            ON | {"encoder_cudagraph_max_frames_per_batch": -2},
            NEWEST,
            "wrong-limit",
            "error",
        ),
        (GOOD | {BUDGETS: [64, 64]}, NEWEST, "repeated-budget", "warning"),
        (GOOD | {BUDGETS: [4, 1_024]}, NEWEST, "more-items-than-tokens", "error"),
        (
            GOOD | {BUDGETS: [4, 1_024]},
            "vllm==0.21.0",
            "more-items-than-tokens",
            "warning",
        ),
        (GOOD | {BUDGETS: [100]}, NEWEST, "uneven-budget", "info"),
        (GOOD | {BUDGETS: [100]}, "vllm==0.20.0", "uneven-budget", "error"),
        (ON | {BUDGETS: [300, 1_000]}, NEWEST, "list-without-items", "info"),
        ({SIZES: []}, NEWEST, "wrong-sizes", "error"),
        ({SIZES: [0, 4]}, NEWEST, "wrong-sizes", "error"),
        (
            {SIZES: [3, 8], "max_cudagraph_capture_size": 16},
            NEWEST,
            "wrong-maximum",
            "error",
        ),
    ],
)
def test_a_trap_is_found_in_the_config_alone(
    config: dict[str, Any], target: str, rule: str, severity: str
) -> None:
    assert told(judged(config, target))[rule] == severity


@pytest.mark.parametrize(
    ("model", "target", "budgets", "severity"),
    [
        ("glm-4.5v", NEWEST, [100], "error"),
        ("qwen2.5-vl-7b", "vllm==0.21.0", [100], "info"),
        ("kimi-k2.5", NEWEST, [4_096], ""),
        ("kimi-k2.5", NEWEST, [4_104], "info"),
        ("idefics3-8b-llama3", NEWEST, [169, 13 * 169], ""),
        ("idefics3-8b-llama3", NEWEST, [170], "info"),
    ],
)
def test_a_budget_is_even_where_the_models_class_takes_it_as_it_is(
    model: str, target: str, budgets: list[int], severity: str
) -> None:
    found = told(judged(GOOD | {BUDGETS: budgets}, target, model=model))
    assert found.get("uneven-budget", "") == severity


@pytest.mark.parametrize("config", [{"cudagraph_mm_encoder": True}, GOOD])
@pytest.mark.parametrize("target", ["vllm==0.20.0", "vllm==0.31.0", NEWEST])
def test_what_a_release_takes_is_left_alone(
    config: dict[str, Any], target: str
) -> None:
    assert not told(judged(config, target))


@pytest.mark.parametrize(
    ("sizes", "flags", "rule", "severity"),
    [
        ([1, 2], "--max-num-seqs 8", "last-below-requests", "warning"),
        ([3, 8], "--max-num-seqs 8", "nothing-for-mixed-steps", "warning"),
        (
            [8, 16],
            "--max-num-seqs 8 --cudagraph-capture-sizes 1 2",
            "sizes-given-twice",
            "error",
        ),
        (
            [8, 512],
            "--max-num-seqs 8 --max-num-batched-tokens 256",
            "sizes-above-a-step",
            "warning",
        ),
        (
            [3, 8, 16, 64],
            "--max-num-seqs 8 --speculative-config '{\"num_speculative_tokens\": 3}'",
            "uneven-with-drafts",
            "info",
        ),
    ],
)
def test_a_trap_is_found_in_the_line_that_serves(
    sizes: list[int], flags: str, rule: str, severity: str
) -> None:
    assert told(served({SIZES: sizes}, flags))[rule] == severity


def test_a_list_for_decode_alone_is_right_where_decode_alone_has_graphs() -> None:
    config = {SIZES: [3, 8], "cudagraph_mode": "FULL_DECODE_ONLY"}
    assert not told(served(config, "--max-num-seqs 8"))


@pytest.mark.parametrize("flag", ["--enforce-eager", "--language-model-only"])
def test_an_option_that_takes_the_graphs_away_is_found(flag: str) -> None:
    flags = f"{flag} --limit-mm-per-prompt '{{\"video\": 0}}'"
    assert told(served(GOOD, flags)) == {"graphs-are-off": "warning"}
    assert not told(served({}, flags))


def test_clips_that_nobody_sends_are_found() -> None:
    # The traffic holds no clip; without traffic nobody knows.
    assert told(served(GOOD))["clips-widen-replays"] == "info"
    sent = told(served(GOOD, traffic=TRAFFIC))
    assert sent["clips-widen-replays"] == "warning"
    off = served(GOOD, "--limit-mm-per-prompt '{\"video\": 0}'")
    assert "clips-widen-replays" not in told(off)


def test_a_class_without_graphs_yet_is_found() -> None:
    early = judged(GOOD, "vllm==0.20.0", model="qwen2.5-vl-7b")
    assert told(early) == {"no-encoder-graphs": "warning"}
    assert not told(judged(GOOD, "vllm==0.22.0", model="qwen2.5-vl-7b"))


def test_a_list_for_a_model_with_two_paths_is_found() -> None:
    line = (
        "vllm serve deepseek-ai/DeepSeek-OCR --limit-mm-per-prompt '{\"video\": 0}' "
        f"--compilation-config '{json.dumps(GOOD)}'"
    )
    [found] = bucketwise.lint_config(line, target=NEWEST).judged
    assert told(found) == {"list-of-two-paths": "warning"}


def of_traffic(budgets: list[int], traffic: Traffic = TRAFFIC) -> dict[str, str]:
    config = ON | {BUDGETS: budgets, ITEMS: 1}
    return told(judged(config, model="qwen3-vl-2b", traffic=traffic))


def test_budgets_are_held_against_the_traffic() -> None:
    assert of_traffic([300, 1_024]) == {}
    assert of_traffic([300, 1_023]) == {"image-above-top": "warning"}
    assert of_traffic([1_024, 2_048]) == {"wasteful-budgets": "warning"}
    assert of_traffic([300, 1_024, 9_000, 9_500]) == {
        "budget-never-used": "warning",
        "budgets-in-patches": "warning",
    }
    # RBLN counts ViT patches: four times as many.
    patches = of_traffic([1_200, 4_096])
    assert patches["budgets-in-patches"] == "warning"


def test_what_is_mended_has_no_fault_left() -> None:
    broken = ON | {OLD_ITEMS: 8, BUDGETS: [100, 100, 1_024]}
    found = judged(broken)
    lint = found.subject.engine.lint
    assert lint is not None
    mended = fixed(found.subject, RULES, lint.judge).config
    assert mended == ON | {ITEMS: 8, BUDGETS: [104, 1_024]}
    assert not told(judged(mended))


def test_a_finding_stands_where_its_value_is_written(tmp_path: Path) -> None:
    config = '{\n  "cudagraph_mm_encoder": true,\n  "encoder_cudagraph_token_budgets": [4, 64],\n  "encoder_cudagraph_max_vision_items_per_batch": 8\n}\n'
    (tmp_path / "compilation_config.json").write_text(config)
    done = run("lint", "compilation_config.json", "--target", NEWEST, cwd=tmp_path)
    assert done.returncode == 3
    assert "compilation_config.json:4" in done.stdout
    assert "must be <= smallest token" in done.stdout


def test_a_file_of_options_of_vllm_is_read(tmp_path: Path) -> None:
    (tmp_path / "vllm.yaml").write_text(
        "model: Qwen/Qwen3-VL-2B-Instruct\nmax-num-seqs: 8\n"
        "compilation-config:\n  cudagraph_capture_sizes: [3, 8]\n"
    )
    done = run("lint", "vllm.yaml", "--target", NEWEST, cwd=tmp_path)
    assert "capture-sizes/nothing-for-mixed-steps" in done.stdout


GOLD = Path(__file__).parent / "gold" / "vllm" / "vllm_encoder.json.gz"
RECORDED = json.loads(gzip.decompress(GOLD.read_bytes()))["config_validation"]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: json.dumps(case["input"]))
def test_an_error_is_found_where_the_config_class_raises_and_nowhere_else(
    case: dict[str, Any],
) -> None:
    found = judged(case["input"], f"vllm=={case['version']}")
    assert ("error" in told(found).values()) == ("error" in case["output"])


def test_every_rule_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert not [each.id for each in RULES if each.id.partition("/")[2] not in text]
